//! The stage: reads and writes files.

use std::path::Path;

use artifacts::{Embeddings, Footer, Neighbors, Projection, ProjectionFacts, Stored};
use exact_knn::{Metric, Points};
use knn_graph::KnnGraph;
use stage::{File, Files, NoLocal, Progress, Seed, Stage};
use umap_layout::{Kernel, gather_copies, layout, quality};

use crate::options::{Engine, Options};
use crate::report::{Report, warning};
use crate::{Error, engines};

/// The stage.
#[derive(Clone, Copy, Debug)]
pub struct Project;

impl Stage for Project {
    const NAME: &'static str = "project";
    const ABOUT: &'static str = "Compute a UMAP layout of the documents, in 2 to 100 dimensions";
    const PRODUCER: &'static str = concat!("skerry-project ", env!("CARGO_PKG_VERSION"));
    const INPUTS: &'static [File] = &[
        File {
            name: "neighbors",
            file: "neighbors.parquet",
            required: true,
            help: "the neighbor graph",
        },
        File {
            name: "embeddings",
            file: "embeddings.parquet",
            required: false,
            help: "the vectors, for `--init pca` and for measuring trustworthiness",
        },
    ];
    const OUTPUTS: &'static [File] = &[File {
        name: "projection",
        file: "projection.parquet",
        required: true,
        help: "the layout: x, y and the share of neighbors kept; vectors if `--components` is above 2",
    }];
    const SHORT_HELP: &'static [&'static str] =
        &["n_neighbors", "min_dist", "components", "epochs"];

    type Options = Options;
    type Local = NoLocal;
    type Report = Report;
    type Error = Error;

    fn check(options: &Options, _local: &Self::Local) -> Result<(), Error> {
        options.check()
    }

    fn run(
        files: &Files,
        options: &Options,
        _: &NoLocal,
        seed: Seed,
        progress: &dyn Progress,
    ) -> Result<Report, Error> {
        Self::check(options, &NoLocal {})?;
        let mut footer = stage::footer::<Self>(options, seed);
        let neighbors_path = files.input("neighbors");
        let Stored {
            value: neighbors,
            footer: neighbors_footer,
        } = Neighbors::read(neighbors_path)?;
        files.record("neighbors", &mut footer)?;
        let n = neighbors.len();
        if n < 3 {
            return Err(Error::TooFewPoints { n });
        }
        let embeddings = files
            .optional("embeddings")
            .map(|path| read_embeddings(path, n, neighbors_path))
            .transpose()?;
        if embeddings.is_some() {
            files.record("embeddings", &mut footer)?;
        }
        let metric = metric(neighbors_footer.as_ref(), options, neighbors_path)?;

        let graph = KnnGraph::from(neighbors);
        let graph = graph.view();
        let k = (options.n_neighbors - 1).min(graph.k());
        if k + 1 < options.n_neighbors {
            progress.warn(&format!(
                "n_neighbors is {} instead of {}: the file holds {} neighbors per row, and the point itself counts",
                k + 1,
                options.n_neighbors,
                graph.k()
            ));
        }
        let points = embeddings
            .as_ref()
            .map(|embeddings| Points::new(embeddings.values(), embeddings.dim()))
            .transpose()
            .map_err(Error::Points)?;
        let kernel = Kernel::best();
        let mut laid_out = match options.engine {
            Engine::Skerry => {
                let method = options.layout();
                progress.begin("laying out", Some(method.epochs_for(n) as u64), "epochs");
                let advance = || progress.advance(1);
                let laid_out = layout(&graph.first(k), points, &method, seed, kernel, &advance);
                progress.end();
                laid_out?
            }
            Engine::UmapRs => engines::umap_rs(&graph.first(k), points, options, seed, progress)?,
        };

        // A layout for clustering has to keep copies together; on a map, each copy should be visible.
        let gathered = if options.components == 2 || metric == Some(Metric::InnerProduct) {
            0
        } else {
            gather_copies(&mut laid_out.positions, options.components, &graph)
        };

        progress.begin("measuring the layout", None, "rows");
        let (quality, preserved) = quality(
            &laid_out.positions,
            options.components,
            &graph,
            points.zip(metric),
            seed,
        );
        progress.end();
        if let Some(warning) = warning(&quality) {
            progress.warn(&warning);
        }
        if metric.is_none() && points.is_some() {
            progress.note("trustworthiness was not measured: the neighbors file does not name its metric (give `--metric`)");
        }
        let own = options.engine == Engine::Skerry;
        let report = Report {
            points: n,
            components: options.components,
            n_neighbors: k + 1,
            gathered,
            edges: laid_out.edges,
            graph_components: laid_out.connected_components,
            epochs: options.layout().epochs_for(n),
            a: laid_out.curve.a,
            b: laid_out.curve.b,
            engine: options.engine,
            init: options.init,
            reproducible: own,
            kernel: own.then(|| kernel.name()),
            quality,
        };
        let metric = metric.map(|metric| metric.to_string());
        footer.set_facts(&facts(&report, laid_out.residual, metric));
        if let Some(path) = files.output("projection") {
            write(
                path,
                &footer,
                laid_out.positions,
                options.components,
                preserved,
            )?;
        }
        Ok(report)
    }
}

fn read_embeddings(
    path: &Path,
    n: usize,
    neighbors_path: &Path,
) -> Result<Stored<Embeddings>, Error> {
    let embeddings = Embeddings::read(path)?;
    if embeddings.len() == n {
        return Ok(embeddings);
    }
    Err(Error::Rows {
        embeddings_path: path.to_owned(),
        embeddings: embeddings.len(),
        neighbors_path: neighbors_path.to_owned(),
        neighbors: n,
    })
}

/// The metric of the neighbors: from their footer, else from the options.
fn metric(
    footer: Option<&Footer>,
    options: &Options,
    path: &Path,
) -> Result<Option<Metric>, Error> {
    let named = footer.and_then(|footer| footer.metric.as_ref());
    let Some(named) = named else {
        return Ok(options.metric);
    };
    named.parse().map(Some).map_err(|_| Error::Metric {
        path: path.to_owned(),
        metric: named.clone(),
    })
}

/// The facts for the footer. The kernel is not among them, because all kernels give the same bytes.
fn facts(report: &Report, residual: Option<f64>, metric: Option<String>) -> ProjectionFacts {
    let quality = &report.quality;
    let trust = quality.trustworthiness;
    ProjectionFacts {
        n_neighbors: Some(report.n_neighbors),
        gathered: Some(report.gathered),
        edges: Some(report.edges),
        epochs: Some(report.epochs),
        a: Some(report.a),
        b: Some(report.b),
        reproducible: Some(report.reproducible),
        quality_k: Some(quality.k),
        preserved: Some(quality.preserved),
        preserved_rows: Some(quality.preserved_rows),
        trustworthiness: trust,
        trustworthiness_rows: trust.map(|_| quality.trustworthiness_rows),
        graph_components: report.graph_components,
        start_residual: residual,
        neighbors_metric: metric,
    }
}

fn write(
    path: &Path,
    footer: &Footer,
    positions: Vec<f32>,
    columns: usize,
    preserved: Option<Vec<f32>>,
) -> Result<(), Error> {
    if columns == 2 {
        let (x, y) = positions
            .chunks_exact(2)
            .map(|point| (point[0], point[1]))
            .unzip();
        Projection { x, y, preserved }.write(path, footer)?;
    } else {
        Embeddings::new(columns, positions).write(path, footer)?;
    }
    Ok(())
}
