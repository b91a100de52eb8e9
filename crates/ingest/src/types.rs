//! Type inference for columns of strings, over all rows: integers, numbers, booleans, dates, timestamps, else text.
//!
//! A type is used only if every value has it and round-trips: `007`, an integer beyond 64 bits and a code like `1E5` remain
//! text, and so do decimal numbers with significant trailing zeros (`3.1` and `3.10`), and columns with the name of an
//! identifier (`2503.11720` is not 2503.1172). Text columns need one pass, which usually stops at the first value; others two.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, LargeStringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;

use crate::convert::UTC;
use crate::formats::Kind;

/// The default words for "no value".
pub const NULL_WORDS: &str = "nan,NaN,NAN,null,NULL,Null,None,N/A,n/a,NA,<NA>,#N/A,NaT";

/// A column with its inferred type.
pub struct Inferred {
    /// The column.
    pub values: ArrayRef,
    /// Number of words treated as null.
    pub nulled: usize,
}

/// Whether `word` means "no value".
pub fn is_null_word(word: &str, null_words: &[String]) -> bool {
    null_words.iter().any(|null| null == word)
}

/// The common type of all strings of a column, and the number of words for "no value"; `None` for text or without values.
pub fn type_of(
    name: &str,
    strings: &LargeStringArray,
    kind: Kind,
    null_words: &[String],
) -> Option<(Type, usize)> {
    let mut candidates = match kind {
        Kind::Words => vec![
            Type::Bool,
            Type::Int,
            Type::Float,
            Type::Date,
            Type::Time { utc: false },
            Type::Time { utc: true },
        ],
        Kind::Strings => vec![
            Type::Date,
            Type::Time { utc: false },
            Type::Time { utc: true },
        ],
        Kind::Empty | Kind::Nested | Kind::Mixed | Kind::Typed | Kind::Vectors => Vec::new(),
    };
    if is_identifier(name) {
        candidates.retain(|&candidate| candidate != Type::Float);
    }
    let (mut seen, mut nulled) = (false, 0);
    let mut decimals = Decimals::default();
    for value in strings.iter().flatten() {
        let value = value.trim();
        if value.is_empty() {
            continue;
        }
        if is_null_word(value, null_words) {
            nulled += 1;
            continue;
        }
        seen = true;
        candidates.retain(|candidate| candidate.takes(value));
        match candidates.first() {
            None => break,
            Some(Type::Float) => decimals.add(value),
            Some(_) => {}
        }
    }
    let found = candidates.first().copied().filter(|_| seen)?;
    (found != Type::Float || decimals.round_trips()).then_some((found, nulled))
}

/// The notation of the decimal numbers of a column.
#[derive(Debug, Default)]
struct Decimals {
    /// The number of decimals of the first number that has any.
    first: Option<usize>,
    /// Whether other numbers have more or fewer.
    differ: bool,
    /// Whether one has a trailing zero.
    zero: bool,
}

impl Decimals {
    fn add(&mut self, value: &str) {
        let Some((_, decimals)) = value.split_once('.') else {
            return;
        };
        if decimals.contains(['e', 'E']) {
            return;
        }
        let first = *self.first.get_or_insert(decimals.len());
        self.differ |= decimals.len() != first;
        self.zero |= decimals.len() > 1 && decimals.ends_with('0');
    }

    /// Whether the notation follows from the values: shortest, or the same number of decimals in all.
    fn round_trips(&self) -> bool {
        !(self.differ && self.zero)
    }
}

/// Infers the type of the column `name` and converts it.
pub fn infer_type(
    name: &str,
    strings: LargeStringArray,
    kind: Kind,
    null_words: &[String],
) -> Inferred {
    let Some((found, nulled)) = type_of(name, &strings, kind, null_words) else {
        return Inferred {
            values: Arc::new(strings),
            nulled: 0,
        };
    };
    let cells = strings.iter().map(|cell| cell.map(str::trim));
    let values: ArrayRef = match found {
        Type::Bool => Arc::new(
            cells
                .map(|cell| cell.and_then(truth))
                .collect::<BooleanArray>(),
        ),
        Type::Int => Arc::new(
            cells
                .map(|cell| cell.and_then(whole))
                .collect::<Int64Array>(),
        ),
        Type::Float => Arc::new(
            cells
                .map(|cell| cell.and_then(decimal))
                .collect::<Float64Array>(),
        ),
        Type::Date => Arc::new(
            cells
                .map(|cell| cell.and_then(date))
                .collect::<Date32Array>(),
        ),
        Type::Time { utc } => {
            let micros = cells.map(|cell| cell.and_then(time).map(|(micros, _)| micros));
            let moments: TimestampMicrosecondArray = micros.collect();
            Arc::new(moments.with_timezone_opt(utc.then_some(UTC)))
        }
    };
    debug_assert!(*values.data_type() != DataType::LargeUtf8);
    Inferred { values, nulled }
}

/// An inferable type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A boolean.
    Bool,
    /// A 64-bit integer.
    Int,
    /// A number.
    Float,
    /// A date.
    Date,
    /// A timestamp.
    Time {
        /// Whether it has a time zone.
        utc: bool,
    },
}

impl Type {
    fn takes(self, value: &str) -> bool {
        match self {
            Self::Bool => truth(value).is_some(),
            Self::Int => whole(value).is_some(),
            Self::Float => decimal(value).is_some(),
            Self::Date => date(value).is_some(),
            Self::Time { utc } => time(value).is_some_and(|(_, zone)| zone == utc),
        }
    }
}

/// Whether a column with this name holds identifiers rather than amounts.
fn is_identifier(name: &str) -> bool {
    let lower = name.to_lowercase();
    lower == "id"
        || ["_id", "-id", " id", ".id", "doi", "version"]
            .iter()
            .any(|end| lower.ends_with(end))
}

fn truth(value: &str) -> Option<bool> {
    match value {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// An integer in canonical notation.
fn whole(value: &str) -> Option<i64> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    if plain && value != "-0" {
        value.parse().ok()
    } else {
        None
    }
}

/// A number with or without decimals or exponent; not an integer beyond 64 bits, and not digits around a capital E (`1E5`),
/// which may be a code: programs write numbers with a point or a sign.
pub(crate) fn decimal(value: &str) -> Option<f64> {
    let unsigned = value.strip_prefix('-').unwrap_or(value).as_bytes();
    let numeric = unsigned
        .iter()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    let leading_zero = unsigned.len() > 1 && unsigned[0] == b'0' && unsigned[1].is_ascii_digit();
    if !numeric
        || leading_zero
        || !unsigned
            .first()
            .is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.')
    {
        return None;
    }
    if unsigned.iter().all(u8::is_ascii_digit) {
        return value.parse::<i64>().ok().map(|whole| whole as f64);
    }
    if unsigned.contains(&b'E')
        && !unsigned
            .iter()
            .any(|byte| matches!(byte, b'.' | b'+' | b'-'))
    {
        return None;
    }
    value.parse().ok().filter(|number: &f64| number.is_finite())
}

fn number(digits: &str, length: usize) -> Option<i64> {
    (digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())?
}

/// Days since 1970 of `YYYY-MM-DD`.
pub(crate) fn date(value: &str) -> Option<i32> {
    let mut parts = value.split('-');
    let (year, month, day) = (
        number(parts.next()?, 4)?,
        number(parts.next()?, 2)?,
        number(parts.next()?, 2)?,
    );
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if parts.next().is_some() || !(1..=length).contains(&day) {
        return None;
    }
    // The algorithm "days from civil": years begin in March, so that the leap day is the last day.
    let (year, month) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    i32::try_from(era * 146_097 + day_of_era - 719_468).ok()
}

/// Microseconds since 1970 of `YYYY-MM-DD HH:MM[:SS[.ffffff]]`, with or without a zone; and whether it had one.
fn time(value: &str) -> Option<(i64, bool)> {
    let (nanos, zoned) = moment(value)?;
    let micros = i64::try_from(nanos / 1_000).ok()?;
    (nanos % 1_000 == 0).then_some((micros, zoned))
}

/// Nanoseconds since 1970 of `YYYY-MM-DD HH:MM[:SS[.fffffffff]]`, with or without a zone; and whether it had one.
pub(crate) fn moment(value: &str) -> Option<(i128, bool)> {
    let (day, rest) = (value.get(..10)?, value.get(10..)?);
    let days = i128::from(date(day)?);
    let (clock, offset) = zone(rest.strip_prefix([' ', 'T', 't'])?)?;
    let minutes = days * 24 * 60 - i128::from(offset.unwrap_or(0));
    let nanos = minutes * 60 * 1_000_000_000 + i128::from(time_of_day(clock)?);
    Some((nanos, offset.is_some()))
}

/// Nanoseconds since midnight of `HH:MM[:SS[.fffffffff]]`.
pub(crate) fn time_of_day(clock: &str) -> Option<i64> {
    let mut parts = clock.splitn(3, ':');
    let (hours, minutes) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let (seconds, nanos) = match parts.next() {
        None => (0, 0),
        Some(seconds) => match seconds.split_once('.') {
            None => (number(seconds, 2)?, 0),
            Some((seconds, fraction)) => {
                let (kept, beyond) = fraction.split_at_checked(9).unwrap_or((fraction, ""));
                let exact = !kept.is_empty() && beyond.bytes().all(|byte| byte == b'0');
                let scale = 10_i64.pow(9 - kept.len() as u32);
                (
                    number(seconds, 2)?,
                    number(kept, kept.len()).filter(|_| exact)? * scale,
                )
            }
        },
    };
    (hours <= 23 && minutes <= 59 && seconds <= 59)
        .then_some(((hours * 60 + minutes) * 60 + seconds) * 1_000_000_000 + nanos)
}

/// Splits a time of day from its zone: the offset to UTC in minutes.
fn zone(clock: &str) -> Option<(&str, Option<i64>)> {
    if let Some(clock) = ["Z", "z", " UTC", " GMT"]
        .iter()
        .find_map(|end| clock.strip_suffix(end))
    {
        return Some((clock, Some(0)));
    }
    let Some(sign) = clock.rfind(['+', '-']) else {
        return Some((clock, None));
    };
    let (clock, offset) = clock.split_at(sign);
    let digits = offset[1..].replace(':', "");
    let minutes = match digits.len() {
        2 => number(&digits, 2)? * 60,
        4 => number(digits.get(..2)?, 2)? * 60 + number(digits.get(2..)?, 2)?,
        _ => return None,
    };
    Some((
        clock.trim_end(),
        Some(if offset.starts_with('-') {
            -minutes
        } else {
            minutes
        }),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dtype(name: &str, values: &[&str]) -> String {
        let strings = LargeStringArray::from_iter_values(values);
        let words: Vec<String> = NULL_WORDS.split(',').map(str::to_owned).collect();
        let inferred = infer_type(name, strings, Kind::Words, &words);
        crate::convert::type_name(inferred.values.data_type())
    }

    #[test]
    fn a_type_is_inferred_only_if_all_values_fit() {
        assert_eq!(dtype("n", &["1", "-2", "nan", ""]), "i64");
        assert_eq!(dtype("n", &["1", "2.5", "1e3"]), "f64");
        assert_eq!(dtype("n", &["1", "two"]), "str");
        assert_eq!(dtype("b", &["true", "False"]), "bool");
        assert_eq!(dtype("b", &["true", "1"]), "str");
        assert_eq!(dtype("d", &["2024-02-29", "1969-12-31"]), "date");
        assert_eq!(dtype("d", &["2023-02-29"]), "str");
        assert_eq!(
            dtype("t", &["2024-05-01T10:00:00", "2024-05-01 10:00"]),
            "datetime[μs]"
        );
        assert_eq!(
            dtype("t", &["2024-05-01T10:00:00Z", "2024-05-01 10:00+02:00"]),
            "datetime[μs, UTC]"
        );
        assert_eq!(
            dtype("t", &["2024-05-01T10:00:00Z", "2024-05-01 10:00"]),
            "str"
        );
        assert_eq!(dtype("e", &["", "nan"]), "str");
    }

    #[test]
    fn values_that_would_not_round_trip_remain_text() {
        assert_eq!(dtype("zip", &["01067", "80331"]), "str");
        assert_eq!(dtype("n", &["123456789012345678901234567890"]), "str");
        assert_eq!(dtype("arxiv_id", &["2503.11720"]), "str");
        assert_eq!(dtype("n", &["+5"]), "str");
        assert_eq!(dtype("n", &["inf"]), "str");
        assert_eq!(dtype("n", &["1e999"]), "str");
        assert_eq!(dtype("python", &["3.9", "3.10", "3.11"]), "str");
        assert_eq!(dtype("ward", &["1E5", "2E4"]), "str");
        // Prices, and what programs print.
        assert_eq!(dtype("n", &["1.50", "12", "0.20"]), "f64");
        assert_eq!(
            dtype("n", &["1.0", "0.25", "1.5E5", "1E-05", "1.50e+00"]),
            "f64"
        );
    }

    #[test]
    fn null_words_may_be_long() {
        let word = "no description available";
        assert!(is_null_word(word, &[word.to_owned()]));
    }

    #[test]
    fn times_are_counted_from_1970() {
        assert_eq!(date("1970-01-01"), Some(0));
        assert_eq!(date("2000-03-01"), Some(11_017));
        assert_eq!(date("1969-12-31"), Some(-1));
        assert_eq!(time("1970-01-01 00:00:01.5"), Some((1_500_000, false)));
        assert_eq!(time("1970-01-01T02:00:00+02:00"), Some((0, true)));
        assert_eq!(time("1970-01-01T00:00:00.1234567"), None);
        for odd in [
            "",
            "2024",
            "2024-05-01T",
            "2024-05-01 25:00",
            "2024-05-01 10:00:0é",
            "2024-05-01 10:00+é",
        ] {
            assert_eq!(time(odd), None, "{odd}");
        }
    }
}
