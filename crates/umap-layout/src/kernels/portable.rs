//! The lanes as plain arrays: runs on any machine, and the other implementations are compared with it.

#![expect(
    clippy::inline_always,
    reason = "vector registers stay registers only across inlined calls"
)]

use super::lanes::{LANES, Lanes};

/// Lanes without any instruction beyond the target's own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable;

type F = [f32; LANES];
type I = [u32; LANES];

#[inline(always)]
fn map<A: Copy, B: Copy + Default>(a: [A; LANES], f: impl Fn(A) -> B) -> [B; LANES] {
    let mut out = [B::default(); LANES];
    for l in 0..LANES {
        out[l] = f(a[l]);
    }
    out
}

#[inline(always)]
fn zip<A: Copy, B: Copy + Default>(
    a: [A; LANES],
    b: [A; LANES],
    f: impl Fn(A, A) -> B,
) -> [B; LANES] {
    let mut out = [B::default(); LANES];
    for l in 0..LANES {
        out[l] = f(a[l], b[l]);
    }
    out
}

impl Lanes for Portable {
    type F = F;
    type I = I;

    #[inline(always)]
    fn splat(self, value: f32) -> F {
        [value; LANES]
    }
    #[inline(always)]
    fn load(self, values: &F) -> F {
        *values
    }
    #[inline(always)]
    fn store(self, a: F, values: &mut F) {
        *values = a;
    }
    #[inline(always)]
    fn add(self, a: F, b: F) -> F {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: F, b: F) -> F {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: F, b: F) -> F {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: F, b: F) -> F {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn max(self, a: F, b: F) -> F {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, a: F, b: F) -> F {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn unless_equal(self, mut a: F, b: I, c: I) -> F {
        for l in 0..LANES {
            a[l] = if b[l] == c[l] { 0.0 } else { a[l] };
        }
        a
    }

    #[inline(always)]
    fn splat_int(self, value: u32) -> I {
        [value; LANES]
    }
    #[inline(always)]
    fn load_int(self, values: &I) -> I {
        *values
    }
    #[inline(always)]
    fn store_int(self, a: I, values: &mut I) {
        *values = a;
    }
    #[inline(always)]
    fn add_int(self, a: I, b: I) -> I {
        zip(a, b, u32::wrapping_add)
    }
    #[inline(always)]
    fn sub_int(self, a: I, b: I) -> I {
        zip(a, b, u32::wrapping_sub)
    }
    #[inline(always)]
    fn mul_int(self, a: I, b: I) -> I {
        zip(a, b, u32::wrapping_mul)
    }
    #[inline(always)]
    fn mul_high(self, a: I, b: I) -> I {
        zip(a, b, |a, b| ((u64::from(a) * u64::from(b)) >> 32) as u32)
    }
    #[inline(always)]
    fn xor(self, a: I, b: I) -> I {
        zip(a, b, |a, b| a ^ b)
    }
    #[inline(always)]
    fn shift_left<const BY: u32>(self, a: I) -> I {
        map(a, |a| a << BY)
    }
    #[inline(always)]
    fn shift_right<const BY: u32>(self, a: I) -> I {
        map(a, |a| a >> BY)
    }
    #[inline(always)]
    fn shift_signed<const BY: u32>(self, a: I) -> I {
        map(a, |a| (a as i32 >> BY) as u32)
    }

    #[inline(always)]
    fn bits(self, a: F) -> I {
        map(a, f32::to_bits)
    }
    #[inline(always)]
    fn of_bits(self, a: I) -> F {
        map(a, f32::from_bits)
    }
    #[inline(always)]
    fn to_float(self, a: I) -> F {
        map(a, |a| a as i32 as f32)
    }

    #[inline(always)]
    fn passed(self, rates: &F, before: f32, after: f32) -> u16 {
        let mut mask = 0;
        for (l, rate) in rates.iter().enumerate() {
            mask |= u16::from(((rate * before) as i32) < (rate * after) as i32) << l;
        }
        mask
    }
    #[inline(always)]
    fn select(self, ids: &I, mut mask: u16, room: &mut I) -> usize {
        let mut count = 0;
        while mask != 0 {
            room[count] = ids[mask.trailing_zeros() as usize];
            count += 1;
            mask &= mask - 1;
        }
        count
    }
    #[inline(always)]
    fn gather_pairs(self, matrix: &[[f32; 2]], ids: I) -> (F, F) {
        let mut pairs = ([0.0; LANES], [0.0; LANES]);
        for l in 0..LANES {
            [pairs.0[l], pairs.1[l]] = matrix[ids[l] as usize];
        }
        pairs
    }
    #[inline(always)]
    fn gather(self, matrix: &[f32], ids: I, stride: usize, column: usize) -> F {
        map(ids, |id| matrix[id as usize * stride + column])
    }
}
