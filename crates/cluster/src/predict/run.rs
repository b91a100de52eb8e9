//! The `predict` stage: an old clustering and embeddings of new rows in, their clusters out.

use std::fmt;
use std::path::Path;

use artifacts::{Embeddings, Predictions, Stored};
use exact_knn::{Index, Knn, Metric, Points};
use serde::{Deserialize, Serialize};
use stage::{File, Files, Progress, Seed, Stage};

use super::files::Old;
use super::{Prediction, Predictor};
use crate::Error;
use crate::source::file;

/// The `predict` stage.
#[derive(Debug)]
pub struct Predict;

/// Nothing is to be chosen: how the old clustering was made decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictOptions {}

/// What was predicted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PredictReport {
    /// New rows.
    pub rows: usize,
    /// Rows of the old clustering.
    pub old_rows: usize,
    /// Its clusters.
    pub clusters: usize,
    /// New rows in one of them.
    pub in_clusters: usize,
    /// The share of new rows in none.
    pub noise_share: f64,
    /// The share of old rows in none, to compare.
    pub old_noise_share: f64,
}

impl Stage for Predict {
    const NAME: &'static str = "predict";
    const FILES_OF: &'static str = "cluster";
    const ABOUT: &'static str = "Predict the clusters of new rows from an existing clustering\n\n\
        If the vectors themselves were clustered, the rule is that of hdbscan's approximate_predict. If a layout of \
        them was clustered, as in the recipe `topics`, the 5 nearest old rows vote, with weight 1 / distance; noise \
        votes too. The new rows are embeddings of the same model: `skerry ingest new.csv --run new`, \
        `skerry embed --run new`, then `skerry predict --run runs/latest new/embeddings.parquet`.";
    const PRODUCER: &'static str = concat!("skerry-predict ", env!("CARGO_PKG_VERSION"));
    const SOURCES: Option<&'static str> =
        Some("Embeddings of the new rows, written by `skerry embed` in another run");
    const INPUTS: &'static [File] = &[
        file(
            "clusters",
            "clusters.parquet",
            true,
            "the cluster of each old row",
        ),
        file(
            "condensed_tree",
            "condensed_tree.parquet",
            true,
            "its condensed tree",
        ),
        file(
            "neighbors",
            "neighbors.parquet",
            true,
            "the neighbor graph that was clustered",
        ),
        file(
            "embeddings",
            "embeddings.parquet",
            true,
            "the vectors that the graph was computed from",
        ),
        file(
            "vectors",
            "embeddings.parquet",
            false,
            "the vectors of the old rows, if those are a layout of them",
        ),
    ];
    const OUTPUTS: &'static [File] = &[file(
        "predictions",
        "predictions.parquet",
        true,
        "the cluster of each new row",
    )];
    type Options = PredictOptions;
    type Local = stage::NoLocal;
    type Report = PredictReport;
    type Error = Error;

    fn run(
        files: &Files,
        options: &PredictOptions,
        _local: &stage::NoLocal,
        seed: Seed,
        progress: &dyn Progress,
    ) -> Result<PredictReport, Error> {
        let [source] = files.sources() else {
            return Err(Error::Sources {
                found: files.sources().len(),
            });
        };
        let source = Path::new(source);
        let old = Old::read(files)?;
        let new = Embeddings::read(source)?;
        let (path, of_old, metric) = match &old.laid_out {
            Some(of) => (files.input("vectors"), &of.embeddings, of.metric),
            None => (files.input("embeddings"), &old.embeddings, old.metric),
        };
        same_space((path, of_old, metric), source, &new, progress)?;
        let compared = Compared::new(of_old, &new, metric, &old.clusters.cluster);
        progress.begin("searching", Some(2 * new.len() as u64), "rows");
        let predictions = if old.laid_out.is_some() {
            by_vote(&compared, &old, progress)?
        } else {
            attached(&compared, &old, progress)?
        };
        progress.end();
        let in_clusters = count(&predictions.cluster);
        let share = |inside: usize, of: usize| 1.0 - inside as f64 / of.max(1) as f64;
        let report = PredictReport {
            rows: new.len(),
            old_rows: old.clusters.len(),
            clusters: old.chosen.clusters.len(),
            in_clusters,
            noise_share: share(in_clusters, new.len()),
            old_noise_share: share(count(&old.clusters.cluster), old.clusters.len()),
        };
        if let Some(path) = files.output("predictions") {
            let mut footer = stage::footer::<Self>(options, seed);
            let optional = |name| name != "vectors" || old.laid_out.is_some();
            for input in Self::INPUTS.iter().filter(|input| optional(input.name)) {
                files.record(input.name, &mut footer)?;
            }
            footer.reads("new", source)?;
            footer.metric = Some(metric.to_string());
            footer.fact("in_clusters", report.in_clusters);
            predictions.write(path, &footer)?;
        }
        Ok(report)
    }
}

fn count(clusters: &[i32]) -> usize {
    clusters.iter().filter(|&&cluster| cluster >= 0).count()
}

/// Whether the new vectors can be compared with the old ones: dimensions, and what the footers say of how they came about.
fn same_space(
    (old_path, old, metric): (&Path, &Stored<Embeddings>, Metric),
    path: &Path,
    new: &Stored<Embeddings>,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let expected = old.dim();
    if new.dim() != expected {
        return Err(Error::Dimensions {
            path: path.to_owned(),
            found: new.dim(),
            expected,
        });
    }
    if metric == Metric::Cosine
        && let Some(row) = (0..new.len()).find(|&i| new.row(i).iter().all(|&x| x == 0.0))
    {
        return Err(Error::NoDirection {
            path: path.to_owned(),
            row,
        });
    }
    // Vectors that came with their source say nothing of a model, and its other settings do not matter to them.
    let made_here = |of: &Stored<Embeddings>| {
        let footer = of.footer.as_ref()?;
        (!footer.inputs.contains_key("source")).then(|| footer.clone())
    };
    let (Some(of_old), Some(of_new)) = (made_here(old), made_here(new)) else {
        progress.warn("not both files of embeddings say by which model they were made: that it is the same is taken on trust");
        return Ok(());
    };
    if of_old.inputs.get("model") != of_new.inputs.get("model") || of_old.options != of_new.options
    {
        return Err(Error::OtherModel {
            path: path.to_owned(),
            other: old_path.to_owned(),
        });
    }
    Ok(())
}

/// Old rows and new ones that are searched among them. Every new row is compared with the old ones alone.
struct Compared<'a> {
    metric: Metric,
    /// The old rows, then the new ones.
    values: Vec<f32>,
    d: usize,
    old: usize,
    /// The cluster of each old row.
    clusters: &'a [i32],
}

impl<'a> Compared<'a> {
    fn new(old: &Embeddings, new: &Embeddings, metric: Metric, clusters: &'a [i32]) -> Self {
        Self {
            metric,
            values: [old.values(), new.values()].concat(),
            d: old.dim(),
            old: old.len(),
            clusters,
        }
    }

    /// The `k` nearest old rows of each new one, among those in clusters or all with a direction; `None` if there are too few.
    fn nearest(
        &self,
        k: usize,
        in_clusters: bool,
        progress: &dyn Progress,
    ) -> Result<Option<Knn>, Error> {
        let points = Points::new(&self.values, self.d)?;
        let searched = |&i: &u32| {
            (!in_clusters || self.clusters[i as usize] >= 0)
                && (self.metric != Metric::Cosine
                    || points.row(i as usize).iter().any(|&x| x != 0.0))
        };
        let members: Vec<u32> = (0..self.old as u32).filter(searched).collect();
        if members.len() < 2 {
            return Ok(None);
        }
        let queries: Vec<u32> = (self.old as u32..points.n() as u32).collect();
        let index = Index::of_members(points, &members, self.metric)?;
        let watch = |rows| progress.advance(rows);
        Ok(Some(
            index.knn_of(&queries, k.min(members.len() - 1), &watch)?.0,
        ))
    }

    /// The predictions `said`, with the nearest cluster of each row.
    fn told(&self, said: Vec<Prediction>, progress: &dyn Progress) -> Result<Predictions, Error> {
        let mut predictions = Predictions::default();
        for said in said {
            predictions.cluster.push(said.label);
            predictions.probability.push(said.probability as f32);
            predictions.neighbor.push(i64::from(said.neighbor));
        }
        let nearest = self.nearest(1, true, progress)?;
        for i in 0..predictions.len() {
            let nearest = nearest.as_ref().map(|of| (of.ids[i], of.distances[i]));
            let cluster = nearest.map_or(-1, |(id, _)| self.clusters[id as usize]);
            predictions.nearest_cluster.push(cluster);
            let distance = nearest.map(|(_, distance)| distance);
            predictions.nearest_distance.push(distance);
        }
        Ok(predictions)
    }
}

/// Attaches each new row to the nearest old one by mutual reachability: the clusters were made of these very vectors.
fn attached(
    compared: &Compared<'_>,
    old: &Old,
    progress: &dyn Progress,
) -> Result<Predictions, Error> {
    let k = (2 * old.min_samples).max(old.min_samples + 1);
    let near = compared
        .nearest(k, false, progress)?
        .ok_or(Error::NothingToCompare)?;
    let predictor = Predictor::new(&old.condensed, &old.tree, &old.chosen, &old.rule, &old.core);
    let rows = near
        .ids
        .chunks_exact(near.k)
        .zip(near.distances.chunks_exact(near.k));
    let said = rows.map(|(ids, distances)| predictor.predict(ids, distances, old.min_samples));
    compared.told(said.collect(), progress)
}

/// Old rows that vote: of the rows of news texts, left out one by one, 5 put most into their own cluster.
const VOTES: usize = 5;

/// Lets the nearest old rows vote, each with 1 / distance: where clusters were made in a layout of the vectors, the place
/// of a new row in it is not known. Noise has a vote like any cluster, and a copy of an old row follows that row.
fn by_vote(
    compared: &Compared<'_>,
    old: &Old,
    progress: &dyn Progress,
) -> Result<Predictions, Error> {
    let near = compared
        .nearest(VOTES, false, progress)?
        .ok_or(Error::NothingToCompare)?;
    let rows = near
        .ids
        .chunks_exact(near.k)
        .zip(near.distances.chunks_exact(near.k));
    let said = rows.map(|(ids, distances)| vote(ids, distances, &old.clusters.cluster));
    compared.told(said.collect(), progress)
}

/// The label with the most weight and its share; of equal ones the nearer.
fn vote(ids: &[u32], distances: &[f32], labels: &[i32]) -> Prediction {
    let mut votes: Vec<(i32, f64)> = Vec::new();
    for (&id, &distance) in ids.iter().zip(distances) {
        let label = labels[id as usize];
        // Rounding alone can put a copy this far away.
        let weight = 1.0 / f64::from(distance).max(1e-9);
        match votes.iter_mut().find(|(other, _)| *other == label) {
            Some((_, sum)) => *sum += weight,
            None => votes.push((label, weight)),
        }
    }
    let all: f64 = votes.iter().map(|(_, weight)| weight).sum();
    let first = (-1, 0.0);
    let (label, most) = votes.into_iter().fold(
        first,
        |best, next| if next.1 > best.1 { next } else { best },
    );
    Prediction {
        label,
        probability: if label < 0 { 0.0 } else { most / all },
        neighbor: ids[0],
    }
}

impl fmt::Display for PredictReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} new rows belong to one of {} clusters; {:.1} % to none (of the {} old rows {:.1} %)",
            self.in_clusters,
            self.rows,
            self.clusters,
            100.0 * self.noise_share,
            self.old_rows,
            100.0 * self.old_noise_share
        )
    }
}
