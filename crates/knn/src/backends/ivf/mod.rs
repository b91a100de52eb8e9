//! An inverted file (IVF), for tables too large for all pairs. `partitioned` on the command line.
//!
//! 1. [`partition`]: k-means on seeded samples; each row is in the list of its nearest center.
//! 2. [`probe`]: each row probes its own list and those with the smallest expected distance. Pairs are scored by the codes
//!    and kernels of the exact search, and each is offered to both rows.
//! 3. Rows whose candidates changed in a round probe three times as many lists in the next, and so on, until the lower end
//!    of the confidence interval of recall reaches the target on a seeded sample that was searched exactly before.
//! 4. The best candidates of each row are re-ranked.
//!
//! With lists of m rows and p probes per row, steps 2 and 3 compare n p m pairs, where brute force compares n^2 / 2; ranking
//! c centers adds n c per round, for the rows that still probe. Probing the lists of the nearest centers is the inverted
//! file of Jégou, Douze and Schmid (PAMI 2011); here the rows are the queries, so a row whose neighbors no longer change
//! stops early. The bytes are the same at any number of threads, since the first k of a total order do not depend on the
//! order of arrival.

mod partition;
mod probe;

use exact_knn::{Candidates, Index, InvertedLists, Knn, ProbeStats};
use serde_json::{Map, Value, json};

use self::partition::Partitioning;
use crate::backend::{Backend, BackendOutput, Task};
use crate::recall::{self, Recall, Sample};
use crate::refine::fill_short_rows;
use crate::size::Size;
use crate::{Error, Options};

/// The smallest number of rows on which recall is estimated to decide whether to stop.
const STOPPING_SAMPLE: usize = 1000;
/// The stopping sample has n / 250 rows: searching them exactly costs about a hundredth of all pairs, and a larger sample
/// gives a narrower interval.
const STOPPING_SHARE: usize = 250;

/// The number of rows of the stopping sample: large enough that the lower end of the interval can reach the target.
fn stopping_sample_size(n: usize, target: f64) -> usize {
    STOPPING_SAMPLE
        .max(n / STOPPING_SHARE)
        .max((6.0 / (1.0 - target)).ceil() as usize)
}

/// Number of rows that are re-ranked at a time.
const RERANK_BATCH: usize = 1 << 14;

/// An inverted file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ivf;

impl Backend for Ivf {
    fn name(&self) -> &'static str {
        "partitioned"
    }

    fn exact(&self) -> bool {
        false
    }

    /// The result does not depend on the order of the probes.
    fn reproducible(&self, _: &Options) -> bool {
        true
    }

    fn memory(&self, size: Size, options: &Options) -> u64 {
        let Size { n, d, k } = size;
        // Samples are searched first; their neighbors stay.
        let drawn = stopping_sample_size(n, options.target_recall).min(n)
            + options.sample_size(false).min(n);
        let samples = (drawn * (8 * k + 4)) as u64;
        let searching = exact_knn::estimate_memory(n, d, 1);
        let found = exact_knn::estimate_ivf_memory(n, d, k, options.list_size);
        let centers = (n.div_ceil(options.list_size) * (d + 1) * 4) as u64;
        // The rows of groups and of lists, the ranking of a batch, and its queries in growing vectors, which take twice
        // their size while they are reallocated.
        let probes = n.saturating_mul(options.nprobe.saturating_mul(3));
        let probes = ((2 * probe::BATCH).min(probes) * 12) as u64;
        let beside = centers + 8 * n as u64 + probes.max(size.result());
        samples + searching.max(found + beside)
    }

    fn neighbors(&self, task: &Task<'_>) -> Result<BackendOutput, Error> {
        let (points, k, n) = (task.points(), task.k, task.points().n());
        // A random stream other than that of the report: to stop on a sample and to report on the same one would
        // overestimate recall. Both samples are searched at once.
        let seed = stage::Seed(task.seed.stream("knn/partitioned/judge", 0).next_u64());
        let stopping = recall::draw(n, stopping_sample_size(n, task.options.target_recall), seed);
        let report = recall::draw(n, task.options.sample_size(false), task.seed);
        let index = Index::new(points, task.metric)?;
        let [stopping, report] = Sample::search(&index, n, [stopping, report], k, task.progress)?;
        drop(index);
        task.progress.begin("partitioning", None, "lists");
        let lists = InvertedLists::new(points, task.metric)?;
        let (partitioning, members) = Partitioning::new(task, &lists)?;
        let lists = lists.with_lists(members)?;
        task.progress.end();
        let mut search = IvfSearch {
            task,
            partitioning: &partitioning,
            lists: &lists,
            stopping: &stopping,
            candidates: lists.candidates(k)?,
            compared: partitioning.compared,
            rounds: Vec::new(),
        };
        let reached = search.run()?;
        let target = task.options.target_recall;
        if reached.low < target {
            task.progress.warn(&format!(
                "recall {:.4} (at least {:.4} with 95 % confidence) is short of the target {target}: raise --max-rounds or --nprobe",
                reached.recall, reached.low
            ));
        }
        let facts = search.facts();
        let mut knn = rerank_by_list(task, &lists, &search.candidates)?;
        drop(search);
        drop(lists);
        let filled = fill_short_rows(task, &mut knn)?;
        Ok(BackendOutput {
            knn,
            certified: false,
            filled,
            sample: (!report.rows.is_empty()).then_some(report),
            facts,
            notes: Vec::new(),
        })
    }
}

/// Re-ranks the candidates of all rows, list by list: the rows of a list share many candidates, which stay in the cache.
fn rerank_by_list(
    task: &Task<'_>,
    lists: &InvertedLists<'_>,
    candidates: &Candidates,
) -> Result<Knn, Error> {
    let (n, k) = (task.points().n(), task.k);
    task.progress
        .begin("re-ranking candidates", Some(n as u64), "rows");
    let mut knn = Knn {
        k,
        ids: vec![Knn::NO_NEIGHBOR; n * k],
        distances: vec![f32::INFINITY; n * k],
    };
    let order: Vec<u32> = lists.lists().iter().flatten().copied().collect();
    for rows in order.chunks(RERANK_BATCH) {
        let found = lists.nearest(rows, candidates)?;
        for (at, &i) in rows.iter().enumerate() {
            let (ids, distances) = found.row(at);
            knn.ids[i as usize * k..][..k].copy_from_slice(ids);
            knn.distances[i as usize * k..][..k].copy_from_slice(distances);
        }
        task.progress.advance(rows.len() as u64);
    }
    task.progress.end();
    Ok(knn)
}

/// The rounds of probes.
struct IvfSearch<'a> {
    task: &'a Task<'a>,
    partitioning: &'a Partitioning,
    lists: &'a InvertedLists<'a>,
    stopping: &'a Sample,
    candidates: Candidates,
    compared: u64,
    rounds: Vec<Value>,
}

impl IvfSearch<'_> {
    /// Probes until the target is reached, no row changes, or the rounds are used up; returns the recall reached.
    fn run(&mut self) -> Result<Recall, Error> {
        let options = self.task.options;
        let n = self.task.points().n();
        let own = probe::own_lists(self.task, self.lists, &mut self.candidates)?;
        let mut reached = self.record("own list", n, &own)?;
        let mut rows: Vec<u32> = (0..n as u32).collect();
        let (mut probed, mut nprobe) = (0, options.nprobe);
        for _ in 0..options.max_rounds {
            if reached.low >= options.target_recall
                || rows.is_empty()
                || probed >= self.lists.lists().len()
            {
                break;
            }
            let round = probe::further_lists(
                self.task,
                self.partitioning,
                self.lists,
                &rows,
                [probed, nprobe],
                &mut self.candidates,
            )?;
            reached = self.record(&format!("nprobe {nprobe}"), rows.len(), &round)?;
            rows = round.changed;
            (probed, nprobe) = (nprobe, nprobe.saturating_mul(3));
        }
        Ok(reached)
    }

    /// Estimates the recall after a round, and records both.
    fn record(&mut self, step: &str, rows: usize, round: &ProbeStats) -> Result<Recall, Error> {
        let found = self.lists.nearest(&self.stopping.rows, &self.candidates)?;
        let (vectors, metric) = (self.task.vectors, self.task.metric);
        let reached = self.stopping.recall_of(vectors, metric, &found)?;
        self.compared += round.compared;
        self.rounds.push(json!({
            "step": step, "rows": rows, "changed": round.changed.len(), "recall": reached.recall, "low": reached.low,
        }));
        Ok(reached)
    }

    fn facts(&self) -> Map<String, Value> {
        let n = self.task.points().n() as f64;
        let lists = self.lists.lists();
        let largest = lists.iter().map(Vec::len).max().unwrap_or(0);
        let facts = [
            ("lists", lists.len().into()),
            ("largest_list", largest.into()),
            ("split_lists", self.partitioning.split.into()),
            // Pairs of rows, and of rows and centers; all pairs are half of n (n - 1).
            (
                "share_of_all_pairs",
                (2.0 * self.compared as f64 / (n * (n - 1.0))).into(),
            ),
            ("rounds", self.rounds.clone().into()),
        ];
        facts
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}
