//! Comparisons. Values of one type are compared by Arrow kernels; numbers and timestamps of two types are compared exactly,
//! without rounding.

use std::cmp::Ordering;

use arrow::array::{Array as _, AsArray, BooleanArray};
use arrow::compute::kernels::cmp::{eq, gt, gt_eq, lt, lt_eq, neq};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float16Type, Float32Type, Float64Type, Int64Type,
    TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};

use super::Fault;
use super::evaluate::Evaluator;
use super::term::Comparison;
use super::values::{Values, kernel};
use crate::convert::{cast, decimal_to_f64};

impl Evaluator<'_> {
    /// For each row the result of `op` on its values; null if one of them is null.
    pub fn compare(
        &self,
        op: Comparison,
        left: &Values,
        right: &Values,
    ) -> Result<BooleanArray, Fault> {
        if left.array.data_type() == right.array.data_type() && !(left.scalar && right.scalar) {
            let compare = match op {
                Comparison::Eq => eq,
                Comparison::NotEq => neq,
                Comparison::Lt => lt,
                Comparison::LtEq => lt_eq,
                Comparison::Gt => gt,
                Comparison::GtEq => gt_eq,
            };
            return compare(left, right).map_err(kernel);
        }
        let holds = |row: usize| {
            let order = order(left, right, row)?;
            Some(match op {
                Comparison::Eq => order.is_eq(),
                Comparison::NotEq => order.is_ne(),
                Comparison::Lt => order.is_lt(),
                Comparison::LtEq => order.is_le(),
                Comparison::Gt => order.is_gt(),
                Comparison::GtEq => order.is_ge(),
            })
        };
        Ok((0..self.rows()).map(holds).collect())
    }
}

/// A value with a total order.
enum Ordered<'a> {
    Text(&'a str),
    Truth(bool),
    /// A decimal: unscaled value and scale.
    Exact(i128, u32),
    Real(f64),
    /// Nanoseconds.
    Time(i128),
}

/// The order of the values of `row`; `None` if one is null.
fn order(left: &Values, right: &Values, row: usize) -> Option<Ordering> {
    match (ordered(left, row)?, ordered(right, row)?) {
        (Ordered::Text(a), Ordered::Text(b)) => Some(a.cmp(b)),
        (Ordered::Truth(a), Ordered::Truth(b)) => Some(a.cmp(&b)),
        (Ordered::Time(a), Ordered::Time(b)) => Some(a.cmp(&b)),
        (Ordered::Exact(a, scale), Ordered::Exact(b, other)) => Some(exact(a, scale, b, other)),
        (Ordered::Real(a), Ordered::Real(b)) => a.partial_cmp(&b),
        (Ordered::Exact(a, scale), Ordered::Real(b)) => mixed(a, scale, b),
        (Ordered::Real(a), Ordered::Exact(b, scale)) => mixed(b, scale, a).map(Ordering::reverse),
        _ => None,
    }
}

fn ordered(values: &Values, row: usize) -> Option<Ordered<'_>> {
    const DAY: i128 = 86_400 * 1_000_000_000;
    let (array, at) = (&values.array, values.at(row));
    if array.is_null(at) {
        return None;
    }
    Some(match array.data_type() {
        DataType::LargeUtf8 => Ordered::Text(array.as_string::<i64>().value(at)),
        DataType::Boolean => Ordered::Truth(array.as_boolean().value(at)),
        DataType::Int64 => Ordered::Exact(array.as_primitive::<Int64Type>().value(at).into(), 0),
        DataType::Decimal128(_, scale) => Ordered::Exact(
            array.as_primitive::<Decimal128Type>().value(at),
            scale.unsigned_abs().into(),
        ),
        DataType::Float16 => Ordered::Real(array.as_primitive::<Float16Type>().value(at).to_f64()),
        DataType::Float32 => Ordered::Real(array.as_primitive::<Float32Type>().value(at).into()),
        DataType::Float64 => Ordered::Real(array.as_primitive::<Float64Type>().value(at)),
        DataType::Date32 => {
            Ordered::Time(i128::from(array.as_primitive::<Date32Type>().value(at)) * DAY)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(at);
            Ordered::Time(i128::from(micros) * 1_000)
        }
        DataType::Timestamp(_, _) => {
            let nanos = array.as_primitive::<TimestampNanosecondType>().value(at);
            Ordered::Time(nanos.into())
        }
        _ => {
            let counts = cast(array, &DataType::Int64).ok()?;
            Ordered::Time(counts.as_primitive::<Int64Type>().value(at).into())
        }
    })
}

/// The order of two decimals.
fn exact(a: i128, scale: u32, b: i128, other: u32) -> Ordering {
    let (unit, unit_of_other) = (10_i128.pow(scale), 10_i128.pow(other));
    let whole = a.div_euclid(unit).cmp(&b.div_euclid(unit_of_other));
    whole.then_with(|| {
        // Both are less than one, so both fit into 38 digits.
        let most = scale.max(other);
        let part = |n: i128, unit: i128, scale: u32| n.rem_euclid(unit) * 10_i128.pow(most - scale);
        part(a, unit, scale).cmp(&part(b, unit_of_other, other))
    })
}

/// The order of a decimal and a float: exact for integers, else by the float nearest to the decimal.
fn mixed(count: i128, scale: u32, real: f64) -> Option<Ordering> {
    // Larger floats are integers beyond any decimal.
    const LARGEST: f64 = 1.7e38;
    if scale > 0 {
        return decimal_to_f64(count, scale as u8).partial_cmp(&real);
    }
    if real.is_nan() {
        return None;
    }
    Some(if real >= LARGEST {
        Ordering::Less
    } else if real <= -LARGEST {
        Ordering::Greater
    } else {
        let floor = real.floor();
        let order = count.cmp(&(floor as i128));
        order.then(if real > floor {
            Ordering::Less
        } else {
            Ordering::Equal
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_two_types_are_not_rounded() {
        let large = 9_007_199_254_740_993;
        assert_eq!(
            mixed(large, 0, 9_007_199_254_740_992.0),
            Some(Ordering::Greater)
        );
        assert_eq!(
            mixed(large - 1, 0, 9_007_199_254_740_992.0),
            Some(Ordering::Equal)
        );
        assert_eq!(mixed(2, 0, 2.5), Some(Ordering::Less));
        assert_eq!(mixed(-3, 0, -2.5), Some(Ordering::Less));
        assert_eq!(mixed(i128::MAX, 0, f64::INFINITY), Some(Ordering::Less));
        assert_eq!(mixed(1, 1, 0.1), Some(Ordering::Equal));
        assert_eq!(exact(12, 2, 120, 3), Ordering::Equal);
        assert_eq!(exact(12, 2, 121, 3), Ordering::Less);
        assert_eq!(exact(-1, 38, 0, 0), Ordering::Less);
        assert_eq!(exact(10_i128.pow(37), 0, 1, 38), Ordering::Greater);
    }
}
