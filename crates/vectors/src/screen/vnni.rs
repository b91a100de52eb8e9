//! Screening with AVX-512 VNNI: eight rows by thirty-two columns in sixteen registers of sums.
//!
//! `vpdpbusd` multiplies unsigned by signed bytes, so 128 is added to the columns' codes when a pair of panels is copied
//! into the first-level cache; what that adds to every product, 128 times the sum of the row's codes, goes into the goal.
//! Source: Intel, *Intrinsics Guide*, `_mm512_dpbusd_epi32`. Cost: one instruction for 64 multiply-adds.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_cmpge_epi32_mask, _mm512_dpbusd_epi32, _mm512_loadu_si512,
    _mm512_min_epi32, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_storeu_si512, _mm512_sub_epi32,
    _mm512_xor_si512,
};

use super::{Hit, Line, PANEL, Scratch, Side, meets, meets_any, note};

/// Rows of one block.
const ROWS: usize = 8;

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn screen(
    rows: &Side<'_>,
    cols: &Side<'_>,
    lines: usize,
    live: u64,
    scratch: &mut Scratch,
    hits: &mut Vec<Hit>,
) {
    let sign = _mm512_set1_epi8(-128);
    for (pair, codes) in cols.codes.chunks_exact(2 * lines).enumerate() {
        let col = pair * 2 * PANEL;
        if !meets_any(live, col) {
            continue;
        }
        scratch.lines.resize(2 * lines, Line([0; PANEL]));
        for (unsigned, signed) in scratch.lines.iter_mut().zip(codes) {
            unsigned.0 = store(_mm512_xor_si512(load(&signed.0), sign));
        }
        let (left, right) = scratch.lines.split_at(lines);
        let bias = [load(&cols.bias[col..]), load(&cols.bias[col + PANEL..])];
        let goal = [load(&cols.goals[col..]), load(&cols.goals[col + PANEL..])];
        for (panel, codes) in rows.codes.chunks_exact(lines).enumerate() {
            if !meets(live, panel * PANEL, col) {
                continue;
            }
            for half in 0..2 {
                let row = panel * PANEL + half * ROWS;
                let sums = products(codes, half, left, right, bias);
                for (r, sums) in sums.iter().enumerate() {
                    let row = row + r;
                    let shift = _mm512_set1_epi32(128 * rows.sums[row] - rows.bias[row]);
                    let own = _mm512_set1_epi32(rows.goals[row]);
                    for side in 0..2 {
                        let goal = _mm512_add_epi32(_mm512_min_epi32(goal[side], own), shift);
                        let reached = _mm512_cmpge_epi32_mask(sums[side], goal);
                        if reached != 0 {
                            let scores = store(_mm512_sub_epi32(sums[side], shift));
                            note(rows, cols, row, col + side * PANEL, &scores, reached, hits);
                        }
                    }
                }
            }
        }
    }
}

/// The products of half a panel of rows with two panels of columns, on top of the columns' biases.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn products(
    rows: &[Line],
    half: usize,
    left: &[Line],
    right: &[Line],
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
