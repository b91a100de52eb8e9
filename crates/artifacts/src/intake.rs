//! What became of the rows of the source: counts in the footer of `documents.parquet`, for whoever tells of the run.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Footer;

/// The rows of the source, counted by what became of them. `rows` is the sum of `documents` and of what
/// [`Intake::left_out`] lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intake {
    /// Rows that were read, bad ones too.
    pub rows: usize,
    /// Documents that were made of them.
    pub documents: usize,
    /// Rows that could not be read.
    pub bad: usize,
    /// Rows that `--where` left out.
    pub filtered: usize,
    /// Rows without a text.
    pub without_text: usize,
    /// Rows that the sample or the limit left out.
    pub not_drawn: usize,
    /// Rows whose text an earlier document has.
    pub duplicates: usize,
    /// Whether those were collapsed into it; else they are documents too.
    pub collapsed: bool,
}

impl Intake {
    /// The counts in `footer`; `None` in a file that does not tell all of them.
    pub fn of(footer: &Footer) -> Option<Self> {
        serde_json::from_value(Value::Object(footer.facts.clone())).ok()
    }

    /// Writes the counts into `footer`, a fact each.
    pub fn record(&self, footer: &mut Footer) {
        let counts = serde_json::to_value(self).expect("counts are plain data");
        if let Value::Object(counts) = counts {
            footer.facts.extend(counts);
        }
    }

    /// Whether `fact` is the name of one of the counts.
    pub fn holds(fact: &str) -> bool {
        let counts = serde_json::to_value(Self::default()).expect("counts are plain data");
        counts.get(fact).is_some()
    }

    /// How many rows were left out for each reason that did occur; the reason as it stands after "left out".
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

    /// Documents that repeat the text of an earlier one.
    pub fn repeated(&self) -> usize {
        if self.collapsed { 0 } else { self.duplicates }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_back_whole_or_not_at_all() {
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
        let mut footer = Footer::default();
        footer.fact("text", "title");
        assert_eq!(Intake::of(&footer), None);
        counts.record(&mut footer);
        assert_eq!(Intake::of(&footer), Some(counts));
        let names: Vec<String> = footer.facts.keys().cloned().collect();
        for name in names.iter().filter(|name| *name != "text") {
            assert!(Intake::holds(name), "{name}");
            let mut less = footer.clone();
            less.facts.remove(name);
            assert_eq!(Intake::of(&less), None, "without {name}");
        }
        assert!(!Intake::holds("text"));
    }

    #[test]
    fn every_row_is_kept_or_left_out_for_a_reason() {
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
