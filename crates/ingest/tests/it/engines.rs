//! The engine of Polars keeps the same rows as that of Arrow for every condition of these tests, except for those listed
//! here with the reason. Arrow's follows the rules of SQL.

use ingest::condition::{Engine, holds_by};
use ingest::table::Table;

/// Conditions for which Polars keeps other rows, or that it refuses.
const DIFFERENT: [(&str, &str); 0] = [];

/// What is wrong where Polars keeps other rows than `expected`, or the same where this file lists a difference.
pub fn compare(
    table: &Table,
    condition: &str,
    null_words: &[String],
    expected: &[usize],
) -> Option<String> {
    let found = holds_by(Engine::Polars, table, condition, null_words).map(|truths| {
        (0..truths.len())
            .filter(|&row| truths[row])
            .collect::<Vec<usize>>()
    });
    let same = found.as_deref().is_ok_and(|found| found == expected);
    let listed = DIFFERENT
        .iter()
        .any(|(different, _)| *different == condition);
    let found = found.map_err(|error| error.to_string());
    (same == listed).then(|| {
        let listed = if listed { ", which is listed" } else { "" };
        format!("Polars, {condition}: {found:?} instead of {expected:?}{listed}")
    })
}
