//! SIMD multiversioning: portable functions compiled once for each width of vector register.

/// Calls `$body`, compiled for the widest registers of `$kernel`.
///
/// The body must be portable Rust and `#[inline(always)]`: it is inlined into one copy for each width.
macro_rules! dispatch_simd {
    ($kernel:expr, $body:ident($($name:ident: $type:ty),* $(,)?)) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
        fn with_avx512($($name: $type),*) {
            $body($($name),*);
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2")]
        fn with_avx2($($name: $type),*) {
            $body($($name),*);
        }
        match $kernel {
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "calls a function compiled for more than the baseline")]
            // SAFETY: `Kernel::choose` returns these kernels only where the processor has all of these features.
            $crate::Kernel::Amx | $crate::Kernel::Vnni => unsafe { with_avx512($($name),*) },
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "calls a function compiled for more than the baseline")]
            // SAFETY: as above.
            $crate::Kernel::Avx2 => unsafe { with_avx2($($name),*) },
            _ => $body($($name),*),
        }
    }};
}

pub(crate) use dispatch_simd;
