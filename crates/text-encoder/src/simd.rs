//! SIMD multiversioning: portable functions compiled once for each width of vector register.

/// Calls `$body`, compiled for the widest registers of `$kernel`.
///
/// The body must be portable Rust and `#[inline(always)]`: it is inlined into one copy for each width. Floating-point code
/// gives the same bits in each copy: it fuses multiplication and addition only where it says `mul_add`, and fixes the order
/// of its sums.
macro_rules! dispatch_simd {
    ($kernel:expr, $body:ident($($name:ident: $type:ty),* $(,)?)) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        fn with_avx512($($name: $type),*) {
            $body($($name),*);
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        fn with_avx2($($name: $type),*) {
            $body($($name),*);
        }
        match $kernel {
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "calls a function compiled for more than the baseline")]
            // SAFETY: `Kernel::choose` returns this kernel only where the processor has all of these features.
            $crate::Kernel::Vnni => unsafe { with_avx512($($name),*) },
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "calls a function compiled for more than the baseline")]
            // SAFETY: as above.
            $crate::Kernel::Avx2 => unsafe { with_avx2($($name),*) },
            _ => $body($($name),*),
        }
    }};
}

pub(crate) use dispatch_simd;
