//! The functions of a condition, each from the values of one row to a value. Where an argument is null, so is the result,
//! except for those that join texts.

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};

/// What an argument has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    Text,
    Number,
    Whole,
    Temporal,
    /// Anything, as text.
    Any,
}

/// What a function gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    /// A number of the type of the first argument.
    Same,
    Whole,
    Number,
    Text,
    Truth,
    Date,
    Moment,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    Null,
    Text(Cow<'a, str>),
    Whole(i64),
    Number(f64),
    /// A count of units of 10 to the power of minus the scale.
    Decimal(i128, u8),
    Truth(bool),
    Moment(NaiveDateTime),
}

/// A function.
pub struct Function {
    pub name: &'static str,
    /// The classes of the arguments; the last is that of all further ones.
    pub arguments: &'static [Argument],
    /// How many arguments there have to be.
    pub required: usize,
    /// Whether there may be any number of further arguments.
    pub repeats: bool,
    /// Whether null arguments are passed over.
    pub skips_null: bool,
    pub returns: Returns,
    pub apply: Apply,
}

/// The value of a function, or why there is none.
pub type Apply = for<'a> fn(&[Cell<'a>]) -> Result<Cell<'a>, String>;

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The function of this name, in lower case.
pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// `left || right`.
pub fn concatenation() -> &'static Function {
    &CONCATENATION
}

/// The names of all functions.
pub fn names() -> Vec<String> {
    let others = [
        "coalesce",
        "ifnull",
        "nullif",
        "greatest",
        "least",
        "mod",
        "div",
        "regexp_like",
    ];
    let known = FUNCTIONS.iter().map(|function| function.name);
    known.chain(others).map(str::to_owned).collect()
}

const fn function(
    name: &'static str,
    arguments: &'static [Argument],
    required: usize,
    returns: Returns,
    apply: Apply,
) -> Function {
    Function {
        name,
        arguments,
        required,
        repeats: false,
        skips_null: false,
        returns,
        apply,
    }
}

const T: Argument = Argument::Text;
const N: Argument = Argument::Number;
const W: Argument = Argument::Whole;

static CONCATENATION: Function = function(
    "||",
    &[Argument::Any, Argument::Any],
    2,
    Returns::Text,
    |cells| Ok(text(cells.iter().map(string).collect::<String>())),
);

/// A function of one number in 64 bits.
macro_rules! real {
    ($name:literal, $apply:expr) => {
        function($name, &[N], 1, Returns::Number, |cells| {
            let apply: fn(f64) -> f64 = $apply;
            Ok(Cell::Number(apply(real(&cells[0]))))
        })
    };
}

static FUNCTIONS: &[Function] = &[
    // Texts.
    function("length", &[T], 1, Returns::Whole, length),
    function("char_length", &[T], 1, Returns::Whole, length),
    function("character_length", &[T], 1, Returns::Whole, length),
    function("octet_length", &[T], 1, Returns::Whole, |cells| {
        Ok(Cell::Whole(string(&cells[0]).len() as i64))
    }),
    function("bit_length", &[T], 1, Returns::Whole, |cells| {
        Ok(Cell::Whole(string(&cells[0]).len() as i64 * 8))
    }),
    function("lower", &[T], 1, Returns::Text, |cells| {
        Ok(text(string(&cells[0]).to_lowercase()))
    }),
    function("upper", &[T], 1, Returns::Text, |cells| {
        Ok(text(string(&cells[0]).to_uppercase()))
    }),
    function("initcap", &[T], 1, Returns::Text, |cells| {
        Ok(text(capitals(string(&cells[0]))))
    }),
    function("reverse", &[T], 1, Returns::Text, |cells| {
        Ok(text(string(&cells[0]).chars().rev().collect::<String>()))
    }),
    function("trim", &[T, T], 1, Returns::Text, |cells| {
        let letters = letters(cells);
        Ok(text(string(&cells[0]).trim_matches(|c: char| letters(c))))
    }),
    function("btrim", &[T, T], 1, Returns::Text, |cells| {
        let letters = letters(cells);
        Ok(text(string(&cells[0]).trim_matches(|c: char| letters(c))))
    }),
    function("ltrim", &[T, T], 1, Returns::Text, |cells| {
        let letters = letters(cells);
        Ok(text(
            string(&cells[0]).trim_start_matches(|c: char| letters(c)),
        ))
    }),
    function("rtrim", &[T, T], 1, Returns::Text, |cells| {
        let letters = letters(cells);
        Ok(text(
            string(&cells[0]).trim_end_matches(|c: char| letters(c)),
        ))
    }),
    function("substr", &[T, W, W], 2, Returns::Text, substr),
    function("substring", &[T, W, W], 2, Returns::Text, substr),
    function("left", &[T, W], 2, Returns::Text, |cells| {
        let (letters, n) = (string(&cells[0]), whole(&cells[1]));
        let kept = if n < 0 {
            letters.chars().count() as i64 + n
        } else {
            n
        };
        Ok(text(
            letters
                .chars()
                .take(kept.max(0) as usize)
                .collect::<String>(),
        ))
    }),
    function("right", &[T, W], 2, Returns::Text, |cells| {
        let (letters, n) = (string(&cells[0]), whole(&cells[1]));
        let all = letters.chars().count() as i64;
        let dropped = if n < 0 {
            n.saturating_neg()
        } else {
            all - n.min(all)
        };
        Ok(text(
            letters
                .chars()
                .skip(dropped.max(0) as usize)
                .collect::<String>(),
        ))
    }),
    function("lpad", &[T, W, T], 2, Returns::Text, |cells| {
        let (kept, fill) = padded(cells)?;
        Ok(text(fill + &kept))
    }),
    function("rpad", &[T, W, T], 2, Returns::Text, |cells| {
        let (kept, fill) = padded(cells)?;
        Ok(text(kept + &fill))
    }),
    function("replace", &[T, T, T], 3, Returns::Text, |cells| {
        let (from, to) = (string(&cells[1]), string(&cells[2]));
        let all = string(&cells[0]);
        Ok(text(if from.is_empty() {
            all.to_owned()
        } else {
            all.replace(from, to)
        }))
    }),
    function("strpos", &[T, T], 2, Returns::Whole, |cells| {
        let all = string(&cells[0]);
        let found = all.find(string(&cells[1]));
        Ok(Cell::Whole(
            found.map_or(0, |at| all[..at].chars().count() as i64 + 1),
        ))
    }),
    function("split_part", &[T, T, W], 3, Returns::Text, |cells| {
        let parts: Vec<&str> = string(&cells[0]).split(string(&cells[1])).collect();
        let n = whole(&cells[2]);
        let at = if n < 0 { parts.len() as i64 + n } else { n - 1 };
        let part = usize::try_from(at)
            .ok()
            .and_then(|at| parts.get(at).copied());
        Ok(text(part.unwrap_or_default()))
    }),
    function("starts_with", &[T, T], 2, Returns::Truth, |cells| {
        Ok(Cell::Truth(
            string(&cells[0]).starts_with(string(&cells[1])),
        ))
    }),
    function("ends_with", &[T, T], 2, Returns::Truth, |cells| {
        Ok(Cell::Truth(string(&cells[0]).ends_with(string(&cells[1]))))
    }),
    Function {
        repeats: true,
        skips_null: true,
        ..function("concat", &[Argument::Any], 1, Returns::Text, |cells| {
            Ok(text(cells.iter().map(string).collect::<String>()))
        })
    },
    Function {
        repeats: true,
        skips_null: true,
        ..function(
            "concat_ws",
            &[T, Argument::Any],
            1,
            Returns::Text,
            |cells| {
                let separator = string(&cells[0]);
                let rest = cells[1..].iter().filter(|cell| **cell != Cell::Null);
                Ok(text(rest.map(string).collect::<Vec<_>>().join(separator)))
            },
        )
    },
    // Numbers.
    function("abs", &[N], 1, Returns::Same, |cells| match cells[0] {
        Cell::Whole(n) => n.checked_abs().map(Cell::Whole).ok_or_else(too_large),
        Cell::Decimal(n, scale) => Ok(Cell::Decimal(n.abs(), scale)),
        ref cell => Ok(Cell::Number(real(cell).abs())),
    }),
    function("sign", &[N], 1, Returns::Number, |cells| {
        let n = real(&cells[0]);
        Ok(Cell::Number(if n == 0.0 { 0.0 } else { n.signum() }))
    }),
    function("ceil", &[N], 1, Returns::Same, |cells| {
        stepped(&cells[0], 0, f64::ceil, |part, _| i128::from(part > 0))
    }),
    function("ceiling", &[N], 1, Returns::Same, |cells| {
        stepped(&cells[0], 0, f64::ceil, |part, _| i128::from(part > 0))
    }),
    function("floor", &[N], 1, Returns::Same, |cells| {
        stepped(&cells[0], 0, f64::floor, |_, _| 0)
    }),
    function("round", &[N, W], 1, Returns::Same, |cells| {
        let digits = cells.get(1).map_or(0, whole);
        stepped(&cells[0], digits, f64::round_ties_even, |part, unit| {
            i128::from(part * 2 >= unit)
        })
    }),
    function("trunc", &[N], 1, Returns::Same, truncated),
    function("truncate", &[N], 1, Returns::Same, truncated),
    function("pi", &[N], 0, Returns::Number, |_| {
        Ok(Cell::Number(std::f64::consts::PI))
    }),
    function("pow", &[N, N], 2, Returns::Number, power),
    function("power", &[N, N], 2, Returns::Number, power),
    function("atan2", &[N, N], 2, Returns::Number, |cells| {
        Ok(Cell::Number(real(&cells[0]).atan2(real(&cells[1]))))
    }),
    function("log", &[N, N], 1, Returns::Number, |cells| {
        let n = real(&cells[0]);
        Ok(Cell::Number(
            cells.get(1).map_or(n.log10(), |base| n.log(real(base))),
        ))
    }),
    real!("sqrt", f64::sqrt),
    real!("cbrt", f64::cbrt),
    real!("exp", f64::exp),
    real!("ln", f64::ln),
    real!("log10", f64::log10),
    real!("log1p", f64::ln_1p),
    real!("log2", f64::log2),
    real!("degrees", f64::to_degrees),
    real!("radians", f64::to_radians),
    real!("sin", f64::sin),
    real!("cos", f64::cos),
    real!("tan", f64::tan),
    real!("cot", |x| 1.0 / x.tan()),
    real!("asin", f64::asin),
    real!("acos", f64::acos),
    real!("atan", f64::atan),
    function("bit_not", &[W], 1, Returns::Whole, |cells| {
        Ok(Cell::Whole(!whole(&cells[0])))
    }),
    function("bit_count", &[W], 1, Returns::Whole, |cells| {
        Ok(Cell::Whole(i64::from(whole(&cells[0]).count_ones())))
    }),
    // Dates and times.
    function(
        "date_part",
        &[T, Argument::Temporal],
        2,
        Returns::Whole,
        |cells| part(string(&cells[0]), moment(&cells[1])),
    ),
    function(
        "strftime",
        &[Argument::Temporal, T],
        2,
        Returns::Text,
        |cells| {
            let mut written = String::new();
            match write!(written, "{}", moment(&cells[0]).format(string(&cells[1]))) {
                Ok(()) => Ok(text(written)),
                Err(_) => Err(format!("'{}' is no form of a date", string(&cells[1]))),
            }
        },
    ),
    function("date", &[T, T], 2, Returns::Date, |cells| {
        Ok(Cell::Moment(dated(cells)?.date().into()))
    }),
    function("timestamp", &[T, T], 2, Returns::Moment, |cells| {
        Ok(Cell::Moment(dated(cells)?))
    }),
    function("datetime", &[T, T], 2, Returns::Moment, |cells| {
        Ok(Cell::Moment(dated(cells)?))
    }),
    function("strptime", &[T, T], 2, Returns::Moment, |cells| {
        Ok(Cell::Moment(dated(cells)?))
    }),
];

fn text<'a>(value: impl Into<String>) -> Cell<'a> {
    Cell::Text(Cow::Owned(value.into()))
}

/// The text of an argument that is one; nothing for null.
fn string<'c>(cell: &'c Cell<'_>) -> &'c str {
    match cell {
        Cell::Text(text) => text,
        _ => "",
    }
}

fn whole(cell: &Cell<'_>) -> i64 {
    match *cell {
        Cell::Whole(n) => n,
        _ => 0,
    }
}

fn real(cell: &Cell<'_>) -> f64 {
    match *cell {
        Cell::Whole(n) => n as f64,
        Cell::Number(n) => n,
        Cell::Decimal(n, scale) => super::arithmetic::decimal_to_f64(n, scale),
        _ => f64::NAN,
    }
}

fn moment(cell: &Cell<'_>) -> NaiveDateTime {
    match *cell {
        Cell::Moment(moment) => moment,
        _ => DateTime::UNIX_EPOCH.naive_utc(),
    }
}

fn too_large() -> String {
    "the result is too large for a number of 64 bits".to_owned()
}

fn length<'a>(cells: &[Cell<'a>]) -> Result<Cell<'a>, String> {
    Ok(Cell::Whole(string(&cells[0]).chars().count() as i64))
}

/// `SUBSTR(text, start, length)`, counted from 1 in characters, as in PostgreSQL: what is before the text counts too.
fn substr<'a>(cells: &[Cell<'a>]) -> Result<Cell<'a>, String> {
    let start = whole(&cells[1]);
    let end = match cells.get(2) {
        None => i64::MAX,
        Some(length) if whole(length) < 0 => {
            return Err("the length of SUBSTR is negative".to_owned());
        }
        Some(length) => start.saturating_add(whole(length)),
    };
    let letters = (1..).zip(string(&cells[0]).chars());
    let kept = letters.filter(|(at, _)| (start..end).contains(at));
    Ok(text(kept.map(|(_, letter)| letter).collect::<String>()))
}

fn capitals(letters: &str) -> String {
    let mut result = String::with_capacity(letters.len());
    let mut inside = false;
    for letter in letters.chars() {
        if inside {
            result.extend(letter.to_lowercase());
        } else {
            result.extend(letter.to_uppercase());
        }
        inside = letter.is_alphanumeric();
    }
    result
}

/// The characters to trim: blanks unless others are given.
fn letters<'c>(cells: &'c [Cell<'_>]) -> impl Fn(char) -> bool + 'c {
    let given = cells.get(1).map(string);
    move |c| given.map_or(c.is_whitespace(), |given| given.contains(c))
}

/// A text cut to its length, and what it lacks to it.
fn padded(cells: &[Cell<'_>]) -> Result<(String, String), String> {
    const LONGEST: i64 = 1 << 20;
    let (letters, length) = (string(&cells[0]), whole(&cells[1]));
    if length > LONGEST {
        return Err(format!("a text of {length} characters is too long"));
    }
    let length = length.max(0) as usize;
    let fill = cells.get(2).map_or(" ", string);
    let lacking = length.saturating_sub(letters.chars().count());
    Ok((
        letters.chars().take(length).collect(),
        fill.chars()
            .cycle()
            .take(if fill.is_empty() { 0 } else { lacking })
            .collect(),
    ))
}

/// A number rounded to `digits` decimals: floats by `step`, decimals down plus `more` of the rest and of its unit (for
/// negative ones of the absolute value, in the same way).
fn stepped<'a>(
    cell: &Cell<'a>,
    digits: i64,
    step: fn(f64) -> f64,
    more: fn(i128, i128) -> i128,
) -> Result<Cell<'a>, String> {
    if !(0..=30).contains(&digits) {
        return Err(format!("{digits} is no number of decimals"));
    }
    Ok(match *cell {
        Cell::Decimal(n, scale) if i64::from(scale) > digits => {
            let unit = 10_i128.pow(u32::from(scale) - digits as u32);
            let (whole, part) = (n.div_euclid(unit), n.rem_euclid(unit));
            Cell::Decimal((whole + more(part, unit)) * unit, scale)
        }
        Cell::Number(n) => {
            let unit = 10_f64.powi(digits as i32);
            let scaled = n * unit;
            Cell::Number(if scaled.is_finite() {
                step(scaled) / unit
            } else {
                n
            })
        }
        _ => cell.clone(),
    })
}

fn truncated<'a>(cells: &[Cell<'a>]) -> Result<Cell<'a>, String> {
    Ok(match cells[0] {
        Cell::Decimal(n, scale) => {
            let unit = 10_i128.pow(u32::from(scale));
            Cell::Decimal(n / unit * unit, scale)
        }
        Cell::Number(n) => Cell::Number(n.trunc()),
        ref cell => cell.clone(),
    })
}

fn power<'a>(cells: &[Cell<'a>]) -> Result<Cell<'a>, String> {
    Ok(Cell::Number(real(&cells[0]).powf(real(&cells[1]))))
}

/// A text read as a date, with or without a time, by a form such as `%d/%m/%Y`.
fn dated(cells: &[Cell<'_>]) -> Result<NaiveDateTime, String> {
    let (written, form) = (string(&cells[0]).trim(), string(&cells[1]));
    NaiveDateTime::parse_from_str(written, form)
        .or_else(|_| NaiveDate::parse_from_str(written, form).map(NaiveDateTime::from))
        .map_err(|_| {
            let cut = super::messages::cut(written);
            format!("{cut:?} is no date in the form '{form}'; CASE WHEN ... LIKE ... THEN DATE(...) END leaves such rows out")
        })
}

/// Whether dates or times have a part of this name, in lower case.
pub fn is_part(name: &str) -> bool {
    part(name, DateTime::UNIX_EPOCH.naive_utc()).is_ok()
}

/// The part `name` of a moment.
fn part<'a>(name: &str, moment: NaiveDateTime) -> Result<Cell<'a>, String> {
    let (utc, nanos) = (moment.and_utc(), i64::from(moment.nanosecond()));
    let week = moment.iso_week();
    let seconds = i64::from(moment.second());
    Ok(Cell::Whole(match name {
        "millennium" => i64::from(moment.year() - 1).div_euclid(1_000) + 1,
        "century" => i64::from(moment.year() - 1).div_euclid(100) + 1,
        "decade" => i64::from(moment.year()).div_euclid(10),
        "isoyear" => i64::from(week.year()),
        "year" | "years" => i64::from(moment.year()),
        "quarter" => i64::from(moment.month0() / 3 + 1),
        "month" | "months" => i64::from(moment.month()),
        "week" | "weeks" | "isoweek" => i64::from(week.week()),
        "doy" | "dayofyear" => i64::from(moment.ordinal()),
        "dow" | "dayofweek" => i64::from(moment.weekday().num_days_from_sunday()),
        "isodow" => i64::from(moment.weekday().number_from_monday()),
        "day" | "days" => i64::from(moment.day()),
        "hour" | "hours" => i64::from(moment.hour()),
        "minute" | "minutes" => i64::from(moment.minute()),
        "second" | "seconds" => seconds,
        // As in PostgreSQL, with the seconds.
        "millisecond" | "milliseconds" => seconds * 1_000 + nanos / 1_000_000,
        "microsecond" | "microseconds" => seconds * 1_000_000 + nanos / 1_000,
        "nanosecond" | "nanoseconds" => seconds * 1_000_000_000 + nanos,
        "epoch" => utc.timestamp(),
        _ => return Err(format!("{name} is no part of a date")),
    }))
}
