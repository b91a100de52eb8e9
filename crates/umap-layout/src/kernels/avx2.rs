//! The lanes as two registers of AVX2.

#![expect(
    unsafe_code,
    reason = "vector instructions; every operation is compared with the portable lanes in tests"
)]
#![expect(
    clippy::inline_always,
    reason = "vector registers stay registers only across inlined calls"
)]

use std::arch::x86_64::{
    __m256, __m256i, _mm_cvtsi32_si128, _mm256_add_epi32, _mm256_add_ps, _mm256_andnot_ps,
    _mm256_blend_epi32, _mm256_castps_si256, _mm256_castsi256_ps, _mm256_cmpeq_epi32,
    _mm256_cmpgt_epi32, _mm256_cvtepi32_ps, _mm256_cvttps_epi32, _mm256_div_ps, _mm256_loadu_ps,
    _mm256_loadu_si256, _mm256_max_ps, _mm256_min_ps, _mm256_movemask_ps, _mm256_mul_epu32,
    _mm256_mul_ps, _mm256_mullo_epi32, _mm256_set1_epi32, _mm256_set1_ps, _mm256_sll_epi32,
    _mm256_sra_epi32, _mm256_srl_epi32, _mm256_srli_epi64, _mm256_storeu_ps, _mm256_storeu_si256,
    _mm256_sub_epi32, _mm256_sub_ps, _mm256_xor_si256,
};

use super::lanes::{LANES, Lanes, Task};

/// Proof that this machine has AVX2: only [`Avx2::detect`] makes a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    /// Runs the copy of the task that is compiled for these instructions.
    pub(super) fn run<T: Task>(self, task: T) {
        #[target_feature(enable = "avx2")]
        fn compiled<T: Task>(lanes: Avx2, task: T) {
            task.run(lanes);
        }
        // SAFETY: `self` proves that the machine has what the function is compiled for.
        unsafe { compiled(self, task) }
    }
}

/// Runs instructions that touch registers only.
macro_rules! registers {
    ($expression:expr) => {
        // SAFETY: a value of `Avx2` proves that the machine has these instructions, and they read no memory.
        unsafe { $expression }
    };
}

/// The same instruction on both halves.
macro_rules! both {
    ($instruction:expr, $a:expr) => {
        registers!([$instruction($a[0]), $instruction($a[1])])
    };
    ($instruction:expr, $a:expr, $b:expr) => {
        registers!([$instruction($a[0], $b[0]), $instruction($a[1], $b[1])])
    };
}

type F = [__m256; 2];
type I = [__m256i; 2];

impl Lanes for Avx2 {
    type F = F;
    type I = I;

    #[inline(always)]
    fn splat(self, value: f32) -> F {
        registers!([_mm256_set1_ps(value); 2])
    }
    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> F {
        // SAFETY: the machine has the instruction, and the array is as long as two registers; no alignment is asked for.
        unsafe {
            [
                _mm256_loadu_ps(values.as_ptr()),
                _mm256_loadu_ps(values.as_ptr().add(8)),
            ]
        }
    }
    #[inline(always)]
    fn store(self, a: F, values: &mut [f32; LANES]) {
        // SAFETY: the machine has the instruction, and the array is as long as two registers; no alignment is asked for.
        unsafe {
            _mm256_storeu_ps(values.as_mut_ptr(), a[0]);
            _mm256_storeu_ps(values.as_mut_ptr().add(8), a[1]);
        }
    }
    #[inline(always)]
    fn add(self, a: F, b: F) -> F {
        both!(_mm256_add_ps, a, b)
    }
    #[inline(always)]
    fn sub(self, a: F, b: F) -> F {
        both!(_mm256_sub_ps, a, b)
    }
    #[inline(always)]
    fn mul(self, a: F, b: F) -> F {
        both!(_mm256_mul_ps, a, b)
    }
    #[inline(always)]
    fn div(self, a: F, b: F) -> F {
        both!(_mm256_div_ps, a, b)
    }
    #[inline(always)]
    fn max(self, a: F, b: F) -> F {
        both!(_mm256_max_ps, a, b)
    }
    #[inline(always)]
    fn min(self, a: F, b: F) -> F {
        both!(_mm256_min_ps, a, b)
    }
    #[inline(always)]
    fn unless_equal(self, a: F, b: I, c: I) -> F {
        let equal = both!(_mm256_cmpeq_epi32, b, c);
        let equal = both!(_mm256_castsi256_ps, equal);
        both!(_mm256_andnot_ps, equal, a)
    }

    #[inline(always)]
    fn splat_int(self, value: u32) -> I {
        registers!([_mm256_set1_epi32(value as i32); 2])
    }
    #[inline(always)]
    fn load_int(self, values: &[u32; LANES]) -> I {
        // SAFETY: the machine has the instruction, and the array is as long as two registers; no alignment is asked for.
        unsafe {
            [
                _mm256_loadu_si256(values.as_ptr().cast()),
                _mm256_loadu_si256(values.as_ptr().add(8).cast()),
            ]
        }
    }
    #[inline(always)]
    fn store_int(self, a: I, values: &mut [u32; LANES]) {
        // SAFETY: the machine has the instruction, and the array is as long as two registers; no alignment is asked for.
        unsafe {
            _mm256_storeu_si256(values.as_mut_ptr().cast(), a[0]);
            _mm256_storeu_si256(values.as_mut_ptr().add(8).cast(), a[1]);
        }
    }
    #[inline(always)]
    fn add_int(self, a: I, b: I) -> I {
        both!(_mm256_add_epi32, a, b)
    }
    #[inline(always)]
    fn sub_int(self, a: I, b: I) -> I {
        both!(_mm256_sub_epi32, a, b)
    }
    #[inline(always)]
    fn mul_int(self, a: I, b: I) -> I {
        both!(_mm256_mullo_epi32, a, b)
    }
    #[inline(always)]
    fn mul_high(self, a: I, b: I) -> I {
        let even = both!(_mm256_mul_epu32, a, b);
        let even = both!(_mm256_srli_epi64::<32>, even);
        let (a, b) = (
            both!(_mm256_srli_epi64::<32>, a),
            both!(_mm256_srli_epi64::<32>, b),
        );
        let odd = both!(_mm256_mul_epu32, a, b);
        both!(_mm256_blend_epi32::<0b1010_1010>, even, odd)
    }
    #[inline(always)]
    fn xor(self, a: I, b: I) -> I {
        both!(_mm256_xor_si256, a, b)
    }
    // The instructions want signed constants, so the count goes through a register.
    #[inline(always)]
    fn shift_left<const BY: u32>(self, a: I) -> I {
        registers!([
            _mm256_sll_epi32(a[0], _mm_cvtsi32_si128(BY as i32)),
            _mm256_sll_epi32(a[1], _mm_cvtsi32_si128(BY as i32))
        ])
    }
    #[inline(always)]
    fn shift_right<const BY: u32>(self, a: I) -> I {
        registers!([
            _mm256_srl_epi32(a[0], _mm_cvtsi32_si128(BY as i32)),
            _mm256_srl_epi32(a[1], _mm_cvtsi32_si128(BY as i32))
        ])
    }
    #[inline(always)]
    fn shift_signed<const BY: u32>(self, a: I) -> I {
        registers!([
            _mm256_sra_epi32(a[0], _mm_cvtsi32_si128(BY as i32)),
            _mm256_sra_epi32(a[1], _mm_cvtsi32_si128(BY as i32))
        ])
    }

    #[inline(always)]
    fn bits(self, a: F) -> I {
        both!(_mm256_castps_si256, a)
    }
    #[inline(always)]
    fn of_bits(self, a: I) -> F {
        both!(_mm256_castsi256_ps, a)
    }
    #[inline(always)]
    fn to_float(self, a: I) -> F {
        both!(_mm256_cvtepi32_ps, a)
    }

    #[inline(always)]
    fn passed(self, rates: &[f32; LANES], before: f32, after: f32) -> u16 {
        let rates = self.load(rates);
        let before = self.mul(rates, self.splat(before));
        let after = self.mul(rates, self.splat(after));
        let (before, after) = (
            both!(_mm256_cvttps_epi32, before),
            both!(_mm256_cvttps_epi32, after),
        );
        let passed = both!(_mm256_cmpgt_epi32, after, before);
        let passed = both!(_mm256_castsi256_ps, passed);
        let [low, high] = both!(_mm256_movemask_ps, passed);
        low as u16 | (high as u16) << 8
    }
    #[inline(always)]
    fn select(self, ids: &[u32; LANES], mut mask: u16, room: &mut [u32; LANES]) -> usize {
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
        let mut at = [0u32; LANES];
        self.store_int(ids, &mut at);
        let mut pairs = ([0.0; LANES], [0.0; LANES]);
        for l in 0..LANES {
            [pairs.0[l], pairs.1[l]] = matrix[at[l] as usize];
        }
        (self.load(&pairs.0), self.load(&pairs.1))
    }
    #[inline(always)]
    fn gather(self, matrix: &[f32], ids: I, stride: usize, column: usize) -> F {
        let mut at = [0u32; LANES];
        self.store_int(ids, &mut at);
        self.load(&at.map(|id| matrix[id as usize * stride + column]))
    }
}
