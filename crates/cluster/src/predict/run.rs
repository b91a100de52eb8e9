//! The `predict` stage: an old clustering and embeddings of new rows in, their clusters out.

use std::fmt;
use std::path::Path;

use artifacts::{Embeddings, Predictions, Stored};
use serde::{Deserialize, Serialize};
use stage::{File, Files, Progress, Seed, Stage};
use vectors::{Index, Metric, Points, Search};

use super::Predictor;
use super::files::Old;
use crate::Error;

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

const fn file(name: &'static str, file: &'static str, required: bool, help: &'static str) -> File {
    File {
        name,
        file,
        required,
        help,
    }
}

impl Stage for Predict {
    const NAME: &'static str = "predict";
    const FILES_OF: &'static str = "cluster";
    const ABOUT: &'static str = "Says which cluster of an earlier run new rows belong to, without clustering again. \
        The new rows come as embeddings of the same model: `skerry ingest new.csv --run new`, \
        `skerry embed --run new`, then `skerry predict --run runs/latest new/embeddings.parquet`";
    const PRODUCER: &'static str = concat!("skerry-predict ", env!("CARGO_PKG_VERSION"));
    const SOURCES: Option<&'static str> =
        Some("The embeddings of the new rows: what `skerry embed` wrote in another run");
    const INPUTS: &'static [File] = &[
        file("clusters", "clusters.parquet", true, "the clustering"),
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
            "the neighbors that it was made from",
        ),
        file(
            "embeddings",
            "embeddings.parquet",
            true,
            "the vectors that those were found among",
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
        same_space(files.input("embeddings"), &old, source, &new, progress)?;
        let predictions = predict(&old, &new, progress)?;
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
            for input in Self::INPUTS {
                footer.reads(input.name, files.input(input.name))?;
            }
            footer.reads("new", source)?;
            footer.metric = Some(old.metric.to_string());
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
    old_path: &Path,
    old: &Old,
    path: &Path,
    new: &Stored<Embeddings>,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let expected = old.embeddings.dim();
    if new.dim() != expected {
        return Err(Error::Dimensions {
            path: path.to_owned(),
            found: new.dim(),
            expected,
        });
    }
    if old.metric == Metric::Cosine
        && let Some(row) = (0..new.len()).find(|&i| new.row(i).iter().all(|&x| x == 0.0))
    {
        return Err(Error::NoDirection {
            path: path.to_owned(),
            row,
        });
    }
    let (Some(of_old), Some(of_new)) = (&old.embeddings.footer, &new.footer) else {
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

/// The predictions. Every new row is searched among the old ones alone.
fn predict(old: &Old, new: &Embeddings, progress: &dyn Progress) -> Result<Predictions, Error> {
    let n = old.embeddings.len();
    let d = old.embeddings.dim();
    let values = [old.embeddings.values(), new.values()].concat();
    let points = Points::new(&values, d)?;
    let queries: Vec<u32> = (n as u32..(n + new.len()) as u32).collect();
    let searched =
        |i: &u32| old.metric != Metric::Cosine || points.row(*i as usize).iter().any(|&x| x != 0.0);
    let members: Vec<u32> = (0..n as u32).filter(searched).collect();
    let clustered: Vec<u32> = members
        .iter()
        .copied()
        .filter(|&i| old.clusters.cluster[i as usize] >= 0)
        .collect();
    let k = (2 * old.min_samples)
        .max(old.min_samples + 1)
        .min(members.len().saturating_sub(1));
    let watch = |rows| {
        progress.advance(rows);
        true
    };
    progress.begin("searching", Some(2 * new.len() as u64), "rows");
    let index = Index::of_members(points, &members, old.metric, &Search::default())?;
    let (near, _) = index.knn_of(&queries, k, &watch)?;
    drop(index);
    let nearest = if clustered.len() < 2 {
        None
    } else {
        let index = Index::of_members(points, &clustered, old.metric, &Search::default())?;
        Some(index.knn_of(&queries, 1, &watch)?.0)
    };
    progress.end();
    let predictor = Predictor::new(&old.condensed, &old.tree, &old.chosen, &old.core);
    let mut predictions = Predictions::default();
    for (i, (ids, distances)) in near
        .ids
        .chunks_exact(k)
        .zip(near.distances.chunks_exact(k))
        .enumerate()
    {
        let said = predictor.predict(ids, distances, old.min_samples);
        predictions.cluster.push(said.label);
        predictions.probability.push(said.probability as f32);
        predictions.neighbor.push(i64::from(said.neighbor));
        let nearest = nearest.as_ref().map(|of| (of.ids[i], of.distances[i]));
        predictions
            .nearest_cluster
            .push(nearest.map_or(-1, |(id, _)| old.clusters.cluster[id as usize]));
        predictions
            .nearest_distance
            .push(nearest.map(|(_, distance)| distance));
    }
    Ok(predictions)
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
