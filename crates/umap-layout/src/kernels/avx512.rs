//! The lanes as one register of AVX-512.

#![expect(
    unsafe_code,
    reason = "vector instructions; every operation is compared with the portable lanes in tests"
)]
#![expect(
    clippy::inline_always,
    reason = "vector registers stay registers only across inlined calls"
)]

use std::arch::x86_64::{
    __m512, __m512i, _mm_load_sd, _mm_loadh_pd, _mm256_castpd128_pd256, _mm256_insertf128_pd,
    _mm512_add_epi32, _mm512_add_ps, _mm512_castpd_ps, _mm512_castpd256_pd512, _mm512_castps_si512,
    _mm512_castsi512_ps, _mm512_cmplt_epi32_mask, _mm512_cmplt_epu32_mask,
    _mm512_cmpneq_epi32_mask, _mm512_cvtepi32_ps, _mm512_cvttps_epi32, _mm512_div_ps,
    _mm512_insertf64x4, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mask_blend_epi32,
    _mm512_maskz_compress_epi32, _mm512_maskz_mov_ps, _mm512_max_ps, _mm512_min_ps,
    _mm512_mul_epu32, _mm512_mul_ps, _mm512_mullo_epi32, _mm512_permutex2var_ps, _mm512_set1_epi32,
    _mm512_set1_ps, _mm512_setr_epi32, _mm512_slli_epi32, _mm512_srai_epi32, _mm512_srli_epi32,
    _mm512_srli_epi64, _mm512_storeu_ps, _mm512_storeu_si512, _mm512_sub_epi32, _mm512_sub_ps,
    _mm512_xor_si512,
};

use super::lanes::{LANES, Lanes, Task};

/// Proof that this machine has the instruction sets below: only [`Avx512::detect`] makes a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl");
        has.then_some(Self(()))
    }

    /// Runs the copy of the task that is compiled for these instructions.
    pub(super) fn run<T: Task>(self, task: T) {
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
        fn compiled<T: Task>(lanes: Avx512, task: T) {
            task.run(lanes);
        }
        // SAFETY: `self` proves that the machine has what the function is compiled for.
        unsafe { compiled(self, task) }
    }
}

/// Runs instructions that touch registers only.
macro_rules! registers {
    ($expression:expr) => {
        // SAFETY: a value of `Avx512` proves that the machine has these instructions, and they read no memory.
        unsafe { $expression }
    };
}

impl Lanes for Avx512 {
    type F = __m512;
    type I = __m512i;

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        registers!(_mm512_set1_ps(value))
    }
    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> __m512 {
        // SAFETY: the machine has the instruction, and the array is as long as the register; no alignment is asked for.
        unsafe { _mm512_loadu_ps(values.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, a: __m512, values: &mut [f32; LANES]) {
        // SAFETY: the machine has the instruction, and the array is as long as the register; no alignment is asked for.
        unsafe { _mm512_storeu_ps(values.as_mut_ptr(), a) }
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        registers!(_mm512_add_ps(a, b))
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        registers!(_mm512_sub_ps(a, b))
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        registers!(_mm512_mul_ps(a, b))
    }
    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        registers!(_mm512_div_ps(a, b))
    }
    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        registers!(_mm512_max_ps(a, b))
    }
    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        registers!(_mm512_min_ps(a, b))
    }
    #[inline(always)]
    fn unless_equal(self, a: __m512, b: __m512i, c: __m512i) -> __m512 {
        registers!(_mm512_maskz_mov_ps(_mm512_cmpneq_epi32_mask(b, c), a))
    }

    #[inline(always)]
    fn splat_int(self, value: u32) -> __m512i {
        registers!(_mm512_set1_epi32(value as i32))
    }
    #[inline(always)]
    fn load_int(self, values: &[u32; LANES]) -> __m512i {
        // SAFETY: the machine has the instruction, and the array is as long as the register; no alignment is asked for.
        unsafe { _mm512_loadu_si512(values.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store_int(self, a: __m512i, values: &mut [u32; LANES]) {
        // SAFETY: the machine has the instruction, and the array is as long as the register; no alignment is asked for.
        unsafe { _mm512_storeu_si512(values.as_mut_ptr().cast(), a) }
    }
    #[inline(always)]
    fn add_int(self, a: __m512i, b: __m512i) -> __m512i {
        registers!(_mm512_add_epi32(a, b))
    }
    #[inline(always)]
    fn sub_int(self, a: __m512i, b: __m512i) -> __m512i {
        registers!(_mm512_sub_epi32(a, b))
    }
    #[inline(always)]
    fn mul_int(self, a: __m512i, b: __m512i) -> __m512i {
        registers!(_mm512_mullo_epi32(a, b))
    }
    #[inline(always)]
    fn mul_high(self, a: __m512i, b: __m512i) -> __m512i {
        registers!({
            let even = _mm512_mul_epu32(a, b);
            let odd = _mm512_mul_epu32(_mm512_srli_epi64::<32>(a), _mm512_srli_epi64::<32>(b));
            _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64::<32>(even), odd)
        })
    }
    #[inline(always)]
    fn xor(self, a: __m512i, b: __m512i) -> __m512i {
        registers!(_mm512_xor_si512(a, b))
    }
    #[inline(always)]
    fn shift_left<const BY: u32>(self, a: __m512i) -> __m512i {
        registers!(_mm512_slli_epi32::<BY>(a))
    }
    #[inline(always)]
    fn shift_right<const BY: u32>(self, a: __m512i) -> __m512i {
        registers!(_mm512_srli_epi32::<BY>(a))
    }
    #[inline(always)]
    fn shift_signed<const BY: u32>(self, a: __m512i) -> __m512i {
        registers!(_mm512_srai_epi32::<BY>(a))
    }

    #[inline(always)]
    fn bits(self, a: __m512) -> __m512i {
        registers!(_mm512_castps_si512(a))
    }
    #[inline(always)]
    fn of_bits(self, a: __m512i) -> __m512 {
        registers!(_mm512_castsi512_ps(a))
    }
    #[inline(always)]
    fn to_float(self, a: __m512i) -> __m512 {
        registers!(_mm512_cvtepi32_ps(a))
    }

    #[inline(always)]
    fn passed(self, rates: &[f32; LANES], before: f32, after: f32) -> u16 {
        let rates = self.load(rates);
        registers!({
            let before = _mm512_cvttps_epi32(_mm512_mul_ps(rates, _mm512_set1_ps(before)));
            let after = _mm512_cvttps_epi32(_mm512_mul_ps(rates, _mm512_set1_ps(after)));
            _mm512_cmplt_epi32_mask(before, after)
        })
    }
    #[inline(always)]
    fn select(self, ids: &[u32; LANES], mask: u16, room: &mut [u32; LANES]) -> usize {
        let ids = self.load_int(ids);
        self.store_int(registers!(_mm512_maskz_compress_epi32(mask, ids)), room);
        mask.count_ones() as usize
    }
    #[inline(always)]
    fn gather_pairs(self, matrix: &[[f32; 2]], ids: __m512i) -> (__m512, __m512) {
        let rows = self.splat_int(u32::try_from(matrix.len()).expect("ids are 32 bits wide"));
        let inside = registers!(_mm512_cmplt_epu32_mask(ids, rows));
        assert!(inside == u16::MAX, "rows are inside of the matrix");
        // Single loads are no slower than the gather instruction on Intel's machines and faster on AMD's.
        let mut at = [0u32; LANES];
        self.store_int(ids, &mut at);
        let base: *const f64 = matrix.as_ptr().cast();
        // SAFETY: every id is below the number of rows, as asserted, so each of the 8-byte rows read is inside of the
        // matrix; none of the loads asks for alignment beyond that of f32.
        unsafe {
            let four = |l: usize| {
                let two = |l: usize| {
                    let low = _mm_load_sd(base.add(at[l] as usize));
                    _mm_loadh_pd(low, base.add(at[l + 1] as usize))
                };
                _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(two(l)), two(l + 2))
            };
            let eight =
                |l: usize| _mm512_insertf64x4::<1>(_mm512_castpd256_pd512(four(l)), four(l + 4));
            let (low, high) = (_mm512_castpd_ps(eight(0)), _mm512_castpd_ps(eight(8)));
            let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            let odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
            (
                _mm512_permutex2var_ps(low, even, high),
                _mm512_permutex2var_ps(low, odd, high),
            )
        }
    }
    #[inline(always)]
    fn gather(self, matrix: &[f32], ids: __m512i, stride: usize, column: usize) -> __m512 {
        let mut at = [0u32; LANES];
        self.store_int(ids, &mut at);
        self.load(&at.map(|id| matrix[id as usize * stride + column]))
    }
}
