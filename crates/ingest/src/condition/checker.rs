//! What a condition is checked against. The checks are in `check`, `operators`, `predicates` and `calls`.

use super::messages::Values;
use crate::table::Table;

/// Resolves names and types against the columns of a table.
pub struct Checker<'a> {
    pub table: &'a Table,
    pub null_words: &'a [String],
}

impl Checker<'_> {
    pub fn values(&self) -> Values<'_> {
        Values {
            table: self.table,
            null_words: self.null_words,
        }
    }
}
