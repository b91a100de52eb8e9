//! Which instructions move the points. All kernels give the same bytes.

use super::portable::Portable;
use super::step::{Room, View, columns_of, sweep};
#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512};
use crate::quality::{Similarity, score};

/// A set of instructions that this machine has: there is no other way to come by a value than to ask for it.
#[derive(Clone, Copy, Debug)]
pub struct Kernel(Inner);

#[derive(Clone, Copy, Debug)]
enum Inner {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Kernel {
    /// The fastest that this machine has.
    pub fn best() -> Self {
        Self::all().pop().unwrap_or(Self(Inner::Portable))
    }

    /// All that this machine has, from the portable one to the fastest.
    pub fn all() -> Vec<Self> {
        let mut kernels = vec![Inner::Portable];
        #[cfg(target_arch = "x86_64")]
        kernels.extend(Avx2::detect().map(Inner::Avx2));
        #[cfg(target_arch = "x86_64")]
        kernels.extend(Avx512::detect().map(Inner::Avx512));
        kernels.into_iter().map(Self).collect()
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self.0 {
            Inner::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Inner::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Inner::Avx512(_) => "avx512",
        }
    }

    pub(super) fn sweep(self, view: &View<'_>, first: usize, moved: &mut [f32], room: &mut Room) {
        match self.0 {
            Inner::Portable => columns_of!(view, sweep(Portable, view, first, moved, room)),
            #[cfg(target_arch = "x86_64")]
            Inner::Avx2(lanes) => lanes.sweep(view, first, moved, room),
            #[cfg(target_arch = "x86_64")]
            Inner::Avx512(lanes) => lanes.sweep(view, first, moved, room),
        }
    }

    pub(crate) fn scores(
        self,
        values: &[f32],
        d: usize,
        by: Similarity,
        sample: &[u32],
        scores: &mut Vec<f32>,
    ) {
        match self.0 {
            Inner::Portable => score(Portable, values, d, by, sample, scores),
            #[cfg(target_arch = "x86_64")]
            Inner::Avx2(lanes) => lanes.score(values, d, by, sample, scores),
            #[cfg(target_arch = "x86_64")]
            Inner::Avx512(lanes) => lanes.score(values, d, by, sample, scores),
        }
    }
}
