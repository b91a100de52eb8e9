//! Exact search over all pairs by [`exact_knn`]: int8 scan with error bounds, re-ranking in `f64`. `flat` on the command
//! line, like `IndexFlat` of Faiss.
//!
//! Cost: n^2 d / 2 multiply-adds in 8 bits and n (k + a few) distances; memory n (d + 16) bytes besides the result.

use exact_knn::{Index, SearchStats};
use serde_json::Map;

use crate::backend::{Backend, BackendOutput, Task};
use crate::recall::{self, Sample};
use crate::size::Size;
use crate::{Error, Options};

/// Exact search over all pairs.
#[derive(Clone, Copy, Debug)]
pub(super) struct BruteForce;

impl Backend for BruteForce {
    fn name(&self) -> &'static str {
        "flat"
    }

    fn exact(&self) -> bool {
        true
    }

    fn reproducible(&self, _: &Options) -> bool {
        true
    }

    fn memory(&self, size: Size, _: &Options) -> u64 {
        exact_knn::estimate_memory(size.n, size.d, size.k)
    }

    fn neighbors(&self, task: &Task<'_>) -> Result<BackendOutput, Error> {
        let n = task.points().n();
        task.progress
            .begin("searching all pairs", Some(n as u64), "rows");
        let index = Index::new(task.points(), task.metric)?;
        let (knn, stats) = index.knn(task.k, &|rows| task.progress.advance(rows))?;
        task.progress.end();
        let sample = match task.options.sample_size(true) {
            0 => None,
            size => {
                let rows = recall::draw(n, size, task.seed);
                let [sample] = Sample::search(&index, n, [rows], task.k, task.progress)?;
                Some(sample)
            }
        };
        Ok(BackendOutput {
            knn,
            certified: true,
            filled: 0,
            sample,
            facts: Map::new(),
            notes: notes(&stats),
        })
    }
}

/// The kernel, and the number of unquantizable rows.
fn notes(stats: &SearchStats) -> Vec<String> {
    let mut notes = vec![format!(
        "kernel {}, {} pairs re-ranked",
        stats.kernel, stats.reranked
    )];
    // In a small table, all rows are searched without quantization: no note.
    if stats.brute_force > 0 && stats.brute_force < stats.queries {
        notes.push(format!(
            "{} rows were compared with all others: 8 bits do not represent them",
            stats.brute_force
        ));
    }
    notes
}
