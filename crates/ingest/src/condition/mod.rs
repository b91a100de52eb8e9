//! `--where`: a condition in SQL with static type checks.
//!
//! Many engines silently convert an operand if types differ: a date compared with a number becomes the days since 1970, and a
//! text that is not a date becomes null. Here the operand types of every operator and function are checked, and an implicit
//! conversion is an error that shows how to write it. Only a text literal compared with a date or a time is converted, and
//! must be valid.
//!
//! The steps, each a module: the condition is parsed (`parse`), its names and types are resolved into a term (`check`, with
//! `operators`, `predicates` and `calls`; `messages` has the remedies), and the term is evaluated over whole columns
//! (`evaluate`, with `compare`, `arithmetic`, `cast` and `functions`). Nulls follow SQL, and NaN is null.

mod arithmetic;
mod calls;
mod cast;
mod check;
mod checker;
mod compare;
mod evaluate;
mod functions;
mod literals;
mod messages;
mod operators;
mod parse;
#[cfg(feature = "polars")]
mod polars;
mod predicates;
mod term;
mod values;

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use crate::convert::type_name;
use crate::error::Error;
use crate::names::{nearest, some};
use crate::table::Table;

/// Engine that evaluates a condition after the type checks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Arrow kernels with the semantics of SQL
    #[default]
    Arrow,
    /// Polars SQL, for comparison
    #[cfg_attr(
        not(feature = "polars"),
        doc = "[not in this build: needs --features polars]"
    )]
    Polars,
}

impl Engine {
    /// Rejects an engine that is not in this build.
    pub fn check(self) -> Result<(), Error> {
        if self == Self::Polars && !cfg!(feature = "polars") {
            return Err(Error::NotInThisBuild);
        }
        Ok(())
    }
}

/// For each row of `table`, whether the SQL `condition` is true; null counts as false. `null_words` are the words that mean "no
/// value". Time and memory are linear in the rows for each operator.
pub fn holds(table: &Table, condition: &str, null_words: &[String]) -> Result<Vec<bool>, Error> {
    holds_by(Engine::Arrow, table, condition, null_words)
}

/// [`holds`], evaluated by `engine`.
pub fn holds_by(
    engine: Engine,
    table: &Table,
    condition: &str,
    null_words: &[String],
) -> Result<Vec<bool>, Error> {
    engine.check()?;
    let names = table.names();
    let fail = |fault: Fault| match fault.unknown {
        Some(column) => Error::NoColumn {
            option: "--where",
            columns: some(&names),
            nearest: nearest(&column, &names).map(str::to_owned),
            column,
        },
        None => Error::Predicate {
            predicate: condition.to_owned(),
            fault: fault.fact,
            remedy: fault.remedy,
            columns: some(&names),
        },
    };
    let parsed = parse::condition(condition).map_err(fail)?;
    let checker = checker::Checker { table, null_words };
    let term = checker.term(&parsed).map_err(fail)?;
    if term.dtype != DataType::Boolean {
        let found = match term.dtype {
            DataType::Null => "NULL".to_owned(),
            dtype => type_name(&dtype),
        };
        return Err(fail(Fault::bare(format!(
            "its value is {found}, not a truth value"
        ))));
    }
    let holds = match engine {
        #[cfg(feature = "polars")]
        Engine::Polars => polars::holds,
        _ => evaluate::holds,
    };
    holds(table, &term).map_err(fail)
}

impl From<String> for Fault {
    fn from(fact: String) -> Self {
        Self::bare(fact)
    }
}

/// An error in a condition, and the remedy.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    fact: String,
    remedy: Option<String>,
    /// The missing column, if that is the error.
    unknown: Option<String>,
}

impl Fault {
    fn new(fact: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            remedy: Some(remedy.into()),
            ..Self::bare(fact)
        }
    }

    /// Without a specific remedy.
    fn bare(fact: impl Into<String>) -> Self {
        Self {
            fact: fact.into(),
            remedy: None,
            unknown: None,
        }
    }

    /// Adds the row of the source.
    fn in_row(self, row: i64) -> Self {
        Self {
            fact: format!("row {row} of the source: {}", self.fact),
            ..self
        }
    }

    fn unknown(column: &str) -> Self {
        Self {
            unknown: Some(column.to_owned()),
            ..Self::bare(String::new())
        }
    }
}
