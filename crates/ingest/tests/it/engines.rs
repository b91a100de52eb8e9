//! The engine of Polars keeps the same rows as that of Arrow for every condition of these tests, except for those listed
//! here with the reason. Arrow's follows the rules of SQL. `docs/divergences.md` lists the reasons.

use ingest::condition::{Engine, holds_by};
use ingest::table::Table;

const FLOATS: &str = "numbers of different types, and decimals, are computed in 64-bit floats";
const MODULO: &str = "a remainder has the sign of the divisor";
const UNITS: &str = "timestamps of different units are compared in the coarser one";
const NESTING: &str = "expressions nested more than 50 deep are refused";
const INITCAP: &str = "there is no INITCAP";

/// The beginnings of conditions for which Polars keeps other rows, or that it refuses, with the reason.
const DIFFERENT: [(&str, &str); 15] = [
    ("n = f", FLOATS),
    ("n > f", FLOATS),
    ("f = 9007199254740993", FLOATS),
    ("f < 9007199254740993", FLOATS),
    ("n = 9007199254740993.0", FLOATS),
    ("n > 9007199254740992.5", FLOATS),
    ("u = 18446744073709551615", FLOATS),
    ("u > 18446744073709551614", FLOATS),
    ("d + 0.2 = 0.3", FLOATS),
    ("n % 2 = -1", MODULO),
    ("MOD(n, 2) = 1", MODULO),
    ("fine = coarse", UNITS),
    ("coarse < fine", UNITS),
    ("n = 0 + 1 + 1 + 1", NESTING),
    ("INITCAP(", INITCAP),
];

/// The fault if Polars keeps other rows than `expected` and this file does not list the condition, or the other way round.
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
        .find(|(beginning, _)| condition.starts_with(beginning));
    let found = found.map_err(|error| error.to_string());
    (same == listed.is_some()).then(|| {
        let listed = listed.map_or(String::new(), |(_, reason)| {
            format!(", although it is listed: {reason}")
        });
        format!("Polars, {condition}: {found:?}; expected {expected:?}{listed}")
    })
}
