//! Arithmetic. Integers are divided as in `PostgreSQL` and `SQLite`: towards zero, and the remainder has the sign of the
//! dividend. Division by zero and overflow are errors that name the row.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray, Float32Array, Int64Array, PrimitiveArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, DurationNanosecondType, Float32Type,
    Float64Type, Int64Type, IntervalMonthDayNanoType,
};
use chrono::{Months, NaiveDateTime, TimeDelta};

use super::Fault;
use super::evaluate::Evaluator;
use super::term::Operation;
use super::values::{Values, count, kernel, moment, real, temporal_array, too_far};
use crate::convert::decimal;

impl Evaluator<'_> {
    /// `compute` of the two values of each row, null where one of them is.
    fn pairs<T: ArrowPrimitiveType, R>(
        &self,
        both: [&Values; 2],
        active: &BooleanBuffer,
        compute: impl Fn(T::Native, T::Native) -> Result<Option<R>, Fault>,
    ) -> Result<Vec<Option<R>>, Fault> {
        let numbers = both.map(|values| values.array.as_primitive::<T>());
        self.each(&both, active, |row| {
            if both.iter().any(|values| values.is_null(row)) {
                return Ok(None);
            }
            compute(
                numbers[0].value(both[0].at(row)),
                numbers[1].value(both[1].at(row)),
            )
        })
    }

    /// `left op right` in the type `dtype`.
    pub fn arithmetic(
        &self,
        op: Operation,
        left: &Values,
        right: &Values,
        dtype: &DataType,
        active: &BooleanBuffer,
    ) -> Result<Values, Fault> {
        let both = [left, right];
        let null = |row: usize| left.is_null(row) || right.is_null(row);
        let array: ArrayRef = match dtype {
            DataType::Int64 => {
                let results =
                    self.pairs::<Int64Type, _>(both, active, |a, b| whole(a, op, b).map(Some))?;
                Arc::new(Int64Array::from(results))
            }
            DataType::Float64 => {
                let results =
                    self.pairs::<Float64Type, _>(both, active, |a, b| float(a, op, b).map(Some))?;
                real(results.into_iter())
            }
            DataType::Float32 => {
                let results = self.pairs::<Float32Type, _>(both, active, |a, b| {
                    // f64 holds sums, products and quotients of f32 precisely enough to round only once.
                    let result = float(a.into(), op, b.into())? as f32;
                    Ok((!result.is_nan()).then_some(result + 0.0))
                })?;
                Arc::new(Float32Array::from(results))
            }
            &DataType::Decimal128(precision, scale) => {
                let scales = both.map(|values| match values.array.data_type() {
                    DataType::Decimal128(_, scale) => scale.unsigned_abs(),
                    _ => 0,
                });
                let results = self.pairs::<Decimal128Type, _>(both, active, |a, b| {
                    exact((a, scales[0]), op, (b, scales[1]), scale.unsigned_abs()).map(Some)
                })?;
                let results = PrimitiveArray::<Decimal128Type>::from(results);
                Arc::new(
                    results
                        .with_precision_and_scale(precision, scale)
                        .map_err(kernel)?,
                )
            }
            DataType::Duration(_) => self.difference(op, left, right, active)?,
            dtype => {
                let spans = right.array.as_primitive::<IntervalMonthDayNanoType>();
                let counts = self.each(&both, active, |row| {
                    if null(row) {
                        return Ok(None);
                    }
                    let from = moment(&left.array, left.at(row))?;
                    let (months, days, nanos) =
                        IntervalMonthDayNanoType::to_parts(spans.value(right.at(row)));
                    let sign = if op == Operation::Subtract { -1 } else { 1 };
                    let moved = shifted(
                        from,
                        sign * i64::from(months),
                        sign * i64::from(days),
                        i128::from(sign) * i128::from(nanos),
                    );
                    moved
                        .and_then(|moved| count(moved, dtype))
                        .map(Some)
                        .ok_or_else(too_far)
                })?;
                temporal_array(counts.into_iter(), dtype)
            }
        };
        Ok(Values {
            array,
            scalar: left.scalar && right.scalar,
        })
    }

    /// The interval between two dates or timestamps, or the sum of two intervals.
    fn difference(
        &self,
        op: Operation,
        left: &Values,
        right: &Values,
        active: &BooleanBuffer,
    ) -> Result<ArrayRef, Fault> {
        let nanos = |values: &Values, row: usize| -> Result<i128, Fault> {
            let at = values.at(row);
            Ok(match values.array.data_type() {
                DataType::Duration(_) => values
                    .array
                    .as_primitive::<DurationNanosecondType>()
                    .value(at)
                    .into(),
                DataType::Date32 => {
                    i128::from(values.array.as_primitive::<Date32Type>().value(at))
                        * 86_400
                        * 1_000_000_000
                }
                DataType::Time64(_) => return Err(Fault::bare("times of day have no span")),
                _ => {
                    let utc = moment(&values.array, at)?.and_utc();
                    i128::from(utc.timestamp()) * 1_000_000_000
                        + i128::from(utc.timestamp_subsec_nanos())
                }
            })
        };
        let spans = self.each(&[left, right], active, |row| {
            if left.is_null(row) || right.is_null(row) {
                return Ok(None);
            }
            let (a, b) = (nanos(left, row)?, nanos(right, row)?);
            let span = if op == Operation::Add { a + b } else { a - b };
            let span = i64::try_from(span);
            span.map(Some).map_err(|_| {
                Fault::new(
                    "the span of time is longer than 292 years",
                    "compare years: EXTRACT(YEAR FROM ...)",
                )
            })
        })?;
        Ok(Arc::new(PrimitiveArray::<DurationNanosecondType>::from(
            spans,
        )))
    }
}

fn whole(a: i64, op: Operation, b: i64) -> Result<i64, Fault> {
    let result = match op {
        Operation::Add => a.checked_add(b),
        Operation::Subtract => a.checked_sub(b),
        Operation::Multiply => a.checked_mul(b),
        _ if b == 0
            && matches!(
                op,
                Operation::Divide | Operation::IntegerDivide | Operation::Modulo
            ) =>
        {
            return Err(by_zero(&a.to_string()));
        }
        Operation::Divide | Operation::IntegerDivide => a.checked_div(b),
        Operation::Modulo => Some(a.wrapping_rem(b)),
        Operation::BitAnd => Some(a & b),
        Operation::BitOr => Some(a | b),
        Operation::BitXor => Some(a ^ b),
    };
    result.ok_or_else(|| {
        Fault::new(
            format!("{a} {} {b} is too large for a number of 64 bits", op.sign()),
            DOUBLE,
        )
    })
}

fn float(a: f64, op: Operation, b: f64) -> Result<f64, Fault> {
    Ok(match op {
        Operation::Add => a + b,
        Operation::Subtract => a - b,
        Operation::Multiply => a * b,
        _ if b == 0.0 => return Err(by_zero(&a.to_string())),
        Operation::IntegerDivide => (a / b).trunc(),
        Operation::Modulo => a % b,
        _ => a / b,
    })
}

/// `a op b` for decimals with their scales, in the scale of the result.
fn exact(a: (i128, u8), op: Operation, b: (i128, u8), scale: u8) -> Result<i128, Fault> {
    let widened = |(count, from): (i128, u8), to: u8| {
        count.checked_mul(10_i128.checked_pow(u32::from(to.checked_sub(from)?))?)
    };
    let most = 10_i128.pow(38);
    let result = || {
        if op == Operation::Multiply {
            return a.0.checked_mul(b.0);
        }
        let (a, b) = (widened(a, scale)?, widened(b, scale)?);
        match op {
            Operation::Add => a.checked_add(b),
            Operation::Subtract => a.checked_sub(b),
            Operation::IntegerDivide => widened((a.checked_div(b)?, 0), scale),
            _ => a.checked_rem(b),
        }
    };
    if b.0 == 0 && matches!(op, Operation::IntegerDivide | Operation::Modulo) {
        return Err(by_zero(&decimal(a.0, a.1)));
    }
    result().filter(|n| n.abs() < most).ok_or_else(|| {
        Fault::new(
            format!(
                "{} {} {} has more than 38 digits",
                decimal(a.0, a.1),
                op.sign(),
                decimal(b.0, b.1)
            ),
            DOUBLE,
        )
    })
}

/// The remedy for overflow.
const DOUBLE: &str = "use floating-point numbers: CAST(... AS DOUBLE)";

fn by_zero(dividend: &str) -> Fault {
    Fault::new(
        format!("{dividend} is divided by zero"),
        "leave such rows out: write x / NULLIF(y, 0), which is null there, or CASE WHEN y <> 0 THEN x / y > 2 END",
    )
}

/// A timestamp shifted by calendar months, days and nanoseconds; the day is clamped to the last of the month.
fn shifted(from: NaiveDateTime, months: i64, days: i64, nanos: i128) -> Option<NaiveDateTime> {
    let by = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    let moved = if months < 0 {
        from.checked_sub_months(by)?
    } else {
        from.checked_add_months(by)?
    };
    let rest = i128::from(days) * 86_400 * 1_000_000_000 + nanos;
    let seconds = i64::try_from(rest.div_euclid(1_000_000_000)).ok()?;
    let rest = rest.rem_euclid(1_000_000_000) as u32;
    moved.checked_add_signed(TimeDelta::new(seconds, rest)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::decimal_to_f64;

    #[test]
    fn whole_numbers_are_divided_towards_zero() {
        assert_eq!(whole(-7, Operation::Divide, 2), Ok(-3));
        assert_eq!(whole(-7, Operation::Modulo, 2), Ok(-1));
        assert_eq!(whole(7, Operation::Modulo, -2), Ok(1));
        assert_eq!(whole(i64::MIN, Operation::Modulo, -1), Ok(0));
        assert!(whole(i64::MIN, Operation::Divide, -1).is_err());
        assert!(whole(i64::MAX, Operation::Add, 1).is_err());
        assert!(whole(1, Operation::Divide, 0).is_err());
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(exact((10, 2), Operation::Add, (5, 1), 2), Ok(60));
        assert_eq!(exact((15, 1), Operation::Multiply, (25, 2), 3), Ok(375));
        assert_eq!(exact((-75, 1), Operation::Modulo, (2, 0), 1), Ok(-15));
        assert!(exact((10_i128.pow(37), 0), Operation::Multiply, (100, 0), 0).is_err());
        assert_eq!(decimal_to_f64(1, 1), 0.1);
    }
}
