//! Synthetic points, and a search of them by a backend.

use exact_knn::{Metric, Points};
use knn::{BackendKind, BackendOutput, Error, Local, Options, Task, Vectors, open};
use stage::{Progress, Seed, Silent};
use test_support::uniform;

/// Rows around `centers` random centers, like embeddings of texts on as many topics.
pub(crate) fn topics(n: usize, d: usize, centers: usize, seed: u64) -> Vec<f32> {
    let middle = uniform(centers * d, seed);
    let mut rows = uniform(n * d, seed + 1);
    for (i, row) in rows.chunks_exact_mut(d).enumerate() {
        let center = &middle[(i * 7 % centers) * d..][..d];
        for (x, c) in row.iter_mut().zip(center) {
            *x = c + 0.5 * *x;
        }
    }
    rows
}

/// Options for a backend, with inverted lists so small that a test has several.
pub(crate) fn options(backend: BackendKind, metric: Metric, k: usize) -> Options {
    Options {
        backend,
        metric,
        k,
        list_size: 200,
        ..Options::default()
    }
}

/// Searches with the backend that `options` name.
pub(crate) fn search(values: &[f32], d: usize, options: &Options) -> Result<BackendOutput, Error> {
    search_with(values, d, options, &Silent)
}

/// The settings of this machine: for milvus, the address of a server of this process.
fn local(backend: BackendKind) -> Local {
    #[cfg(feature = "milvus")]
    if backend == BackendKind::Milvus {
        use crate::milvus_server::Server;
        static SERVER: std::sync::OnceLock<Server> = std::sync::OnceLock::new();
        return Local {
            uri: Some(SERVER.get_or_init(Server::start).uri()),
            ..Local::default()
        };
    }
    let _ = backend;
    Local::default()
}

/// [`search`] with progress.
pub(crate) fn search_with(
    values: &[f32],
    d: usize,
    options: &Options,
    progress: &dyn Progress,
) -> Result<BackendOutput, Error> {
    let local = local(options.backend);
    // A server tells collections by the fingerprint of their vectors.
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let fingerprint = artifacts::sha256_of(&bytes);
    let task = Task {
        vectors: Vectors::Matrix(Points::new(values, d)?),
        metric: options.metric,
        k: options.k,
        seed: Seed(7),
        options,
        local: &local,
        fingerprint: &fingerprint,
        progress,
    };
    open(options.backend)?.neighbors(&task)
}
