//! Words and what stands between them.

use topic_names::tokenize::Tokenizer;

fn words(text: &str) -> Vec<&str> {
    Tokenizer::default()
        .words(text)
        .iter()
        .map(|word| word.text)
        .collect()
}

/// Runs that a phrase may lie in.
fn runs(text: &str) -> Vec<String> {
    let mut runs: Vec<String> = Vec::new();
    for word in Tokenizer::default().words(text) {
        match runs.last_mut() {
            Some(run) if !word.breaks => *run = format!("{run} {}", word.text),
            _ => runs.push(word.text.to_owned()),
        }
    }
    runs
}

#[test]
fn what_belongs_inside_a_word_stays_there() {
    assert_eq!(
        words("an e-scooter of AT&T, 3.5 km, 12,000 crowns"),
        [
            "an",
            "e-scooter",
            "of",
            "AT&T",
            "3.5",
            "km",
            "12,000",
            "crowns"
        ]
    );
    assert_eq!(
        words("the U.S. economy. Then"),
        ["the", "U.S.", "economy", "Then"]
    );
    assert_eq!(words("l'année – c’est"), ["l'année", "c’est"]);
}

#[test]
fn punctuation_ends_a_phrase() {
    assert_eq!(
        runs("Storm Merrit hits, trains stop (again)\nAll quiet"),
        ["Storm Merrit hits", "trains stop", "again", "All quiet"]
    );
}

#[test]
fn the_point_of_an_abbreviation_ends_nothing() {
    assert_eq!(
        runs("Ash over Mount St. Helens. Flights stop"),
        ["Ash over Mount St Helens", "Flights stop"]
    );
}

#[test]
fn scripts_without_spaces_are_cut_into_words() {
    assert_eq!(
        words("東京で地震が発生"),
        ["東京", "で", "地震", "が", "発生"]
    );
    assert_eq!(words("中央银行提高利率"), ["中央", "银行", "提高", "利率"]);
    assert_eq!(words("ธนาคารกลาง"), ["ธนาคาร", "กลาง"]);
}

#[test]
fn marks_do_not_break_words() {
    assert_eq!(words("हिन्दी भाषा।"), ["हिन्दी", "भाषा"]);
    assert_eq!(words("cafe\u{301} noir"), ["cafe\u{301}", "noir"]);
}

#[test]
fn capitals_count_if_they_carry_information() {
    let strong = |text: &'static str| -> Vec<&str> {
        Tokenizer::default()
            .words(text)
            .into_iter()
            .filter(|word| !word.weak_case)
            .map(|word| word.text)
            .collect()
    };
    assert_eq!(
        strong("Today NASA launched. Rain came"),
        ["NASA", "launched", "came"]
    );
    assert!(strong("Storm Merrit Makes Landfall With Gusts").is_empty());
}

#[test]
fn datelines_are_separate_phrases() {
    let datelines = |text: &'static str| -> Vec<&str> {
        Tokenizer::default()
            .words(text)
            .into_iter()
            .filter(|word| word.dateline.is_some())
            .map(|word| word.text)
            .collect()
    };
    assert_eq!(
        datelines("Grant to study peptides (AP)\nAP - A company"),
        ["AP", "AP"]
    );
    assert_eq!(
        datelines("(Reuters) - Rain\nBerlin (dpa) - Snow\r\nHail (AFP)\r\n"),
        ["Reuters", "dpa", "AFP"]
    );
    assert!(datelines("Language models (LLMs) write, and some (RAG) look things up").is_empty());
    assert!(datelines("What a model of that size does (LLM) - and what not").is_empty());
    assert!(datelines("a company - founded (last year) - grows").is_empty());
}

#[test]
fn long_lines_take_linear_time() {
    // Quadratic work would take hours here.
    for piece in ["(a) ", "(a) - ", "a.b.", "1.2."] {
        let line = piece.repeat(1_000_000);
        assert!(!words(&line).is_empty(), "{piece}");
    }
}

#[test]
fn invisible_characters_are_not_words() {
    let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{fe0f}";
    assert!(words(family).is_empty());
    assert_eq!(
        words(&format!(
            "{family} home \u{200d} \u{301} \u{3164} sweet\u{200d}"
        )),
        ["home", "sweet"]
    );
    assert_eq!(words("می\u{200c}خواهم"), ["می\u{200c}خواهم"]);
}
