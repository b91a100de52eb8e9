//! Cells, and rows that look into several: for what is too large for all pairs.
//!
//! 1. [`cells`]: k-means on a seeded sample; each row joins the cell of its nearest center.
//! 2. [`probe`]: each row searches its own cell and the few that promise most, by the codes and kernels of `flat`.
//! 3. Rows whose lists still changed look into twice as many more cells, and so on, until the lower end of a confidence
//!    interval reaches the target on a seeded sample, which exact search has answered before.
//!
//! 4. The best candidates of each row are measured exactly, and put in order.
//!
//! With cells of m rows and p looks a row, steps 2 and 3 compare n p m pairs and step 1 n^2 / m, where `flat` compares
//! n^2 / 2. Searching the cells of the nearest centers is the inverted file of Jégou, Douze and Schmid (PAMI 2011); here
//! the rows are their own questions, so that a row which has found its place stops early. The same bytes come out at any
//! number of threads: the k first of a total order are the same in any order of arrival.

mod cells;
mod probe;

use serde_json::{Map, Value, json};
use vectors::{Candidates, Cells, Knn, Looked};

use self::cells::Partition;
use super::{Answer, Backend, Task};
use crate::complete::NONE;
use crate::memory::Size;
use crate::recall::{Recall, Sample};
use crate::{Error, Options};

/// Rows of the sample on which the target is measured, unless `--recall-sample` says otherwise.
const SAMPLE: usize = 1000;

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

    fn memory(&self, size: Size, options: &Options) -> u64 {
        let Size { n, d, k } = size;
        let centers = n.div_ceil(options.cell_size);
        // Before and after, samples are searched exactly; the answer is there after.
        let sampled = vectors::estimate(n, d, 1) + size.answer();
        let found = vectors::estimate_cells(n, d, k);
        // Rows beside centers, and the looks of a round, kept twice.
        let batch = cells::BATCH.min(n) + centers;
        let looks = (probe::PLANNED.min(n * centers) * 8) as u64;
        let beside = 4 * (batch * (d + 1)) as u64 + vectors::estimate_cells(batch, d + 1, 1);
        let members = 8 * n as u64;
        // Looks are many small lists, whose memory the allocator keeps.
        sampled.max(found + members + looks + beside.max(size.answer()))
    }

    fn neighbors(&self, task: &Task<'_>) -> Result<Answer, Error> {
        let (points, k) = (task.points, task.k);
        let judges = task.options.recall_sample.unwrap_or(SAMPLE).max(2);
        // Another stream than the one that the report draws from: stopping on a sample and reporting on the same one
        // would flatter.
        let judge = stage::Seed(task.seed.stream("knn/partitioned/judge", 0).next_u64());
        let judge = Sample::draw(points, task.metric, k, judges, judge, task.progress)?;
        task.progress.begin("make cells", None, "cells");
        let partition = Partition::new(task)?;
        let cells = Cells::new(
            points,
            partition.members.clone(),
            task.metric,
            &task.search(),
        )?;
        task.progress.end();
        let mut search = Search {
            task,
            partition: &partition,
            cells: &cells,
            judge: &judge,
            candidates: cells.candidates(k),
            compared: 0,
            rounds: Vec::new(),
        };
        let reached = search.run()?;
        if reached.recall < task.options.target_recall {
            task.progress.warn(&format!(
                "recall {:.4} is short of the target {}: raise --max-rounds or --cells-per-row",
                reached.recall, task.options.target_recall
            ));
        }
        let facts = search.facts();
        task.progress.begin(
            "measure the best candidates",
            Some(points.n() as u64),
            "rows",
        );
        let mut lists = in_cell_order(task, &cells, &search.candidates)?;
        task.progress.end();
        drop(search);
        drop(cells);
        let filled = fill(task, &mut lists)?;
        Ok(Answer {
            ids: lists.ids,
            distances: lists.distances,
            certified: false,
            filled,
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
        task.progress.advance(rows.len() as u64);
    }
    Ok(lists)
}

/// Searches rows with fewer than k known neighbors exactly, and says how many there were.
fn fill(task: &Task<'_>, lists: &mut Knn) -> Result<usize, Error> {
    let k = lists.k;
    let short: Vec<u32> = (0..task.points.n() as u32)
        .filter(|&i| lists.ids[(i as usize + 1) * k - 1] == NONE)
        .collect();
    if short.is_empty() {
        return Ok(0);
    }
    let (exact, _) = vectors::knn_of(task.points, &short, task.metric, k, &task.search(), &|_| {
        true
    })?;
    for (at, &i) in short.iter().enumerate() {
        let (ids, distances) = exact.row(at);
        lists.ids[i as usize * k..][..k].copy_from_slice(ids);
        lists.distances[i as usize * k..][..k].copy_from_slice(distances);
    }
    Ok(short.len())
}

/// The steps after the cells are known, and what they find.
struct Search<'a> {
    task: &'a Task<'a>,
    partition: &'a Partition,
    cells: &'a Cells<'a>,
    judge: &'a Sample,
    candidates: Candidates,
    compared: u64,
    rounds: Vec<Value>,
}

impl Search<'_> {
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
            (looked, to) = (to, 3 * to);
        }
        Ok(reached)
    }

    /// Measures what a round has reached, and writes it down.
    fn note(&mut self, step: &str, rows: usize, round: &Looked) -> Result<Recall, Error> {
        let found = self.cells.nearest(&self.judge.rows, &self.candidates)?;
        let reached = self.judge.recall_of(&found.distances);
        self.compared += round.compared;
        self.rounds.push(json!({
            "step": step, "rows": rows, "changed": round.changed.len(), "recall": reached.recall,
        }));
        Ok(reached)
    }

    fn facts(&self) -> Map<String, Value> {
        let n = self.task.points.n() as f64;
        let members = &self.partition.members;
        let largest = members.iter().map(Vec::len).max().unwrap_or(0);
        let facts = [
            ("cells", members.len().into()),
            ("largest_cell", largest.into()),
            ("split_cells", self.partition.split.into()),
            (
                "share_of_all_pairs",
                (self.compared as f64 / (n * n)).into(),
            ),
            ("rounds", self.rounds.clone().into()),
        ];
        facts
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}
