//! The scan with Intel's tile registers (AMX-INT8): 32 rows by 32 columns in four tiles of sums.
//!
//! A column tile is sixteen lanes of a panel, as they are stored. Each row of a row tile holds sixteen consecutive lanes of
//! one row, so the panels of the rows are transposed, four bytes at a time, when the scan of a block begins.
//!
//! Source: Intel, *Architectures Software Developer's Manual* 1, chapter 18. Cost: one instruction for 16,384
//! multiply-adds.

use super::block::{
    Hit, PANEL, PackedLane, ScanScratch, ScanSide, is_column_selected, is_selected, push_hits,
};
use super::tiles::{self, DEPTH, Sums, TILE_ROWS};

/// Multiplies two transposed panels of rows by two panels of columns.
type Multiply = fn(rows: &[PackedLane], cols: &[PackedLane], lanes: usize, sums: &mut Sums);

#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn scan(
    rows: &ScanSide<'_>,
    cols: &ScanSide<'_>,
    lanes: usize,
    pair_mask: u64,
    scratch: &mut ScanScratch,
    hits: &mut Vec<Hit>,
) {
    #[cfg(target_os = "linux")]
    {
        assert!(
            crate::amx_support::is_available(),
            "Kernel::choose returns AMX only where it is available"
        );
        let _configured = tiles::Configured::new();
        scan_with(tiles::multiply, rows, cols, lanes, pair_mask, scratch, hits);
    }
    #[cfg(not(target_os = "linux"))]
    scan_with(emulate, rows, cols, lanes, pair_mask, scratch, hits);
}

#[inline(always)]
fn scan_with(
    multiply: Multiply,
    rows: &ScanSide<'_>,
    cols: &ScanSide<'_>,
    lanes: usize,
    pair_mask: u64,
    scratch: &mut ScanScratch,
    hits: &mut Vec<Hit>,
) {
    transpose(rows.codes, &mut scratch.lanes);
    let mut sums = [PackedLane([0; PANEL]); 2 * TILE_ROWS];
    for (pair, codes) in cols.codes.chunks_exact(2 * lanes).enumerate() {
        let col = pair * TILE_ROWS;
        if !is_column_selected(pair_mask, col) {
            continue;
        }
        for (tile, transposed) in scratch.lanes.chunks_exact(2 * lanes).enumerate() {
            if !is_selected(pair_mask, tile * TILE_ROWS, col) {
                continue;
            }
            multiply(transposed, codes, lanes, &mut sums);
            for (at, sums) in sums.iter().enumerate() {
                let (row, col) = (tile * TILE_ROWS + at / 2, col + at % 2 * PANEL);
                push_reached(rows, cols, row, col, sums, hits);
            }
        }
    }
}

/// Appends the hits among the sums of one row with sixteen columns.
#[inline(always)]
fn push_reached(
    rows: &ScanSide<'_>,
    cols: &ScanSide<'_>,
    row: usize,
    col: usize,
    sums: &PackedLane,
    hits: &mut Vec<Hit>,
) {
    let bias: &[i32; PANEL] = cols.bias[col..]
        .first_chunk()
        .expect("lists are padded to whole panels");
    let thresholds: &[i32; PANEL] = cols.thresholds[col..]
        .first_chunk()
        .expect("lists are padded to whole panels");
    let mut scores = [0; PANEL];
    let mut reached = 0u16;
    for at in 0..PANEL {
        scores[at] = sums.0[at] + bias[at] + rows.bias[row];
        reached |= u16::from(scores[at] >= thresholds[at].min(rows.thresholds[row])) << at;
    }
    if reached != 0 {
        push_hits(rows, cols, row, col, &scores, reached, hits);
    }
}

/// Panels as row tiles: lane `r` of each sixteen holds the codes of row `r` in all sixteen lanes.
fn transpose(codes: &[PackedLane], transposed: &mut Vec<PackedLane>) {
    transposed.clear();
    for tile in codes.chunks_exact(DEPTH) {
        transposed.extend(
            (0..PANEL).map(|row| PackedLane(std::array::from_fn(|lane| tile[lane].0[row]))),
        );
    }
}

/// What the tiles compute, in portable Rust, from the same bytes.
#[cfg(any(test, not(target_os = "linux")))]
fn emulate(rows: &[PackedLane], cols: &[PackedLane], lanes: usize, sums: &mut Sums) {
    *sums = [PackedLane([0; PANEL]); 2 * TILE_ROWS];
    let panels = |side: &[PackedLane]| [side[..lanes].to_vec(), side[lanes..2 * lanes].to_vec()];
    for (row_panel, rows) in panels(rows).iter().enumerate() {
        for (col_panel, cols) in panels(cols).iter().enumerate() {
            for (rows, cols) in rows.chunks_exact(DEPTH).zip(cols.chunks_exact(DEPTH)) {
                for (m, row) in rows.iter().enumerate() {
                    for (k, col) in cols.iter().enumerate() {
                        for (n, col) in col.0.iter().enumerate() {
                            let pairs = row.0[k].to_le_bytes().into_iter().zip(col.to_le_bytes());
                            let product: i32 = pairs
                                .map(|(a, b)| i32::from(a as i8) * i32::from(b as i8))
                                .sum();
                            sums[2 * (PANEL * row_panel + m) + col_panel].0[n] += product;
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::block::tests::{sorted, test_block};

    /// The packing of tiles and the addresses of sums, with the arithmetic of the tiles in portable Rust.
    #[test]
    fn emulated_tiles_find_what_portable_rust_finds() {
        for (left, right, lanes) in [(32, 32, 16), (33, 1, 32), (500, 512, 96), (7, 100, 48)] {
            let (left, right) = (test_block(left, lanes, 1), test_block(right, lanes, 2));
            let (mut hits, mut expected) = (Vec::new(), Vec::new());
            let pair_mask = 0xf0f1_f3f7_ff1f_3f7f;
            scan_with(
                emulate,
                &left.side(),
                &right.side(),
                lanes,
                pair_mask,
                &mut ScanScratch::default(),
                &mut hits,
            );
            crate::scan::portable::scan(
                &left.side(),
                &right.side(),
                lanes,
                pair_mask,
                &mut expected,
            );
            assert_eq!(sorted(hits), sorted(expected));
        }
    }
}
