//! The `sweep` stage: neighbors in, a table and a picture of settings out.

use std::cell::OnceCell;
use std::fmt;

use artifacts::{Neighbors, SweepRow};
use serde::Serialize;
use stage::{File, Files, Progress, Seed, Stage};

use super::{Row, SweepOptions, picture, sweep};
use crate::hierarchy::Beyond;
use crate::source::{Trust, Vectors, lists, metric};
use crate::{Error, source};

/// The `sweep` stage.
#[derive(Debug)]
pub struct Sweep;

/// What each setting gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SweepReport {
    /// Documents.
    pub rows: usize,
    /// Values of `min_samples` left out because the lists are shorter.
    pub left_out: Vec<usize>,
    /// The settings, by `min_samples`, then by `min_cluster_size`.
    pub settings: Vec<Row>,
}

impl Stage for Sweep {
    const NAME: &'static str = "sweep";
    const FILES_OF: &'static str = "cluster";
    const ABOUT: &'static str =
        "Shows what each choice of min_cluster_size and min_samples would give, from one graph";
    const PRODUCER: &'static str = concat!("skerry-sweep ", env!("CARGO_PKG_VERSION"));
    const INPUTS: &'static [File] = &source::INPUTS;
    const OUTPUTS: &'static [File] = &[
        File {
            name: "sweep",
            file: "sweep.parquet",
            required: true,
            help: "one row a setting",
        },
        File {
            name: "sweep_picture",
            file: "sweep.svg",
            required: true,
            help: "the same as a picture (SVG)",
        },
    ];
    const LAZY: &'static [&'static str] = &["embeddings"];
    type Options = SweepOptions;
    type Local = stage::NoLocal;
    type Report = SweepReport;
    type Error = Error;

    fn check(options: &SweepOptions, _local: &stage::NoLocal) -> Result<(), Error> {
        options.check()
    }

    fn run(
        files: &Files,
        options: &SweepOptions,
        local: &stage::NoLocal,
        seed: Seed,
        progress: &dyn Progress,
    ) -> Result<SweepReport, Error> {
        Self::check(options, local)?;
        let path = files.input("neighbors");
        let neighbors = Neighbors::read(path)?;
        let metric = metric(path, neighbors.footer.as_ref(), options.metric)?;
        let lists = lists(path, &neighbors, options.use_k)?;
        let (fit, left_out): (Vec<usize>, Vec<usize>) = options
            .min_samples
            .values()
            .iter()
            .partition(|&&min_samples| min_samples <= lists.k());
        if fit.is_empty() {
            return Err(Error::FewNeighbors {
                min_samples: left_out[0],
                k: lists.k(),
            });
        }
        for min_samples in &left_out {
            progress.warn(&format!(
                "min_samples {min_samples} is left out: each row has {} neighbors",
                lists.k()
            ));
        }
        let vectors = Vectors {
            neighbors: path,
            lists,
            path: files.optional("embeddings"),
            metric,
            read: OnceCell::new(),
        };
        let points = OnceCell::new();
        let trust = Trust::new(neighbors.footer.as_ref());
        trust.warn(options.tree, progress);
        progress.begin("sweeping", None, "rows");
        let sizes = options.min_cluster_sizes.values();
        let cut = options.at(fit[0], sizes[0]).cut();
        let settings = sweep(
            &lists,
            &fit,
            sizes,
            &cut,
            options.tree,
            &Beyond {
                points: &|why| vectors.searchable(&points, why, progress),
                isolated: trust.isolated,
                watch: &|rows| {
                    progress.advance(rows);
                    true
                },
            },
        );
        progress.end();
        let settings = settings?;

        let mut footer = stage::footer::<Self>(options, seed);
        footer.reads("neighbors", path)?;
        if let Some(path) = vectors.path.filter(|_| points.get().is_some()) {
            footer.reads("embeddings", path)?;
        }
        footer.metric = metric.map(|metric| metric.to_string());
        if let Some(path) = files.output("sweep_picture") {
            artifacts::write_bytes(path, picture(&settings, lists.n()).as_bytes())?;
        }
        if let Some(path) = files.output("sweep") {
            artifacts::Sweep {
                rows: settings.iter().map(as_file).collect(),
            }
            .write(path, &footer)?;
        }
        Ok(SweepReport {
            rows: lists.n(),
            left_out,
            settings,
        })
    }
}

fn as_file(row: &Row) -> SweepRow {
    SweepRow {
        min_samples: row.min_samples as i32,
        min_cluster_size: row.min_cluster_size as i32,
        clusters: row.clusters as i32,
        noise: row.noise,
        largest: row.largest as i64,
        validity: row.validity,
        cliff: row.cliff,
    }
}

impl fmt::Display for SweepReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} documents, {} settings",
            self.rows,
            self.settings.len()
        )?;
        write!(
            f,
            "min_samples  min_cluster_size  clusters   noise  largest  validity"
        )?;
        for row in &self.settings {
            let validity = row
                .validity
                .map_or_else(|| "-".to_owned(), |validity| format!("{validity:.3}"));
            write!(
                f,
                "\n{:>11}  {:>16}  {:>8}  {:>5.1} %  {:>6}  {:>8}{}",
                row.min_samples,
                row.min_cluster_size,
                row.clusters,
                100.0 * row.noise,
                row.largest,
                validity,
                if row.cliff { "  <- cliff" } else { "" }
            )?;
        }
        Ok(())
    }
}
