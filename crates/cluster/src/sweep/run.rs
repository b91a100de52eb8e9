//! The `sweep` stage: reads neighbors, writes a table and a picture.

use std::fmt;

use artifacts::SweepRow;
use hdbscan_graph::HierarchyOptions;
use serde::Serialize;
use stage::{File, Files, Progress, Seed, Stage};

use super::{Row, SweepOptions, picture, sweep};
use crate::source::{NeighborProvenance, Vectors, file, view, warn_of_few};
use crate::{Error, source};

/// The `sweep` stage.
#[derive(Debug)]
pub struct Sweep;

/// The report of the stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SweepReport {
    /// Number of documents.
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
        "Compare the clusterings for many values of min_cluster_size and min_samples";
    const PRODUCER: &'static str = concat!("skerry-sweep ", env!("CARGO_PKG_VERSION"));
    const INPUTS: &'static [File] = &source::INPUTS;
    const OUTPUTS: &'static [File] = &[
        file("sweep", "sweep.parquet", true, "one row per setting"),
        file(
            "sweep_picture",
            "sweep.svg",
            true,
            "the same as an SVG picture",
        ),
    ];
    const LAZY: &'static [&'static str] = &["embeddings"];
    const SHORT_HELP: &'static [&'static str] = &["min_cluster_sizes", "min_samples"];

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
        let (neighbors, metric) = source::neighbors(path, options.metric, progress)?;
        let graph = view(path, &neighbors, options.use_k)?;
        let sizes = options.min_cluster_sizes.values();
        let (mut fit, mut others, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        for &min_samples in options.min_samples.values() {
            let at = options.at(min_samples, sizes[0]);
            match source::others(&graph, &at) {
                Ok(measured) => {
                    warn_of_few(measured, &at, graph.n(), progress);
                    fit.push(min_samples);
                    others.push(measured);
                }
                Err(error) if fit.is_empty() && left_out.is_empty() => {
                    // All values are too large.
                    return Err(error);
                }
                Err(_) => left_out.push(min_samples),
            }
        }
        for min_samples in &left_out {
            progress.warn(&format!(
                "min_samples {min_samples} is left out: each row has only {} neighbors",
                graph.k()
            ));
        }
        let vectors = Vectors::new(files, path, graph, metric);
        let provenance = NeighborProvenance::new(neighbors.footer.as_ref());
        provenance.warn(options.tree, progress);
        let tree = HierarchyOptions {
            min_samples: fit[0],
            tree: options.tree.into(),
            isolated: provenance.isolated,
        };
        let flat = options.at(fit[0], sizes[0]).flat();
        let index = vectors.index(progress);
        progress.begin("sweeping", None, "rows");
        let settings = sweep(&graph, &others, sizes, &tree, &flat, &index, &|rows| {
            progress.advance(rows);
        });
        progress.end();
        let mut settings = settings?;
        for (rows, &asked) in settings.chunks_mut(sizes.len()).zip(&fit) {
            for row in rows {
                row.min_samples = asked;
            }
        }

        let mut footer = stage::footer::<Self>(options, seed);
        vectors.record(&mut footer, metric)?;
        if let Some(path) = files.output("sweep_picture") {
            artifacts::write_bytes(path, picture(&settings, graph.n()).as_bytes())?;
        }
        if let Some(path) = files.output("sweep") {
            artifacts::Sweep {
                rows: settings.iter().map(as_file).collect(),
            }
            .write(path, &footer)?;
        }
        Ok(SweepReport {
            rows: graph.n(),
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
