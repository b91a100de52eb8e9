//! The lists of stop words: words that make no phrase alone, and by which the language of a text is detected.
//!
//! The base is the published lists of 44 languages (crate `stop-words`: stopwords-iso and NLTK); [`OPENING`] adds words of eight
//! languages to them, [`URL_PARTS`] and the caller's own words count in every language.

use std::collections::{BTreeMap, BTreeSet};

use crate::language::LANGUAGES;

/// Our additions to the published lists, by language code: frequent words of news, which make no phrase alone, but may begin
/// one (`New York`).
const OPENING: [(&str, &str); 8] = [
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

/// Parts of URLs: stop words in every language.
const URL_PARTS: [&str; 15] = [
    "www", "http", "https", "html", "htm", "php", "asp", "aspx", "cgi", "jsp", "com", "org", "net",
    "edu", "utf",
];

/// Words that count things, and make no phrase without what they count.
pub(crate) const NUMBERS: [&str; 9] = [
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

/// The stop words of all [`LANGUAGES`], and the caller's.
#[derive(Debug)]
pub(crate) struct StopWords {
    languages: BTreeMap<String, LanguageSet>,
    extra: BTreeSet<String>,
}

/// The languages in which a word is a stop word: bit i stands for language i of [`LANGUAGES`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LanguageSet {
    /// By the published lists: the word may stand inside a phrase only.
    pub(crate) function: u64,
    /// By our additions: the word may also begin a longer phrase.
    pub(crate) opening: u64,
}

impl LanguageSet {
    /// The languages that the word is evidence of.
    pub(crate) fn any(self) -> u64 {
        self.function | self.opening
    }
}

impl StopWords {
    /// The lists of all [`LANGUAGES`], and `extra` words that are stop words in every language.
    pub(crate) fn new(extra: &[String]) -> Self {
        let mut languages: BTreeMap<String, LanguageSet> = BTreeMap::new();
        for (bit, language) in LANGUAGES.iter().enumerate() {
            for word in ::stop_words::lookup(language.code).unwrap_or_default() {
                languages.entry(word.to_lowercase()).or_default().function |= 1 << bit;
            }
            let opening = OPENING.iter().filter(|(code, _)| *code == language.code);
            for word in opening.flat_map(|(_, words)| words.split_whitespace()) {
                languages.entry(word.to_owned()).or_default().opening |= 1 << bit;
            }
        }
        Self {
            languages,
            extra: extra.iter().map(|word| word.to_lowercase()).collect(),
        }
    }

    /// The languages that count `word` (lower case) as a stop word.
    pub(crate) fn languages_of(&self, word: &str) -> LanguageSet {
        // Typographic apostrophes are spelled plainly in the lists.
        let plain = word
            .contains('\u{2019}')
            .then(|| word.replace('\u{2019}', "'"));
        let word = plain.as_deref().unwrap_or(word);
        if self.extra.contains(word) || URL_PARTS.contains(&word) {
            return LanguageSet {
                function: u64::MAX,
                opening: 0,
            };
        }
        self.languages.get(word).copied().unwrap_or_default()
    }
}
