//! Any index of Faiss (Douze et al., 2024) by its factory string, with its parameters.
//!
//! Under cosine the index holds unit vectors and compares inner products. Indexes that need training are trained on a
//! seeded sample; the rest of their randomness is Faiss' own, and its threads (`OMP_NUM_THREADS`, not `--threads`) add rows
//! to graphs in any order: the result is not reproducible.

use exact_knn::{Knn, Metric};
use faiss::index::autotune::ParameterSpace;
use faiss::{Index, MetricType, index_factory};
use serde_json::Map;

use crate::backend::{Backend, BackendOutput, Task};
use crate::refine::refine;
use crate::size::Size;
use crate::{Error, Options};

/// Rows added or searched at a time.
const BATCH: usize = 8192;
/// The largest number of rows that an index is trained on.
const TRAINING: usize = 262_144;

/// An index of Faiss.
#[derive(Clone, Copy, Debug)]
pub(super) struct Faiss;

impl Backend for Faiss {
    fn name(&self) -> &'static str {
        "faiss"
    }

    fn exact(&self) -> bool {
        false
    }

    fn reproducible(&self, _: &Options) -> bool {
        false
    }

    fn memory(&self, size: Size, options: &Options) -> u64 {
        // A copy of the vectors in the index, one of the training rows, links of graphs, and the candidates.
        let links = options.index.split("HNSW").nth(1).map_or(0, |rest| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<usize>().unwrap_or(32)
        });
        let training = size.n.min(TRAINING) * size.d * 4;
        let candidates = size.n * (size.k + 1) * 4;
        let node = links.saturating_mul(9).saturating_add(16);
        (size.n.saturating_mul(node) as u64)
            .saturating_add(size.vectors() + (training + candidates) as u64 + size.result())
    }

    fn neighbors(&self, task: &Task<'_>) -> Result<BackendOutput, Error> {
        let (points, options, width) = (task.points(), task.options, task.k + 1);
        let metric = if task.metric == Metric::L2 {
            MetricType::L2
        } else {
            MetricType::InnerProduct
        };
        let mut index = index_factory(points.d() as u32, &options.index, metric)
            .map_err(failed("create the index"))?;
        if !index.is_trained() {
            let rows = task
                .seed
                .stream("knn/faiss/train", 0)
                .sample(points.n(), TRAINING);
            task.progress.begin("training the index", None, "rows");
            index
                .train(&copied(task, rows.into_iter()))
                .map_err(failed("train the index"))?;
            task.progress.end();
        }
        // Before rows are added, because some parameters are for construction: efConstruction has no effect on nodes that exist.
        set_parameters(&index, &options.index_parameters)?;
        task.progress
            .begin("filling the index", Some(points.n() as u64), "rows");
        for batch in batches(points.n()) {
            let rows = batch.len() as u64;
            index
                .add(&copied(task, batch))
                .map_err(failed("fill the index"))?;
            task.progress.advance(rows);
        }
        task.progress.end();
        task.progress
            .begin("searching the index", Some(points.n() as u64), "rows");
        let mut candidates = Vec::with_capacity(points.n() * width);
        for batch in batches(points.n()) {
            let rows = batch.len() as u64;
            let found = index
                .search(&copied(task, batch), width)
                .map_err(failed("search the index"))?;
            candidates.extend(
                found
                    .labels
                    .iter()
                    .map(|label| label.get().map_or(Knn::NO_NEIGHBOR, |id| id as u32)),
            );
            task.progress.advance(rows);
        }
        task.progress.end();
        drop(index);
        let (knn, filled) = refine(self.name(), task, &candidates, width)?;
        Ok(BackendOutput {
            knn,
            certified: false,
            filled,
            sample: None,
            facts: Map::new(),
            notes: vec!["Faiss uses its own threads: OMP_NUM_THREADS".to_owned()],
        })
    }
}

fn batches(n: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..n)
        .step_by(BATCH)
        .map(move |first| first..(first + BATCH).min(n))
}

/// Copies of rows, scaled to unit length under cosine.
fn copied(task: &Task<'_>, rows: impl Iterator<Item = usize>) -> Vec<f32> {
    let mut values: Vec<f32> = rows.flat_map(|i| task.points().row(i)).copied().collect();
    if task.metric == Metric::Cosine {
        for row in values.chunks_exact_mut(task.points().d()) {
            let length = row
                .iter()
                .map(|&x| f64::from(x) * f64::from(x))
                .sum::<f64>()
                .sqrt();
            for x in row {
                *x = (f64::from(*x) / length) as f32;
            }
        }
    }
    values
}

/// Sets parameters given as `name=value,...`, the format of Faiss' own tools.
fn set_parameters(index: &faiss::index::IndexImpl, parameters: &str) -> Result<(), Error> {
    let space = ParameterSpace::new().map_err(failed("read its parameters"))?;
    for pair in parameters
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
    {
        let invalid = || Error::Option {
            option: "--index-parameters",
            value: pair.to_owned(),
            expected: "a list like nprobe=32,efSearch=128",
        };
        let (name, value) = pair.split_once('=').ok_or_else(invalid)?;
        let value: f64 = value.trim().parse().map_err(|_| invalid())?;
        space
            .set_index_parameter(index, name.trim(), value)
            .map_err(failed("set that parameter"))?;
    }
    Ok(())
}

/// Converts an error of the engine.
fn failed(action: &'static str) -> impl Fn(faiss::error::Error) -> Error {
    move |error| Error::Engine {
        backend: "faiss",
        action,
        message: error.to_string(),
    }
}
