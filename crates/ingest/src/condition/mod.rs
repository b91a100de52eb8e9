//! `--where`: a condition in SQL, its types checked before it is applied.
//!
//! Many engines convert one operand of an operator where its types differ: a date compared with a number counts days
//! since 1970, and where a text cannot be a date, nothing says so. Here each operator and function of the condition is
//! checked against the types of its operands, and what would be converted silently is refused with the way to write it.
//! Only a text literal beside a date or a time is converted, and has to be one.
//!
//! The steps, each a module: the condition is parsed (`parse`), its names and types are resolved into a term (`check`, with
//! `operators`, `predicates` and `calls`; `messages` has what to write instead), and the term is evaluated over whole
//! columns (`evaluate`, with `compare`, `arithmetic`, `cast` and `functions`). A condition is null where SQL has it so, and
//! a value that is not a number (NaN) is null.

mod arithmetic;
mod calls;
mod cast;
mod check;
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

/// What evaluates a condition after its types are checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// The kernels of Arrow, by the rules of SQL
    #[default]
    Arrow,
    /// The SQL of Polars, for comparison
    #[cfg_attr(
        not(feature = "polars"),
        doc = "[not in this build: needs --features polars]"
    )]
    Polars,
}

impl Engine {
    /// Refuses an engine that this build does not have.
    pub fn check(self) -> Result<(), Error> {
        if self == Self::Polars && !cfg!(feature = "polars") {
            return Err(Error::NotInThisBuild);
        }
        Ok(())
    }
}

/// For each row whether `condition` holds, in SQL over the columns of `table`. A condition that is null does not hold.
/// `null_words` are the words that mean "no value". Time and memory are linear in the rows for each operator.
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
    let checker = check::Checker { table, null_words };
    let term = checker.term(&parsed).map_err(fail)?;
    if term.dtype != DataType::Boolean {
        let found = match term.dtype {
            DataType::Null => "NULL".to_owned(),
            dtype => type_name(&dtype),
        };
        return Err(fail(Fault::bare(format!(
            "it gives {found}, no truth value"
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

/// What is wrong with a condition, and what to write instead.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    fact: String,
    remedy: Option<String>,
    /// A column that is not there.
    unknown: Option<String>,
}

impl Fault {
    fn new(fact: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            remedy: Some(remedy.into()),
            ..Self::bare(fact)
        }
    }

    /// Without a remedy of its own.
    fn bare(fact: impl Into<String>) -> Self {
        Self {
            fact: fact.into(),
            remedy: None,
            unknown: None,
        }
    }

    /// About a row of the source.
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
