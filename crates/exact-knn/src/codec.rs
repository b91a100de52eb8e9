//! From rows to packed int8 codes: preprocessing and quantization.

use crate::Kernel;
use crate::error_bounds::ErrorBounds;
use crate::prepared_points::PreparedPoints;
use crate::preprocess::Preprocessor;
use crate::scalar_quantizer::{PackedCodes, Quantizer};
use crate::scan::lanes;

/// Encodes rows as codes that are comparable with each other.
#[derive(Debug)]
pub(crate) struct Codec {
    pub(crate) kernel: Kernel,
    preprocessor: Preprocessor,
    quantizer: Quantizer,
    /// Lanes per panel.
    pub(crate) lanes: usize,
}

impl Codec {
    /// A codec fitted to the rows `members`; `None` where int8 cannot represent them.
    pub(crate) fn new(rows: &PreparedPoints<'_>, members: &[u32]) -> Option<Self> {
        let preprocessor = Preprocessor::new(rows, members);
        let quantizer = Quantizer::new(rows, members, &preprocessor)?;
        Some(Codec {
            kernel: rows.kernel,
            preprocessor,
            quantizer,
            lanes: lanes(rows.kernel, rows.points.d()),
        })
    }

    /// The codes of the rows `order`.
    pub(crate) fn encode(&self, rows: &PreparedPoints<'_>, order: Vec<u32>) -> PackedCodes {
        PackedCodes::new(rows, order, &self.preprocessor, self.quantizer, self.lanes)
    }

    /// The score that 1 in a product of codes is worth.
    pub(crate) fn unit(&self) -> f64 {
        self.quantizer.unit
    }

    pub(crate) fn error_bounds(&self, rows: &PreparedPoints<'_>) -> ErrorBounds {
        ErrorBounds::new(rows.metric, self.quantizer.unit, rows.points.d())
    }
}
