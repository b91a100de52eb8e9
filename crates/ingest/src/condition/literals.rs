//! Literals and their values: dates, times, intervals and numbers.

use arrow::datatypes::{DataType, TimeUnit};
use sqlparser::ast::Value;

use super::Fault;
use super::parse::string;
use super::term::{Class, Literal, Node, SPAN, Span, Term};
use crate::types::{date, moment, time_of_day};

/// Maximum number of digits of a decimal.
pub const DIGITS: u8 = 38;

/// A literal as it is parsed.
pub fn literal(value: &Value) -> Result<Term, Fault> {
    match value {
        Value::Null => Ok(Term::new(Node::Literal(Literal::Null), DataType::Null)),
        Value::Boolean(truth) => Ok(Term::truth(Node::Literal(Literal::Truth(*truth)))),
        Value::Number(text, _) => Ok(number(text)),
        value => match string(value) {
            Some(text) => Ok(Term::new(
                Node::Literal(Literal::Text(text.to_owned())),
                DataType::LargeUtf8,
            )),
            None => Err(Fault::new(
                format!("the literal {value} cannot be used in a condition"),
                "write a number, or a text in single quotes",
            )),
        },
    }
}

/// `text` as a literal of type `dtype`.
pub fn constant(text: &str, dtype: &DataType) -> Result<Term, Fault> {
    let class = Class::of(dtype);
    if class.is_temporal() {
        return finest(text, dtype).ok_or_else(|| no_temporal(text, class, None));
    }
    let text = Term::new(
        Node::Literal(Literal::Text(text.to_owned())),
        DataType::LargeUtf8,
    );
    Ok(text.cast(dtype.clone()))
}

/// A number as written, in its narrowest type: i64, else a decimal, else f64.
pub fn number(text: &str) -> Term {
    let dtype = if text.parse::<i64>().is_ok() {
        DataType::Int64
    } else {
        match exact(text) {
            Some((_, 0)) => DataType::Decimal128(DIGITS, 0),
            _ => DataType::Float64,
        }
    };
    Term::new(Node::Literal(Literal::Number(text.to_owned())), dtype)
}

/// A number without an exponent as an unscaled value and a scale; `None` if it has more than 38 digits.
pub fn exact(text: &str) -> Option<(i128, u8)> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let part = part.trim_end_matches('0');
    let all = format!("{whole}{part}");
    let fits = all.trim_start_matches('0').len() <= usize::from(DIGITS)
        && part.len() <= usize::from(DIGITS)
        && !all.is_empty()
        && all.bytes().all(|byte| byte.is_ascii_digit());
    let count: i128 = fits.then(|| all.parse().ok())??;
    Some((sign * count, part.len() as u8))
}

/// The unscaled value of the decimal `text` with `scale` decimals; `None` if it has more decimals.
pub fn scaled(text: &str, scale: u8) -> Option<i128> {
    let (count, decimals) = exact(text)?;
    count.checked_mul(10_i128.checked_pow(u32::from(scale.checked_sub(decimals)?))?)
}

/// A text as a literal of the date or time type `dtype`.
pub fn temporal(text: &str, dtype: &DataType) -> Option<Term> {
    let count = physical(text, dtype)?;
    let literal = Literal::Temporal(count, text.to_owned());
    Some(Term::new(Node::Literal(literal), dtype.clone()))
}

/// A text as a literal of the date or time type `dtype`, in nanoseconds if microseconds would truncate it.
pub fn finest(text: &str, dtype: &DataType) -> Option<Term> {
    temporal(text, dtype).or_else(|| match dtype {
        DataType::Timestamp(_, zone) => temporal(
            text,
            &DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()),
        ),
        _ => None,
    })
}

/// The physical value of `text` in a column of type `dtype`: days, or units of time.
pub fn physical(text: &str, dtype: &DataType) -> Option<i64> {
    match dtype {
        DataType::Date32 => date(text).map(i64::from),
        DataType::Time64(_) => time_of_day(text),
        DataType::Timestamp(unit, zone) => {
            let nanos = if let Some(days) = date(text) {
                i128::from(days) * 86_400 * 1_000_000_000
            } else {
                let (nanos, zoned) = moment(text)?;
                (!zoned || zone.is_some()).then_some(nanos)?
            };
            let size = match unit {
                TimeUnit::Nanosecond => 1,
                _ => 1_000,
            };
            (nanos % size == 0)
                .then(|| i64::try_from(nanos / size).ok())
                .flatten()
        }
        _ => None,
    }
}

/// The error for a text that is not a date or a time.
pub fn no_temporal(text: &str, class: Class, beside: Option<&str>) -> Fault {
    let beside = beside.map_or_else(String::new, |beside| format!("{beside}, but "));
    let (what, remedy) = match class {
        Class::Date => ("not a date", "write a date as '2025-01-31'"),
        Class::TimeOfDay => ("not a time of day", "write a time as '09:30:00'"),
        Class::Moment { zoned: true } => (
            "not a date with a time",
            "write it as '2025-01-31T09:30:00Z', '2025-01-31 09:30:00+02:00', or '2025-01-31' for midnight UTC",
        ),
        _ => (
            "not a date with a time and no time zone",
            "write it as '2025-01-31 09:30:00', or '2025-01-31' for midnight",
        ),
    };
    Fault::new(format!("{beside}'{text}' is {what}"), remedy)
}

/// Parses an interval: "1 day", "2 hours 30 minutes".
pub fn span(text: &str) -> Result<Term, Fault> {
    let fail = || {
        Fault::new(
            format!("'{text}' is not an interval"),
            "write whole numbers and units: INTERVAL '30 days', INTERVAL '1 month', INTERVAL '2 hours 30 minutes'",
        )
    };
    let mut span = Span::default();
    let mut words = text.split_whitespace();
    let mut any = false;
    while let Some(word) = words.next() {
        // "3 days" and "3days".
        let end = word.find(|c: char| c.is_alphabetic()).unwrap_or(word.len());
        let count: i64 = word[..end].parse().map_err(|_| fail())?;
        let unit = match &word[end..] {
            "" => words.next().ok_or_else(fail)?,
            unit => unit,
        };
        add(&mut span, count, &unit.to_lowercase()).ok_or_else(fail)?;
        any = true;
    }
    if !any {
        return Err(fail());
    }
    Ok(Term::new(Node::Literal(Literal::Span(span)), SPAN))
}

/// Adds `count` units of time.
fn add(span: &mut Span, count: i64, unit: &str) -> Option<()> {
    let unit = unit.trim_end_matches(',');
    let unit = match unit {
        "ms" | "us" | "ns" | "s" => unit,
        _ => unit.strip_suffix('s').unwrap_or(unit),
    };
    let (months, days, nanos) = match unit {
        "year" | "y" => (12, 0, 0),
        "quarter" | "q" => (3, 0, 0),
        "month" | "mon" | "mo" => (1, 0, 0),
        "week" | "w" => (0, 7, 0),
        "day" | "d" => (0, 1, 0),
        "hour" | "h" => (0, 0, 3_600_000_000_000),
        "minute" | "min" | "m" => (0, 0, 60_000_000_000),
        "second" | "sec" | "s" => (0, 0, 1_000_000_000),
        "millisecond" | "ms" => (0, 0, 1_000_000),
        "microsecond" | "us" => (0, 0, 1_000),
        "nanosecond" | "ns" => (0, 0, 1),
        _ => return None,
    };
    let small = i32::try_from(count).ok();
    if months != 0 {
        span.months = span.months.checked_add(small?.checked_mul(months)?)?;
    } else if days != 0 {
        span.days = span.days.checked_add(small?.checked_mul(days)?)?;
    } else {
        span.nanos = span.nanos.checked_add(count.checked_mul(nanos)?)?;
    }
    Some(())
}

/// An interval in nanoseconds; `None` if it has months, which have no fixed length.
pub fn fixed(span: Span) -> Option<i64> {
    let days = i64::from(span.days).checked_mul(86_400_000_000_000)?;
    (span.months == 0).then(|| days.checked_add(span.nanos))?
}

/// Whether a text is a date in another format than ISO 8601, which does not sort alphabetically: `31/12/2024`, `12-31-24`,
/// `1.2.2025`, `2025-1-31`, `31 Dec 2024`, with or without a time.
pub fn is_foreign_date(text: &str) -> bool {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let text = text.trim();
    if date(text).is_some() || moment(text).is_some() {
        return false;
    }
    let is_number = |word: &str, longest: usize| {
        (1..=longest).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit())
    };
    // The date, without a time after it.
    let day = text.split(['T', ' ']).next().unwrap_or_default();
    for separator in ['/', '-', '.'] {
        let parts: Vec<&str> = day.trim_end_matches('.').split(separator).collect();
        if let [a, b, c] = parts[..] {
            let year_first = is_number(a, 4) && a.len() == 4 && is_number(b, 2) && is_number(c, 2);
            let year_last = is_number(a, 2) && is_number(b, 2) && is_number(c, 4);
            // `1.2.3` is a version.
            let whole = c.len() == 4 || (c.len() == 2 && (separator == '/' || a.len() == 2));
            if year_first || (year_last && whole) {
                return true;
            }
        }
        if let [a, b] = parts[..]
            && separator == '/'
            && is_number(a, 4)
            && is_number(b, 4)
            && (a.len() == 4 || b.len() == 4)
        {
            return true;
        }
    }
    let words: Vec<String> = text
        .split([' ', ',', '-', '/', '.'])
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let named = words.iter().take(3).any(|word| {
        NAMES.contains(&word.as_str()) || MONTHS.contains(&word.as_str()) || word == "sept"
    });
    let numbers = words.iter().filter(|word| is_number(word, 4)).count();
    named && numbers > 0 && words.len() <= 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact() {
        assert_eq!(exact("0.10"), Some((1, 1)));
        assert_eq!(exact("-12.5"), Some((-125, 1)));
        assert_eq!(exact("9007199254740993"), Some((9_007_199_254_740_993, 0)));
        assert_eq!(exact("1e3"), None);
        assert_eq!(exact(&"9".repeat(39)), None);
        assert_eq!(scaled("0.1", 2), Some(10));
        assert_eq!(scaled("0.123", 2), None);
    }

    #[test]
    fn spans_are_read() {
        let read = |text| match span(text).map(|term| term.node) {
            Ok(Node::Literal(Literal::Span(span))) => Some((span.months, span.days, span.nanos)),
            _ => None,
        };
        assert_eq!(read("1 day"), Some((0, 1, 0)));
        assert_eq!(read("2 hours 30 minutes"), Some((0, 0, 9_000_000_000_000)));
        assert_eq!(read("1 year -2 months"), Some((10, 0, 0)));
        assert_eq!(read("3weeks"), Some((0, 21, 0)));
        for wrong in ["", "day", "1", "1.5 days", "1 parsec"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(
            fixed(Span {
                months: 1,
                ..Span::default()
            }),
            None
        );
    }

    #[test]
    fn dates_in_other_forms_are_recognized() {
        for date in [
            "31/12/2024",
            "12/31/24",
            "1.2.2025",
            "2025-1-31",
            "2025/01/31",
            "31-12-2024 10:00",
            "31 Dec 2024",
            "December 31, 2024",
            "12/2024",
        ] {
            assert!(is_foreign_date(date), "{date}");
        }
        for other in [
            "2024-12-31",
            "2024-12-31T10:00:00Z",
            "may",
            "1.5",
            "1/2/3/4",
            "1.2.3",
            "5",
            "10-4",
            "1/2",
        ] {
            assert!(!is_foreign_date(other), "{other}");
        }
    }
}
