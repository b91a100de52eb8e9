//! How much memory a search takes, said before it starts.

use crate::cells::places;
use crate::screen::{CELL, PADDING, PANEL, PATCH};

/// Bytes that [`crate::knn`] of `n` rows of `d` values will hold at its peak: the answer, the codes, and the working
/// memory of each thread of the pool. The rows themselves, which the caller holds, are not counted.
pub fn estimate(n: usize, d: usize, k: usize) -> u64 {
    let (rows, d, k) = (n as u64, d as u64, k as u64);
    // Ids, and reduced distances in 64 bits.
    let answer = 12 * k;
    // A tile of the AMX kernel takes 64 values at once.
    let codes = d.next_multiple_of(4 * PANEL as u64);
    let balls = 4 * d / PATCH as u64;
    // Order, inverse length, bias, sum, norm, residual, member; the floor, and after it the place.
    let row = 4 + 8 + 4 + 4 + 4 + 4 + 4 + 4;
    let cells = n.div_ceil(CELL) as u64;
    let meetings = cells * cells / 2 * 24;
    // Every pair of a cell may be a hit, kept twice.
    let thread = (CELL * CELL * 16) as u64 + 4 * CELL as u64 * d;
    rows * (answer + codes + balls + row) + meetings + rayon::current_num_threads() as u64 * thread
}

/// Bytes that [`crate::Cells`] of `n` rows of `d` values, some `size` in a cell, will hold at their peak, with candidates
/// for `k` neighbors, but without the measured answer.
pub fn estimate_cells(n: usize, d: usize, k: usize, size: usize) -> u64 {
    let codes = d.next_multiple_of(4 * PANEL) as u64;
    // Id, bias, sum, norm, residual.
    let row = 4 + 4 + 4 + 4 + 4;
    // A cell is padded to whole pairs of panels, by half a pair on average.
    let cells = n as u64 * (codes + row);
    let cells = cells + cells / size.max(1) as u64 * (PADDING / 2) as u64;
    // Place, inverse length, member, change; the candidates.
    let found = n as u64 * (8 + 8 + 4 + 1 + 8 * places(k) as u64);
    // Codes of the visitors, and every pair a hit, kept twice for both sides.
    let thread = (CELL * CELL * 24 + CELL * d) as u64;
    // While rows change cells their codes stand twice, but there are no candidates yet.
    let working = found.max(n as u64 * (codes + row));
    cells + working + rayon::current_num_threads() as u64 * thread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_well_below_the_rows() {
        let raw = 100_000 * 384 * 4;
        assert!(estimate(100_000, 384, 50) < raw * 3 / 4);
        assert!(estimate(100_000, 384, 50) > 100_000 * (384 + 400));
    }
}
