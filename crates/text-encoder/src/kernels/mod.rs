//! Matrix products: `f32` and int8, each with kernels for AVX-512, AVX2 and portable Rust that give the same bits.
//!
//! `f32` sums run over the depth in order, each step one fused multiply-add; a tile only decides which sums are in registers
//! at the same time. int8 sums are exact integers, and their conversion to `f32` is the same three operations everywhere.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
pub(crate) mod float;
pub(crate) mod int8;
mod portable;

pub(crate) use self::dispatch::{multiply, multiply_add};
