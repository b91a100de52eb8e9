//! Names of small corpora in which the right phrases are evident.

use std::collections::BTreeMap;

use topic_names::corpus::{Corpus, CorpusOptions};
use topic_names::ctfidf::Weighting;
use topic_names::language::by_code;
use topic_names::naming::{Layer, NamingOptions, Topic, name_layers};
use topic_names::phrase_selection::same_word_family;

const STYLE: NamingOptions = NamingOptions {
    phrases: 3,
    max_chars: 60,
    keywords: 10,
    diversity: 0.3,
    max_words: 3,
    min_count: 2,
    weighting: Weighting::Ctfidf,
};

fn corpus(texts: &[&str]) -> Corpus {
    Corpus::new(&|i| texts[i], texts.len(), &CorpusOptions::default())
}

fn finest(cluster: &[i32]) -> Layer<'_> {
    static NONE: BTreeMap<i32, i32> = BTreeMap::new();
    Layer {
        cluster,
        parent: &NONE,
    }
}

fn name(texts: &[&str], cluster: &[i32]) -> Vec<Topic> {
    name_layers(&corpus(texts), &[finest(cluster)], &STYLE)
        .pop()
        .unwrap()
}

fn labels(texts: &[&str], cluster: &[i32]) -> Vec<String> {
    name(texts, cluster)
        .into_iter()
        .map(|named| named.name)
        .collect()
}

const NEWS: [&str; 12] = [
    "The central bank raises rates",
    "Markets fall as the central bank raises rates again",
    "Rates: what the central bank said",
    "Why the central bank looks at wages",
    "Comet Hollin seen by NASA",
    "How to photograph the comet, by NASA",
    "NASA telescope follows Comet Hollin",
    "Clouds spoil the comet party",
    "Ferries stay in port as crews strike",
    "Strike of ferry crews goes on",
    "Ferry strike ends after talks with crews",
    "A cat was elected stationmaster",
];
const NEWS_CLUSTERS: [i32; 12] = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, -1];

#[test]
fn a_cluster_is_named_by_its_distinctive_phrases() {
    let names = labels(&NEWS, &NEWS_CLUSTERS);
    assert_eq!(names.len(), 3, "noise has no name");
    assert!(names[0].starts_with("central bank"), "{names:?}");
    assert!(
        names[1].to_lowercase().contains("comet") && names[1].contains("NASA"),
        "{names:?}"
    );
    assert!(
        names[2].contains("strike") && names[2].contains("crews"),
        "{names:?}"
    );
}

#[test]
fn no_phrase_repeats_a_word_or_a_stem_of_another() {
    for named in name(&NEWS, &NEWS_CLUSTERS) {
        let words: Vec<String> = named
            .name
            .split([',', ' '])
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        for (at, a) in words.iter().enumerate() {
            for b in &words[at + 1..] {
                assert!(!same_word_family(a, b), "{a} and {b} in {:?}", named.name);
            }
        }
    }
}

#[test]
fn inflected_forms_are_one_word_family() {
    for (a, b) in [
        ("election", "elections"),
        ("wolf", "wolv"),
        ("russia", "russian"),
        ("scooter", "e-scooter"),
        ("北海", "北海道"),
    ] {
        assert!(same_word_family(a, b), "{a}, {b}");
    }
    for (a, b) in [
        ("rat", "ratings"),
        ("comet", "comedy"),
        ("rate", "rain"),
        ("test", "west"),
    ] {
        assert!(!same_word_family(a, b), "{a}, {b}");
    }
}

#[test]
fn words_keep_meaningful_case() {
    let texts = [
        "Microsoft Sues Rival",
        "today Microsoft sued a rival",
        "Lawsuits: Microsoft and its rival",
        "Rain today",
        "More rain is coming, and rain again",
        "It will rain",
    ];
    let names = labels(&texts, &[0, 0, 0, 1, 1, 1]);
    assert!(
        names[0].contains("Microsoft") && names[0].contains("rival"),
        "{names:?}"
    );
    assert_eq!(names[1], "rain");
}

#[test]
fn names_of_places_keep_their_first_word() {
    let texts = [
        "Snow falls on New York",
        "Trains late in New York after snow",
        "New York digs out",
        "A quiet day in the harbor of Brest",
        "Ships in the harbor of Brest",
    ];
    let names = labels(&texts, &[0, 0, 0, 1, 1]);
    assert!(names[0].contains("New York"), "{names:?}");
}

#[test]
fn remains_of_markup_are_not_words() {
    let texts = [
        "&quot;Storm&quot; hits the coast #39;s villages (AP)",
        "&lt;b&gt;Storm&lt;/b&gt; over the coast (AP)",
        "Storm quot;Merrit quot; leaves the coast (AP)",
        "Chess: &quot;mate&quot; in three (AP)",
        "A mate in two at chess, says #39;Quill #39; (AP)",
        "Chess and mate (AP)",
    ];
    let named = name(&texts, &[0, 0, 0, 1, 1, 1]);
    for word in named
        .iter()
        .flat_map(|named| &named.keywords)
        .flat_map(|phrase| phrase.split(' '))
    {
        assert!(
            !["quot", "39", "lt", "gt", "b", "AP"].contains(&word),
            "{word}"
        );
    }
    assert!(
        named[0].name.contains("coast") && named[1].name.contains("mate"),
        "{named:?}"
    );
    assert_eq!(corpus(&texts).datelines, [("AP".to_owned(), 6)]);
}

#[test]
fn a_text_repeated_ten_times_counts_once() {
    let mut texts = vec!["Snail race decided by photo finish"; 10];
    texts.extend([
        "Snail farm opens",
        "Snail farm sold",
        "Farm of snails for sale",
        "Rain in May",
        "Rain in June",
    ]);
    let mut clusters = vec![0; 13];
    clusters.extend([1, 1]);
    let names = labels(&texts, &clusters);
    assert!(
        names[0].to_lowercase().contains("snail") && names[0].contains("farm"),
        "{names:?}"
    );
    assert!(!names[0].contains("photo"), "{names:?}");
}

#[test]
fn chinese_and_japanese_are_segmented() {
    let texts = [
        "中央银行提高利率",
        "利率上升,银行宣布",
        "央行和商业银行的利率",
        "足球比赛今天开始",
        "昨天的足球比赛",
        "足球队赢得比赛",
    ];
    let names = labels(&texts, &[0, 0, 0, 1, 1, 1]);
    assert!(
        names[0].contains("银行") && names[0].contains("利率"),
        "{names:?}"
    );
    assert!(
        names[1].contains("足球") && names[1].contains("比赛"),
        "{names:?}"
    );

    let texts = [
        "東京で大きな地震が発生しました",
        "地震のあと東京の電車が止まった",
        "東京の地震、津波はありません",
        "選手が試合に勝ちました",
        "試合で選手がけがをした",
        "新しい選手の試合",
    ];
    let names = labels(&texts, &[0, 0, 0, 1, 1, 1]);
    assert!(
        names[0].contains("東京") && names[0].contains("地震"),
        "{names:?}"
    );
    assert!(
        names[1].contains("選手") && names[1].contains("試合"),
        "{names:?}"
    );
    assert!(!names.concat().contains("した"), "{names:?}");
}

#[test]
fn each_text_is_read_in_its_own_language() {
    let texts = [
        "Die Regierung hat den Haushalt und die Steuern beschlossen",
        "Der Haushalt und die Steuern sind nicht für alle",
        "Was der Haushalt für die Steuern heißt",
        "Le gouvernement a choisi le budget pour les écoles",
        "Les écoles et le budget de la ville",
        "Un budget pour les écoles dans la région",
    ];
    let corpus = corpus(&texts);
    let codes: Vec<u8> = corpus.languages.of_text.clone();
    let (de, fr) = (by_code("de").unwrap() as u8, by_code("fr").unwrap() as u8);
    assert_eq!(codes, [de, de, de, fr, fr, fr]);
    let names = labels(&texts, &[0, 0, 0, 1, 1, 1]);
    assert!(
        names[0].contains("Haushalt") && names[0].contains("Steuern"),
        "{names:?}"
    );
    assert!(
        names[1].contains("budget") && names[1].contains("écoles"),
        "{names:?}"
    );
}

#[test]
fn names_of_a_layer_differ() {
    // Clusters that say the same three words, and two that say nothing else at all.
    let texts = [
        "red fox runs",
        "red fox runs far",
        "fox runs red",
        "red fox runs home",
        "red fox",
        "red fox",
        "red fox",
        "red fox",
    ];
    let mut names = labels(&texts, &[0, 0, 1, 1, 2, 2, 3, 3]);
    assert!(names.iter().all(|name| !name.is_empty()), "{names:?}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 4, "{names:?}");
}

#[test]
fn a_parent_is_named_by_what_its_children_share_and_they_do_not_repeat_it() {
    let texts = [
        "Cup match won by Rovers after penalties",
        "Rovers match ends with penalties",
        "Penalties decide match of Rovers",
        "Tennis match on grass",
        "Grass court, long match",
        "The longest match on grass",
        "Bank loans under review",
        "Loans of a bank",
        "A bank and its loans",
        "Prices of coffee rise at the bank",
        "Coffee prices climb again",
        "Coffee and its prices",
    ];
    let fine = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3];
    let coarse = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1];
    let named = name_layers(
        &corpus(&texts),
        &[
            finest(&fine),
            Layer {
                cluster: &coarse,
                parent: &[(0, 0), (1, 0), (2, 1), (3, 1)].into(),
            },
        ],
        &STYLE,
    );
    assert!(named[1][0].name.contains("match"), "{named:?}");
    for child in &named[0][..2] {
        assert!(!child.name.contains("match"), "{named:?}");
    }
    assert!(
        named[0][0].name.contains("Rovers") && named[0][1].name.contains("grass"),
        "{named:?}"
    );
}

#[test]
fn an_only_child_keeps_its_name() {
    let coarse = NEWS_CLUSTERS;
    let both = [
        finest(&NEWS_CLUSTERS),
        Layer {
            cluster: &coarse,
            parent: &NEWS_CLUSTERS.map(|cluster| (cluster, cluster)).into(),
        },
    ];
    let named = name_layers(&corpus(&NEWS), &both, &STYLE);
    let labels = |layer: usize| -> Vec<&str> {
        named[layer]
            .iter()
            .map(|named| named.name.as_str())
            .collect()
    };
    assert_eq!(labels(0), labels(1));
}

#[test]
fn the_order_of_rows_changes_no_name() {
    let order = [7, 2, 11, 0, 9, 4, 1, 10, 3, 8, 6, 5];
    let texts: Vec<&str> = order.iter().map(|&row| NEWS[row]).collect();
    let clusters: Vec<i32> = order.iter().map(|&row| NEWS_CLUSTERS[row]).collect();
    let plain = |named: Vec<Topic>| -> Vec<(String, Vec<String>)> {
        named
            .into_iter()
            .map(|named| (named.name, named.keywords))
            .collect()
    };
    assert_eq!(
        plain(name(&texts, &clusters)),
        plain(name(&NEWS, &NEWS_CLUSTERS))
    );
}

#[test]
fn a_cluster_without_words_has_no_name() {
    let named = name(&["!!!", "???", "rain today", "rain now"], &[0, 0, 1, 1]);
    assert_eq!(named[0].name, "");
    assert_eq!(named[1].name, "rain");
}

#[test]
fn no_texts_give_no_names() {
    assert!(labels(&[], &[]).is_empty());
    assert!(labels(&["one", "two"], &[-1, -1]).is_empty());
}

#[test]
fn stop_words_can_be_added() {
    let texts = ["rain falls", "rain falls", "snow lies", "snow lies"];
    let options = CorpusOptions {
        stop_words: vec!["Rain".to_owned()],
        ..CorpusOptions::default()
    };
    let corpus = Corpus::new(&|i| texts[i], 4, &options);
    let named = name_layers(&corpus, &[finest(&[0, 0, 1, 1])], &STYLE)
        .pop()
        .unwrap();
    assert!(!named[0].name.contains("rain"), "{named:?}");
}

#[test]
fn part_of_a_longer_name_is_not_a_phrase() {
    let texts = [
        "Talks with Foreign Trade Minister John Smith",
        "Foreign Trade Minister John Smith resigns",
        "What Foreign Trade Minister John Smith said",
        "Rain falls",
        "Rain again",
    ];
    let names = labels(&texts, &[0, 0, 0, 1, 1]);
    assert!(names[0].contains("John Smith"), "{names:?}");
    assert!(!names[0].contains("Minister John"), "{names:?}");
}

#[test]
fn an_explained_acronym_is_not_a_dateline() {
    let texts = [
        "Large language models (LLMs) as judges",
        "How large language models (LLMs) count letters",
        "Poems by large language models (LLMs) and people",
        "A survey of large language models (LLMs)",
        "Retrieval for large language models (RAG)\nRAG helps where RAG is asked",
        "Rain in May (2004)",
        "Rain in June (2004)",
        "Rain in July (2004)",
    ];
    assert!(corpus(&texts).datelines.is_empty());
    let named = name(&texts, &[0, 0, 0, 0, 0, 1, 1, 1]);
    assert!(
        named[0].keywords.iter().any(|word| word.contains("LLMs")),
        "{named:?}"
    );
}

#[test]
fn datelines_are_kept_on_request() {
    let texts = [
        "Rain in May (AP)",
        "Rain in June (AP)",
        "Snow in May (AP)",
        "Snow lies",
    ];
    assert_eq!(corpus(&texts).datelines, [("AP".to_owned(), 3)]);
    let options = CorpusOptions {
        keep_datelines: true,
        ..CorpusOptions::default()
    };
    let kept = Corpus::new(&|i| texts[i], 4, &options);
    assert!(kept.datelines.is_empty());
}

#[test]
fn a_place_at_the_head_of_texts_is_a_dateline_and_an_acronym_in_them_is_not() {
    let mut texts = vec![
        "PARIS - Rain over the river",
        "PARIS - Rain again",
        "PARIS - More rain",
        "NASA - Artemis delayed",
        "NASA - Artemis waits",
        "NASA - Artemis rolls out",
        "Artemis leaves the hangar of NASA",
        "NASA and Artemis",
    ];
    // Fewer than one text in a hundred.
    texts.extend(["Snow lies"; 400]);
    let corpus = corpus(&texts);
    assert_eq!(corpus.datelines, [("PARIS".to_owned(), 3)]);
    let mut cluster = vec![0, 0, 0, 1, 1, 1, 1, 1];
    cluster.extend([2; 400]);
    let names = labels(&texts, &cluster);
    assert_eq!(names[0], "rain");
    assert!(names[1].contains("NASA"), "{names:?}");
}

#[test]
fn the_publisher_at_the_end_of_a_title_does_not_name_it() {
    let texts = [
        "上海股市上涨 - 新华网",
        "上海股市大涨 - 新华网",
        "上海股市微涨 - 人民网",
        "足球比赛今天开始 - 新华网",
        "昨天的足球比赛 - 新华网",
        "足球队赢得比赛 - 人民网",
    ];
    let names = labels(&texts, &[0, 0, 0, 1, 1, 1]);
    assert!(names[0].contains("股市"), "{names:?}");
    assert!(names[1].contains("足球"), "{names:?}");
}

#[test]
fn one_character_can_be_a_word() {
    let texts = [
        "茶的历史",
        "中国的茶",
        "茶和水",
        "足球比赛今天开始",
        "昨天的足球比赛",
        "足球队赢得比赛",
    ];
    let names = labels(&texts, &[0, 0, 0, 1, 1, 1]);
    assert!(names[0].contains('茶'), "{names:?}");
}

#[test]
fn korean_nouns_that_end_like_particles_stay_whole() {
    let texts = [
        "고양이 사료 가격",
        "고양이가 사료를 먹는다",
        "고양이는 사료를 고른다",
        "은행이 금리를 올렸다",
        "은행 금리 인상",
        "은행은 금리를 본다",
    ];
    let corpus = corpus(&texts);
    let ko = by_code("ko").unwrap() as u8;
    assert_eq!(corpus.languages.of_text, [ko; 6]);
    let names = labels(&texts, &[0, 0, 0, 1, 1, 1]);
    let words = |name: &str| -> Vec<String> { name.split([',', ' ']).map(str::to_owned).collect() };
    for (name, nouns) in names.iter().zip([["고양이", "사료"], ["은행", "금리"]]) {
        for noun in nouns {
            assert!(words(name).contains(&noun.to_owned()), "{names:?}");
        }
    }
}

#[test]
fn thai_arabic_and_hindi_get_names_in_their_scripts() {
    let texts = [
        "ธนาคารกลางขึ้นดอกเบี้ย",
        "ดอกเบี้ยของธนาคารสูงขึ้น",
        "ธนาคารลดดอกเบี้ย",
        "ทีมฟุตบอลชนะการแข่งขัน",
        "การแข่งขันฟุตบอลเมื่อวาน",
        "ฟุตบอลและการแข่งขันวันนี้",
    ];
    let cluster = [0, 0, 0, 1, 1, 1];
    let names = labels(&texts, &cluster);
    assert!(
        names[0].contains("ธนาคาร") && names[0].contains("ดอกเบี้ย"),
        "{names:?}"
    );
    assert!(names[1].contains("ฟุตบอล"), "{names:?}");

    let texts = [
        "البنك المركزي يرفع الفائدة",
        "الفائدة في البنك المركزي ترتفع",
        "ماذا قال البنك المركزي عن الفائدة",
        "فريق كرة القدم يفوز بالكأس",
        "مباراة كرة القدم اليوم",
        "لاعب كرة القدم في الكأس",
    ];
    let names = labels(&texts, &cluster);
    assert!(names[0].contains("البنك"), "{names:?}");
    assert!(
        names[1].contains("كرة") || names[1].contains("القدم"),
        "{names:?}"
    );

    let texts = [
        "केंद्रीय बैंक ने ब्याज दर बढ़ाई",
        "बैंक की ब्याज दर फिर बढ़ी",
        "ब्याज दर पर बैंक का फैसला",
        "क्रिकेट टीम ने मैच जीता",
        "कल का क्रिकेट मैच",
        "मैच में क्रिकेट टीम की जीत",
    ];
    let names = labels(&texts, &cluster);
    assert!(
        names[0].contains("बैंक") && names[0].contains("ब्याज दर"),
        "{names:?}"
    );
    assert!(
        names[1].contains("क्रिकेट") && names[1].contains("मैच"),
        "{names:?}"
    );
}

#[test]
fn addresses_alone_are_named_by_host_and_path() {
    let texts = [
        "https://www.harbor.example/ferry-news/2?id=261",
        "https://www.harbor.example/ferry-news/8?id=779",
        "https://rates.example/bank/p/8",
        "http://rates.example/bank/p/9#top",
    ];
    let named = name(&texts, &[0, 0, 1, 1]);
    assert!(named[0].name.contains("ferry"), "{named:?}");
    assert!(named[1].name.contains("bank"), "{named:?}");
    let words = named.iter().flat_map(|named| &named.keywords);
    assert!(
        words.clone().all(|word| !word.contains(['|', '/', '?'])),
        "{named:?}"
    );
    assert!(
        words.clone().all(|word| word != "www" && word != "https"),
        "{named:?}"
    );
}
