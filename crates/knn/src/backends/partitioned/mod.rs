//! Cells, and rows that look into several: for what is too large for all pairs.
//!
//! 1. [`cells`]: k-means on seeded samples; each row joins the cell of its nearest center.
//! 2. [`probe`]: each row searches its own cell and the few that promise most, by the codes and kernels of `flat`; what
//!    looks near is offered to both ends of the pair.
//! 3. Rows whose lists still changed look into twice as many more cells, and so on, until the lower end of a confidence
//!    interval reaches the target on a seeded sample, which exact search has answered before.
//! 4. The best candidates of each row are measured exactly, and put in order.
//!
//! With cells of m rows and p looks a row, steps 2 and 3 compare n p m pairs, where `flat` compares n^2 / 2; ranking
//! c cells adds n c in each round, for the rows that still look. Searching the cells of the nearest centers is the inverted file of Jégou, Douze and
//! Schmid (PAMI 2011); here the rows are their own questions, so that a row which has found its place stops early. The
//! same bytes come out at any number of threads: the k first of a total order are the same in any order of arrival.

mod cells;
mod probe;

use serde_json::{Map, Value, json};
use vectors::{Candidates, Cells, Index, Knn, Looked, Search};

use self::cells::Partition;
use super::{Answer, Backend, Task};
use crate::complete::{NONE, fill};
use crate::memory::Size;
use crate::recall::{self, Recall, Sample};
use crate::{Error, Options};

/// The fewest rows of the sample on which the target is measured.
const JUDGES: usize = 1000;
/// One row in so many judges: to answer them is then a hundredth of what all pairs would take, and the larger the table,
/// the more a narrow interval saves.
const JUDGED: usize = 250;

/// Rows of that sample: with four fifths of them even the lower end of the interval of a whole answer would reach the
/// target.
fn judges(n: usize, target: f64) -> usize {
    JUDGES
        .max(n / JUDGED)
        .max((6.0 / (1.0 - target)).ceil() as usize)
}

/// Rows that are measured at a time.
const MEASURED: usize = 1 << 14;

/// Cells, and rows that look into several.
#[derive(Clone, Copy, Debug)]
pub(super) struct Partitioned;

impl Backend for Partitioned {
    fn name(&self) -> &'static str {
        "partitioned"
    }

    fn exact(&self) -> bool {
        false
    }

    /// The lists are the same in any order of looks.
    fn reproducible(&self, _: &Options) -> bool {
        true
    }

    fn memory(&self, size: Size, options: &Options) -> u64 {
        let Size { n, d, k } = size;
        // Samples are searched before all else; their answers stay.
        let drawn = judges(n, options.target_recall).min(n) + options.sample_size(false).min(n);
        let samples = (drawn * (8 * k + 4)) as u64;
        let searching = vectors::estimate(n, d, 1);
        let found = vectors::estimate_cells(n, d, k, options.cell_size);
        let centers = (n.div_ceil(options.cell_size) * (d + 1) * 4) as u64;
        // The rows of groups and of cells; a round's ranking, and its visitors in lists that grow: as many again are kept by the
        // allocator while the next lists grow.
        let looks = n.saturating_mul(options.cells_per_row.saturating_mul(3));
        let looks = ((2 * probe::PLANNED).min(looks) * 12) as u64;
        let beside = centers + 8 * n as u64 + looks.max(size.answer());
        samples + searching.max(found + beside)
    }

    fn neighbors(&self, task: &Task<'_>) -> Result<Answer, Error> {
        let (points, k, n) = (task.points, task.k, task.points.n());
        // Another stream than the one that the report draws from: stopping on a sample and reporting on the same one
        // would flatter. Both are searched at once.
        let seed = stage::Seed(task.seed.stream("knn/partitioned/judge", 0).next_u64());
        let judge = recall::draw(n, judges(n, task.options.target_recall), seed);
        let report = recall::draw(n, task.options.sample_size(false), task.seed);
        let index = Index::new(points, task.metric, &Search::default())?;
        let [judge, report] = Sample::search(&index, n, [judge, report], k, task.progress)?;
        drop(index);
        task.progress.begin("make cells", None, "cells");
        let cells = Cells::new(points, task.metric, &Search::default())?;
        let (partition, members) = Partition::new(task, &cells)?;
        let cells = cells.regroup(members)?;
        task.progress.end();
        let mut rounds = Rounds {
            task,
            partition: &partition,
            cells: &cells,
            judge: &judge,
            candidates: cells.candidates(k)?,
            compared: partition.compared,
            steps: Vec::new(),
        };
        let reached = rounds.run()?;
        let target = task.options.target_recall;
        if reached.low < target {
            task.progress.warn(&format!(
                "recall {:.4} ({:.4} at least, with 95 %) is short of the target {target}: raise --max-rounds or --cells-per-row",
                reached.recall, reached.low
            ));
        }
        let facts = rounds.facts();
        task.progress
            .begin("measure the best candidates", Some(n as u64), "rows");
        let mut lists = in_cell_order(task, &cells, &rounds.candidates)?;
        task.progress.end();
        drop(rounds);
        drop(cells);
        let filled = fill(task, &mut lists.ids, &mut lists.distances)?;
        Ok(Answer {
            ids: lists.ids,
            distances: lists.distances,
            certified: false,
            filled,
            sample: (!report.rows.is_empty()).then_some(report),
            facts,
            notes: Vec::new(),
        })
    }
}

/// Measures the candidates of all rows, cell after cell: what one row lists, the next ones do too, and it is still in the
/// cache.
fn in_cell_order(
    task: &Task<'_>,
    cells: &Cells<'_>,
    candidates: &Candidates,
) -> Result<Knn, Error> {
    let (n, k) = (task.points.n(), task.k);
    let mut lists = Knn {
        k,
        ids: vec![NONE; n * k],
        distances: vec![f32::INFINITY; n * k],
    };
    let order: Vec<u32> = cells.members().iter().flatten().copied().collect();
    for rows in order.chunks(MEASURED) {
        let found = cells.nearest(rows, candidates)?;
        for (at, &i) in rows.iter().enumerate() {
            let (ids, distances) = found.row(at);
            lists.ids[i as usize * k..][..k].copy_from_slice(ids);
            lists.distances[i as usize * k..][..k].copy_from_slice(distances);
        }
        task.advance(rows.len() as u64)?;
    }
    Ok(lists)
}

/// The steps after the cells are known, and what they find.
struct Rounds<'a> {
    task: &'a Task<'a>,
    partition: &'a Partition,
    cells: &'a Cells<'a>,
    judge: &'a Sample,
    candidates: Candidates,
    compared: u64,
    steps: Vec<Value>,
}

impl Rounds<'_> {
    /// Goes on until the target is reached, nothing is left to do, or the rounds are used up.
    fn run(&mut self) -> Result<Recall, Error> {
        let options = self.task.options;
        let n = self.task.points.n();
        let inside = probe::own(self.task, self.cells, &mut self.candidates)?;
        let mut reached = self.note("own cell", n, &inside)?;
        let mut rows: Vec<u32> = (0..n as u32).collect();
        let (mut looked, mut to) = (0, options.cells_per_row);
        for _ in 0..options.max_rounds {
            if reached.low >= options.target_recall
                || rows.is_empty()
                || looked >= self.cells.members().len()
            {
                break;
            }
            let round = probe::further(
                self.task,
                self.partition,
                self.cells,
                &rows,
                [looked, to],
                &mut self.candidates,
            )?;
            reached = self.note(&format!("best {to} cells"), rows.len(), &round)?;
            rows = round.changed;
            (looked, to) = (to, to.saturating_mul(3));
        }
        Ok(reached)
    }

    /// Measures what a round has reached, and writes it down.
    fn note(&mut self, step: &str, rows: usize, round: &Looked) -> Result<Recall, Error> {
        let found = self.cells.nearest(&self.judge.rows, &self.candidates)?;
        let (points, metric) = (self.task.points, self.task.metric);
        let reached = self.judge.recall_of(points, metric, &found);
        self.compared += round.compared;
        self.steps.push(json!({
            "step": step, "rows": rows, "changed": round.changed.len(), "recall": reached.recall, "low": reached.low,
        }));
        Ok(reached)
    }

    fn facts(&self) -> Map<String, Value> {
        let n = self.task.points.n() as f64;
        let members = self.cells.members();
        let largest = members.iter().map(Vec::len).max().unwrap_or(0);
        let facts = [
            ("cells", members.len().into()),
            ("largest_cell", largest.into()),
            ("split_cells", self.partition.split.into()),
            // Of rows with rows and with centers; all pairs are half of n (n - 1).
            (
                "share_of_all_pairs",
                (2.0 * self.compared as f64 / (n * (n - 1.0))).into(),
            ),
            ("rounds", self.steps.clone().into()),
        ];
        facts
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}
