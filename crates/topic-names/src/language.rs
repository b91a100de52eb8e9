//! Language detection by function words, stop words, and stems.
//!
//! A text is assigned to the language of which it contains the most stop words; a word that n languages share counts 1/n.
//! Languages that win less than 1 % of the texts are taken for accidents; their texts, and those without a stop word,
//! are taken to be in the language that most are in. Takes one look-up a word.

use std::collections::{BTreeMap, BTreeSet};

use rust_stemmers::{Algorithm, Stemmer};

/// A language with a list of stop words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language {
    /// ISO 639-1 code.
    pub code: &'static str,
    stem: Option<Algorithm>,
}

const fn language(code: &'static str, stem: Option<Algorithm>) -> Language {
    Language { code, stem }
}

/// The languages that are distinguished, at most 64. The order decides ties.
pub const LANGUAGES: [Language; 44] = [
    language("en", Some(Algorithm::English)),
    language("de", Some(Algorithm::German)),
    language("fr", Some(Algorithm::French)),
    language("es", Some(Algorithm::Spanish)),
    language("it", Some(Algorithm::Italian)),
    language("pt", Some(Algorithm::Portuguese)),
    language("nl", Some(Algorithm::Dutch)),
    language("ru", Some(Algorithm::Russian)),
    language("zh", None),
    language("ja", None),
    language("ko", None),
    language("ar", Some(Algorithm::Arabic)),
    language("hi", None),
    language("tr", Some(Algorithm::Turkish)),
    language("pl", None),
    language("uk", None),
    language("sv", Some(Algorithm::Swedish)),
    language("da", Some(Algorithm::Danish)),
    language("no", Some(Algorithm::Norwegian)),
    language("fi", Some(Algorithm::Finnish)),
    language("hu", Some(Algorithm::Hungarian)),
    language("ro", Some(Algorithm::Romanian)),
    language("el", Some(Algorithm::Greek)),
    language("cs", None),
    language("sk", None),
    language("bg", None),
    language("hr", None),
    language("sl", None),
    language("lt", None),
    language("lv", None),
    language("et", None),
    language("ca", None),
    language("gl", None),
    language("eu", None),
    language("he", None),
    language("fa", None),
    language("ur", None),
    language("bn", None),
    language("mr", None),
    language("ta", Some(Algorithm::Tamil)),
    language("th", None),
    language("vi", None),
    language("id", None),
    language("sw", None),
];

/// Words that news puts everywhere and the lists leave out: they make no phrase alone, but may begin one (`New York`).
const LIGHT: [(&str, &str); 8] = [
    (
        "en",
        "according across ago ahead almost along already also although always amid among announced announces another around \
         ask asked asking asks away back became become becomes began begin beginning begins behind believe best better big \
         bigger biggest bring brings brought call called calls came can't cannot change come comes coming cost could day days \
         decade decades despite didn't doesn't don't due early either enough even ever every everyone expect expected expects \
         far feel felt few fewer find finds first five former found four full gave get gets getting give given gives giving go \
         goes going gone good got great half hard held help here hit hold home hour hours hundreds i'm i've important include \
         included includes including inside instead it's item items just keep keeping keeps kept kind knew know known knows \
         large largest last late later latest least leave leaves leaving led left less let lets like likely little long longer \
         look looked looking looks lot lots made main major make makes making many may maybe mean means meanwhile might minute \
         minutes moment month months morning must names near nearby nearly need needs never new newly news next night nine \
         nothing number offer often old one ones outside part parts people per percent perhaps place planned plans possible put \
         puts quite read real really reason recent recently remain remains report reported reportedly reporter reports right \
         rise said saw say saying says second see seen sees sent set sets seven several shall show showed shown shows side since \
         six small smaller someone something soon start started starting starts still stop straight take taken takes taking tell \
         tells ten than that's there's they're thing things think third though thought thousands three time times today told \
         tomorrow took top toward towards tried tries true try trying turn turned turns twelve two unlikely upon us use vs used \
         uses using via want wanted wants way ways we're week weeks well went whether whole within without word words work \
         works would year years yesterday yet you're monday tuesday wednesday thursday friday saturday sunday eight eleven",
    ),
    (
        "de",
        "ab bereits dabei drei eigentlich ersten erste fast gab geht gibt heute jahr jahre jahren lassen macht mehr neue neuen neuer \
         prozent sagt sagte seit sei teil uhr vier war wegen weiter worden wurde wurden zehn zwei",
    ),
    (
        "fr",
        "ans an alors après année années appelé appelés aussi autre autres avant bien cette comme contre depuis deux dit encore entre \
         faire fait fin fois jour lors nouveau nouvelle nouvelles peut peuvent plus plusieurs premier première selon si sous tout \
         tous trois très utilisé utilisées être",
    ),
    (
        "es",
        "años año ayer cada después dijo dos entre forma hace hacer hay hoy mayor mismo nueva nuevo nuevos primer primera pueden puede \
         ser según solo través tras tres vez",
    ),
    (
        "it",
        "altri anni anno che detto dopo due essere fatto giorni ieri nuova nuovo oggi ogni possono prima primo può secondo solo tre volta",
    ),
    (
        "pt",
        "ano anos após cada depois disse dois duas então fazer maior muitos nova novo ontem outras outros permite pode podem primeira \
         primeiro segundo ser sobre três vez",
    ),
    (
        "ru",
        "века года году год которая которые который которых могут можно новый очень перед после также своей своих это этого этой",
    ),
    (
        "ar",
        "أخرى أكثر بعد بشكل تكون خلال عام كانت كما لم من هذا هذه يمكن",
    ),
];

/// What is left of addresses of pages.
const WEB: [&str; 15] = [
    "www", "http", "https", "html", "htm", "php", "asp", "aspx", "cgi", "jsp", "com", "org", "net",
    "edu", "utf",
];

/// Words that count things, and make no phrase without what they count.
const NUMBERS: [&str; 9] = [
    "million",
    "millions",
    "billion",
    "billions",
    "thousand",
    "hundred",
    "trillion",
    "millionen",
    "milliarden",
];

/// What a word may do in a phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// Stand anywhere.
    #[default]
    Content,
    /// End a phrase or stand inside, never begin one or make one alone: numbers.
    Number,
    /// Begin a longer phrase or stand inside, never end one or make one alone: words that are in every text, and in names.
    Opening,
    /// Stand inside a phrase only: stop words and single letters of an alphabet.
    Function,
}

/// The stop words of all languages: for each word the sets of languages that hold it, one bit a language.
#[derive(Debug)]
pub struct StopWords {
    languages: BTreeMap<String, LanguageSet>,
    extra: BTreeSet<String>,
}

/// The languages in which a word is a stop word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LanguageSet {
    /// By the lists.
    pub function: u64,
    /// By Skerry's additions to the lists.
    pub light: u64,
}

impl LanguageSet {
    /// The languages that the word is evidence of.
    pub fn any(self) -> u64 {
        self.function | self.light
    }
}

impl StopWords {
    /// The lists of all [`LANGUAGES`], and `extra` words that are stop words in every language.
    pub fn new(extra: &[String]) -> Self {
        let mut languages: BTreeMap<String, LanguageSet> = BTreeMap::new();
        for (bit, language) in LANGUAGES.iter().enumerate() {
            for word in stop_words::lookup(language.code).unwrap_or_default() {
                languages.entry(word.to_lowercase()).or_default().function |= 1 << bit;
            }
            let light = LIGHT.iter().filter(|(code, _)| *code == language.code);
            for word in light.flat_map(|(_, words)| words.split_whitespace()) {
                languages.entry(word.to_owned()).or_default().light |= 1 << bit;
            }
        }
        Self {
            languages,
            extra: extra.iter().map(|word| word.to_lowercase()).collect(),
        }
    }

    /// The languages that count `word` (lower case) as a stop word.
    pub fn languages_of(&self, word: &str) -> LanguageSet {
        // Typographic apostrophes are spelled plainly in the lists.
        let plain = word
            .contains('\u{2019}')
            .then(|| word.replace('\u{2019}', "'"));
        let word = plain.as_deref().unwrap_or(word);
        if self.extra.contains(word) || WEB.contains(&word) {
            return LanguageSet {
                function: u64::MAX,
                light: 0,
            };
        }
        self.languages.get(word).copied().unwrap_or_default()
    }
}

/// The role of `word` (lower case) in a text of `language`, an index into [`LANGUAGES`].
pub fn role(word: &str, stops: LanguageSet, language: u8) -> Role {
    let within = |mask: u64| mask >> language & 1 == 1;
    let single = word.chars().nth(1).is_none() && !is_whole(word);
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    // Short words in hiragana alone are the grammar of a Japanese sentence.
    let hiragana =
        word.chars().all(|c| matches!(c, '\u{3041}'..='\u{309f}')) && word.chars().count() <= 3;
    if hiragana || within(stops.function) || (single && letters == 1) {
        Role::Function
    } else if within(stops.light) {
        Role::Opening
    } else if letters * 2 <= word.chars().count() && word.is_ascii() || NUMBERS.contains(&word) {
        Role::Number
    } else {
        Role::Content
    }
}

/// Whether each character of `word` is a whole syllable that can be a word: 茶 (tea), 집 (house).
fn is_whole(word: &str) -> bool {
    word.chars()
        .all(|c| matches!(c, '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{20000}'..='\u{3ffff}'))
}

/// The language that the words of a text are evidence of; `masks` are the languages of each of its distinct words.
///
/// At least two stop words are needed, and one word in eight: names and loan words equal stop words of some language.
pub fn evidence(masks: impl Iterator<Item = u64>) -> Option<usize> {
    // Counted in units of 1/5040, so that the sum is exact and its order does not matter.
    let (mut scores, mut counts) = ([0_u64; LANGUAGES.len()], [0_usize; LANGUAGES.len()]);
    let mut words = 0;
    for mask in masks {
        words += 1;
        if mask == 0 || mask == u64::MAX {
            continue;
        }
        let share = 5040 / u64::from(mask.count_ones());
        for language in 0..LANGUAGES.len() {
            let bit = mask >> language & 1;
            scores[language] += share * bit;
            counts[language] += bit as usize;
        }
    }
    let best = scores.iter().max().copied().filter(|&best| best > 0)?;
    let language = scores.iter().position(|&score| score == best)?;
    (counts[language] >= 2 && counts[language] * 8 >= words).then_some(language)
}

/// The languages of a corpus.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Languages {
    /// For each text, its language as a position in [`LANGUAGES`].
    pub of_text: Vec<u8>,
    /// The languages found, with the number of their texts, most first.
    pub found: Vec<(u8, usize)>,
}

/// Settles the languages of a corpus from the `evidence` of each of its texts.
pub fn settle(evidence: &[Option<usize>]) -> Languages {
    let mut counts = [0_usize; LANGUAGES.len()];
    for language in evidence.iter().flatten() {
        counts[*language] += 1;
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    let main = counts.iter().position(|&count| count == most).unwrap_or(0);
    let total: usize = counts.iter().sum();
    let likely = |language: usize| counts[language] * 100 >= total;
    let of_text: Vec<u8> = evidence
        .iter()
        .map(|language| {
            language
                .filter(|&language| likely(language))
                .unwrap_or(main) as u8
        })
        .collect();
    let mut found = [0_usize; LANGUAGES.len()];
    for &language in &of_text {
        found[usize::from(language)] += 1;
    }
    let mut found: Vec<(u8, usize)> = found
        .iter()
        .enumerate()
        .filter(|(_, texts)| **texts > 0)
        .map(|(language, &texts)| (language as u8, texts))
        .collect();
    found.sort_by_key(|&(language, texts)| (std::cmp::Reverse(texts), language));
    Languages { of_text, found }
}

/// The position of the language with this code.
pub fn by_code(code: &str) -> Option<usize> {
    LANGUAGES.iter().position(|language| language.code == code)
}

/// The stem of `word` (lower case) in a language: what its inflected forms share. `known` tells whether the texts hold a
/// word as it is.
pub fn stem(word: &str, language: usize, known: impl Fn(&str) -> bool) -> String {
    match LANGUAGES[language] {
        Language {
            stem: Some(algorithm),
            ..
        } => Stemmer::create(algorithm).stem(word).into_owned(),
        Language { code: "ko", .. } => without_particle(word, known).to_owned(),
        _ => word.to_owned(),
    }
}

/// A Korean word without the particle at its end. Many nouns end like a particle (고양이, cat), so one is taken off only
/// where the texts hold the word without it too, and two syllables at least are left.
pub fn without_particle(word: &str, known: impl Fn(&str) -> bool) -> &str {
    const PARTICLES: [&str; 24] = [
        "에서는",
        "으로",
        "에서",
        "에게",
        "까지",
        "부터",
        "보다",
        "처럼",
        "들이",
        "들은",
        "들을",
        "들의",
        "은",
        "는",
        "이",
        "가",
        "을",
        "를",
        "의",
        "에",
        "도",
        "로",
        "와",
        "과",
    ];
    PARTICLES
        .iter()
        .filter_map(|particle| word.strip_suffix(particle))
        .find(|stem| stem.chars().count() >= 2 && known(stem))
        .unwrap_or(word)
}
