//! Functions of numbers.

use super::{Cell, Function, N, Returns, W, function, real, whole};
use crate::condition::Fault;

/// A function of one number in 64 bits.
macro_rules! real {
    ($name:literal, $apply:expr) => {
        function($name, &[N], 1, Returns::Number, |cells| {
            let apply: fn(f64) -> f64 = $apply;
            Ok(Cell::Number(apply(real(&cells[0]))))
        })
    };
}

pub(super) static FUNCTIONS: &[Function] = &[
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
];

fn too_large() -> Fault {
    Fault::bare("the result is too large for a number of 64 bits")
}

/// A number rounded to `digits` decimals: floats by `step`; decimals towards zero, plus `more` of the remainder and its unit.
fn stepped<'a>(
    cell: &Cell<'a>,
    digits: i64,
    step: fn(f64) -> f64,
    more: fn(i128, i128) -> i128,
) -> Result<Cell<'a>, Fault> {
    if !(0..=30).contains(&digits) {
        return Err(Fault::bare(format!(
            "{digits} is not a valid number of decimals"
        )));
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

#[expect(clippy::unnecessary_wraps, reason = "all functions have one signature")]
fn truncated<'a>(cells: &[Cell<'a>]) -> Result<Cell<'a>, Fault> {
    Ok(match cells[0] {
        Cell::Decimal(n, scale) => {
            let unit = 10_i128.pow(u32::from(scale));
            Cell::Decimal(n / unit * unit, scale)
        }
        Cell::Number(n) => Cell::Number(n.trunc()),
        ref cell => cell.clone(),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "all functions have one signature")]
fn power<'a>(cells: &[Cell<'a>]) -> Result<Cell<'a>, Fault> {
    Ok(Cell::Number(real(&cells[0]).powf(real(&cells[1]))))
}
