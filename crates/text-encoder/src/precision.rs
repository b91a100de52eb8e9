//! The precision of the matrix products with weights.

use std::fmt;

/// The precision of the matrix products with weights. Everything else is computed in `f32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// `f32`: as other inference engines, up to rounding.
    Fp32,
    /// int8: activations with seven bits and a scale per token, weights with seven bits and a scale per output, exact sums.
    Int8,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Precision::Fp32 => "fp32",
            Precision::Int8 => "int8",
        })
    }
}
