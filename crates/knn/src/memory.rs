//! The memory estimate of the stage, before it starts, and the limit.

use stage::Bytes;

use crate::backends::{all, open};
use crate::size::Size;
use crate::{Backend, BackendKind, Error, Options};

/// The memory of the process apart from the data: code, threads, file buffers.
const PROCESS_OVERHEAD: u64 = 12 << 20;

/// More than any machine has. Larger sizes, which a damaged file may claim, are not estimated.
const MAX_ESTIMATE: u64 = 1 << 45;

/// The peak memory of the whole stage with this backend, in bytes; [`u64::MAX`] for more than any machine has.
pub fn estimate(backend: &dyn Backend, size: Size, options: &Options) -> u64 {
    if size.vectors().max(size.result()) > MAX_ESTIMATE {
        return u64::MAX;
    }
    // Writing encodes a copy of the result, but after the structures of the backend and the vectors are dropped.
    let matrix = if backend.streams() { 0 } else { size.vectors() };
    let searching = backend.memory(size, options).saturating_add(matrix);
    let writing = 2 * size.result();
    searching.max(writing).saturating_add(PROCESS_OVERHEAD)
}

/// Checks that the stage fits within `limit`, and returns its estimate. `reading` is the peak memory of reading the vectors
/// in bytes, 0 if they have been read.
///
/// # Errors
///
/// [`Error::Memory`] if it does not, with the backends that do.
pub fn check_limit(
    limit: Option<Bytes>,
    kind: BackendKind,
    size: Size,
    reading: u64,
    options: &Options,
) -> Result<u64, Error> {
    let backend = open(kind)?;
    let estimate = |backend: &dyn Backend| {
        let reading = if backend.streams() { 0 } else { reading };
        estimate(backend, size, options).max(reading.saturating_add(PROCESS_OVERHEAD))
    };
    let need = estimate(&*backend);
    let Some(limit) = limit.filter(|limit| need > limit.0) else {
        return Ok(need);
    };
    let fitting: Vec<String> = all()
        // A server that the user may not have is no remedy.
        .filter(|(other, backend)| *other != kind && !backend.streams())
        .filter_map(|(_, other)| {
            let need = estimate(&*other);
            (need <= limit.0).then(|| format!("`--backend {}` ({})", other.name(), Bytes(need)))
        })
        .collect();
    let mut choices = format!("allow {}", Bytes(need));
    if !fitting.is_empty() {
        choices += &format!(", choose {}", fitting.join(" or "));
    }
    choices += ", or search fewer rows or a smaller `--k`";
    Err(Error::Memory {
        backend: backend.name(),
        n: size.n,
        d: size.d,
        k: size.k,
        need: Bytes(need),
        limit,
        choices,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_beyond_any_machine_do_not_overflow() {
        let options = Options {
            list_size: usize::MAX,
            nprobe: usize::MAX,
            connectivity: usize::MAX,
            index: format!("HNSW{}", usize::MAX),
            ..Options::default()
        };
        let many = [1, 2, 1 << 20, 1 << 32, 1 << 45, 1 << 60, usize::MAX];
        for (_, backend) in all() {
            for n in many {
                for d in many {
                    let size = Size { n, d, k: n - 1 };
                    let need = estimate(&*backend, size, &options);
                    let matrix = if backend.streams() { 0 } else { size.vectors() };
                    assert!(need > matrix.max(size.result()) || need == u64::MAX);
                }
            }
        }
    }
}
