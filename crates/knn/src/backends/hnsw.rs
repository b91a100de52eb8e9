//! A hierarchical navigable small world (Malkov and Yashunin, TPAMI 2020), by the crate `usearch`.
//!
//! The graph is built on one thread, so that it is the same each time: rows are added by id, and the levels come from the
//! engine's fixed random stream. The search uses all threads, which does not change the result. Cost: about n `ef_construction` log n
//! distances to build, n `ef_search` log n to search; memory a copy of the vectors and the links.
//!
//! The SIMD kernels of usearch need the cargo feature `hnsw-simd`; without it, distances use auto-vectorized code.

use std::sync::atomic::{AtomicBool, Ordering};

use exact_knn::{Knn, Metric};
use rayon::prelude::*;
use serde_json::Map;
use usearch::{Index, IndexOptions, MetricKind, ScalarKind};

use crate::backend::{Backend, BackendOutput, Task};
use crate::refine::refine;
use crate::size::Size;
use crate::{Error, Options};

/// Rows added between two reports of progress.
const STEP: usize = 1000;

/// The graph of `usearch`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hnsw;

impl Backend for Hnsw {
    fn name(&self) -> &'static str {
        "hnsw"
    }

    fn exact(&self) -> bool {
        false
    }

    /// The graph is built on one thread.
    fn reproducible(&self, _: &Options) -> bool {
        true
    }

    fn memory(&self, size: Size, options: &Options) -> u64 {
        // The bottom level has 2 M links per node, and 1 / (M - 1) of the nodes are on higher levels as well; a link
        // takes at most 5 bytes, and a node about 100 bytes of overhead.
        let node = options
            .connectivity
            .saturating_mul(3 * 5)
            .saturating_add(100);
        let candidates = size.n * (size.k + 1) * 4;
        (size.n.saturating_mul(node) as u64)
            .saturating_add(size.vectors() + candidates as u64 + size.result())
    }

    fn neighbors(&self, task: &Task<'_>) -> Result<BackendOutput, Error> {
        let (points, width) = (task.points(), task.k + 1);
        let index = build(task)?;
        let threads = rayon::current_num_threads();
        index
            .reserve_capacity_and_threads(points.n(), threads)
            .map_err(failed("reserve memory for its threads"))?;
        task.progress
            .begin("searching the graph", Some(points.n() as u64), "rows");
        let unknown_key = AtomicBool::new(false);
        let mut candidates = vec![Knn::NO_NEIGHBOR; points.n() * width];
        candidates
            .par_chunks_exact_mut(width)
            .enumerate()
            .try_for_each(|(i, row)| {
                let found = index
                    .search(points.row(i), width)
                    .map_err(failed("search"))?;
                for (place, key) in row.iter_mut().zip(found.keys) {
                    match u32::try_from(key) {
                        Ok(id) => *place = id,
                        Err(_) => unknown_key.store(true, Ordering::Relaxed),
                    }
                }
                task.progress.advance(1);
                Ok::<(), Error>(())
            })?;
        task.progress.end();
        drop(index);
        if unknown_key.into_inner() {
            return Err(failed("search")("it returned a key that is no row"));
        }
        let (knn, filled) = refine(self.name(), task, &candidates, width)?;
        Ok(BackendOutput {
            knn,
            certified: false,
            filled,
            sample: None,
            facts: Map::new(),
            notes: Vec::new(),
        })
    }
}

/// The graph of all rows.
fn build(task: &Task<'_>) -> Result<Index, Error> {
    let (points, options) = (task.points(), task.options);
    let index = Index::new(&IndexOptions {
        dimensions: points.d(),
        metric: match task.metric {
            Metric::Cosine => MetricKind::Cos,
            Metric::L2 => MetricKind::L2sq,
            Metric::InnerProduct => MetricKind::IP,
        },
        quantization: ScalarKind::F32,
        connectivity: options.connectivity,
        expansion_add: options.ef_construction,
        expansion_search: options.ef_search.max(task.k + 1),
        multi: false,
    })
    .map_err(failed("create a graph"))?;
    index
        .reserve_capacity_and_threads(points.n(), 1)
        .map_err(failed("reserve memory"))?;
    task.progress
        .begin("building the graph", Some(points.n() as u64), "rows");
    for first in (0..points.n()).step_by(STEP) {
        let last = (first + STEP).min(points.n());
        for i in first..last {
            index
                .add(i as u64, points.row(i))
                .map_err(failed("add a row"))?;
        }
        task.progress.advance((last - first) as u64);
    }
    task.progress.end();
    Ok(index)
}

/// Converts an error of the engine.
fn failed<E: std::fmt::Display>(action: &'static str) -> impl Fn(E) -> Error {
    move |message| Error::Engine {
        backend: "hnsw",
        action,
        message: message.to_string(),
    }
}
