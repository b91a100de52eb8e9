//! All pairs, by the kernels of [`vectors`]: screened in 8 bits, measured again exactly.
//!
//! Cost: n^2 d / 2 multiplications in 8 bits and n (k + a few) exact distances; memory n (d + 16) bytes beside the
//! answer. Exact with [`vectors::Margin::Guaranteed`], to the bit and with every kernel.

use serde_json::Map;

use super::{Answer, Backend, Task};
use crate::memory::Size;
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

    fn memory(&self, size: Size, _: &Options) -> u64 {
        vectors::estimate(size.n, size.d, size.k)
    }

    fn neighbors(&self, task: &Task<'_>) -> Result<Answer, Error> {
        let watch = |rows| {
            task.progress.advance(rows);
            true
        };
        task.progress
            .begin("search all pairs", Some(task.points.n() as u64), "rows");
        let (knn, report) = vectors::knn(task.points, task.metric, task.k, &task.search(), &watch)?;
        task.progress.end();
        let mut notes = vec![format!(
            "kernel {}, {} pairs measured exactly",
            report.kernel, report.reranked
        )];
        if report.fallen_back > 0 {
            notes.push(format!(
                "{} rows that screening could not help were searched plainly",
                report.fallen_back
            ));
        }
        Ok(Answer {
            ids: knn.ids,
            distances: knn.distances,
            certified: report.certified,
            filled: 0,
            facts: Map::new(),
            notes,
        })
    }
}
