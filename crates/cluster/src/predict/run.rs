//! The `predict` stage: reads a trained clustering and embeddings of new rows, writes their clusters.

use std::fmt;
use std::path::Path;

use artifacts::{Embeddings, Predictions, Stored};
use exact_knn::{Index, Knn, Metric, Points};
use hdbscan_graph::{Prediction, Predictor, vote};
use serde::{Deserialize, Serialize};
use stage::{File, Files, Progress, Seed, Stage};

use super::files::TrainedClustering;
use crate::Error;
use crate::source::file;

/// The `predict` stage.
#[derive(Debug)]
pub struct Predict;

/// No settings: those of the trained clustering apply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictOptions {}

/// The report of the stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PredictReport {
    /// Number of new rows.
    pub rows: usize,
    /// Number of rows of the trained clustering.
    pub old_rows: usize,
    /// Number of its clusters.
    pub clusters: usize,
    /// Number of new rows assigned to a cluster.
    pub in_clusters: usize,
    /// Share of new rows that are noise.
    pub noise_share: f64,
    /// Share of old rows that are noise.
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
        let trained = TrainedClustering::read(files)?;
        let new = Embeddings::read(source)?;
        let (path, of_old, metric) = match &trained.layout_source {
            Some(of) => (files.input("vectors"), &of.embeddings, of.metric),
            None => (
                files.input("embeddings"),
                &trained.embeddings,
                trained.metric,
            ),
        };
        same_space((path, of_old, metric), source, &new, progress)?;
        let search = NeighborSearch::new(of_old, &new, metric, &trained.clusters.cluster);
        progress.begin("searching", Some(2 * new.len() as u64), "rows");
        let predictions = if trained.layout_source.is_some() {
            by_vote(&search, &trained, progress)?
        } else {
            attached(&search, &trained, progress)?
        };
        progress.end();
        let in_clusters = count(&predictions.cluster);
        let share = |inside: usize, of: usize| 1.0 - inside as f64 / of.max(1) as f64;
        let report = PredictReport {
            rows: new.len(),
            old_rows: trained.clusters.len(),
            clusters: trained.selected.clusters.len(),
            in_clusters,
            noise_share: share(in_clusters, new.len()),
            old_noise_share: share(count(&trained.clusters.cluster), trained.clusters.len()),
        };
        if let Some(path) = files.output("predictions") {
            let mut footer = stage::footer::<Self>(options, seed);
            let optional = |name| name != "vectors" || trained.layout_source.is_some();
            for input in Self::INPUTS.iter().filter(|input| optional(input.name)) {
                files.record(input.name, &mut footer)?;
            }
            footer.reads("new", source)?;
            footer.metric = Some(metric.to_string());
            predictions.write(path, &footer)?;
        }
        Ok(report)
    }
}

fn count(clusters: &[i32]) -> usize {
    clusters.iter().filter(|&&cluster| cluster >= 0).count()
}

/// Checks that old and new vectors have the same dimensions and, by their footers, the same model.
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
    // Vectors that were read from a source have no model in their footer.
    let made_here = |of: &Stored<Embeddings>| {
        let footer = of.footer.as_ref()?;
        (!footer.inputs.contains_key("source")).then(|| footer.clone())
    };
    let (Some(of_old), Some(of_new)) = (made_here(old), made_here(new)) else {
        progress
            .warn("the embeddings files do not both name their model; the same model is assumed");
        return Ok(());
    };
    if of_old.inputs.get("model") != of_new.inputs.get("model") || of_old.options != of_new.options
    {
        return Err(Error::OtherModel {
            path: path.to_owned(),
            other: old_path.to_owned(),
        });
    }
    if of_old.inputs.get("static_encoder") != of_new.inputs.get("static_encoder") {
        return Err(Error::OtherProjection {
            path: path.to_owned(),
            other: old_path.to_owned(),
        });
    }
    Ok(())
}

/// Searches the neighbors of new rows among the old rows. New rows are not compared with each other.
struct NeighborSearch<'a> {
    metric: Metric,
    /// The old rows, then the new ones.
    values: Vec<f32>,
    d: usize,
    old: usize,
    /// The cluster of each old row.
    clusters: &'a [i32],
}

impl<'a> NeighborSearch<'a> {
    fn new(old: &Embeddings, new: &Embeddings, metric: Metric, clusters: &'a [i32]) -> Self {
        Self {
            metric,
            values: [old.values(), new.values()].concat(),
            d: old.dim(),
            old: old.len(),
            clusters,
        }
    }

    /// The `k` nearest old rows of each new row, among the clustered or all searchable rows; `None` if there are too few.
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

    /// The table of predictions, with the nearest cluster of each row.
    fn with_nearest_clusters(
        &self,
        predicted: Vec<Prediction>,
        progress: &dyn Progress,
    ) -> Result<Predictions, Error> {
        let mut predictions = Predictions::default();
        for prediction in predicted {
            predictions.cluster.push(prediction.label);
            predictions.probability.push(prediction.probability as f32);
            predictions.neighbor.push(i64::from(prediction.neighbor));
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

/// Predictions if the vectors themselves were clustered: attaches each new row to its nearest old row by mutual reachability
/// distance.
fn attached(
    search: &NeighborSearch<'_>,
    trained: &TrainedClustering,
    progress: &dyn Progress,
) -> Result<Predictions, Error> {
    let k = (2 * trained.min_samples).max(trained.min_samples + 1);
    let near = search
        .nearest(k, false, progress)?
        .ok_or(Error::NothingToCompare)?;
    let predictor = Predictor::new(
        &trained.condensed,
        &trained.tree,
        &trained.selected,
        &trained.selection,
        &trained.core,
    );
    let rows = near
        .ids
        .chunks_exact(near.k)
        .zip(near.distances.chunks_exact(near.k));
    let predictions =
        rows.map(|(ids, distances)| predictor.predict(ids, distances, trained.min_samples));
    search.with_nearest_clusters(predictions.collect(), progress)
}

/// Number of old rows that vote: 5 had the best leave-one-out accuracy on news texts.
const VOTES: usize = 5;

/// Predictions if a layout was clustered, in which new rows have no position: the nearest old rows vote.
fn by_vote(
    search: &NeighborSearch<'_>,
    trained: &TrainedClustering,
    progress: &dyn Progress,
) -> Result<Predictions, Error> {
    let near = search
        .nearest(VOTES, false, progress)?
        .ok_or(Error::NothingToCompare)?;
    let rows = near
        .ids
        .chunks_exact(near.k)
        .zip(near.distances.chunks_exact(near.k));
    let predictions = rows.map(|(ids, distances)| vote(ids, distances, &trained.clusters.cluster));
    search.with_nearest_clusters(predictions.collect(), progress)
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
