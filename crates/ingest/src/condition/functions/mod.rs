//! The functions of a condition, each from the values of one row to a value. Where an argument is null, so is the result,
//! except for those that join texts.

mod dates;
mod numbers;
mod texts;

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime};

pub use dates::is_part;

use super::Fault;

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

/// The function of this name, in lower case.
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
