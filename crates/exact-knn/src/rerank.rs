//! The passes over the rows themselves, compiled for each width of vector register.
//!
//! The bodies are written once, in portable Rust, with a fixed order of summation; the compiler may vectorize them but
//! not reorder them, so every width gives the same bits.

use crate::prepared_points::PreparedPoints;
use crate::simd::dispatch_simd;

/// How many pairs ahead rows are prefetched.
const PREFETCH: usize = 8;

/// The [`crate::reduced_distance`] of each pair of rows. The less often the first row changes, the cheaper.
pub(crate) fn rerank(rows: &PreparedPoints<'_>, pairs: &[(u32, u32)], reduced: &mut Vec<f64>) {
    dispatch_simd!(rows.kernel, rerank_body(rows: &PreparedPoints<'_>, pairs: &[(u32, u32)], reduced: &mut Vec<f64>));
}

/// The inner product of each row with `direction`, written before its id.
pub(crate) fn project(rows: &PreparedPoints<'_>, direction: &[f32], keyed: &mut [(f32, u32)]) {
    dispatch_simd!(rows.kernel, project_body(rows: &PreparedPoints<'_>, direction: &[f32], keyed: &mut [(f32, u32)]));
}

#[inline(always)]
fn rerank_body(rows: &PreparedPoints<'_>, pairs: &[(u32, u32)], reduced: &mut Vec<f64>) {
    reduced.clear();
    let mut first_row = vec![0.0f64; rows.points.d()];
    let mut converted = None;
    for (at, &(i, j)) in pairs.iter().enumerate() {
        if let Some(&(i, j)) = pairs.get(at + PREFETCH) {
            prefetch(rows.points.row(i as usize));
            prefetch(rows.points.row(j as usize));
        }
        let pair = rows.pair(i as usize, j as usize);
        if converted != Some(i) {
            converted = Some(i);
            for (to, &value) in first_row.iter_mut().zip(pair.a) {
                *to = f64::from(value);
            }
        }
        reduced.push(pair.reduced(&first_row, rows.metric));
    }
}

#[inline(always)]
fn project_body(rows: &PreparedPoints<'_>, direction: &[f32], keyed: &mut [(f32, u32)]) {
    for at in 0..keyed.len() {
        if let Some(&(_, soon)) = keyed.get(at + PREFETCH) {
            prefetch(rows.points.row(soon as usize));
        }
        let (key, id) = &mut keyed[at];
        *key = crate::distance::product(rows.points.row(*id as usize), direction)
            * rows.scale(*id as usize);
    }
}

/// Loads a row into the cache before it is needed.
#[inline(always)]
fn prefetch(row: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    for line in row.chunks(16) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        #[expect(unsafe_code, reason = "prefetching takes a raw pointer")]
        // SAFETY: the address lies in a live slice, and prefetching reads nothing that the program can see.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = row;
}
