//! The products with AVX2 and FMA: six rows by sixteen columns of `f32`, four rows by sixteen columns of int8.

use std::arch::x86_64::{
    __m256, __m256i, _mm256_add_epi16, _mm256_add_epi32, _mm256_cvtepi32_ps, _mm256_fmadd_ps,
    _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_mul_ps,
    _mm256_mullo_epi32, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps,
    _mm256_setzero_si256, _mm256_storeu_ps, _mm256_sub_epi32,
};
use std::ops::Range;

use super::float::{PANEL, PanelRow, Rows};
use super::int8::{Codes, GROUP, QuantizedMatrix, column_range};

/// Values of a register.
const LANES: usize = 8;

/// Rows of a tile of `f32`: twelve of sixteen registers hold sums.
const FLOAT_ROWS: usize = 6;

/// Rows of a tile of int8, and registers per row: eight of sixteen registers hold sums, four a part of the panel.
const INT8_ROWS: usize = 4;
const INT8_REGISTERS: usize = 2;

/// Adds the product of `left` and one panel to the columns `columns` of `sums`.
#[target_feature(enable = "avx2,fma")]
pub(super) fn multiply_add_panel(
    left: Rows<'_>,
    panel: &[PanelRow],
    sums: &mut [f32],
    width: usize,
    columns: Range<usize>,
) {
    let mut row = 0;
    while row < left.count {
        let rows = FLOAT_ROWS.min(left.count - row);
        let values = &left.values[row * left.stride..];
        let sums = &mut sums[row * width..];
        let columns = columns.clone();
        match rows {
            1 => float_tile::<1>(values, left.stride, panel, sums, width, columns),
            2 => float_tile::<2>(values, left.stride, panel, sums, width, columns),
            3 => float_tile::<3>(values, left.stride, panel, sums, width, columns),
            4 => float_tile::<4>(values, left.stride, panel, sums, width, columns),
            5 => float_tile::<5>(values, left.stride, panel, sums, width, columns),
            _ => float_tile::<FLOAT_ROWS>(values, left.stride, panel, sums, width, columns),
        }
        row += rows;
    }
}

/// One tile of [`multiply_add_panel`]: `R` rows.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn float_tile<const R: usize>(
    left: &[f32],
    stride: usize,
    panel: &[PanelRow],
    sums: &mut [f32],
    width: usize,
    columns: Range<usize>,
) {
    assert!(
        left.len() >= (R - 1) * stride + panel.len(),
        "every row is whole"
    );
    let mut registers = [[_mm256_setzero_ps(); 2]; R];
    for (r, registers) in registers.iter_mut().enumerate() {
        let sums = &sums[r * width..][columns.clone()];
        let mut padded = [0.0; PANEL];
        let sums = sums.first_chunk().unwrap_or_else(|| {
            padded[..sums.len()].copy_from_slice(sums);
            &padded
        });
        *registers = [load(&sums[..LANES]), load(&sums[LANES..])];
    }
    for (k, right) in panel.iter().enumerate() {
        let right = [load(&right[..LANES]), load(&right[LANES..])];
        for (r, sums) in registers.iter_mut().enumerate() {
            #[expect(unsafe_code, reason = "a bounds check per multiply-add costs a fifth")]
            // SAFETY: r < R and k < panel.len(), for which the assertion above holds.
            let value = _mm256_set1_ps(unsafe { *left.get_unchecked(r * stride + k) });
            sums[0] = _mm256_fmadd_ps(value, right[0], sums[0]);
            sums[1] = _mm256_fmadd_ps(value, right[1], sums[1]);
        }
    }
    for (r, registers) in registers.into_iter().enumerate() {
        let sums = &mut sums[r * width..][columns.clone()];
        if let Some(sums) = sums.first_chunk_mut::<PANEL>() {
            store(registers[0], &mut sums[..LANES]);
            store(registers[1], &mut sums[LANES..]);
        } else {
            let mut padded = [0.0; PANEL];
            store(registers[0], &mut padded[..LANES]);
            store(registers[1], &mut padded[LANES..]);
            sums.copy_from_slice(&padded[..sums.len()]);
        }
    }
}

/// The products of rows of codes and a matrix, as `f32`.
#[target_feature(enable = "avx2,fma")]
pub(super) fn multiply(left: &Codes<'_>, right: &QuantizedMatrix, out: &mut [f32]) {
    assert!(
        right.panel == INT8_REGISTERS * LANES,
        "the matrix is packed for this kernel"
    );
    let rows = left.steps.len();
    for panel in 0..right.panels() {
        let mut row = 0;
        while row < rows {
            match rows - row {
                1 => int8_tile::<1>(left, row, right, panel, out),
                2 => int8_tile::<2>(left, row, right, panel, out),
                3 => int8_tile::<3>(left, row, right, panel, out),
                _ => int8_tile::<INT8_ROWS>(left, row, right, panel, out),
            }
            row += INT8_ROWS;
        }
    }
}

/// One tile of [`multiply`]: `R` rows from `first` on with one panel.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn int8_tile<const R: usize>(
    left: &Codes<'_>,
    first: usize,
    right: &QuantizedMatrix,
    panel: usize,
    out: &mut [f32],
) {
    let mut codes = [&[][..]; R];
    for (r, codes) in codes.iter_mut().enumerate() {
        *codes = left.row(first + r).as_chunks::<GROUP>().0;
    }
    let pairs = right
        .panel_codes(panel)
        .as_chunks::<{ 2 * INT8_REGISTERS * LANES }>()
        .0;
    assert!(
        codes.iter().all(|row| row.len() == 2 * pairs.len()),
        "rows are as deep as the panel"
    );
    let one = _mm256_set1_epi16(1);
    let mut sums = [[_mm256_setzero_si256(); INT8_REGISTERS]; R];
    for (at, pair) in pairs.iter().enumerate() {
        let registers = pair.as_chunks::<LANES>().0;
        for (sums, codes) in sums.iter_mut().zip(codes) {
            #[expect(unsafe_code, reason = "a bounds check per row of a tile costs a tenth")]
            // SAFETY: at < pairs.len(), and every row has twice as many groups.
            let [even, odd] =
                unsafe { [codes.get_unchecked(2 * at), codes.get_unchecked(2 * at + 1)] };
            let even = _mm256_set1_epi32(i32::from_le_bytes(*even));
            let odd = _mm256_set1_epi32(i32::from_le_bytes(*odd));
            for (q, sum) in sums.iter_mut().enumerate() {
                // At most 4 * 127 * 63 = 32,004: no saturation.
                let products = _mm256_add_epi16(
                    _mm256_maddubs_epi16(even, load_codes(&registers[q])),
                    _mm256_maddubs_epi16(odd, load_codes(&registers[INT8_REGISTERS + q])),
                );
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(products, one));
            }
        }
    }
    let columns = column_range(right, panel);
    for (r, sums) in sums.into_iter().enumerate() {
        let row = first + r;
        let zero = _mm256_set1_epi32(left.zeros[row]);
        let step = _mm256_set1_ps(left.steps[row]);
        let mut values = [0.0; INT8_REGISTERS * LANES];
        for (q, sums) in sums.into_iter().enumerate() {
            let at = columns.start + q * LANES;
            let offset = _mm256_mullo_epi32(zero, load_integers(&right.sums[at..]));
            let scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(sums, offset)), step);
            let value = _mm256_fmadd_ps(scaled, load(&right.steps[at..]), load(&right.bias[at..]));
            store(value, &mut values[q * LANES..]);
        }
        let out = &mut out[row * right.n_out..][columns.clone()];
        // A copy of constant length is a few instructions, not a call.
        match out.first_chunk_mut() {
            Some(out) => *out = values,
            None => out.copy_from_slice(&values[..out.len()]),
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_codes(codes: &[[i8; GROUP]; LANES]) -> __m256i {
    #[expect(unsafe_code, reason = "loading takes a raw pointer")]
    // SAFETY: the reference is to 32 readable bytes, and the load needs no alignment.
    unsafe {
        _mm256_loadu_si256(codes.as_ptr().cast())
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_integers(values: &[i32]) -> __m256i {
    let values: &[i32; LANES] = values
        .first_chunk()
        .expect("lists are padded to whole panels");
    #[expect(unsafe_code, reason = "loading takes a raw pointer")]
    // SAFETY: the reference is to 32 readable bytes, and the load needs no alignment.
    unsafe {
        _mm256_loadu_si256(values.as_ptr().cast())
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(values: &[f32]) -> __m256 {
    let values: &[f32; LANES] = values
        .first_chunk()
        .expect("rows and lists are padded to whole registers");
    #[expect(unsafe_code, reason = "loading takes a raw pointer")]
    // SAFETY: the reference is to 32 readable bytes, and the load needs no alignment.
    unsafe {
        _mm256_loadu_ps(values.as_ptr())
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(values: __m256, to: &mut [f32]) {
    let to: &mut [f32; LANES] = to
        .first_chunk_mut()
        .expect("rows are padded to whole registers");
    #[expect(unsafe_code, reason = "storing takes a raw pointer")]
    // SAFETY: the reference is to 32 writable bytes, and the store needs no alignment.
    unsafe {
        _mm256_storeu_ps(to.as_mut_ptr(), values);
    }
}
