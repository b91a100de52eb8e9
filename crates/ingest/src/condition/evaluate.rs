//! Evaluates terms over whole columns, with Arrow kernels if they have the semantics of SQL.
//!
//! AND, OR, CASE and COALESCE evaluate their operands only for the rows that need them, so an operand cannot fail on rows that
//! a preceding condition excludes, such as a division by zero.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float16Array, Float32Array, LargeStringArray,
    new_null_array,
};
use arrow::buffer::BooleanBuffer;
use arrow::compute::kernels::zip::zip;
use arrow::compute::{and_kleene, ilike, is_null, like, not, or_kleene, regexp_is_match_scalar};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float16Type, Float32Type, Float64Type};

use super::Fault;
use super::functions::{Cell, Function};
use super::term::{Comparison, Node, Term};
use super::values::{Values, array_of, cell, constant, kernel, real};
use crate::convert::cast;
use crate::table::Table;

/// For each row, whether the condition `term` is true.
pub fn holds(table: &Table, term: &Term) -> Result<Vec<bool>, Fault> {
    let rows = table.rows();
    let truths = Evaluator::new(table).truths(term, &BooleanBuffer::new_set(rows))?;
    Ok(truths.iter().map(|truth| truth == Some(true)).collect())
}

/// Evaluates terms over the columns of a table.
pub struct Evaluator<'a> {
    table: &'a Table,
    rows: usize,
}

impl<'a> Evaluator<'a> {
    pub fn new(table: &'a Table) -> Self {
        Self {
            table,
            rows: table.rows(),
        }
    }

    /// The values of `term`; values of rows that are not `active` may be null.
    pub fn values(&self, term: &Term, active: &BooleanBuffer) -> Result<Values, Fault> {
        let each = |array: ArrayRef| Values {
            array,
            scalar: false,
        };
        Ok(match &term.node {
            Node::Column(at, _) => each(self.column(*at)?),
            Node::Literal(literal) => Values {
                array: constant(literal, &term.dtype)?,
                scalar: true,
            },
            Node::All(_)
            | Node::Any(_)
            | Node::Xor(..)
            | Node::Not(_)
            | Node::Same(..)
            | Node::IsNull(_)
            | Node::Is(..)
            | Node::In(..)
            | Node::Compare(..)
            | Node::Like { .. }
            | Node::Matches { .. } => each(Arc::new(self.truths(term, active)?)),
            Node::Arithmetic(op, left, right) => {
                let (left, right) = (self.values(left, active)?, self.values(right, active)?);
                self.arithmetic(*op, &left, &right, &term.dtype, active)?
            }
            Node::Cast(value, on_failure) => {
                let values = self.values(value, active)?;
                self.cast(&values, &term.dtype, *on_failure, active)?
            }
            Node::Case(branches, otherwise) => {
                each(self.case(branches, otherwise.as_deref(), &term.dtype, active)?)
            }
            Node::Coalesce(terms) => {
                let mut result = self.full(&terms[0], active)?;
                for term in &terms[1..] {
                    let missing = is_null(&result).map_err(kernel)?;
                    let reached = active & missing.values();
                    let values = self.values(term, &reached)?;
                    result = zip(&missing, &values, &result).map_err(kernel)?;
                }
                each(result)
            }
            Node::Extreme(op, terms) => {
                let mut result = self.full(&terms[0], active)?;
                for term in &terms[1..] {
                    let values = self.values(term, active)?;
                    let so_far = each(result.clone());
                    let better = self.compare(*op, &values, &so_far)?;
                    let missing = is_null(&result).map_err(kernel)?;
                    let better = or_kleene(&missing, &better).map_err(kernel)?;
                    result = zip(&better, &values, &result).map_err(kernel)?;
                }
                each(result)
            }
            Node::Call(function, terms) => self.call(function, terms, &term.dtype, active)?,
        })
    }

    /// The truth values of the condition `term`, one per row.
    fn truths(&self, term: &Term, active: &BooleanBuffer) -> Result<BooleanArray, Fault> {
        let truths = match &term.node {
            Node::All(terms) => self.chain(terms, active, false)?,
            Node::Any(terms) => self.chain(terms, active, true)?,
            Node::Xor(left, right) => {
                let (left, right) = (self.truths(left, active)?, self.truths(right, active)?);
                arrow::compute::kernels::cmp::neq(&left, &right).map_err(kernel)?
            }
            Node::Not(term) => not(&self.truths(term, active)?).map_err(kernel)?,
            Node::IsNull(term) => {
                let values = self.full(term, active)?;
                is_null(&values).map_err(kernel)?
            }
            Node::Is(term, wanted) => {
                let truths = self.truths(term, active)?;
                truths
                    .iter()
                    .map(|truth| Some(truth == Some(*wanted)))
                    .collect()
            }
            Node::Compare(op, left, right) => {
                let (left, right) = (self.values(left, active)?, self.values(right, active)?);
                self.compare(*op, &left, &right)?
            }
            Node::Same(left, right) => {
                let (left, right) = (self.values(left, active)?, self.values(right, active)?);
                let equal = self.compare(Comparison::Eq, &left, &right)?;
                let same = |row: usize| match (left.is_null(row), right.is_null(row)) {
                    (false, false) => equal.value(row),
                    (a, b) => a && b,
                };
                (0..self.rows).map(|row| Some(same(row))).collect()
            }
            Node::In(value, items) => self.is_in(value, items, active)?,
            Node::Like {
                text,
                pattern,
                ignore_case,
            } => {
                let text = self.full(text, active)?;
                let pattern = LargeStringArray::new_scalar(pattern);
                let matches = if *ignore_case { ilike } else { like };
                matches(text.as_string::<i64>(), &pattern).map_err(kernel)?
            }
            Node::Matches {
                text,
                pattern,
                ignore_case,
            } => {
                let text = self.full(text, active)?;
                let flags = ignore_case.then_some("i");
                regexp_is_match_scalar(text.as_string::<i64>(), pattern, flags).map_err(|_| {
                    Fault::new(
                        format!("'{pattern}' is not a valid regular expression"),
                        "write a backslash before a literal bracket, star or point",
                    )
                })?
            }
            _ => self.full(term, active)?.as_boolean().clone(),
        };
        Ok(truths)
    }

    /// AND (`decides` is false) or OR (`decides` is true) of conditions.
    fn chain(
        &self,
        terms: &[Term],
        active: &BooleanBuffer,
        decides: bool,
    ) -> Result<BooleanArray, Fault> {
        let join = if decides { or_kleene } else { and_kleene };
        let mut active = active.clone();
        let mut result: Option<BooleanArray> = None;
        for term in terms {
            let truths = self.truths(term, &active)?;
            let decided = matching(&truths, decides);
            active = &active & &!&decided;
            result = Some(match result {
                Some(before) => join(&before, &truths).map_err(kernel)?,
                None => truths,
            });
        }
        Ok(result.unwrap_or_else(|| BooleanArray::new_null(self.rows)))
    }

    fn is_in(
        &self,
        value: &Term,
        items: &[Term],
        active: &BooleanBuffer,
    ) -> Result<BooleanArray, Fault> {
        let texts: Option<HashSet<&str>> = items.iter().map(Term::string).collect();
        let values = self.values(value, active)?;
        if let Some(texts) = texts
            && let Some(strings) = values.array.as_string_opt::<i64>()
        {
            let held = |row: usize| {
                let at = values.at(row);
                (!strings.is_null(at)).then(|| texts.contains(strings.value(at)))
            };
            return Ok((0..self.rows).map(held).collect());
        }
        let mut result = BooleanArray::from(vec![false; self.rows]);
        for item in items {
            let equal = self.compare(Comparison::Eq, &values, &self.values(item, active)?)?;
            result = or_kleene(&result, &equal).map_err(kernel)?;
        }
        Ok(result)
    }

    fn case(
        &self,
        branches: &[(Term, Term)],
        otherwise: Option<&Term>,
        dtype: &DataType,
        active: &BooleanBuffer,
    ) -> Result<ArrayRef, Fault> {
        let mut rest = active.clone();
        let mut result = new_null_array(dtype, self.rows);
        for (condition, value) in branches {
            let truths = self.truths(condition, &rest)?;
            let hit = &rest & &matching(&truths, true);
            let values = self.values(value, &hit)?;
            result = zip(&BooleanArray::from(hit.clone()), &values, &result).map_err(kernel)?;
            rest = &rest & &!&hit;
        }
        if let Some(value) = otherwise {
            let values = self.values(value, &rest)?;
            result = zip(&BooleanArray::from(rest), &values, &result).map_err(kernel)?;
        }
        Ok(result)
    }

    /// The values of `term`, one per row.
    fn full(&self, term: &Term, active: &BooleanBuffer) -> Result<ArrayRef, Fault> {
        let values = self.values(term, active)?;
        if !values.scalar {
            return Ok(values.array);
        }
        let all = BooleanArray::from(BooleanBuffer::new_set(self.rows));
        let null = new_null_array(values.array.data_type(), self.rows);
        zip(&all, &values, &null).map_err(kernel)
    }

    /// A column for use in conditions: NaN is null, and negative zero is zero.
    pub fn column(&self, at: usize) -> Result<ArrayRef, Fault> {
        let values = &self.table.columns[at].values;
        Ok(match values.data_type() {
            DataType::UInt64 => cast(values, &DataType::Decimal128(20, 0)).map_err(Fault::bare)?,
            DataType::Float16 => {
                let halves = values.as_primitive::<Float16Type>();
                let is_number =
                    |value: &<Float16Type as ArrowPrimitiveType>::Native| !value.is_nan();
                Arc::new(
                    halves
                        .iter()
                        .map(|value| value.filter(is_number))
                        .collect::<Float16Array>(),
                )
            }
            DataType::Float32 => {
                let singles = values.as_primitive::<Float32Type>().iter();
                let number = |value: Option<f32>| {
                    value
                        .filter(|value| !value.is_nan())
                        .map(|value| value + 0.0)
                };
                Arc::new(singles.map(number).collect::<Float32Array>())
            }
            DataType::Float64 => real(values.as_primitive::<Float64Type>().iter()),
            _ => values.clone(),
        })
    }

    /// Applies `function` to each row.
    fn call(
        &self,
        function: &'static Function,
        terms: &[Term],
        dtype: &DataType,
        active: &BooleanBuffer,
    ) -> Result<Values, Fault> {
        let arguments: Result<Vec<Values>, Fault> =
            terms.iter().map(|term| self.values(term, active)).collect();
        let arguments = arguments?;
        let mut cells: Vec<Cell<'_>> = Vec::with_capacity(arguments.len());
        let results = self.each(&arguments.iter().collect::<Vec<_>>(), active, |row| {
            cells.clear();
            for argument in &arguments {
                cells.push(cell(argument, row)?);
            }
            let skips = cells.contains(&Cell::Null) && !function.skips_null;
            if skips {
                return Ok(None);
            }
            Ok(Some((function.apply)(&cells)?))
        })?;
        let array = array_of(results, dtype).map_err(Fault::bare)?;
        Ok(Values {
            array,
            scalar: arguments.iter().all(|argument| argument.scalar),
        })
    }

    /// Computes a value per row, or one for all rows if all `arguments` are constant. An error names the first row that fails.
    /// Rows that are not active are null.
    pub fn each<T>(
        &self,
        arguments: &[&Values],
        active: &BooleanBuffer,
        mut compute: impl FnMut(usize) -> Result<Option<T>, Fault>,
    ) -> Result<Vec<Option<T>>, Fault> {
        let fail = |row: usize, fault: Fault| fault.in_row(self.table.source_row[row]);
        if arguments.iter().all(|argument| argument.scalar) {
            let first = active.set_indices().next();
            let result = first.map(|row| compute(row).map_err(|fault| fail(row, fault)));
            return Ok(vec![result.transpose()?.flatten()]);
        }
        (0..self.rows)
            .map(|row| {
                if active.value(row) {
                    compute(row).map_err(|fault| fail(row, fault))
                } else {
                    Ok(None)
                }
            })
            .collect()
    }

    pub fn rows(&self) -> usize {
        self.rows
    }
}

/// The rows where `truths` equals `wanted` and is not null.
fn matching(truths: &BooleanArray, wanted: bool) -> BooleanBuffer {
    let values = if wanted {
        truths.values().clone()
    } else {
        !truths.values()
    };
    match truths.nulls() {
        Some(valid) => &values & valid.inner(),
        None => values,
    }
}
