//! The engine `polars`: the checked term is written as SQL and evaluated by Polars.
//!
//! For comparison; `tests/it/engines.rs` lists where its results differ.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampNanosecondType,
};
use polars::prelude as pl;
use polars::prelude::{IntoColumn, IntoLazy, IntoSeries, NewChunkedArray};

use super::Fault;
use super::evaluate::Evaluator;
use super::term::{CastFailure, DIFFERENCE, Literal, Node, Operation, Span, Term};
use super::values::{constant, temporal_array};
use crate::convert::{cast, to_text};
use crate::table::Table;

/// For each row whether `term`, a condition, holds.
pub fn holds(table: &Table, term: &Term) -> Result<Vec<bool>, Fault> {
    let sql = sql(term)?;
    let mut columns = Vec::new();
    used(term, &mut columns);
    let evaluator = Evaluator::new(table);
    let columns: Result<Vec<pl::Column>, Fault> = columns
        .into_iter()
        .map(|at| column(&table.columns[at].name, &evaluator.column(at)?))
        .collect();
    let columns = columns?;
    let refused = |fact: String| {
        Fault::new(
            format!("Polars cannot evaluate it: {fact}"),
            "omit --where-engine, or write the condition in another way",
        )
    };
    // Polars panics on types that it was built without.
    let keep = catch_unwind(AssertUnwindSafe(|| {
        let frame = pl::DataFrame::new(table.rows(), columns)?;
        let condition = polars::sql::sql_expr(&sql)?.alias("keep");
        frame.lazy().select([condition]).collect()
    }))
    .map_err(|_| refused("it panicked".to_owned()))?
    .map_err(|error| refused(first_line(&error.to_string())))?;
    let keep = keep
        .columns()
        .first()
        .map(|column| column.as_materialized_series().clone());
    let keep = keep.ok_or_else(|| refused("there is no result".to_owned()))?;
    let truths = keep.bool().map_err(|error| refused(error.to_string()))?;
    match truths.len() {
        length if length == table.rows() => {
            Ok(truths.iter().map(|truth| truth == Some(true)).collect())
        }
        // A condition without columns.
        _ => Ok(vec![truths.get(0) == Some(true); table.rows()]),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// The indices of the columns in `term`.
fn used(term: &Term, columns: &mut Vec<usize>) {
    let mut all = |terms: &[&Term]| terms.iter().for_each(|term| used(term, columns));
    match &term.node {
        Node::Column(at, _) => {
            if !columns.contains(at) {
                columns.push(*at);
            }
        }
        Node::Literal(_) => {}
        Node::All(terms)
        | Node::Any(terms)
        | Node::Coalesce(terms)
        | Node::Extreme(_, terms)
        | Node::Call(_, terms) => {
            all(&terms.iter().collect::<Vec<_>>());
        }
        Node::In(value, terms) => {
            all(&[value]);
            all(&terms.iter().collect::<Vec<_>>());
        }
        Node::Xor(a, b) | Node::Compare(_, a, b) | Node::Same(a, b) | Node::Arithmetic(_, a, b) => {
            all(&[a, b]);
        }
        Node::Not(a) | Node::IsNull(a) | Node::Is(a, _) | Node::Cast(a, _) => all(&[a]),
        Node::Like { text, .. } | Node::Matches { text, .. } => all(&[text]),
        Node::Case(branches, otherwise) => {
            for (condition, value) in branches {
                all(&[condition, value]);
            }
            all(&otherwise.iter().map(AsRef::as_ref).collect::<Vec<_>>());
        }
    }
}

/// A Polars column; timestamps with a time zone become UTC without one.
fn column(name: &str, array: &ArrayRef) -> Result<pl::Column, Fault> {
    let name = pl::PlSmallStr::from_str(name);
    let series = match array.data_type() {
        DataType::Boolean => {
            pl::BooleanChunked::from_iter_options(name, array.as_boolean().iter()).into_series()
        }
        DataType::Int64 => {
            let numbers = array.as_primitive::<Int64Type>().iter();
            pl::Int64Chunked::from_iter_options(name, numbers).into_series()
        }
        DataType::Float16 | DataType::Float32 => {
            let numbers = cast(array, &DataType::Float32).map_err(Fault::bare)?;
            let numbers = numbers.as_primitive::<Float32Type>().iter();
            pl::Float32Chunked::from_iter_options(name, numbers).into_series()
        }
        DataType::Float64 => {
            let numbers = array.as_primitive::<Float64Type>().iter();
            pl::Float64Chunked::from_iter_options(name, numbers).into_series()
        }
        &DataType::Decimal128(precision, scale) => {
            let counts = array.as_primitive::<Decimal128Type>().iter();
            pl::Int128Chunked::from_iter_options(name, counts)
                .into_decimal(precision.into(), scale.unsigned_abs().into())
                .map_err(|error| Fault::bare(error.to_string()))?
                .into_series()
        }
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().iter();
            pl::Int32Chunked::from_iter_options(name, days)
                .into_date()
                .into_series()
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            let counts = array.as_primitive::<TimestampNanosecondType>().iter();
            let counts = pl::Int64Chunked::from_iter_options(name, counts);
            counts
                .into_datetime(pl::TimeUnit::Nanoseconds, None)
                .into_series()
        }
        DataType::Timestamp(_, _) => {
            let counts = array.as_primitive::<TimestampMicrosecondType>().iter();
            let counts = pl::Int64Chunked::from_iter_options(name, counts);
            counts
                .into_datetime(pl::TimeUnit::Microseconds, None)
                .into_series()
        }
        dtype if dtype.is_nested() => {
            return Err(Fault::bare("columns of vectors are not supported"));
        }
        _ => {
            let texts = to_text(array).map_err(Fault::bare)?;
            pl::StringChunked::from_iter_options(name, texts.iter()).into_series()
        }
    };
    Ok(series.into_column())
}

/// `term` as SQL, with every operator in parentheses and every literal with its type.
fn sql(term: &Term) -> Result<String, Fault> {
    let each = |terms: &[Term]| -> Result<Vec<String>, Fault> { terms.iter().map(sql).collect() };
    let joined = |terms: &[Term], by: &str| -> Result<String, Fault> {
        Ok(format!("({})", each(terms)?.join(by)))
    };
    let list = |name: &str, terms: &[Term]| -> Result<String, Fault> {
        Ok(format!("{name}{}", joined(terms, ", ")?))
    };
    Ok(match &term.node {
        Node::Column(_, name) => format!("\"{}\"", name.replace('"', "\"\"")),
        Node::Literal(literal) => self::literal(literal, &term.dtype)?,
        Node::All(terms) => balanced(&each(terms)?, "AND"),
        Node::Any(terms) => balanced(&each(terms)?, "OR"),
        Node::Xor(a, b) => format!("({} XOR {})", sql(a)?, sql(b)?),
        Node::Not(a) => format!("(NOT {})", sql(a)?),
        Node::Compare(op, a, b) => format!("({} {} {})", sql(a)?, op.sign(), sql(b)?),
        Node::Same(a, b) => format!("({} IS NOT DISTINCT FROM {})", sql(a)?, sql(b)?),
        Node::IsNull(a) => format!("({} IS NULL)", sql(a)?),
        // `IS TRUE` of Polars is null for a null.
        Node::Is(a, true) => format!("COALESCE({}, FALSE)", sql(a)?),
        Node::Is(a, false) => format!("COALESCE(NOT {}, FALSE)", sql(a)?),
        // Thousands of comparisons take Polars minutes.
        Node::In(value, items)
            if matches!(value.dtype, DataType::Int64 | DataType::LargeUtf8)
                && items.iter().all(|item| {
                    item.dtype == value.dtype
                        && matches!(item.literal(), Some(Literal::Number(_) | Literal::Text(_)))
                }) =>
        {
            format!("({} IN {})", sql(value)?, joined(items, ", ")?)
        }
        Node::In(value, items) => {
            let value = sql(value)?;
            let equal = |item: &Term| Ok(format!("{value} = {}", sql(item)?));
            let equal: Result<Vec<String>, Fault> = items.iter().map(equal).collect();
            balanced(&equal?, "OR")
        }
        // Polars divides whole numbers as floats, and `//` rounds down instead of towards zero. A division by zero, which is
        // not a whole number, may be one that the condition excludes.
        Node::Arithmetic(Operation::Divide | Operation::IntegerDivide, a, b)
            if term.dtype == DataType::Int64 =>
        {
            format!("TRY_CAST({} / {} AS BIGINT)", sql(a)?, sql(b)?)
        }
        Node::Arithmetic(op, a, b) => format!("({} {} {})", sql(a)?, op.sign(), sql(b)?),
        Node::Like {
            text,
            pattern,
            ignore_case,
        } => {
            // LIKE of Polars has no ESCAPE.
            if pattern.contains('\\') {
                let flags = if *ignore_case { "(?si)" } else { "(?s)" };
                let pattern = quoted(&format!("{flags}{}", regex_of(pattern)));
                return Ok(format!("REGEXP_LIKE({}, {pattern})", sql(text)?));
            }
            let like = if *ignore_case { "ILIKE" } else { "LIKE" };
            format!("({} {like} {})", sql(text)?, quoted(pattern))
        }
        Node::Matches {
            text,
            pattern,
            ignore_case,
        } => {
            let flags = if *ignore_case { "(?i)" } else { "" };
            format!(
                "REGEXP_LIKE({}, {})",
                sql(text)?,
                quoted(&format!("{flags}{pattern}"))
            )
        }
        Node::Case(branches, otherwise) => {
            let mut case = "(CASE".to_owned();
            for (condition, value) in branches {
                let _ = write!(case, " WHEN {} THEN {}", sql(condition)?, sql(value)?);
            }
            if let Some(value) = otherwise {
                let _ = write!(case, " ELSE {}", sql(value)?);
            }
            case + " END)"
        }
        Node::Coalesce(terms) => list("COALESCE", terms)?,
        Node::Extreme(op, terms) => list(
            if op.sign() == ">" {
                "GREATEST"
            } else {
                "LEAST"
            },
            terms,
        )?,
        Node::Cast(value, on_failure) => {
            let name = match on_failure {
                CastFailure::Error => "CAST",
                CastFailure::Null => "TRY_CAST",
            };
            let cast = format!("{name}({} AS {})", sql(value)?, type_name(&term.dtype));
            without_nan(cast, &term.dtype)
        }
        Node::Call(function, terms) => match (function.name, &terms[..]) {
            ("||", _) => joined(terms, " || ")?,
            ("trim", [text, letters]) => {
                format!("TRIM(BOTH {} FROM {})", sql(letters)?, sql(text)?)
            }
            ("date_part", [part, value]) => {
                format!(
                    "EXTRACT({} FROM {})",
                    part.string().unwrap_or_default(),
                    sql(value)?
                )
            }
            (name, terms) => without_nan(list(&name.to_uppercase(), terms)?, &term.dtype),
        },
    })
}

/// `terms` joined by `operator` as a balanced tree: Polars recurses into a chain of thousands of terms.
fn balanced(terms: &[String], operator: &str) -> String {
    match terms {
        [] => String::new(),
        [term] => term.clone(),
        _ => {
            let (left, right) = terms.split_at(terms.len() / 2);
            let (left, right) = (balanced(left, operator), balanced(right, operator));
            format!("({left} {operator} {right})")
        }
    }
}

/// `value` with null for NaN, if its type has NaN; in Polars, NaN equals NaN.
fn without_nan(value: String, dtype: &DataType) -> String {
    if dtype.is_floating() {
        format!("NULLIF({value}, CAST('nan' AS DOUBLE))")
    } else {
        value
    }
}

/// The regular expression of a pattern of LIKE, in which a backslash escapes.
fn regex_of(pattern: &str) -> String {
    let mut regex = "^".to_owned();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        let literal = match letter {
            '%' => {
                regex.push_str(".*");
                continue;
            }
            '_' => {
                regex.push('.');
                continue;
            }
            '\\' => letters.next().unwrap_or('\\'),
            letter => letter,
        };
        if literal.is_alphanumeric() || literal.is_whitespace() {
            regex.push(literal);
        } else {
            let _ = write!(regex, "\\u{{{:x}}}", literal as u32);
        }
    }
    regex + "$"
}

fn literal(literal: &Literal, dtype: &DataType) -> Result<String, Fault> {
    Ok(match literal {
        Literal::Null => "NULL".to_owned(),
        Literal::Truth(truth) => truth.to_string().to_uppercase(),
        Literal::Number(number) => match dtype {
            // Polars has no halves: the nearest half as a float.
            DataType::Float16 => {
                let half = constant(literal, dtype)?;
                to_text(&half).map_err(Fault::bare)?.value(0).to_owned()
            }
            _ => number.clone(),
        },
        Literal::Text(text) => quoted(text),
        Literal::Temporal(count, _) => {
            let count = if *dtype == DataType::Date32 {
                let array = temporal_array(std::iter::once(Some(*count)), dtype);
                quoted(to_text(&array).map_err(Fault::bare)?.value(0))
            } else {
                count.to_string()
            };
            format!("CAST({count} AS {})", type_name(dtype))
        }
        Literal::Span(Span {
            months,
            days,
            nanos,
        }) => {
            let whole = if *dtype == DIFFERENCE { "0 days" } else { "" };
            let mut text = whole.to_owned();
            for (count, unit) in [
                (i64::from(*months), "months"),
                (i64::from(*days), "days"),
                (*nanos, "nanoseconds"),
            ] {
                if count != 0 {
                    let _ = write!(text, " {count} {unit}");
                }
            }
            format!("INTERVAL {}", quoted(text.trim()))
        }
    })
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The name of a type in Polars SQL.
fn type_name(dtype: &DataType) -> String {
    match dtype {
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Int64 => "BIGINT".to_owned(),
        DataType::Float16 | DataType::Float32 => "REAL".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Decimal128(precision, scale) => format!("DECIMAL({precision}, {scale})"),
        DataType::Date32 => "DATE".to_owned(),
        DataType::Time64(_) => "TIME".to_owned(),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => "TIMESTAMP(9)".to_owned(),
        DataType::Timestamp(_, _) => "TIMESTAMP(6)".to_owned(),
        _ => "VARCHAR".to_owned(),
    }
}
