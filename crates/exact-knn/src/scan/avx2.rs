//! The scan with AVX2: four rows by sixteen columns in eight registers of sums.
//!
//! `vpmaddubsw` would saturate, so codes are widened to 16 bits, once per call for the rows and once per panel for the
//! columns. `vpmaddwd` then adds two products exactly. The bytes of a lane are taken in the order 0 2, 1 3, so that
//! widening is shifting. Cost: two instructions for 16 multiply-adds.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_castsi256_ps, _mm256_cmpgt_epi32, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_min_epi32, _mm256_movemask_ps, _mm256_set1_epi32, _mm256_slli_epi16,
    _mm256_srai_epi16, _mm256_storeu_si256,
};

use super::block::{
    AVX2_ROWS, Hit, PANEL, PackedLane, ScanScratch, ScanSide, is_column_selected, is_selected,
    push_hits,
};

/// The columns of a panel fill two registers.
type Registers = [__m256i; 2];

#[target_feature(enable = "avx2")]
pub(super) fn scan(
    rows: &ScanSide<'_>,
    cols: &ScanSide<'_>,
    lanes: usize,
    pair_mask: u64,
    scratch: &mut ScanScratch,
    hits: &mut Vec<Hit>,
) {
    let ScanScratch {
        lanes: wide,
        wide_rows: blocks,
    } = scratch;
    widen_rows(rows.codes, lanes, blocks);
    for (panel, codes) in cols.codes.chunks_exact(lanes).enumerate() {
        let col = panel * PANEL;
        if !is_column_selected(pair_mask, col) {
            continue;
        }
        wide.clear();
        for lane in codes {
            wide.extend(widen(lane));
        }
        let (bias, thresholds) = (load(&cols.bias[col..]), load(&cols.thresholds[col..]));
        for (block, codes) in blocks.chunks_exact(2 * lanes).enumerate() {
            let row = block * AVX2_ROWS;
            if !is_selected(pair_mask, row, col) {
                continue;
            }
            for (row, sums) in (row..).zip(sums(codes, wide, bias)) {
                let (own, threshold) = (
                    _mm256_set1_epi32(rows.bias[row]),
                    _mm256_set1_epi32(rows.thresholds[row]),
                );
                let scores = sums.map(|sum| _mm256_add_epi32(sum, own));
                let mut missed = 0;
                for half in 0..2 {
                    let threshold = _mm256_min_epi32(thresholds[half], threshold);
                    let below = _mm256_cmpgt_epi32(threshold, scores[half]);
                    missed |= _mm256_movemask_ps(_mm256_castsi256_ps(below)) << (8 * half);
                }
                if missed != 0xffff {
                    push_hits(rows, cols, row, col, &store(scores).0, !missed as u16, hits);
                }
            }
        }
    }
}

/// The biases of the columns of a panel and their products with the rows of a block.
#[inline]
#[target_feature(enable = "avx2")]
fn sums(rows: &[[i32; AVX2_ROWS]], cols: &[PackedLane], bias: Registers) -> [Registers; AVX2_ROWS] {
    let mut sums = [bias; AVX2_ROWS];
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

/// Widens rows, one register block after another, so that a block is read from its first byte to its last.
#[target_feature(enable = "avx2")]
fn widen_rows(codes: &[PackedLane], lanes: usize, blocks: &mut Vec<[i32; AVX2_ROWS]>) {
    blocks.clear();
    blocks.resize(codes.len() * 2 * PANEL / AVX2_ROWS, [0; AVX2_ROWS]);
    for (codes, panel) in codes
        .chunks_exact(lanes)
        .zip(blocks.chunks_exact_mut(2 * lanes * PANEL / AVX2_ROWS))
    {
        for (lane, codes) in codes.iter().enumerate() {
            for (half, wide) in widen(codes).iter().enumerate() {
                for (block, rows) in wide.0.as_chunks::<AVX2_ROWS>().0.iter().enumerate() {
                    panel[(block * lanes + lane) * 2 + half] = *rows;
                }
            }
        }
    }
}

/// The codes of a lane in 16 bits: of each row or column the even ones, then the odd ones.
#[inline]
#[target_feature(enable = "avx2")]
fn widen(lane: &PackedLane) -> [PackedLane; 2] {
    let codes = load(&lane.0);
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
fn store(values: Registers) -> PackedLane {
    let mut stored = PackedLane([0; PANEL]);
    let (halves, _) = stored.0.as_chunks_mut::<8>();
    #[expect(unsafe_code, reason = "storing takes a raw pointer")]
    // SAFETY: each half is 32 writable bytes, and the store needs no alignment.
    unsafe {
        _mm256_storeu_si256(halves[0].as_mut_ptr().cast(), values[0]);
        _mm256_storeu_si256(halves[1].as_mut_ptr().cast(), values[1]);
    }
    stored
}
