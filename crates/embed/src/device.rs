//! Devices on which ONNX Runtime computes.
//!
//! A device needs a library with its provider. If the library has none, or the provider cannot start, that is an error: the CPU does
//! not replace it. Operators that a provider does not support run on the CPU, as ONNX Runtime assigns them.
//!
//! On a CPU, the vectors of a text have the same bits in every batch (see `encoder`). Other devices choose their algorithms by the
//! shape of a batch, so the bits depend on it; the footer says so (`reproducible`).

use std::fmt;

use ort::ep::{self, ExecutionProvider as _};
use ort::session::builder::SessionBuilder;

use crate::error::Error;
use crate::options::Device;

/// Largest difference between the numbers of a vector computed in different batches on a device other than the CPU, relative to its
/// largest number.
pub(crate) const TOLERANCE: f32 = 1e-3;

impl Device {
    const ALL: [Self; 5] = [
        Self::Cpu,
        Self::Cuda,
        Self::Coreml,
        Self::Directml,
        Self::Openvino,
    ];

    /// Whether the loaded library has its provider.
    fn is_available(self) -> bool {
        let found = match self {
            Self::Cpu => Ok(true),
            Self::Cuda => ep::CUDA::is_available(),
            Self::Coreml => ep::CoreML::is_available(),
            Self::Directml => ep::DirectML::is_available(),
            Self::Openvino => ep::OpenVINO::is_available(),
        };
        found.unwrap_or(false)
    }

    /// Checks that the loaded library has its provider.
    pub(crate) fn check(self) -> Result<(), Error> {
        if self.is_available() {
            return Ok(());
        }
        let available = Self::ALL.into_iter().filter(|device| device.is_available());
        let available: Vec<String> = available.map(|device| device.to_string()).collect();
        Err(Error::Device {
            device: self,
            available: available.join(", "),
        })
    }

    /// Makes a session of `builder` compute on it.
    pub(crate) fn register(self, builder: SessionBuilder) -> Result<SessionBuilder, Error> {
        let provider = match self {
            Self::Cpu => return Ok(builder),
            Self::Cuda => ep::CUDA::default().build(),
            Self::Coreml => ep::CoreML::default().build(),
            Self::Directml => ep::DirectML::default().build(),
            Self::Openvino => ep::OpenVINO::default().build(),
        };
        let registered = builder.with_execution_providers([provider.error_on_failure()]);
        registered.map_err(|error| Error::DeviceStart {
            device: self,
            message: error.to_string(),
        })
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Coreml => "coreml",
            Self::Directml => "directml",
            Self::Openvino => "openvino",
        })
    }
}
