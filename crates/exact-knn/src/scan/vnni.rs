//! The scan with AVX-512 VNNI: eight rows by thirty-two columns in sixteen registers of sums.
//!
//! `vpdpbusd` multiplies unsigned by signed bytes, so 128 is added to the columns' codes when a pair of panels is copied
//! into the first-level cache; what that adds to every product, 128 times the sum of the row's codes, is added to the threshold.
//! Source: Intel, *Intrinsics Guide*, `_mm512_dpbusd_epi32`. Cost: one instruction for 64 multiply-adds.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_cmpge_epi32_mask, _mm512_dpbusd_epi32, _mm512_loadu_si512,
    _mm512_min_epi32, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_storeu_si512, _mm512_sub_epi32,
    _mm512_xor_si512,
};

use super::block::{
    Hit, PANEL, PackedLane, ScanScratch, ScanSide, is_column_selected, is_selected, push_hits,
};

/// Rows of one register block.
const ROWS: usize = 8;

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn scan(
    rows: &ScanSide<'_>,
    cols: &ScanSide<'_>,
    lanes: usize,
    pair_mask: u64,
    scratch: &mut ScanScratch,
    hits: &mut Vec<Hit>,
) {
    let sign = _mm512_set1_epi8(-128);
    for (pair, codes) in cols.codes.chunks_exact(2 * lanes).enumerate() {
        let col = pair * 2 * PANEL;
        if !is_column_selected(pair_mask, col) {
            continue;
        }
        scratch.lanes.resize(2 * lanes, PackedLane([0; PANEL]));
        for (unsigned, signed) in scratch.lanes.iter_mut().zip(codes) {
            unsigned.0 = store(_mm512_xor_si512(load(&signed.0), sign));
        }
        let (left, right) = scratch.lanes.split_at(lanes);
        let bias = [load(&cols.bias[col..]), load(&cols.bias[col + PANEL..])];
        let threshold = [
            load(&cols.thresholds[col..]),
            load(&cols.thresholds[col + PANEL..]),
        ];
        for (panel, codes) in rows.codes.chunks_exact(lanes).enumerate() {
            if !is_selected(pair_mask, panel * PANEL, col) {
                continue;
            }
            for half in 0..2 {
                let row = panel * PANEL + half * ROWS;
                let sums = products(codes, half, left, right, bias);
                for (r, sums) in sums.iter().enumerate() {
                    let row = row + r;
                    let shift = _mm512_set1_epi32(128 * rows.sums[row] - rows.bias[row]);
                    let own = _mm512_set1_epi32(rows.thresholds[row]);
                    for side in 0..2 {
                        let threshold =
                            _mm512_add_epi32(_mm512_min_epi32(threshold[side], own), shift);
                        let reached = _mm512_cmpge_epi32_mask(sums[side], threshold);
                        if reached != 0 {
                            let scores = store(_mm512_sub_epi32(sums[side], shift));
                            push_hits(rows, cols, row, col + side * PANEL, &scores, reached, hits);
                        }
                    }
                }
            }
        }
    }
}

/// The products of half a panel of rows with two panels of columns, plus the columns' biases.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn products(
    rows: &[PackedLane],
    half: usize,
    left: &[PackedLane],
    right: &[PackedLane],
    bias: [__m512i; 2],
) -> [[__m512i; 2]; ROWS] {
    let mut sums = [bias; ROWS];
    for ((rows, left), right) in rows.iter().zip(left).zip(right) {
        let (left, right) = (load(&left.0), load(&right.0));
        let rows = &rows.0.as_chunks::<ROWS>().0[half];
        for (sums, &row) in sums.iter_mut().zip(rows) {
            let row = _mm512_set1_epi32(row);
            sums[0] = _mm512_dpbusd_epi32(sums[0], left, row);
            sums[1] = _mm512_dpbusd_epi32(sums[1], right, row);
        }
    }
    sums
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(values: &[i32]) -> __m512i {
    let values: &[i32; 16] = values
        .first_chunk()
        .expect("lists are padded to whole panels");
    #[expect(unsafe_code, reason = "loading takes a raw pointer")]
    // SAFETY: the reference is to 64 readable bytes, and the load needs no alignment.
    unsafe {
        _mm512_loadu_si512(values.as_ptr().cast())
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(values: __m512i) -> [i32; 16] {
    let mut stored = [0; 16];
    #[expect(unsafe_code, reason = "storing takes a raw pointer")]
    // SAFETY: `stored` is 64 writable bytes, and the store needs no alignment.
    unsafe {
        _mm512_storeu_si512(stored.as_mut_ptr().cast(), values);
    }
    stored
}
