//! The stage: files in, files out.

use std::path::Path;

use artifacts::{Embeddings, Footer, Neighbors, Projection, Stored};
use exact_knn::Metric;
use graph::UnionFind;
use stage::{File, Files, NoLocal, Progress, Seed, Stage};

use crate::layout::{Layout, Lists, Rows, layout};
use crate::optimize::Kernel;
use crate::options::{Engine, Options};
use crate::quality::{self, Similarity};
use crate::report::{Quality, Report};
use crate::{Error, engines};

/// Neighbors that the quality figures look at, where the file has as many.
const QUALITY_K: usize = 15;
/// Multiplications that trustworthiness may take; larger inputs are sampled.
const QUALITY_WORK: usize = 1_500_000_000;
/// ... but never fewer rows than this.
const QUALITY_ROWS: usize = 100;

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
        let neighbors = Neighbors::read(neighbors_path)?;
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
        let metric = metric(&neighbors, options, neighbors_path)?;

        let k = (options.n_neighbors - 1).min(neighbors.k);
        if k + 1 < options.n_neighbors {
            progress.warn(&format!(
                "n_neighbors is {} instead of {}: the file holds {} neighbors a row, and the point itself counts",
                k + 1,
                options.n_neighbors,
                neighbors.k
            ));
        }
        let (ids, mut distances) = (
            first(&neighbors.ids, neighbors.k, k),
            first(&neighbors.distances, neighbors.k, k),
        );
        shift(&mut distances);
        let lists = Lists {
            ids: &ids,
            distances: &distances,
            k,
        };
        let rows = embeddings.as_ref().map(|embeddings| Rows {
            values: embeddings.values(),
            d: embeddings.dim(),
        });
        let kernel = Kernel::best();
        let mut laid_out = match options.engine {
            Engine::Skerry => layout(lists, rows, options, seed, kernel, progress)?,
            Engine::UmapRs => engines::umap_rs(lists, rows, options, seed, progress)?,
        };

        // A space is for clustering, where copies belong together; on a map each of them wants to be seen.
        let gathered = if options.components == 2 || metric == Some(Metric::InnerProduct) {
            0
        } else {
            gather(&mut laid_out.positions, options.components, &neighbors)
        };

        let (quality, preserved) = measure(
            &laid_out,
            options.components,
            &neighbors,
            rows,
            metric,
            seed,
            progress,
        );
        if let Some(warning) = quality.warning() {
            progress.warn(&warning);
        }
        if metric.is_none() && rows.is_some() {
            progress.note("trustworthiness was not measured: the neighbors file does not name its metric (give `--metric`)");
        }
        let own = options.engine == Engine::Skerry;
        let report = Report {
            points: n,
            components: options.components,
            n_neighbors: k + 1,
            gathered,
            edges: laid_out.edges,
            graph_components: laid_out.components,
            epochs: options.epochs_for(n),
            a: laid_out.curve.a,
            b: laid_out.curve.b,
            engine: options.engine,
            init: options.init,
            reproducible: own,
            kernel: own.then(|| kernel.name()),
            quality,
        };
        record(&mut footer, &report, laid_out.residual);
        // For readers who have this file and not the neighbors.
        if let Some(metric) = metric {
            footer.fact("neighbors_metric", metric.to_string());
        }
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

/// What the neighbors were measured by: as their footer says, else as the options do.
fn metric(
    neighbors: &Stored<Neighbors>,
    options: &Options,
    path: &Path,
) -> Result<Option<Metric>, Error> {
    let named = neighbors
        .footer
        .as_ref()
        .and_then(|footer| footer.metric.as_ref());
    let Some(named) = named else {
        return Ok(options.metric);
    };
    named.parse().map(Some).map_err(|_| Error::Metric {
        path: path.to_owned(),
        metric: named.clone(),
    })
}

/// The first `take` of each row of `k`.
fn first<T: Copy>(values: &[T], k: usize, take: usize) -> Vec<T> {
    values
        .chunks(k)
        .flat_map(|row| row[..take].iter().copied())
        .collect()
}

/// Inner-product distances may be negative; memberships need only differences, so the least becomes 0.
fn shift(distances: &mut [f32]) {
    let least = distances.iter().copied().fold(0.0, f32::min);
    if least < 0.0 {
        for distance in distances {
            *distance -= least;
        }
    }
}

/// Sets copies, points at distance 0, on the place of the first of them; returns how many were moved. Forces that push
/// apart what lies together would scatter them.
fn gather(positions: &mut [f32], columns: usize, neighbors: &Neighbors) -> usize {
    let n = neighbors.len();
    let mut same = UnionFind::new(n);
    for i in 0..n {
        let (ids, distances) = neighbors.row(i);
        for (&other, _) in ids
            .iter()
            .zip(distances)
            .take_while(|&(_, &distance)| distance == 0.0)
        {
            same.union(i as u32, other);
        }
    }
    let mut gathered = 0;
    for (i, first) in same.roots().into_iter().enumerate() {
        let first = first as usize;
        if first < i {
            positions.copy_within(first * columns..(first + 1) * columns, i * columns);
            gathered += 1;
        }
    }
    gathered
}

/// The quality figures, and the share kept of each point of a plane.
fn measure(
    layout: &Layout,
    columns: usize,
    neighbors: &Neighbors,
    rows: Option<Rows<'_>>,
    metric: Option<Metric>,
    seed: Seed,
    progress: &dyn Progress,
) -> (Quality, Option<Vec<f32>>) {
    let n = neighbors.len();
    let k = QUALITY_K.min(neighbors.k).min(n - 1);
    let work = rows.map_or(0, |rows| n * rows.d).max(1);
    let sampled = (QUALITY_WORK / work).max(QUALITY_ROWS).min(n);
    let sample: Vec<u32> = seed
        .stream("project/quality", 0)
        .sample(n, sampled)
        .into_iter()
        .map(|i| i as u32)
        .collect();
    progress.begin("measuring the layout", None, "rows");
    let (of_sample, preserved) = if columns == 2 {
        let nearest = quality::nearest_in_plane(layout.positions.as_chunks().0, k);
        let of_sample: Vec<u32> = sample
            .iter()
            .flat_map(|&i| {
                nearest[i as usize * k..(i as usize + 1) * k]
                    .iter()
                    .copied()
            })
            .collect();
        (
            of_sample,
            Some(quality::preserved(&nearest, k, &neighbors.ids, neighbors.k)),
        )
    } else {
        (
            quality::nearest_in_space(&layout.positions, columns, &sample, k),
            None,
        )
    };
    let shares = preserved.clone().unwrap_or_else(|| {
        let truth: Vec<u32> = sample
            .iter()
            .flat_map(|&i| neighbors.row(i as usize).0[..k].iter().copied())
            .collect();
        quality::preserved(&of_sample, k, &truth, k)
    });
    let trustworthiness = rows.zip(metric).and_then(|(rows, metric)| {
        let similarity = match metric {
            Metric::Cosine => Similarity::Cosine,
            Metric::L2 => Similarity::Euclidean,
            Metric::InnerProduct => Similarity::InnerProduct,
        };
        quality::trustworthiness(
            Kernel::best(),
            rows.values,
            rows.d,
            similarity,
            &sample,
            &of_sample,
            k,
        )
    });
    progress.end();
    let quality = Quality {
        k,
        preserved: shares.iter().map(|&share| f64::from(share)).sum::<f64>() / shares.len() as f64,
        preserved_rows: shares.len(),
        trustworthiness,
        trustworthiness_rows: if trustworthiness.is_some() {
            sample.len()
        } else {
            0
        },
    };
    (quality, preserved)
}

/// What the footer tells its readers. The kernel is no part of it: all give the same bytes.
fn record(footer: &mut Footer, report: &Report, residual: Option<f64>) {
    footer.fact("n_neighbors", report.n_neighbors);
    footer.fact("gathered", report.gathered);
    footer.fact("edges", report.edges);
    footer.fact("epochs", report.epochs);
    footer.fact("a", report.a);
    footer.fact("b", report.b);
    footer.fact("reproducible", report.reproducible);
    footer.fact("quality_k", report.quality.k);
    footer.fact("preserved", report.quality.preserved);
    footer.fact("preserved_rows", report.quality.preserved_rows);
    if let Some(trust) = report.quality.trustworthiness {
        footer.fact("trustworthiness", trust);
        footer.fact("trustworthiness_rows", report.quality.trustworthiness_rows);
    }
    if let Some(parts) = report.graph_components {
        footer.fact("graph_components", parts);
    }
    if let Some(residual) = residual {
        footer.fact("start_residual", residual);
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
