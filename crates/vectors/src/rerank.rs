//! The passes over the rows themselves, compiled for each width of register.
//!
//! The bodies are written once, in plain Rust, with a fixed order of summation; the compiler may widen them but not
//! reorder them, so every width gives the same bits.

use crate::Kernel;
use crate::plain::Rows;
use crate::widest::widest;

/// Pairs that are asked for ahead of their turn.
const AHEAD: usize = 8;

/// The [`crate::reduced_distance`] of each pair of rows; the less often the first row changes, the cheaper.
pub(crate) fn measure(rows: &Rows<'_>, pairs: &[(u32, u32)], reduced: &mut Vec<f64>) {
    widest!(rows.kernel, measure_body(rows: &Rows<'_>, pairs: &[(u32, u32)], reduced: &mut Vec<f64>));
}

/// The product of each row with `direction`.
pub(crate) fn project(
    kernel: Kernel,
    rows: &Rows<'_>,
    direction: &[f32],
    keyed: &mut [(f32, u32)],
) {
    widest!(kernel, project_body(rows: &Rows<'_>, direction: &[f32], keyed: &mut [(f32, u32)]));
}

#[inline(always)]
fn measure_body(rows: &Rows<'_>, pairs: &[(u32, u32)], reduced: &mut Vec<f64>) {
    reduced.clear();
    let mut wide = vec![0.0f64; rows.points.d()];
    let mut widened = None;
    for (at, &(i, j)) in pairs.iter().enumerate() {
        if let Some(&(i, j)) = pairs.get(at + AHEAD) {
            prefetch(rows.points.row(i as usize));
            prefetch(rows.points.row(j as usize));
        }
        let pair = rows.pair(i as usize, j as usize);
        if widened != Some(i) {
            widened = Some(i);
            for (wide, &value) in wide.iter_mut().zip(pair.a) {
                *wide = f64::from(value);
            }
        }
        reduced.push(pair.reduced(&wide, rows.metric));
    }
}

#[inline(always)]
fn project_body(rows: &Rows<'_>, direction: &[f32], keyed: &mut [(f32, u32)]) {
    for at in 0..keyed.len() {
        if let Some(&(_, soon)) = keyed.get(at + AHEAD) {
            prefetch(rows.points.row(soon as usize));
        }
        let (key, id) = &mut keyed[at];
        *key = crate::distance::product(rows.points.row(*id as usize), direction)
            * rows.scale(*id as usize);
    }
}

/// Asks for a row before it is needed.
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
