//! Texts that a model does not know.
//!
//! A vocabulary that lacks a script turns each word of it, or each sentence, into the one unknown token: different texts get
//! nearly the same vector, and end up in one cluster. That is counted, and said with the scripts, before anything is
//! embedded.

use std::collections::BTreeMap;
use std::fmt;

use stage::thousands;
use unicode_script::{Script, UnicodeScript as _};

/// Percentage of the rows from which on unknown texts are warned of.
const WARNED: usize = 1;

/// What to do about unknown texts.
pub(crate) const REMEDY: &str = "use a model that knows them: `--model multilingual` (about 100 languages), or one such as BAAI/bge-m3 (`--model DIR`)";

/// The number of scripts to name.
const NAMED: usize = 3;

/// How much of a table is unknown to a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Number of rows whose text is unknown.
    pub rows: usize,
    /// Number of rows.
    pub of: usize,
    /// The most frequent scripts of the unknown texts, most frequent first.
    pub scripts: Vec<String>,
    /// The name of the model.
    pub model: String,
}

impl Unknown {
    /// Of the unknown `texts` of a table with `of` rows; `None` for less than 1 % of them.
    pub(crate) fn of<'a>(
        texts: impl ExactSizeIterator<Item = &'a str>,
        of: usize,
        model: &str,
    ) -> Option<Self> {
        let rows = texts.len();
        if rows == 0 || rows * 100 < of * WARNED {
            return None;
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for text in texts {
            if let Some(name) = script(text) {
                *counts.entry(name).or_default() += 1;
            }
        }
        let mut scripts: Vec<(&str, usize)> = counts.into_iter().collect();
        scripts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        Some(Self {
            rows,
            of,
            scripts: (scripts.into_iter().take(NAMED))
                .map(|(name, _)| name.to_owned())
                .collect(),
            model: model.to_owned(),
        })
    }

    /// Whether more than half of the table is unknown.
    pub(crate) fn is_most(&self) -> bool {
        2 * self.rows > self.of
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} texts are unknown to {}, whose vocabulary lacks most of their characters",
            thousands(self.rows),
            thousands(self.of),
            self.model
        )?;
        if !self.scripts.is_empty() {
            write!(f, " ({})", self.scripts.join(", "))?;
        }
        Ok(())
    }
}

/// The name of the most frequent script of `text`. Characters that all scripts share, such as digits, count only where there
/// are no others: then they are symbols or emoji.
fn script(text: &str) -> Option<&'static str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for letter in text.chars().filter(|letter| !letter.is_whitespace()) {
        let name = match letter.script() {
            Script::Common | Script::Inherited | Script::Unknown => continue,
            script => script.full_name(),
        };
        *counts.entry(name).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|&(_, count)| count);
    match most {
        Some((name, _)) => Some(name),
        None if text.trim().is_empty() => None,
        None => Some("symbols or emoji"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_detected_by_letters() {
        for (text, expected) in [
            ("ทะเลสีแดง 2026", Some("Thai")),
            ("ភាសាខ្មែរ", Some("Khmer")),
            ("🌊🌊 !!", Some("symbols or emoji")),
            ("Ελλάδα and x", Some("Greek")),
            ("  ", None),
        ] {
            assert_eq!(script(text), expected, "{text}");
        }
    }

    #[test]
    fn unknown_texts_are_summarized_in_one_sentence() {
        let unknown = |texts: &[&str], of| Unknown::of(texts.iter().copied(), of, "m");
        assert_eq!(unknown(&[], 10), None);
        assert_eq!(unknown(&["ทะเล"], 101), None);
        let some = unknown(&["ทะเล", "ทะเล", "🌊"], 6).unwrap();
        assert!(!some.is_most());
        assert_eq!(
            some.to_string(),
            "3 of 6 texts are unknown to m, whose vocabulary lacks most of their characters (Thai, symbols or emoji)"
        );
        assert!(unknown(&["ทะเล", "ทะเล", "🌊"], 5).unwrap().is_most());
    }
}
