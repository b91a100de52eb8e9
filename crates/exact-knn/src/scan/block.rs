//! What the kernels share: packed codes, the sides of a scan, hits.

/// Number of rows whose codes are stored together, value by value.
pub(crate) const PANEL: usize = 16;
/// Number of rows that are scanned together: their codes stay in the second-level cache.
pub(crate) const BLOCK: usize = 512;
/// Number of rows that share a bounding ball and are skipped together.
pub(crate) const SUBBLOCK: usize = 64;
/// Subblocks per block.
pub(crate) const SUBBLOCKS: usize = BLOCK / SUBBLOCK;
/// A threshold that no pair reaches, and that sums of other terms do not lift out of an `i32`.
pub(crate) const UNREACHABLE: i32 = 1 << 30;
/// The number of rows of a block is padded to a multiple of this: panels come in pairs.
pub(crate) const PADDING: usize = 2 * PANEL;
/// Number of rows of one register block of the AVX2 kernel.
#[cfg(target_arch = "x86_64")]
pub(super) const AVX2_ROWS: usize = 4;

/// Four consecutive values (int8, the first in the lowest byte) of each row of a panel: the input of one step of a product.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct PackedLane(pub(crate) [i32; PANEL]);

/// One block as a side of a scan. All lists are padded to whole pairs of panels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScanSide<'a> {
    /// Panel after panel, `lanes` lanes each.
    pub(crate) codes: &'a [PackedLane],
    /// The term of each row in the score of its pairs.
    pub(crate) bias: &'a [i32],
    /// The sum of the codes of each row.
    pub(crate) sums: &'a [i32],
    /// The score from which a pair matters to each row.
    pub(crate) thresholds: &'a [i32],
    /// Number of rows without padding.
    pub(crate) len: usize,
}

/// A pair whose score reaches the threshold of its row or of its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    pub(crate) row: u16,
    pub(crate) col: u16,
    /// The product of the two codes plus both biases.
    pub(crate) score: i32,
}

/// Buffers that a thread reuses for all pairs of blocks.
#[derive(Debug, Default)]
pub(crate) struct ScanScratch {
    pub(super) lanes: Vec<PackedLane>,
    #[cfg(target_arch = "x86_64")]
    pub(super) wide_rows: Vec<[i32; AVX2_ROWS]>,
}

/// Whether the mask selects the subblocks of a row and a column.
#[inline(always)]
pub(super) fn is_selected(pair_mask: u64, row: usize, col: usize) -> bool {
    pair_mask >> (row / SUBBLOCK * SUBBLOCKS + col / SUBBLOCK) & 1 == 1
}

/// Whether the mask selects the subblock of a column with any subblock of rows.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn is_column_selected(pair_mask: u64, col: usize) -> bool {
    pair_mask & (0x0101_0101_0101_0101 << (col / SUBBLOCK)) != 0
}

/// Appends the hits among sixteen scores, of one row and sixteen columns from `col` on; bit i of `reached` says whether
/// score i reaches a threshold.
#[inline(never)]
pub(super) fn push_hits(
    rows: &ScanSide<'_>,
    cols: &ScanSide<'_>,
    row: usize,
    col: usize,
    scores: &[i32; 16],
    mut reached: u16,
    hits: &mut Vec<Hit>,
) {
    if row >= rows.len {
        return;
    }
    while reached != 0 {
        let at = reached.trailing_zeros() as usize;
        reached &= reached - 1;
        if col + at < cols.len {
            hits.push(Hit {
                row: row as u16,
                col: (col + at) as u16,
                score: scores[at],
            });
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A block of pseudorandom codes, biases and thresholds.
    pub(crate) struct TestBlock {
        codes: Vec<PackedLane>,
        bias: Vec<i32>,
        sums: Vec<i32>,
        thresholds: Vec<i32>,
        len: usize,
    }

    impl TestBlock {
        pub(crate) fn side(&self) -> ScanSide<'_> {
            ScanSide {
                codes: &self.codes,
                bias: &self.bias,
                sums: &self.sums,
                thresholds: &self.thresholds,
                len: self.len,
            }
        }
    }

    pub(crate) fn test_block(len: usize, lanes: usize, seed: u32) -> TestBlock {
        let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        };
        let padded = len.next_multiple_of(PADDING);
        let mut codes = vec![PackedLane([0; PANEL]); padded / PANEL * lanes];
        let mut sums = vec![0; padded];
        let (mut bias, mut thresholds) = (vec![0; padded], vec![UNREACHABLE; padded]);
        for row in 0..len {
            for lane in 0..lanes {
                // Both ends of the range occur, so a kernel that saturates fails.
                let quantized: [i8; 4] = std::array::from_fn(|_| match next() % 8 {
                    0 | 1 => 127,
                    2 => -127,
                    code => (next() % 255) as i8 ^ code as i8,
                });
                let quantized = quantized.map(|code| code.max(-127));
                sums[row] += quantized.iter().map(|&code| i32::from(code)).sum::<i32>();
                codes[row / PANEL * lanes + lane].0[row % PANEL] =
                    i32::from_le_bytes(quantized.map(|code| code as u8));
            }
            bias[row] = (next() % 20_000) as i32 - 10_000;
            let spread = (lanes as f64).sqrt() * 20_000.0;
            thresholds[row] = (f64::from(lanes as u32) * 1_000.0
                + spread * (f64::from(next() % 100) / 30.0)) as i32;
        }
        TestBlock {
            codes,
            bias,
            sums,
            thresholds,
            len,
        }
    }

    pub(crate) fn sorted(mut hits: Vec<Hit>) -> Vec<Hit> {
        hits.sort_unstable();
        hits
    }
}
