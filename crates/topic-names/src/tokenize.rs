//! Tokenization: the words of a text and the gaps between them.
//!
//! A word is a run of letters, marks and digits, with what belongs inside it: `e-scooter`, `AT&T`, `U.S`, `3.5`,
//! `l'année`. Scripts that put no space between words (Chinese, Japanese, Thai, Lao,
//! Khmer, Burmese) are cut by the dictionaries of ICU. Punctuation ends a phrase; a full stop ends a sentence.

use icu_segmenter::options::WordBreakInvariantOptions;
use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed};

/// One word of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<'a> {
    /// The word as it is written.
    pub text: &'a str,
    /// Whether there is more than a space between it and the previous word.
    pub breaks: bool,
    /// Whether its capitals carry no information: it is the first word of a sentence, or most words of the sentence are
    /// capitalized.
    pub weak_case: bool,
    /// Where in a dateline the word is, if it is in one.
    pub dateline: Option<DatelinePosition>,
}

/// The position of a word of a dateline, which names the agency or the place of a text: `LONDON (Reuters) -`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatelinePosition {
    /// In parentheses at the end of a line, or at its head, where a place may come before it and a dash after.
    Bracketed,
    /// Alone at the head of a line, with a dash after it.
    Head,
}

/// Cuts texts into words. Cheap to make and to copy.
#[derive(Clone, Copy)]
pub struct Tokenizer {
    dictionaries: WordSegmenterBorrowed<'static>,
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokenizer")
    }
}

impl Default for Tokenizer {
    fn default() -> Self {
        // Dictionaries, not the neural model: they compute the same on every machine.
        Self {
            dictionaries: WordSegmenter::new_dictionary(WordBreakInvariantOptions::default()),
        }
    }
}

impl Tokenizer {
    /// The words of `text`, in its order.
    pub fn words<'a>(&self, text: &'a str) -> Vec<Word<'a>> {
        let mut words: Vec<Word<'a>> = Vec::new();
        // The first word of the sentence, the end of the word before, and the first byte of the line.
        let (mut sentence, mut last_end, mut line) = (0, 0, 0);
        let mut at = 0;
        while let Some(start) = next_word(text, at) {
            let unspaced = text[start..].starts_with(is_unspaced);
            let end = if unspaced {
                run_end(text, start, is_unspaced)
            } else {
                word_end(text, start)
            };
            let gap = &text[last_end..start];
            if let Some(feed) = gap.rfind('\n') {
                line = last_end + feed + 1;
            }
            // The point of "St. Helens" ends nothing.
            let gap = match words.last() {
                Some(word) if ABBREVIATIONS.contains(&word.text) => {
                    gap.strip_prefix('.').unwrap_or(gap)
                }
                _ => gap,
            };
            // What says whence a text comes is no part of its first sentence.
            if ends_sentence(gap) || words.last().is_some_and(|word| word.dateline.is_some()) {
                mark_case(&mut words[sentence..]);
                sentence = words.len();
            }
            let breaks = !gap.chars().all(|c| c == ' ' || c == '\t' || c == '\u{a0}');
            if unspaced {
                self.segment(&text[start..end], breaks, &mut words);
            } else {
                let dateline =
                    dateline_position(&text[line..start], line >= last_end, &text[end..]);
                words.push(Word {
                    text: text[start..end].trim_end_matches(is_joiner),
                    breaks,
                    weak_case: false,
                    dateline,
                });
            }
            (last_end, at) = (end, end);
        }
        mark_case(&mut words[sentence..]);
        words
    }

    /// Cuts a run of a script without spaces.
    fn segment<'a>(&self, run: &'a str, breaks: bool, words: &mut Vec<Word<'a>>) {
        let mut start = 0;
        for end in self.dictionaries.segment_str(run).skip(1) {
            words.push(Word {
                text: &run[start..end],
                breaks: breaks && start == 0,
                weak_case: false,
                dateline: None,
            });
            start = end;
        }
    }
}

/// What is written with a point before a name.
const ABBREVIATIONS: [&str; 12] = [
    "St", "Mt", "Ft", "Mr", "Mrs", "Ms", "Dr", "Sen", "Rep", "Gov", "Gen", "Lt",
];

/// Whether `c` belongs to a script that puts no space between words.
pub fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0e01}'..='\u{0eff}' // Thai, Lao
        | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17d3}' // Burmese, Khmer
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}' // kana
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Whether `c` is part of a word: letters, digits, and the marks that some scripts write on or between letters.
fn is_word(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    c.is_alphanumeric()
        || matches!(c, '\u{0300}'..='\u{036f}' | '\u{0591}'..='\u{05bd}' | '\u{064b}'..='\u{065f}')
        || is_joiner(c)
        || matches!(c, '\u{0900}'..='\u{0dff}' if !matches!(c, '\u{0964}' | '\u{0965}' | '\u{0970}'))
}

/// Whether `c` joins or parts the letters beside it, and shows nothing itself.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Whether `c` shows anything: no space, no control character, and none of the characters that only act on others
/// (joiners, variation selectors, marks of direction) or fill a place (Hangul fillers, the blank of Braille).
pub fn is_visible(c: char) -> bool {
    !c.is_whitespace()
        && !c.is_control()
        && !matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The first byte of the next word from `at` on. What only joins or marks letters begins none: in a family of emoji the
/// joiners stand between pictures, which are no words.
fn next_word(text: &str, at: usize) -> Option<usize> {
    text[at..]
        .char_indices()
        .find(|&(_, c)| (c.is_alphanumeric() && is_visible(c)) || is_unspaced(c))
        .map(|(offset, _)| at + offset)
}

/// The end of the run of characters like the one at `start`.
fn run_end(text: &str, start: usize, like: impl Fn(char) -> bool) -> usize {
    text[start..]
        .find(|c| !like(c))
        .map_or(text.len(), |length| start + length)
}

/// The end of the word that starts at `start`, with the hyphens, apostrophes and points that belong inside it.
fn word_end(text: &str, start: usize) -> usize {
    let part = |c| is_word(c) && !is_unspaced(c);
    let mut end = run_end(text, start, part);
    loop {
        let mut rest = text[end..].chars();
        let (joint, next) = (rest.next(), rest.next());
        // The last point of "U.S." is part of it.
        if joint == Some('.')
            && text[start..end].contains('.')
            && text[start..end].split('.').all(is_letter)
        {
            return end + 1;
        }
        let (Some(joint), Some(next)) = (joint, next) else {
            return end;
        };
        if !part(next) {
            return end;
        }
        let next_end = run_end(text, end + joint.len_utf8(), part);
        let (before, after) = (&text[start..end], &text[end + joint.len_utf8()..next_end]);
        let joins = match joint {
            '-' | '\u{2010}' | '\u{2011}' | '\'' | '\u{2019}' | '&' => true,
            '.' => is_point(before, after),
            ',' | ':' => {
                before.ends_with(|c: char| c.is_ascii_digit())
                    && after.bytes().all(|b| b.is_ascii_digit())
            }
            _ => false,
        };
        if !joins {
            return end;
        }
        end = next_end;
    }
}

/// Whether the point between `before` and `after` belongs to the word: `U.S`, `3.5`, `space.com`.
fn is_point(before: &str, after: &str) -> bool {
    let last = before.rsplit('.').next().unwrap_or(before);
    (is_letter(last) && is_letter(after))
        || (last.bytes().all(|b| b.is_ascii_digit())
            && after.starts_with(|c: char| c.is_ascii_digit()))
        || matches!(after, "com" | "org" | "net" | "COM")
}

/// Whether this is a single letter.
fn is_letter(part: &str) -> bool {
    let mut chars = part.chars();
    chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none()
}

/// `word` without the article or preposition that French and Italian write before a vowel: `l'année`, `dell'arte`.
pub fn without_elision(word: &str) -> &str {
    const ELIDED: [&str; 14] = [
        "l", "d", "qu", "n", "s", "j", "c", "m", "t", "un", "dell", "all", "nell", "sull",
    ];
    match word.split_once(['\'', '\u{2019}']) {
        Some((article, rest)) if ELIDED.contains(&article) && rest.chars().count() > 2 => rest,
        _ => word,
    }
}

/// `word` without a possessive `'s`.
pub fn without_possessive(word: &str) -> &str {
    ["'s", "\u{2019}s", "'S", "\u{2019}S"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending))
        .unwrap_or(word)
}

/// Whether what stands between two words ends a sentence.
fn ends_sentence(gap: &str) -> bool {
    gap.contains(['.', '!', '?', '\n', '。', '！', '？', '।', '\u{2026}'])
}

/// Where in a dateline a word is that comes after `before` on its line, as the `first` word or not, and before `after`; `None`
/// outside of datelines. In the middle of a line a word in parentheses is an abbreviation of the words before it: "large
/// language models (LLMs)".
fn dateline_position(before: &str, first: bool, after: &str) -> Option<DatelinePosition> {
    /// Words and bytes of a place and the bracket after it. Looking no farther back keeps long lines linear.
    const LONGEST_PLACE: (usize, usize) = (6, 200);
    let before_dash = |after: &str| {
        [" - ", " -- ", " \u{2013} ", " \u{2014} "]
            .iter()
            .any(|dash| after.starts_with(dash))
    };
    let (true, Some(after)) = (before.ends_with('('), after.strip_prefix(')')) else {
        return (first && before_dash(after)).then_some(DatelinePosition::Head);
    };
    let place = || {
        let (words, bytes) = LONGEST_PLACE;
        before.len() <= bytes && before.split_whitespace().count() <= words
    };
    let rest = after.trim_start_matches(|c: char| c.is_whitespace() && c != '\n');
    let ends_line = rest.is_empty() || rest.starts_with('\n');
    (first || ends_line || (before_dash(after) && place())).then_some(DatelinePosition::Bracketed)
}

/// Marks the capitals of a sentence that say nothing: of its first word, and of all if most words have one.
fn mark_case(sentence: &mut [Word<'_>]) {
    let long = |word: &&Word<'_>| {
        word.text.chars().count() > 3 && word.text.chars().all(char::is_alphabetic)
    };
    let (total, capital) =
        sentence
            .iter()
            .skip(1)
            .filter(long)
            .fold((0, 0), |(total, capital), word| {
                (
                    total + 1,
                    capital + usize::from(word.text.starts_with(char::is_uppercase)),
                )
            });
    let title_case = total >= 2 && capital * 10 >= total * 6;
    for (at, word) in sentence.iter_mut().enumerate() {
        word.weak_case = at == 0 || title_case;
    }
}
