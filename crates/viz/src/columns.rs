//! The columns of the source as the page shows them: categories, numbers, dates, links, texts.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, LargeStringArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMillisecondType};

/// Maximum number of distinct values of a category.
const MAX_CATEGORIES: usize = 200;
/// Maximum number of distinct values at which integers are shown as categories.
const MAX_CLASSES: usize = 24;
/// 2^53: the integers up to here are exact in f64.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;
/// Number of rows that decide whether a column is part of the text.
const SAMPLE: usize = 500;

/// A column as the page shows it.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Values,
    /// Number of rows without a value.
    pub empty: usize,
}

/// The values of a column.
#[derive(Debug, Clone)]
pub enum Values {
    /// An index into `names` per row, most frequent name first; `names.len()` for rows without a value.
    Category {
        /// The index of each row.
        codes: Vec<u16>,
        /// The values.
        names: Vec<String>,
        /// Number of rows of each value.
        counts: Vec<usize>,
    },
    /// NaN for rows without a value.
    Number(Vec<f64>),
    /// Milliseconds since 1970, UTC; NaN for rows without a value.
    Date {
        /// The value of each row.
        values: Vec<f64>,
        /// Whether any value has a time of day.
        time: bool,
    },
    /// Anything else, as text; empty for rows without a value.
    Text(LargeStringArray),
    /// Web addresses.
    Link(LargeStringArray),
}

/// Columns that are not shown, with the reason.
pub type LeftOut = Vec<(String, &'static str)>;

/// Converts the columns of `source`; `wanted` names those to show, all if it is empty.
///
/// A column whose values are all contained in the text (the title that the text was made of) is left out.
pub fn columns(
    source: &RecordBatch,
    text: &LargeStringArray,
    wanted: &[String],
) -> (Vec<Column>, LeftOut) {
    let mut kept = Vec::new();
    let mut left_out = Vec::new();
    for (field, array) in source.schema().fields().iter().zip(source.columns()) {
        let name = field.name();
        if !wanted.is_empty() && !wanted.contains(name) {
            left_out.push((name.clone(), "not selected by --columns"));
            continue;
        }
        match column(array) {
            Err(reason) => left_out.push((name.clone(), reason)),
            Ok((Values::Text(values), _)) if wanted.is_empty() && is_part(&values, text) => {
                left_out.push((name.clone(), "part of the text"));
            }
            Ok((values, empty)) => kept.push(Column {
                name: name.clone(),
                values,
                empty,
            }),
        }
    }
    (kept, left_out)
}

fn column(array: &ArrayRef) -> Result<(Values, usize), &'static str> {
    const UNSHOWN: &str = "of a type that is not shown";
    let to = |kind: &DataType| cast(array, kind).map_err(|_| UNSHOWN);
    let numbers = || -> Result<Vec<f64>, &'static str> {
        let values = to(&DataType::Float64)?;
        let finite =
            |value: Option<f64>| value.filter(|value| value.is_finite()).unwrap_or(f64::NAN);
        Ok(values
            .as_primitive::<Float64Type>()
            .iter()
            .map(finite)
            .collect())
    };
    let kind = match array.data_type() {
        DataType::Dictionary(_, values) => values.as_ref(),
        kind => kind,
    };
    let values = match kind {
        DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            words(to(&DataType::LargeUtf8)?.as_string::<i64>())
        }
        kind if kind.is_integer() => {
            let values = numbers()?;
            if values.iter().any(|value| value.abs() >= MAX_EXACT_INTEGER) {
                // Such numbers are ids rather than amounts, and f64 would change their last digits.
                words(to(&DataType::LargeUtf8)?.as_string::<i64>())
            } else {
                classes(&to(&DataType::Int64)?).unwrap_or(Values::Number(values))
            }
        }
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
            let moments = to(&DataType::Timestamp(TimeUnit::Millisecond, None))?;
            let moments = moments.as_primitive::<TimestampMillisecondType>();
            dates(
                moments
                    .iter()
                    .map(|value| value.map_or(f64::NAN, |value| value as f64))
                    .collect(),
            )
        }
        kind if kind.is_numeric() => Values::Number(numbers()?),
        DataType::Null => return Err("empty"),
        _ => return Err(UNSHOWN),
    };
    let empty = match &values {
        Values::Category { codes, names, .. } => codes
            .iter()
            .filter(|&&code| usize::from(code) == names.len())
            .count(),
        Values::Number(values) | Values::Date { values, .. } => {
            values.iter().filter(|value| value.is_nan()).count()
        }
        Values::Text(values) | Values::Link(values) => (0..values.len())
            .filter(|&at| values.value(at).is_empty())
            .count(),
    };
    if empty == array.len() {
        Err("empty")
    } else {
        Ok((values, empty))
    }
}

/// Integers with few distinct values as categories, in ascending order.
fn classes(array: &ArrayRef) -> Option<Values> {
    let values = array.as_primitive::<Int64Type>();
    let mut distinct: BTreeMap<i64, usize> = BTreeMap::new();
    for value in values.iter().flatten() {
        *distinct.entry(value).or_default() += 1;
        if distinct.len() > MAX_CLASSES || distinct.len() * 4 > array.len().max(16) {
            return None;
        }
    }
    let code: BTreeMap<i64, u16> = distinct
        .keys()
        .zip(0..)
        .map(|(&value, code)| (value, code))
        .collect();
    Some(Values::Category {
        codes: values
            .iter()
            .map(|value| value.map_or(distinct.len() as u16, |value| code[&value]))
            .collect(),
        names: distinct.keys().map(i64::to_string).collect(),
        counts: distinct.values().copied().collect(),
    })
}

/// Strings as links, dates (ISO 8601), categories, or texts.
fn words(values: &LargeStringArray) -> Values {
    let filled = || {
        values
            .iter()
            .flatten()
            .map(str::trim)
            .filter(|value| !value.is_empty())
    };
    let whole = |values: &LargeStringArray| {
        LargeStringArray::from_iter_values(values.iter().map(Option::unwrap_or_default))
    };
    let is_link = |value: &str| {
        let value = value.as_bytes();
        [&b"http://"[..], b"https://"].iter().any(|start| {
            value.len() > start.len() && value[..start.len()].eq_ignore_ascii_case(start)
        })
    };
    if filled().next().is_some() && filled().all(is_link) {
        return Values::Link(whole(values));
    }
    if filled().next().is_some() && filled().all(|value| iso_date(value).is_some()) {
        return dates(
            values
                .iter()
                .map(|value| {
                    value
                        .and_then(|value| iso_date(value.trim()))
                        .unwrap_or(f64::NAN)
                })
                .collect(),
        );
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut longest = 0;
    for value in filled() {
        *counts.entry(value).or_default() += 1;
        longest = longest.max(value.len());
        if counts.len() > MAX_CATEGORIES {
            return Values::Text(whole(values));
        }
    }
    if longest > 200 || counts.len() * 2 > values.len().max(8) {
        return Values::Text(whole(values));
    }
    let mut order: Vec<(&str, usize)> = counts.into_iter().collect();
    order.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let code: BTreeMap<&str, u16> = order
        .iter()
        .zip(0..)
        .map(|(&(name, _), code)| (name, code))
        .collect();
    let none = order.len() as u16;
    Values::Category {
        codes: values
            .iter()
            .map(|value| {
                value
                    .and_then(|value| code.get(value.trim()))
                    .copied()
                    .unwrap_or(none)
            })
            .collect(),
        names: order.iter().map(|&(name, _)| name.to_owned()).collect(),
        counts: order.iter().map(|&(_, count)| count).collect(),
    }
}

fn dates(values: Vec<f64>) -> Values {
    let time = values
        .iter()
        .any(|value| !value.is_nan() && value.rem_euclid(86_400_000.0) != 0.0);
    Values::Date { values, time }
}

/// Milliseconds since 1970 of `2004-08-16`, `2004-08-16 12:30`, `2004-08-16T12:30:59.5Z`; `None` for other time zones.
fn iso_date(value: &str) -> Option<f64> {
    let part = |from: usize, to: usize| -> Option<i64> {
        let digits = value.get(from..to)?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok())
            .flatten()
    };
    let bytes = value.as_bytes();
    let is = |at: usize, byte: u8| bytes.get(at) == Some(&byte);
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    if !is(4, b'-') || !is(7, b'-') || !(1..=days_in(year, month)?).contains(&day) {
        return None;
    }
    // Days since 1970 of a date of the Gregorian calendar, years beginning in March.
    let shifted = if month > 2 { year } else { year - 1 };
    let in_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + in_year - 719_468;
    let midnight = days as f64 * 86_400_000.0;
    if value.len() == 10 {
        return Some(midnight);
    }
    if !(is(10, b'T') || is(10, b' ')) || !is(13, b':') {
        return None;
    }
    let (hour, minute) = (part(11, 13)?, part(14, 16)?);
    let rest = &value[16..];
    let second = if is(16, b':') { part(17, 19)? } else { 0 };
    let tail = if is(16, b':') { value.get(19..)? } else { rest };
    let fraction = tail.strip_prefix('.').map_or(tail, |tail| {
        tail.trim_start_matches(|c: char| c.is_ascii_digit())
    });
    if hour > 23 || minute > 59 || second > 60 || !["", "Z", "z", "+00:00"].contains(&fraction) {
        return None;
    }
    Some(midnight + ((hour * 60 + minute) * 60 + second) as f64 * 1000.0)
}

/// The number of days of a month of the Gregorian calendar.
fn days_in(year: i64, month: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    Some(match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    })
}

/// Whether the texts contain the values, judged by a sample of the rows that have one.
fn is_part(values: &LargeStringArray, text: &LargeStringArray) -> bool {
    let filled: Vec<usize> = (0..values.len())
        .filter(|&at| !values.value(at).trim().is_empty())
        .collect();
    filled
        .iter()
        .step_by((filled.len() / SAMPLE).max(1))
        .all(|&at| text.value(at).contains(values.value(at).trim()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float32Array, Int64Array, StringArray};
    use arrow::datatypes::{Field, Schema};

    use super::*;

    #[expect(
        clippy::needless_pass_by_value,
        reason = "arrays are made where they are passed"
    )]
    fn one(array: ArrayRef) -> Result<Values, &'static str> {
        column(&array).map(|(values, _)| values)
    }

    #[test]
    fn dates_are_parsed_by_the_calendar() {
        assert_eq!(iso_date("1970-01-01"), Some(0.0));
        assert_eq!(iso_date("2000-03-01"), Some(951_868_800_000.0));
        assert_eq!(
            iso_date("2004-02-29T12:30:05.25Z"),
            Some(1_078_057_805_000.0)
        );
        for wrong in [
            "2004-13-01",
            "2023-02-30",
            "2023-02-29",
            "1900-02-29",
            "2004-04-31",
            "20040229",
            "2004-02-29T25:00",
            "2004-02-29 12:00+02:00",
            "yesterday",
            "2004-02-2\u{e9}",
        ] {
            assert_eq!(iso_date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn strings_are_classified_as_categories_links_dates_or_texts() {
        let many = |make: &dyn Fn(usize) -> String| {
            one(Arc::new(StringArray::from_iter_values((0..40).map(make)))).unwrap()
        };
        let Values::Category {
            names,
            counts,
            codes,
        } = many(&|at| if at % 4 == 0 { "b" } else { " a" }.to_owned())
        else {
            panic!("no category");
        };
        assert_eq!(
            (names, counts),
            (vec!["a".to_owned(), "b".to_owned()], vec![30, 10])
        );
        assert_eq!(codes[..5], [1, 0, 0, 0, 1]);
        assert!(matches!(
            many(&|at| format!("HTTPS://example.org/{at}")),
            Values::Link(_)
        ));
        assert!(matches!(
            many(&|at| format!("javascript:alert({at})")),
            Values::Text(_)
        ));
        assert!(matches!(
            many(&|at| format!("2004-01-{:02}", at % 28 + 1)),
            Values::Date { time: false, .. }
        ));
    }

    #[test]
    fn numbers_with_few_values_are_categories() {
        let few: Int64Array = (0..100).map(|at| (at != 5).then_some(at % 3 + 1)).collect();
        let Values::Category { names, codes, .. } = one(Arc::new(few)).unwrap() else {
            panic!("no category")
        };
        assert_eq!((names.len(), codes[5]), (3, 3));
        assert!(matches!(
            one(Arc::new(Int64Array::from_iter_values(0..100))),
            Ok(Values::Number(_))
        ));
        let odd = Float32Array::from(vec![Some(1.5), None, Some(f32::INFINITY)]);
        let Values::Number(values) = one(Arc::new(odd)).unwrap() else {
            panic!("no numbers")
        };
        assert!(values[0] == 1.5 && values[1].is_nan() && values[2].is_nan());
    }

    #[test]
    fn large_numbers_keep_their_digits() {
        let ids = [9_007_199_254_740_993_i64, 1_234_567_890_123_456_789];
        let ids: Int64Array = (0..40)
            .map(|at| ids.get(at).copied().or(Some(at as i64)))
            .collect();
        let Values::Text(shown) = one(Arc::new(ids)).unwrap() else {
            panic!("no text")
        };
        assert_eq!(
            (shown.value(0), shown.value(1), shown.value(2)),
            ("9007199254740993", "1234567890123456789", "2")
        );
    }

    #[test]
    fn a_column_with_empty_cells_is_not_part_of_the_text() {
        let text = LargeStringArray::from_iter_values((0..2000).map(|at| format!("title {at}")));
        let note = |at: usize| match at {
            700 | 701 => format!("remark {at}"),
            _ => String::new(),
        };
        let notes = LargeStringArray::from_iter_values((0..2000).map(note));
        assert!(!is_part(&notes, &text));
        let parts = LargeStringArray::from_iter_values((0..2000).map(|at| match at {
            700 => "title 700".to_owned(),
            _ => String::new(),
        }));
        assert!(is_part(&parts, &text));
    }

    #[test]
    fn parts_of_the_text_and_empty_columns_are_left_out_and_named() {
        let text = LargeStringArray::from_iter_values((0..9).map(|at| format!("title {at}\nmore")));
        let schema = Schema::new(vec![
            Field::new("title", DataType::Utf8, true),
            Field::new("nothing", DataType::Utf8, true),
            Field::new("note", DataType::Utf8, true),
        ]);
        let source = RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(StringArray::from_iter_values(
                    (0..9).map(|at| format!("title {at}")),
                )),
                Arc::new(StringArray::from(vec![None::<&str>; 9])),
                Arc::new(StringArray::from_iter_values(
                    (0..9).map(|at| format!("note {at}")),
                )),
            ],
        )
        .unwrap();
        let (kept, left_out) = columns(&source, &text, &[]);
        assert_eq!(
            kept.iter()
                .map(|column| column.name.as_str())
                .collect::<Vec<_>>(),
            ["note"]
        );
        assert_eq!(
            left_out,
            [
                ("title".to_owned(), "part of the text"),
                ("nothing".to_owned(), "empty")
            ]
        );
        assert_eq!(columns(&source, &text, &["title".to_owned()]).0.len(), 1);
    }
}
