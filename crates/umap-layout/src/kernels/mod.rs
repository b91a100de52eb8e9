//! Sets of vector instructions, and how a computation is compiled for each of them. All of them give the same bytes.
//!
//! A computation is a [`Task`], written once over [`Lanes`]. [`Kernel::run`] runs the copy that was compiled for the
//! instructions of the kernel.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod lanes;
mod portable;

#[cfg(target_arch = "x86_64")]
use self::{avx2::Avx2, avx512::Avx512};
pub(crate) use lanes::{LANES, Lanes, Task};
use portable::Portable;

/// A set of vector instructions that this machine has: values are only made for those that were detected.
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

    /// Its name: `portable`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Inner::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Inner::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Inner::Avx512(_) => "avx512",
        }
    }

    /// Runs a task on these instructions.
    pub(crate) fn run(self, task: impl Task) {
        match self.0 {
            Inner::Portable => task.run(Portable),
            #[cfg(target_arch = "x86_64")]
            Inner::Avx2(lanes) => lanes.run(task),
            #[cfg(target_arch = "x86_64")]
            Inner::Avx512(lanes) => lanes.run(task),
        }
    }
}
