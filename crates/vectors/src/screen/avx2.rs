//! Screening with AVX2: four rows by sixteen columns in eight registers of sums.
//!
//! `vpmaddubsw` would saturate, so codes are widened to 16 bits, once a call for the rows and once a panel for the
//! columns. `vpmaddwd` then adds two products exactly. The bytes of a line are taken in the order 0 2, 1 3, so that
//! widening is shifting. Cost: two instructions for 16 multiply-adds.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_castsi256_ps, _mm256_cmpgt_epi32, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_min_epi32, _mm256_movemask_ps, _mm256_set1_epi32, _mm256_slli_epi16,
    _mm256_srai_epi16, _mm256_storeu_si256,
};

use super::{Hit, Line, PANEL, Scratch, Side, meets, meets_any, note};

/// Rows of one block.
pub(super) const ROWS: usize = 4;
/// The columns of a panel fill two registers.
type Registers = [__m256i; 2];

#[target_feature(enable = "avx2")]
pub(super) fn screen(
    rows: &Side<'_>,
    cols: &Side<'_>,
    lines: usize,
    live: u64,
    scratch: &mut Scratch,
    hits: &mut Vec<Hit>,
) {
    let Scratch {
        lines: wide,
        blocks,
    } = scratch;
    arrange(rows.codes, lines, blocks);
    for (panel, codes) in cols.codes.chunks_exact(lines).enumerate() {
        let col = panel * PANEL;
        if !meets_any(live, col) {
            continue;
        }
        wide.clear();
        for line in codes {
            wide.extend(widen(line));
        }
        let (bias, goals) = (load(&cols.bias[col..]), load(&cols.goals[col..]));
        for (block, codes) in blocks.chunks_exact(2 * lines).enumerate() {
            let row = block * ROWS;
            if !meets(live, row, col) {
                continue;
            }
            for (row, sums) in (row..).zip(sums(codes, wide, bias)) {
                let (own, goal) = (
                    _mm256_set1_epi32(rows.bias[row]),
                    _mm256_set1_epi32(rows.goals[row]),
                );
                let scores = sums.map(|sum| _mm256_add_epi32(sum, own));
                let mut missed = 0;
                for half in 0..2 {
                    let goal = _mm256_min_epi32(goals[half], goal);
                    let below = _mm256_cmpgt_epi32(goal, scores[half]);
                    missed |= _mm256_movemask_ps(_mm256_castsi256_ps(below)) << (8 * half);
                }
                if missed != 0xffff {
                    note(rows, cols, row, col, &store(scores).0, !missed as u16, hits);
                }
            }
        }
    }
}

/// The biases of the columns of a panel and their products with the rows of a block.
#[inline]
#[target_feature(enable = "avx2")]
fn sums(rows: &[[i32; ROWS]], cols: &[Line], bias: Registers) -> [Registers; ROWS] {
    let mut sums = [bias; ROWS];
    for (rows, cols) in rows.iter().zip(cols) {
        let cols = load(&cols.0);
        for (sums, &row) in sums.iter_mut().zip(rows) {
            let row = _mm256_set1_epi32(row);
            for half in 0..2 {
                sums[half] = _mm256_add_epi32(sums[half], _mm256_madd_epi16(row, cols[half]));
            }
        }
    }
    sums
}

/// Widened rows, block after block, so that a block is read from its first byte to its last.
#[target_feature(enable = "avx2")]
fn arrange(codes: &[Line], lines: usize, blocks: &mut Vec<[i32; ROWS]>) {
    blocks.clear();
    blocks.resize(codes.len() * 2 * PANEL / ROWS, [0; ROWS]);
    for (codes, panel) in codes
        .chunks_exact(lines)
        .zip(blocks.chunks_exact_mut(2 * lines * PANEL / ROWS))
    {
        for (line, codes) in codes.iter().enumerate() {
            for (half, wide) in widen(codes).iter().enumerate() {
                for (block, rows) in wide.0.as_chunks::<ROWS>().0.iter().enumerate() {
                    panel[(block * lines + line) * 2 + half] = *rows;
                }
            }
        }
    }
}

/// The codes of a line in 16 bits: of each row or column the even ones, then the odd ones.
#[inline]
#[target_feature(enable = "avx2")]
fn widen(line: &Line) -> [Line; 2] {
    let codes = load(&line.0);
    let even = codes.map(|codes| _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(codes)));
    let odd = codes.map(|codes| _mm256_srai_epi16::<8>(codes));
    [store(even), store(odd)]
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(values: &[i32]) -> Registers {
    let values: &[i32; PANEL] = values
        .first_chunk()
        .expect("lists are padded to whole panels");
    let (halves, _) = values.as_chunks::<8>();
    #[expect(unsafe_code, reason = "loading takes a raw pointer")]
    // SAFETY: each half is 32 readable bytes, and the load needs no alignment.
    unsafe {
        [
            _mm256_loadu_si256(halves[0].as_ptr().cast()),
            _mm256_loadu_si256(halves[1].as_ptr().cast()),
        ]
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(values: Registers) -> Line {
    let mut stored = Line([0; PANEL]);
    let (halves, _) = stored.0.as_chunks_mut::<8>();
    #[expect(unsafe_code, reason = "storing takes a raw pointer")]
    // SAFETY: each half is 32 writable bytes, and the store needs no alignment.
    unsafe {
        _mm256_storeu_si256(halves[0].as_mut_ptr().cast(), values[0]);
        _mm256_storeu_si256(halves[1].as_mut_ptr().cast(), values[1]);
    }
    stored
}
