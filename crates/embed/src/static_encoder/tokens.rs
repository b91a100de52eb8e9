//! The tokens of the distinct texts of a table.

use artifacts::Documents;
use rayon::prelude::*;
use stage::Progress;

use crate::batches::distinct;
use crate::error::Error;
use crate::tokenizer::{Loss, TextTokenizer};
use crate::work::Counts;

/// Texts that are tokenized together.
const WINDOW: usize = 8192;

/// The distinct texts, one after the other.
pub(super) struct TokenizedTexts {
    /// For each row its text.
    of: Vec<u32>,
    tokens: Vec<u32>,
    /// For each text the end of its tokens.
    ends: Vec<usize>,
    losses: Vec<Loss>,
}

impl TokenizedTexts {
    /// Tokenizes the distinct texts of `documents`.
    pub(super) fn of(
        documents: &Documents,
        tokenizer: &TextTokenizer,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let (first, of) = distinct((0..documents.len()).map(|row| documents.text(row)));
        let mut texts = Self {
            of,
            tokens: Vec::new(),
            ends: Vec::with_capacity(first.len()),
            losses: Vec::with_capacity(first.len()),
        };
        progress.begin("tokenizing", Some(first.len() as u64), "texts");
        for rows in first.chunks(WINDOW) {
            let window = rows
                .par_iter()
                .map(|&row| tokenizer.encode(documents.text(row as usize)))
                .collect::<Result<Vec<_>, Error>>()?;
            for text in window {
                texts.tokens.extend(text.ids);
                texts.ends.push(texts.tokens.len());
                texts.losses.push(text.loss);
            }
            progress.advance(rows.len() as u64);
        }
        progress.end();
        Ok(texts)
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.of.len()
    }

    /// The tokens of the distinct texts.
    pub(super) fn sequences(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.ends.len()).map(|text| self.sequence(text))
    }

    /// The tokens of the text in `row`.
    pub(super) fn of_row(&self, row: usize) -> &[u32] {
        self.sequence(self.of[row] as usize)
    }

    fn sequence(&self, text: usize) -> &[u32] {
        let start = text.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.tokens[start..self.ends[text]]
    }

    /// The rows whose text is mostly unknown to the model.
    pub(super) fn unknown_rows(&self) -> Vec<usize> {
        let unknown = |&row: &usize| self.losses[self.of[row] as usize].unknown;
        (0..self.len()).filter(unknown).collect()
    }

    /// Number of rows whose text has no token.
    pub(super) fn rows_without_tokens(&self) -> usize {
        (0..self.len())
            .filter(|&row| self.of_row(row).is_empty())
            .count()
    }

    pub(super) fn counts(&self) -> Counts {
        let lost = || {
            self.of
                .iter()
                .map(|&text| self.losses[text as usize].tokens)
        };
        Counts {
            distinct: self.ends.len(),
            longer: lost().filter(|&tokens| tokens > 0).count(),
            beyond: lost().sum(),
        }
    }
}
