//! Cells and refinement: for what is too large for all pairs.
//!
//! 1. [`cells`]: k-means on a seeded sample; each row joins its r nearest cells, so that cells overlap.
//! 2. Exact search inside each cell, by the same kernels as `flat`; [`graph`] keeps the k best of a row's r answers.
//! 3. [`probe`]: rows whose list did not come from one cell alone lie between cells; they search the next nearest cells,
//!    twice as many each round, until a round changes nothing for them.
//! 4. [`refine`]: if recall on a seeded sample, which exact search has answered before, is still short of the target, the
//!    rows that are not settled measure the neighbors of their neighbors.
//!
//! Rounds end as soon as the lower end of the sample's confidence interval reaches the target. With cells of m rows step 2
//! compares n r m pairs, where `flat` compares n^2; step 3 adds m pairs for each cell that a row looks into. Overlapping
//! partitions joined by refinement are due to Chen, Fang and Saad (JMLR 2009), neighbors of neighbors to Dong, Charikar and
//! Li (WWW 2011). Cells come first here because rows between topics, which lose most, have neighbors that are no neighbors
//! of each other. The same bytes come out at any number of threads: the k first of a total order are the same in any order
//! of arrival.

mod cells;
mod graph;
mod probe;
mod refine;

use serde_json::{Map, Value, json};

use self::cells::Cells;
use self::graph::Graph;
use super::{Answer, Backend, Task};
use crate::memory::Size;
use crate::recall::{Recall, Sample};
use crate::{Error, Options};

/// Rows of the sample on which the target is measured, unless `--recall-sample` says otherwise.
const SAMPLE: usize = 1000;

/// Overlapping cells, exact inside, refined.
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
        let threads = rayon::current_num_threads();
        // A cell may have four times the rows of the average one before it is split.
        let cell = (4 * options.cell_size).min(n);
        let inside =
            threads as u64 * (vectors::estimate(cell, d, k.min(cell)) + (cell * k * 8) as u64);
        let members = (n * (options.cells_per_row * 8 + 16)) as u64;
        let sample = vectors::estimate(n, d, 1);
        members + size.answer() + inside.max(sample)
    }

    fn neighbors(&self, task: &Task<'_>) -> Result<Answer, Error> {
        let (points, k) = (task.points, task.k);
        let judges = task.options.recall_sample.unwrap_or(SAMPLE).max(2);
        // Another stream than the one that the report draws from: stopping on a sample and reporting on the same one
        // would flatter.
        let judge = stage::Seed(task.seed.stream("knn/partitioned/judge", 0).next_u64());
        let judge = Sample::draw(points, task.metric, k, judges, judge, task.progress)?;
        let cells = Cells::new(task)?;
        let mut search = Search {
            task,
            cells: &cells,
            judge: &judge,
            graph: Graph::new(points.n(), k),
            compared: 0,
            rounds: Vec::new(),
        };
        let reached = search.run()?;
        if reached.recall < task.options.target_recall {
            task.progress.warn(&format!(
                "recall {:.4} is short of the target {}: raise --max-rounds, --cells-per-row or --cell-size",
                reached.recall, task.options.target_recall
            ));
        }
        let filled = search.graph.fill(task)?;
        let facts = search.facts();
        let Graph { ids, distances, .. } = search.graph;
        Ok(Answer {
            ids,
            distances,
            certified: false,
            filled,
            facts,
            notes: Vec::new(),
        })
    }
}

/// The steps after the cells are known, and what they find.
struct Search<'a> {
    task: &'a Task<'a>,
    cells: &'a Cells,
    judge: &'a Sample,
    graph: Graph,
    compared: u64,
    rounds: Vec<Value>,
}

impl Search<'_> {
    /// Goes on until the target is reached, nothing is left to do, or the rounds are used up.
    fn run(&mut self) -> Result<Recall, Error> {
        let options = self.task.options;
        let inside = probe::within(self.task, self.cells, &mut self.graph)?;
        let mut reached = self.note("inside cells", self.task.points.n(), &inside);
        let mut unsettled = inside.unsettled;
        let (mut looked, mut step) = (options.cells_per_row, options.cells_per_row);
        let last = self.cells.members.len().saturating_sub(1);
        for _ in 0..options.max_rounds {
            if reached.low >= options.target_recall || unsettled.is_empty() || looked >= last {
                break;
            }
            let to = (looked + step).min(last);
            let probed = probe::probe(
                self.task,
                self.cells,
                &mut self.graph,
                &unsettled,
                looked,
                to,
            )?;
            reached = self.note(&format!("nearest {to} cells"), unsettled.len(), &probed);
            unsettled = probed.unsettled;
            (looked, step) = (to, 2 * step);
        }
        if reached.low < options.target_recall && !unsettled.is_empty() && options.max_rounds > 0 {
            let refined = refine::refine(self.task, &mut self.graph, &unsettled);
            reached = self.note("neighbors of neighbors", unsettled.len(), &refined);
        }
        Ok(reached)
    }

    /// Measures what a round has reached, and writes it down.
    fn note(&mut self, what: &str, rows: usize, round: &probe::Round) -> Recall {
        let reached = self.judge.recall(&self.graph.distances);
        self.compared += round.compared;
        self.rounds.push(json!({
            "step": what, "rows": rows, "unsettled": round.unsettled.len(), "recall": reached.recall,
        }));
        reached
    }

    fn facts(&self) -> Map<String, Value> {
        let n = self.task.points.n() as f64;
        let largest = self.cells.members.iter().map(Vec::len).max().unwrap_or(0);
        let facts = [
            ("cells", self.cells.members.len().into()),
            ("largest_cell", largest.into()),
            ("split_cells", self.cells.split.into()),
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
