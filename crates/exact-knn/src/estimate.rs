//! Estimates of the memory of a search, before it starts.

use crate::ivf::candidates::capacity;
use crate::scan::block::{BLOCK, PADDING, PANEL, SUBBLOCK};

/// The peak memory, in bytes, of [`crate::knn()`] of `n` rows of `d` values: the result, the codes, and the buffers of each
/// thread of the pool. The points themselves are not counted.
pub fn estimate_memory(n: usize, d: usize, k: usize) -> u64 {
    let (rows, d, k) = (n as u64, d as u64, k as u64);
    // Ids, and reduced distances in 64 bits.
    let result = 12 * k;
    // A tile of the AMX kernel takes 64 values at once.
    let codes = d.next_multiple_of(4 * PANEL as u64);
    let balls = 4 * d / SUBBLOCK as u64;
    // Order, inverse length, bias, sum, norm, residual, member; the threshold, and after it the place.
    let row = 4 + 8 + 4 + 4 + 4 + 4 + 4 + 4;
    let blocks = n.div_ceil(BLOCK) as u64;
    let pairs_of_blocks = blocks * blocks / 2 * 24;
    // Every pair of a block may be a hit, kept twice.
    let thread = (BLOCK * BLOCK * 16) as u64 + 4 * BLOCK as u64 * d;
    rows * (result + codes + balls + row)
        + pairs_of_blocks
        + rayon::current_num_threads() as u64 * thread
}

/// The peak memory, in bytes, of [`crate::InvertedLists`] of `n` rows of `d` values, with about `list_size` rows per list
/// and candidates for `k` neighbors, without the result of [`crate::InvertedLists::nearest`].
pub fn estimate_ivf_memory(n: usize, d: usize, k: usize, list_size: usize) -> u64 {
    let codes = d.next_multiple_of(4 * PANEL) as u64;
    // Id, bias, sum, norm, residual.
    let row = 4 + 4 + 4 + 4 + 4;
    // A list is padded to whole pairs of panels, by half a pair on average.
    let lists = n as u64 * (codes + row);
    let lists = lists + lists / list_size.max(1) as u64 * (PADDING / 2) as u64;
    // Position, inverse length, member, change; the candidates.
    let found = n as u64 * (8 + 8 + 4 + 1 + 8 * capacity(k) as u64);
    // Codes of the queries, and every pair a hit, kept twice for both sides.
    let thread = (BLOCK * BLOCK * 24 + BLOCK * d) as u64;
    // While rows move to other lists their codes are held twice, but there are no candidates yet.
    let working = found.max(n as u64 * (codes + row));
    lists + working + rayon::current_num_threads() as u64 * thread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_well_below_the_rows() {
        let raw = 100_000 * 384 * 4;
        assert!(estimate_memory(100_000, 384, 50) < raw * 3 / 4);
        assert!(estimate_memory(100_000, 384, 50) > 100_000 * (384 + 400));
    }
}
