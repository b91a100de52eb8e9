//! Language detection by stop words, roles of words in phrases, and stems.
//!
//! A text is assigned to the language of which it contains the most stop words; a word that n languages share counts 1/n.
//! Languages that win less than 1 % of the texts are taken for accidents; their texts, and those without a stop word,
//! are taken to be in the language that most are in. Takes one look-up per word.

use rust_stemmers::{Algorithm, Stemmer};

use crate::stop_words::{LanguageSet, NUMBERS};

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

/// The role of `word` (lower case) in a text of `language`, an index into [`LANGUAGES`].
pub(crate) fn role(word: &str, stops: LanguageSet, language: u8) -> Role {
    let within = |mask: u64| mask >> language & 1 == 1;
    let single = word.chars().nth(1).is_none() && !is_whole(word);
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    // Short words in hiragana alone are the grammar of a Japanese sentence.
    let hiragana =
        word.chars().all(|c| matches!(c, '\u{3041}'..='\u{309f}')) && word.chars().count() <= 3;
    if hiragana || within(stops.function) || (single && letters == 1) {
        Role::Function
    } else if within(stops.opening) {
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
pub(crate) fn evidence(masks: impl Iterator<Item = u64>) -> Option<usize> {
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
pub(crate) fn settle(evidence: &[Option<usize>]) -> Languages {
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

/// The stem of `word` (lower case) in a language: what its inflected forms share. `known` returns whether the texts hold
/// a word as it is.
pub(crate) fn stem(word: &str, language: usize, known: impl Fn(&str) -> bool) -> String {
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
pub(crate) fn without_particle(word: &str, known: impl Fn(&str) -> bool) -> &str {
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
