//! Quantized rows with bounding balls, in an order in which near rows are in the same block.

use crate::block_order::block_order;
use crate::bounding_balls::BoundingBalls;
use crate::codec::Codec;
use crate::error_bounds::ErrorBounds;
use crate::prepared_points::PreparedPoints;
use crate::scalar_quantizer::PackedCodes;
use crate::scan::block::BLOCK;

/// The smallest number of rows for which quantization pays; below, brute force is as fast.
pub(crate) const MIN_ROWS: usize = BLOCK / 2;

/// The members of an index, ready to be scanned.
#[derive(Debug)]
pub(crate) struct QuantizedIndex {
    pub(crate) codec: Codec,
    pub(crate) bounds: ErrorBounds,
    pub(crate) codes: PackedCodes,
    pub(crate) balls: BoundingBalls,
}

/// Rows in an order of their own, with the codec of an index.
#[derive(Debug)]
pub(crate) struct QuantizedBatch {
    pub(crate) codes: PackedCodes,
    pub(crate) balls: BoundingBalls,
}

impl QuantizedIndex {
    /// `None` where int8 cannot represent the rows.
    pub(crate) fn new(rows: &PreparedPoints<'_>, members: &[u32]) -> Option<Self> {
        let codec = Codec::new(rows, members)?;
        let order = block_order(rows, members);
        let balls = BoundingBalls::new(rows, &order);
        let codes = codec.encode(rows, order);
        let bounds = codec.error_bounds(rows);
        Some(QuantizedIndex {
            codec,
            bounds,
            codes,
            balls,
        })
    }

    /// Quantizes the rows `order` like those of this index.
    pub(crate) fn encode_batch(
        &self,
        rows: &PreparedPoints<'_>,
        order: Vec<u32>,
    ) -> QuantizedBatch {
        let balls = BoundingBalls::new(rows, &order);
        let codes = self.codec.encode(rows, order);
        QuantizedBatch { codes, balls }
    }

    /// The blocks of this index, nearest to the first rows of `batch` first.
    pub(crate) fn blocks_by_distance(&self, batch: &QuantizedBatch) -> Vec<usize> {
        let mut blocks: Vec<(f64, usize)> = (0..self.codes.blocks())
            .map(|b| (batch.balls.distance_to_block(&self.balls, b), b))
            .collect();
        blocks.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        blocks.into_iter().map(|(_, b)| b).collect()
    }
}
