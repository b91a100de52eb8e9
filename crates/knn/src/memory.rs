//! How much memory the work takes, said before it starts, and the limit it is held to.

use stage::Bytes;

use crate::backends::{Backend, all};
use crate::{BackendKind, Error, Options};

/// The size of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Rows.
    pub n: usize,
    /// Values a row.
    pub d: usize,
    /// Neighbors a row.
    pub k: usize,
}

impl Size {
    /// Bytes of the vectors.
    pub fn vectors(self) -> u64 {
        self.rows_of(self.d, 4)
    }

    /// Bytes of the answer: ids and distances.
    pub fn answer(self) -> u64 {
        self.rows_of(self.k, 8)
    }

    /// Bytes of `values` of `bytes` a row. No more than a `u64` can say: a damaged file may claim any size.
    fn rows_of(self, values: usize, bytes: u64) -> u64 {
        (self.n as u64)
            .saturating_mul(values as u64)
            .saturating_mul(bytes)
    }
}

/// What a program takes that does nothing yet: code, threads, buffers of files.
const PROGRAM: u64 = 12 << 20;

/// No machine has more: sizes beyond, as a damaged file may claim them, are not reckoned with.
const BELIEVED: u64 = 1 << 45;

/// Bytes at the peak of the whole stage with this backend; [`u64::MAX`] for what no machine has.
pub fn estimate(backend: &dyn Backend, size: Size, options: &Options) -> u64 {
    if size.vectors().max(size.answer()) > BELIEVED {
        return u64::MAX;
    }
    // Writing encodes the answer beside itself, but after the backend's own structures and the vectors are gone.
    let searching = backend.memory(size, options).saturating_add(size.vectors());
    let writing = 2 * size.answer();
    searching.max(writing).saturating_add(PROGRAM)
}

/// Whether the work fits; `reading` are the bytes that reading takes at its peak, where that is still to be done.
///
/// # Errors
///
/// [`Error::Memory`] if it does not, with the backends that would fit.
pub fn keep_within(
    limit: Option<Bytes>,
    kind: BackendKind,
    size: Size,
    reading: u64,
    options: &Options,
) -> Result<u64, Error> {
    let backend = crate::open(kind)?;
    let estimate = |backend: &dyn Backend| {
        estimate(backend, size, options).max(reading.saturating_add(PROGRAM))
    };
    let need = estimate(&*backend);
    let Some(limit) = limit.filter(|limit| need > limit.0) else {
        return Ok(need);
    };
    let fitting: Vec<String> = all()
        .filter(|&(other, _)| other != kind)
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
    fn sizes_that_no_machine_has_are_no_overflow() {
        let options = Options {
            cell_size: usize::MAX,
            cells_per_row: usize::MAX,
            links: usize::MAX,
            index: format!("HNSW{}", usize::MAX),
            ..Options::default()
        };
        let many = [1, 2, 1 << 20, 1 << 32, 1 << 45, 1 << 60, usize::MAX];
        for (_, backend) in all() {
            for n in many {
                for d in many {
                    let size = Size { n, d, k: n - 1 };
                    let need = estimate(&*backend, size, &options);
                    assert!(need > size.vectors().max(size.answer()) || need == u64::MAX);
                }
            }
        }
    }
}
