//! Which rows become documents: those the predicate keeps, one of each text, a sample, the first so many.

use std::collections::HashMap;

use polars::prelude::{DataFrame, IntoLazy};
use stage::Seed;

use crate::error::Error;
use crate::formats::Kind;
use crate::formats::binary::guard;
use crate::names::{nearest, some};
use crate::table::Table;

/// For each row whether `predicate`, a condition in SQL, holds. A condition that is null does not hold.
pub fn where_holds(table: &Table, predicate: &str) -> Result<Vec<bool>, Error> {
    let columns = || some(&table.names());
    let fail = |fault: String| Error::Predicate {
        predicate: predicate.to_owned(),
        fault,
        columns: columns(),
    };
    let expression = guard(|| polars::sql::sql_expr(predicate)).map_err(fail)?;
    let names = table.names();
    for root in expression.clone().meta().root_names() {
        if root.starts_with("_POLARS_TMP") {
            return Err(fail("it asks another table".to_owned()));
        }
        if !names.iter().any(|name| *name == root.as_str()) {
            return Err(Error::NoColumn {
                column: root.to_string(),
                option: "--where",
                columns: columns(),
                nearest: nearest(&root, &names).map(str::to_owned),
            });
        }
    }
    let usable = table
        .columns
        .iter()
        .filter(|column| column.kind != Kind::Vectors || predicate.contains(&column.name));
    let series = usable.map(|column| column.series.clone().into()).collect();
    let frame = DataFrame::new(table.rows(), series).map_err(|error| fail(error.to_string()))?;
    let answer =
        guard(|| frame.lazy().select([expression.alias("keep")]).collect()).map_err(fail)?;
    let answer = answer
        .columns()
        .first()
        .map(|column| column.as_materialized_series().clone());
    let answer = answer.ok_or_else(|| fail("it is no condition".to_owned()))?;
    let truths = answer
        .bool()
        .map_err(|_| fail(format!("it gives {}, no truth value", answer.dtype())))?;
    match truths.len() {
        length if length == table.rows() => {
            Ok(truths.iter().map(|truth| truth == Some(true)).collect())
        }
        // A condition over no column, or over a whole column at once.
        1 => Ok(vec![truths.get(0) == Some(true); table.rows()]),
        length => Err(fail(format!(
            "it gives {length} answers for {} rows",
            table.rows()
        ))),
    }
}

/// For each text the place of the first that is equal to it, byte for byte. Linear in their length.
pub fn first_of_equals<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> Vec<usize> {
    let mut first = HashMap::with_capacity(texts.len());
    texts
        .enumerate()
        .map(|(place, text)| *first.entry(text).or_insert(place))
        .collect()
}

/// `count` of the places 0..n, in order, every subset as likely as any other. Each row draws by its own number, so
/// that a row's luck does not depend on how many others there are.
pub fn sample(source_row: &[i64], count: usize, seed: Seed) -> Vec<usize> {
    let mut drawn: Vec<(u64, usize)> = source_row
        .iter()
        .enumerate()
        .map(|(place, &row)| (seed.stream("ingest/sample", row as u64).next_u64(), place))
        .collect();
    drawn.sort_unstable();
    let mut places: Vec<usize> = drawn
        .into_iter()
        .take(count)
        .map(|(_, place)| place)
        .collect();
    places.sort_unstable();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_stands_for_them() {
        assert_eq!(
            first_of_equals(["a", "b", "a", "B", "b"].into_iter()),
            [0, 1, 0, 3, 1]
        );
    }

    #[test]
    fn a_sample_is_seeded_and_in_order() {
        let rows: Vec<i64> = (0..1_000).collect();
        let drawn = sample(&rows, 100, Seed(1));
        assert_eq!(drawn, sample(&rows, 100, Seed(1)));
        assert_ne!(drawn, sample(&rows, 100, Seed(2)));
        assert_eq!(drawn.len(), 100);
        assert!(drawn.is_sorted());
        assert_eq!(sample(&rows, 5_000, Seed(1)).len(), 1_000);
        // Half of a larger table holds the sample of a smaller one, where its rows are drawn at all.
        let (small, large) = (
            sample(&rows[..500], 250, Seed(1)),
            sample(&rows, 500, Seed(1)),
        );
        assert!(small.iter().filter(|place| large.contains(place)).count() > 200);
    }
}
