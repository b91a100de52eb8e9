//! Functions of dates and times.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};

use super::{Argument, Cell, Function, Returns, T, function, moment, string, text};
use crate::condition::Fault;
use crate::condition::messages::cut;

pub(super) static FUNCTIONS: &[Function] = &[
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
                Err(_) => Err(Fault::new(
                    format!("'{}' is not a date format", string(&cells[1])),
                    "combine %Y, %m, %d, %H, %M and %S, such as '%d/%m/%Y'",
                )),
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

/// A text parsed as a date, with or without a time, by a format such as `%d/%m/%Y`.
fn dated(cells: &[Cell<'_>]) -> Result<NaiveDateTime, Fault> {
    let (written, form) = (string(&cells[0]).trim(), string(&cells[1]));
    NaiveDateTime::parse_from_str(written, form)
        .or_else(|_| NaiveDate::parse_from_str(written, form).map(NaiveDateTime::from))
        .map_err(|_| {
            Fault::new(
                format!("{:?} is not a date in the format '{form}'", cut(written)),
                "exclude such rows with a preceding condition: CASE WHEN x LIKE '__/__/____' THEN DATE(x, '%d/%m/%Y') > '2025-01-31' END",
            )
        })
}

/// Whether `name`, in lower case, is a part of dates or times.
pub fn is_part(name: &str) -> bool {
    part(name, DateTime::UNIX_EPOCH.naive_utc()).is_ok()
}

/// The part `name` of a timestamp.
fn part<'a>(name: &str, moment: NaiveDateTime) -> Result<Cell<'a>, Fault> {
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
        // Includes the seconds, as in PostgreSQL.
        "millisecond" | "milliseconds" => seconds * 1_000 + nanos / 1_000_000,
        "microsecond" | "microseconds" => seconds * 1_000_000 + nanos / 1_000,
        "nanosecond" | "nanoseconds" => seconds * 1_000_000_000 + nanos,
        "epoch" => utc.timestamp(),
        _ => return Err(Fault::bare(format!("{name} is not a part of a date"))),
    }))
}
