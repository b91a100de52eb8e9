//! The products with AVX-512: twelve rows by sixteen columns of `f32`; with VNNI, twelve rows by thirty-two columns of int8.
//!
//! `vpdpbusd` multiplies unsigned by signed bytes and adds four products to 32 bits without saturation.
//! Source: Intel, *Intrinsics Guide*, `_mm512_dpbusd_epi32`.

use std::arch::x86_64::{
    __m512, __m512i, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_loadu_ps,
    _mm512_loadu_si512, _mm512_mul_ps, _mm512_mullo_epi32, _mm512_set1_epi32, _mm512_set1_ps,
    _mm512_setzero_ps, _mm512_setzero_si512, _mm512_storeu_ps, _mm512_sub_epi32,
};
use std::ops::Range;

use super::float::{PANEL, PanelRow, Rows};
use super::int8::{Codes, GROUP, QuantizedMatrix, column_range};

/// Values of a register.
const LANES: usize = 16;

/// Rows of a tile of `f32`.
const FLOAT_ROWS: usize = 12;

/// Rows of a tile of int8, and registers per row: twenty-four of thirty-two registers hold sums.
const INT8_ROWS: usize = 12;
const INT8_REGISTERS: usize = 2;

/// Adds the product of `left` and one panel to the columns `columns` of `sums`.
#[target_feature(enable = "avx512f")]
pub(super) fn multiply_add_panel(
    left: Rows<'_>,
    panel: &[PanelRow],
    sums: &mut [f32],
    width: usize,
    columns: Range<usize>,
) {
    let mut row = 0;
    while row < left.count {
        let (values, sums) = (&left.values[row * left.stride..], &mut sums[row * width..]);
        let columns = columns.clone();
        match left.count - row {
            FLOAT_ROWS.. => {
                float_tile::<FLOAT_ROWS>(values, left.stride, panel, sums, width, columns);
                row += FLOAT_ROWS;
            }
            4.. => {
                float_tile::<4>(values, left.stride, panel, sums, width, columns);
                row += 4;
            }
            _ => {
                float_tile::<1>(values, left.stride, panel, sums, width, columns);
                row += 1;
            }
        }
    }
}

/// One tile of [`multiply_add_panel`]: `R` rows.
#[inline]
#[target_feature(enable = "avx512f")]
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
    let mut registers = [_mm512_setzero_ps(); R];
    for (r, register) in registers.iter_mut().enumerate() {
        let sums = &sums[r * width..][columns.clone()];
        let mut padded = [0.0; PANEL];
        *register = load(sums.first_chunk().unwrap_or_else(|| {
            padded[..sums.len()].copy_from_slice(sums);
            &padded
        }));
    }
    for (k, right) in panel.iter().enumerate() {
        let right = load(right);
        for (r, sum) in registers.iter_mut().enumerate() {
            #[expect(unsafe_code, reason = "a bounds check per multiply-add costs a fifth")]
            // SAFETY: r < R and k < panel.len(), for which the assertion above holds.
            let value = _mm512_set1_ps(unsafe { *left.get_unchecked(r * stride + k) });
            *sum = _mm512_fmadd_ps(value, right, *sum);
        }
    }
    for (r, register) in registers.into_iter().enumerate() {
        let sums = &mut sums[r * width..][columns.clone()];
        if let Some(sums) = sums.first_chunk_mut::<PANEL>() {
            store(register, sums);
        } else {
            let mut padded = [0.0; PANEL];
            store(register, &mut padded);
            sums.copy_from_slice(&padded[..sums.len()]);
        }
    }
}

/// The products of rows of codes and a matrix, as `f32`.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
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
                INT8_ROWS.. => {
                    int8_tile::<INT8_ROWS>(left, row, right, panel, out);
                    row += INT8_ROWS;
                }
                4.. => {
                    int8_tile::<4>(left, row, right, panel, out);
                    row += 4;
                }
                _ => {
                    int8_tile::<1>(left, row, right, panel, out);
                    row += 1;
                }
            }
        }
    }
}

/// One tile of [`multiply`]: `R` rows from `first` on with one panel.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
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
    let groups = right
        .panel_codes(panel)
        .as_chunks::<{ INT8_REGISTERS * LANES }>()
        .0;
    assert!(
        codes.iter().all(|row| row.len() == groups.len()),
        "rows are as deep as the panel"
    );
    let mut sums = [[_mm512_setzero_si512(); INT8_REGISTERS]; R];
    for (at, group) in groups.iter().enumerate() {
        let registers = group.as_chunks::<LANES>().0;
        for (sums, codes) in sums.iter_mut().zip(codes) {
            #[expect(unsafe_code, reason = "a bounds check per row of a tile costs a tenth")]
            // SAFETY: at < groups.len(), which is the length of every row.
            let codes = _mm512_set1_epi32(i32::from_le_bytes(*unsafe { codes.get_unchecked(at) }));
            for (sum, weights) in sums.iter_mut().zip(registers) {
                *sum = _mm512_dpbusd_epi32(*sum, codes, load_codes(weights));
            }
        }
    }
    let columns = column_range(right, panel);
    for (r, sums) in sums.into_iter().enumerate() {
        let row = first + r;
        let zero = _mm512_set1_epi32(left.zeros[row]);
        let step = _mm512_set1_ps(left.steps[row]);
        let mut values = [0.0; INT8_REGISTERS * LANES];
        for (q, sums) in sums.into_iter().enumerate() {
            let at = columns.start + q * LANES;
            let offset = _mm512_mullo_epi32(zero, load_integers(&right.sums[at..]));
            let scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(sums, offset)), step);
            let value = _mm512_fmadd_ps(scaled, load(&right.steps[at..]), load(&right.bias[at..]));
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
#[target_feature(enable = "avx512f")]
fn load_codes(codes: &[[i8; GROUP]; LANES]) -> __m512i {
    #[expect(unsafe_code, reason = "loading takes a raw pointer")]
    // SAFETY: the reference is to 64 readable bytes, and the load needs no alignment.
    unsafe {
        _mm512_loadu_si512(codes.as_ptr().cast())
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_integers(values: &[i32]) -> __m512i {
    let values: &[i32; LANES] = values
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
fn load(values: &[f32]) -> __m512 {
    let values: &[f32; LANES] = values
        .first_chunk()
        .expect("rows and lists are padded to whole registers");
    #[expect(unsafe_code, reason = "loading takes a raw pointer")]
    // SAFETY: the reference is to 64 readable bytes, and the load needs no alignment.
    unsafe {
        _mm512_loadu_ps(values.as_ptr())
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(values: __m512, to: &mut [f32]) {
    let to: &mut [f32; LANES] = to
        .first_chunk_mut()
        .expect("rows are padded to whole registers");
    #[expect(unsafe_code, reason = "storing takes a raw pointer")]
    // SAFETY: the reference is to 64 writable bytes, and the store needs no alignment.
    unsafe {
        _mm512_storeu_ps(to.as_mut_ptr(), values);
    }
}
