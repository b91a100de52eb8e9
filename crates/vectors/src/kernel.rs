//! The choice of instructions, made when a search starts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::screen::amx;

/// The variable that forces a kernel.
const VARIABLE: &str = "SKERRY_KERNEL";

/// The instructions that screening uses. The answer is the same with each, ids and bits of the distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kernel {
    /// Intel's tile registers (int8).
    Amx,
    /// AVX-512 with VNNI.
    Vnni,
    /// AVX2.
    Avx2,
    /// Plain Rust. It is what ARM processors use: a kernel for NEON has not been written, for want of a machine to test
    /// it on.
    Portable,
}

impl Kernel {
    /// All kernels, the fastest first.
    pub const ALL: [Kernel; 4] = [Kernel::Amx, Kernel::Vnni, Kernel::Avx2, Kernel::Portable];

    /// The name that `SKERRY_KERNEL` takes.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Amx => "amx",
            Kernel::Vnni => "vnni",
            Kernel::Avx2 => "avx2",
            Kernel::Portable => "portable",
        }
    }

    /// The instructions it needs.
    fn needs(self) -> &'static str {
        match self {
            Kernel::Amx => "AMX-INT8 and AVX-512, allowed by the system",
            Kernel::Vnni => "AVX-512 F, BW, DQ, VL and VNNI",
            Kernel::Avx2 => "AVX2",
            Kernel::Portable => "nothing",
        }
    }

    /// Whether this machine has what the kernel needs.
    pub fn is_available(self) -> bool {
        match self {
            Kernel::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Kernel::Amx => Kernel::Vnni.is_available() && amx::is_allowed(),
            #[cfg(target_arch = "x86_64")]
            Kernel::Vnni => {
                Kernel::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// The kernel asked for, else the one that `SKERRY_KERNEL` names, else the best of this machine.
    pub(crate) fn choose(asked: Option<Kernel>) -> Result<Kernel, Error> {
        let named = match (asked, std::env::var_os(VARIABLE)) {
            (Some(kernel), _) => Some(kernel),
            (None, Some(name)) if !name.is_empty() => Some(name.to_string_lossy().parse()?),
            (None, _) => None,
        };
        match named {
            Some(kernel) if kernel.is_available() => Ok(kernel),
            Some(kernel) => Err(Error::KernelMissing {
                name: kernel.name(),
                needs: kernel.needs(),
            }),
            None => Ok(Kernel::ALL
                .into_iter()
                .find(|kernel| kernel.is_available())
                .unwrap_or(Kernel::Portable)),
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kernel {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Kernel::ALL
            .into_iter()
            .find(|kernel| kernel.name() == name)
            .ok_or_else(|| Error::UnknownKernel {
                name: name.to_owned(),
            })
    }
}
