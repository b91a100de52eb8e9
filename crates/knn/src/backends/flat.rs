//! All pairs, by the kernels of [`vectors`]: screened in 8 bits, measured again exactly.
//!
//! Cost: n^2 d / 2 multiplications in 8 bits and n (k + a few) exact distances; memory n (d + 16) bytes beside the
//! answer. Exact with [`vectors::Margin::Guaranteed`], to the bit and with every kernel.

use serde_json::Map;
use vectors::{Index, Margin, Search, SearchReport};

use super::{Answer, Backend, Task};
use crate::memory::Size;
use crate::recall::{self, Sample};
use crate::{Error, Options};

/// Exact search over all pairs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flat;

impl Backend for Flat {
    fn name(&self) -> &'static str {
        "flat"
    }

    fn exact(&self) -> bool {
        true
    }

    /// What the fast margin misses depends on how far other threads have come.
    fn reproducible(&self, options: &Options) -> bool {
        options.margin == Margin::Guaranteed
    }

    fn memory(&self, size: Size, _: &Options) -> u64 {
        vectors::estimate(size.n, size.d, size.k)
    }

    fn neighbors(&self, task: &Task<'_>) -> Result<Answer, Error> {
        let n = task.points.n();
        let search = Search {
            margin: task.options.margin,
            kernel: None,
        };
        task.progress
            .begin("search all pairs", Some(n as u64), "rows");
        let index = Index::new(task.points, task.metric, &search)?;
        let (knn, report) = index.knn(task.k, &task.progress.watch())?;
        task.progress.end();
        let sample = match task.options.sample_size(report.certified) {
            0 => None,
            size => {
                let rows = recall::draw(n, size, task.seed);
                let index = index.guaranteed();
                let [sample] = Sample::search(&index, n, [rows], task.k, task.progress)?;
                Some(sample)
            }
        };
        Ok(Answer {
            ids: knn.ids,
            distances: knn.distances,
            certified: report.certified,
            filled: 0,
            sample,
            facts: Map::new(),
            notes: notes(&report),
        })
    }
}

/// What concerns this machine, and where screening did not go as it does.
fn notes(report: &SearchReport) -> Vec<String> {
    let mut notes = vec![format!(
        "kernel {}, {} pairs measured exactly",
        report.kernel, report.reranked
    )];
    if report.margin == Margin::Fast && report.certified {
        notes.push(
            "the fast margin did not hold or was of no use: the answer is that of the guaranteed one"
                .to_owned(),
        );
    } else if report.fallen_back > 0 {
        notes.push(format!(
            "{} rows were compared with all others: they are few, or 8 bits say nothing of them",
            report.fallen_back
        ));
    }
    notes
}
