//! Helpers of the tests of `--where`: the rows that a condition keeps, or the reason why it is refused.

use ingest::condition::holds;
use ingest::table::Table;
use ingest::types::NULL_WORDS;
use stage::Hint;

/// The words that mean no value, by default.
pub fn null_words() -> Vec<String> {
    NULL_WORDS.split(',').map(str::to_owned).collect()
}

/// The rows that are kept, or the error with its hint.
fn rows(table: &Table, condition: &str) -> Result<Vec<usize>, String> {
    let truths = holds(table, condition, &null_words()).map_err(|error| {
        let hint = error.hint().expect("every error has a remedy");
        format!("{error} | {hint}")
    })?;
    Ok((0..truths.len()).filter(|&row| truths[row]).collect())
}

/// Each condition keeps these rows, by every engine of this build.
pub fn keeps(table: &Table, cases: &[(&str, &[usize])]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(condition, expected)| {
            let found = rows(table, condition);
            (found.as_deref() != Ok(*expected))
                .then(|| format!("{condition}: {found:?} instead of {expected:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    #[cfg(feature = "polars")]
    {
        let compare = |(condition, expected): &(&str, &[usize])| {
            crate::engines::compare(table, condition, &null_words(), expected)
        };
        let wrong: Vec<String> = cases.iter().filter_map(compare).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// Each condition is refused with words in the message or the remedy, and without the names of a syntax tree.
pub fn refuses(table: &Table, cases: &[(&str, &[&str])]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(condition, words)| match rows(table, condition) {
            Ok(rows) => Some(format!("{condition} keeps {rows:?}")),
            Err(message) => {
                let raw = ["Ident", "Span", "quote_style", "Expr", "Value", "Box"]
                    .iter()
                    .find(|word| message.contains(**word));
                let lacks = words.iter().find(|word| !message.contains(**word));
                (raw.is_some() || lacks.is_some())
                    .then(|| format!("{condition}: {message}: lacks {lacks:?}, has {raw:?}"))
            }
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
