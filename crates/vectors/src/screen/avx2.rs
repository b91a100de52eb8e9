//! Screening with AVX2: two rows by sixteen columns in eight registers of sums.
//!
//! `vpmaddubsw` would saturate, so codes are widened to 16 bits: the columns' when a panel is copied into the
//! first-level cache, the rows' as they are broadcast. `vpmaddwd` then adds two products exactly; a register holds two
//! partial sums for each of four columns. Cost: two instructions for 16 multiply-adds.

use std::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm_set1_epi32, _mm256_add_epi32, _mm256_cvtepi8_epi16,
    _mm256_hadd_epi32, _mm256_madd_epi16, _mm256_permute4x64_epi64, _mm256_setzero_si256,
    _mm256_storeu_si256,
};

use super::{Hit, Line, PANEL, Scratch, Side, meets, meets_any, note};

/// Rows of one block.
const ROWS: usize = 2;

#[target_feature(enable = "avx2")]
pub(super) fn screen(
    rows: &Side<'_>,
    cols: &Side<'_>,
    lines: usize,
    live: u64,
    _: &mut Scratch,
    hits: &mut Vec<Hit>,
) {
    let mut wide = vec![[_mm256_setzero_si256(); 4]; lines];
    for (panel, codes) in cols.codes.chunks_exact(lines).enumerate() {
        let col = panel * PANEL;
        if !meets_any(live, col) {
            continue;
        }
        for (wide, line) in wide.iter_mut().zip(codes) {
            *wide = widen(line);
        }
        let bias: &[i32; PANEL] = cols.bias[col..]
            .first_chunk()
            .expect("lists are padded to whole panels");
        let goals: &[i32; PANEL] = cols.goals[col..]
            .first_chunk()
            .expect("lists are padded to whole panels");
        for row in (0..rows.len).step_by(ROWS) {
            if !meets(live, row, col) {
                continue;
            }
            let codes = &rows.codes[row / PANEL * lines..][..lines];
            let products = products(codes, row % PANEL / ROWS, &wide);
            for (row, products) in (row..).zip(&products) {
                let mut scores = [0; PANEL];
                let mut reached = 0u16;
                for at in 0..PANEL {
                    scores[at] = products[at] + bias[at] + rows.bias[row];
                    reached |= u16::from(scores[at] >= goals[at].min(rows.goals[row])) << at;
                }
                if reached != 0 {
                    note(rows, cols, row, col, &scores, reached, hits);
                }
            }
        }
    }
}

/// The products of two rows of a panel with the sixteen rows of another.
#[inline]
#[target_feature(enable = "avx2")]
fn products(rows: &[Line], pair: usize, cols: &[[__m256i; 4]]) -> [[i32; PANEL]; ROWS] {
    let mut sums = [[_mm256_setzero_si256(); 4]; ROWS];
    for (rows, cols) in rows.iter().zip(cols) {
        let rows = &rows.0.as_chunks::<ROWS>().0[pair];
        for (sums, &row) in sums.iter_mut().zip(rows) {
            let row = _mm256_cvtepi8_epi16(_mm_set1_epi32(row));
            for (sum, &col) in sums.iter_mut().zip(cols) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(row, col));
            }
        }
    }
    sums.map(|[a, b, c, e]| {
        // Two partial sums a column become one; adding within lanes leaves the columns out of order.
        let low = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_hadd_epi32(a, b));
        let high = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_hadd_epi32(c, e));
        let mut stored = [0; PANEL];
        let (first, last) = stored.split_at_mut(PANEL / 2);
        store(first, low);
        store(last, high);
        stored
    })
}

/// The codes of a line in 16 bits, four columns a register.
#[inline]
#[target_feature(enable = "avx2")]
fn widen(line: &Line) -> [__m256i; 4] {
    let (quarters, _) = line.0.as_chunks::<4>();
    std::array::from_fn(|at| {
        #[expect(unsafe_code, reason = "loading takes a raw pointer")]
        // SAFETY: a quarter of a line is 16 readable bytes, and the load needs no alignment.
        let narrow = unsafe { _mm_loadu_si128(quarters[at].as_ptr().cast()) };
        _mm256_cvtepi8_epi16(narrow)
    })
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(to: &mut [i32], values: __m256i) {
    let to: &mut [i32; 8] = to.first_chunk_mut().expect("half a panel is eight values");
    #[expect(unsafe_code, reason = "storing takes a raw pointer")]
    // SAFETY: `to` is 32 writable bytes, and the store needs no alignment.
    unsafe {
        _mm256_storeu_si256(to.as_mut_ptr().cast(), values);
    }
}
