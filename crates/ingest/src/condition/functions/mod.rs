//! The scalar functions of a condition. The result is null if an argument is null, except in functions that join texts.

mod dates;
mod numbers;
mod texts;

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime};

pub use dates::is_part;

use super::Fault;

/// The type of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    Text,
    Number,
    Whole,
    Temporal,
    /// Anything, as text.
    Any,
}

/// The type of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    /// The number type of the first argument.
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
    /// A decimal: unscaled value and scale.
    Decimal(i128, u8),
    Truth(bool),
    Moment(NaiveDateTime),
}

/// A function.
pub struct Function {
    pub name: &'static str,
    /// The types of the arguments; the last is the type of all further ones.
    pub arguments: &'static [Argument],
    /// Minimum number of arguments.
    pub required: usize,
    /// Whether further arguments are allowed.
    pub repeats: bool,
    /// Whether null arguments are ignored.
    pub skips_null: bool,
    pub returns: Returns,
    pub apply: Apply,
}

/// The implementation of a function.
pub type Apply = for<'a> fn(&[Cell<'a>]) -> Result<Cell<'a>, Fault>;

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

fn all() -> impl Iterator<Item = &'static Function> {
    let tables = [texts::FUNCTIONS, numbers::FUNCTIONS, dates::FUNCTIONS];
    tables.into_iter().flatten()
}

/// The function with this name, in lower case.
pub fn find(name: &str) -> Option<&'static Function> {
    all().find(|function| function.name == name)
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
    let known = all().map(|function| function.name);
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

fn text<'a>(value: impl Into<String>) -> Cell<'a> {
    Cell::Text(Cow::Owned(value.into()))
}

/// The text of a text argument; empty for null.
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
        Cell::Decimal(n, scale) => crate::convert::decimal_to_f64(n, scale),
        _ => f64::NAN,
    }
}

fn moment(cell: &Cell<'_>) -> NaiveDateTime {
    match *cell {
        Cell::Moment(moment) => moment,
        _ => DateTime::UNIX_EPOCH.naive_utc(),
    }
}
