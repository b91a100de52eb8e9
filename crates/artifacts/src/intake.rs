//! Counts of the rows of the source: facts of `documents.parquet`.

use crate::facts::facts;

facts! {
    /// Counts of the rows of the source. `rows` is `documents` plus the sum of [`Intake::left_out`].
    Intake {
        /// Number of rows read, including unreadable rows.
        rows: usize,
        /// Number of documents.
        documents: usize,
        /// Number of rows that could not be read.
        bad: usize,
        /// Number of rows left out by `--where`.
        filtered: usize,
        /// Number of rows without a text.
        without_text: usize,
        /// Number of rows left out by `--sample` or `--limit`.
        not_drawn: usize,
        /// Number of rows with the text of an earlier document.
        duplicates: usize,
        /// Whether duplicates were collapsed into the earlier document; if not, they are documents too.
        collapsed: bool,
    }
}

impl Copy for Intake {}
impl Eq for Intake {}

impl Intake {
    /// Number of rows left out, by reason; the reason is worded to follow "left out".
    pub fn left_out(&self) -> Vec<(&'static str, usize)> {
        let collapsed = if self.collapsed { self.duplicates } else { 0 };
        let reasons = [
            ("as unreadable", self.bad),
            ("by --where", self.filtered),
            ("for lack of a text", self.without_text),
            ("by --sample or --limit", self.not_drawn),
            ("as duplicates by --dedup", collapsed),
        ];
        reasons.into_iter().filter(|(_, rows)| *rows > 0).collect()
    }

    /// Number of documents with the text of an earlier one.
    pub fn repeated(&self) -> usize {
        if self.collapsed { 0 } else { self.duplicates }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{DocumentsFacts, Facts, Footer};

    #[test]
    fn counts_are_read_back_or_missing_as_a_whole() {
        let counts = Intake {
            rows: 21,
            documents: 6,
            bad: 1,
            filtered: 2,
            without_text: 3,
            not_drawn: 4,
            duplicates: 5,
            collapsed: true,
        };
        let intake = |footer: &Footer| footer.facts::<DocumentsFacts>().intake;
        let mut footer = Footer::default();
        footer.facts.0.insert("text".to_owned(), json!(["title"]));
        assert_eq!(intake(&footer), None);
        footer.set_facts(&DocumentsFacts {
            intake: Some(counts),
            text: Some(vec!["title".to_owned()]),
        });
        assert_eq!(intake(&footer), Some(counts));
        let names: Vec<String> = footer.facts.0.keys().cloned().collect();
        let declared = |name: &str| DocumentsFacts::FIELDS.iter().any(|fact| fact.name == name);
        for name in names.iter().filter(|name| *name != "text") {
            assert!(declared(name), "{name}");
            let mut less = footer.clone();
            less.facts.0.remove(name);
            assert_eq!(intake(&less), None, "without {name}");
        }
        assert_eq!(names.len(), DocumentsFacts::FIELDS.len());
    }

    #[test]
    fn every_row_is_kept_or_counted_as_left_out() {
        let counts = Intake {
            rows: 21,
            documents: 6,
            bad: 1,
            filtered: 2,
            without_text: 3,
            not_drawn: 4,
            duplicates: 5,
            collapsed: true,
        };
        let sum = |counts: &Intake| -> usize { counts.left_out().iter().map(|(_, n)| n).sum() };
        assert_eq!(counts.documents + sum(&counts), counts.rows);
        assert_eq!(counts.repeated(), 0);
        let kept = Intake {
            documents: 11,
            collapsed: false,
            ..counts
        };
        assert_eq!(kept.documents + sum(&kept), kept.rows);
        assert_eq!(kept.repeated(), 5);
        assert_eq!(Intake::default().left_out(), []);
    }
}
