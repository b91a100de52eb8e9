//! The choice of SIMD instructions, made when an encoder is built.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// The environment variable that forces a kernel.
const VARIABLE: &str = "SKERRY_KERNEL";

/// The SIMD instructions of the matrix products. Results are the same with each kernel, down to the bits of the vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// AVX-512 with VNNI.
    Vnni,
    /// AVX2 with FMA.
    Avx2,
    /// Portable Rust, for all other processors; there is no kernel for NEON yet.
    Portable,
}

impl Kernel {
    /// All kernels, the fastest first.
    pub const ALL: [Kernel; 3] = [Kernel::Vnni, Kernel::Avx2, Kernel::Portable];

    /// The name that `SKERRY_KERNEL` takes.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Vnni => "vnni",
            Kernel::Avx2 => "avx2",
            Kernel::Portable => "portable",
        }
    }

    /// The instructions that it needs.
    fn needs(self) -> &'static str {
        match self {
            Kernel::Vnni => "AVX-512 F, BW, DQ, VL and VNNI",
            Kernel::Avx2 => "AVX2 and FMA",
            Kernel::Portable => "nothing",
        }
    }

    /// Whether this machine has the instructions that the kernel needs.
    pub fn is_available(self) -> bool {
        match self {
            Kernel::Portable => true,
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
            Kernel::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
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

    /// `amx`, the name of a kernel of other crates, is [`Kernel::Vnni`]: processors with AMX have it, and there is no kernel
    /// for AMX here yet.
    fn from_str(name: &str) -> Result<Self, Error> {
        let name = if name == "amx" { "vnni" } else { name };
        Kernel::ALL
            .into_iter()
            .find(|kernel| kernel.name() == name)
            .ok_or_else(|| Error::UnknownKernel {
                name: name.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_variable() {
        for kernel in Kernel::ALL {
            assert_eq!(kernel.name().parse(), Ok(kernel));
        }
        assert_eq!("amx".parse(), Ok(Kernel::Vnni));
        assert!("sse".parse::<Kernel>().is_err());
        assert!(Kernel::Portable.is_available());
    }
}
