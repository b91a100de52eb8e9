//! Points made for tests, and the question put to a backend.

use knn::{Answer, BackendKind, Error, Local, Options, Task, open};
use stage::{Progress, Seed, Silent};
use test_support::uniform;
use vectors::{Metric, Points};

/// Rows around `centers` random centers, as embeddings of texts on as many topics lie.
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

/// Options for a backend, with cells small enough that a test has several.
pub(crate) fn options(backend: BackendKind, metric: Metric, k: usize) -> Options {
    Options {
        backend,
        metric,
        k,
        cell_size: 200,
        ..Options::default()
    }
}

/// Somebody who wants no answer any more.
pub(crate) struct Impatient;

impl Progress for Impatient {
    fn begin(&self, _: &str, _: Option<u64>, _: &'static str) {}
    fn advance(&self, _: u64) {}
    fn end(&self) {}
    fn note(&self, _: &str) {}
    fn warn(&self, _: &str) {}
    fn stopped(&self) -> bool {
        true
    }
}

/// Puts a question to the backend that `options` name.
pub(crate) fn ask(values: &[f32], d: usize, options: &Options) -> Result<Answer, Error> {
    ask_with(values, d, options, &Silent)
}

/// The same, with somebody who hears how it goes.
pub(crate) fn ask_with(
    values: &[f32],
    d: usize,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Answer, Error> {
    let points = Points::new(values, d)?;
    let task = Task {
        points,
        metric: options.metric,
        k: options.k,
        seed: Seed(7),
        options,
        local: &Local::default(),
        fingerprint: "test",
        progress,
    };
    open(options.backend)?.neighbors(&task)
}
