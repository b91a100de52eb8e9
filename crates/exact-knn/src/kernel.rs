//! The choice of SIMD instructions, made when a search starts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;
#[cfg(target_arch = "x86_64")]
use crate::amx_support;

/// The environment variable that forces a kernel.
const VARIABLE: &str = "SKERRY_KERNEL";

/// The SIMD instructions of the quantized scan. Results are the same with each kernel, down to the bits of the distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kernel {
    /// Intel AMX: tile registers, int8.
    Amx,
    /// AVX-512 with VNNI.
    Vnni,
    /// AVX2.
    Avx2,
    /// Portable Rust, for all other processors; there is no kernel for NEON yet.
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

    /// The instructions that it needs.
    fn needs(self) -> &'static str {
        match self {
            Kernel::Amx => "AMX-INT8 and AVX-512, allowed by the system",
            Kernel::Vnni => "AVX-512 F, BW, DQ, VL and VNNI",
            Kernel::Avx2 => "AVX2",
            Kernel::Portable => "nothing",
        }
    }

    /// Whether this machine has the instructions that the kernel needs.
    pub fn is_available(self) -> bool {
        match self {
            Kernel::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Kernel::Amx => Kernel::Vnni.is_available() && amx_support::is_available(),
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

    /// The requested kernel, else the one that `SKERRY_KERNEL` names, else the fastest of this machine.
    pub(crate) fn choose(requested: Option<Kernel>) -> Result<Kernel, Error> {
        let named = match (requested, std::env::var_os(VARIABLE)) {
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
