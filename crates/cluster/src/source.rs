//! The inputs of `cluster` and `sweep`: the neighbor graph, and the vectors if they are needed.

use std::cell::OnceCell;
use std::path::Path;

use artifacts::{Embeddings, Footer, Neighbors, NeighborsFacts, Stored};
use exact_knn::{Metric, Points};
use hdbscan_graph::LazyIndex;
use knn_graph::{KnnGraph, KnnView};
use stage::{File, Files, Progress};

use crate::Error;
use crate::options::{Options, Tree};

pub(crate) const fn file(
    name: &'static str,
    file: &'static str,
    required: bool,
    help: &'static str,
) -> File {
    File {
        name,
        file,
        required,
        help,
    }
}

/// The input files of both.
pub(crate) const INPUTS: [File; 2] = [
    file("neighbors", "neighbors.parquet", true, "the neighbor graph"),
    file(
        "embeddings",
        "embeddings.parquet",
        false,
        "the vectors, used only if the graph is not connected or with `--tree exact`",
    ),
];

/// Neighbors used for the core distance: as in `options`, or all other points if there are fewer.
pub(crate) fn others(graph: &KnnView<'_>, options: &Options) -> Result<usize, Error> {
    let (others, k) = (options.others(), graph.k());
    if others <= k || graph.is_complete() {
        return Ok(others.min(k));
    }
    Err(Error::FewNeighbors {
        min_samples: options.min_samples,
        itself: options.min_samples_counts_self,
        k,
    })
}

/// Warns if a small table has fewer other points than `min_samples`.
pub(crate) fn warn_of_few(others: usize, options: &Options, n: usize, progress: &dyn Progress) {
    if others < options.others() {
        let becomes = others + usize::from(options.min_samples_counts_self);
        progress.warn(&format!(
            "min_samples {} becomes {becomes}: there are only {n} documents",
            options.min_samples
        ));
    }
}

/// The metric from the file or the flag, if any.
fn metric(
    path: &Path,
    footer: Option<&Footer>,
    asked: Option<Metric>,
) -> Result<Option<Metric>, Error> {
    let found: Option<Metric> = footer
        .and_then(|footer| footer.metric.as_deref())
        .map(str::parse)
        .transpose()?;
    match (found, asked) {
        (Some(found), Some(asked)) if found != asked => Err(Error::OtherMetric {
            path: path.to_owned(),
            found,
            asked,
        }),
        (found, asked) => Ok(found.or(asked)),
    }
}

/// The neighbor graph, its footer and its metric. Slightly negative distances are set to zero, with a warning.
pub(crate) fn neighbors(
    path: &Path,
    asked: Option<Metric>,
    progress: &dyn Progress,
) -> Result<(Stored<KnnGraph>, Option<Metric>), Error> {
    let Stored { mut value, footer } = Neighbors::read(path)?;
    let metric = metric(path, footer.as_ref(), asked)?;
    let settled = value.clamp_rounding_errors();
    if settled > 0 {
        progress.warn(&format!(
            "{settled} distances in {} are negative by less than 0.000001 because of rounding: set to zero",
            path.display()
        ));
    }
    let value = KnnGraph::from(value);
    Ok((Stored { value, footer }, metric))
}

/// The view of the graph with the first `use_k` neighbors of each row. Negative distances are an error.
pub(crate) fn view<'g>(
    path: &Path,
    graph: &'g KnnGraph,
    use_k: Option<usize>,
) -> Result<KnnView<'g>, Error> {
    let view = graph.view();
    view.check_non_negative().map_err(|fault| Error::Lists {
        path: path.to_owned(),
        fault,
    })?;
    match use_k {
        // In a small table, the lists hold all other points.
        Some(use_k) if use_k > view.k() && !view.is_complete() => {
            Err(Error::UseK { use_k, k: view.k() })
        }
        Some(use_k) => Ok(view.first(use_k)),
        None => Ok(view),
    }
}

/// Provenance of the neighbors, from the footer of their file.
pub(crate) struct NeighborProvenance {
    /// Number of rows of zeros, whose lists are arbitrary.
    pub(crate) isolated: usize,
    /// The search backend, if its lists are not proven exact.
    pub(crate) unproven: Option<String>,
}

impl NeighborProvenance {
    /// Reads the facts of the footer; lists of a file without them count as exact.
    pub(crate) fn new(footer: Option<&Footer>) -> Self {
        let facts: NeighborsFacts = footer.map(Footer::facts).unwrap_or_default();
        let backend = facts.backend;
        Self {
            isolated: facts.isolated.unwrap_or(0),
            unproven: (facts.certified == Some(false))
                .then(|| backend.unwrap_or_else(|| "unknown backend".to_owned())),
        }
    }

    /// Warns if the exact tree would be computed from core distances that are not proven.
    pub(crate) fn warn(&self, tree: Tree, progress: &dyn Progress) {
        if let (Tree::Exact, Some(backend)) = (tree, &self.unproven) {
            progress.warn(&format!(
                "the neighbors are not proven exact ({backend}): core distances may be too large, and the tree is exact only for these core distances"
            ));
        }
    }
}

/// The vectors, read when they are needed.
pub(crate) struct Vectors<'a> {
    files: &'a Files,
    neighbors: &'a Path,
    graph: KnnView<'a>,
    path: Option<&'a Path>,
    metric: Option<Metric>,
    read: OnceCell<Stored<Embeddings>>,
}

impl<'a> Vectors<'a> {
    /// The vectors of the points of `graph`, which was read from the file at `neighbors`.
    pub(crate) fn new(
        files: &'a Files,
        neighbors: &'a Path,
        graph: KnnView<'a>,
        metric: Option<Metric>,
    ) -> Self {
        Self {
            files,
            neighbors,
            graph,
            path: files.optional("embeddings"),
            metric,
            read: OnceCell::new(),
        }
    }

    /// An index over the vectors, which reads them when they are needed.
    pub(crate) fn index<'v>(&'v self, progress: &'v dyn Progress) -> LazyIndex<'v, Error> {
        LazyIndex::new(move |need| self.points(&need.to_string(), progress))
    }

    /// Records the files that were read, and the metric.
    pub(crate) fn record(&self, footer: &mut Footer, metric: Option<Metric>) -> Result<(), Error> {
        self.files.record("neighbors", footer)?;
        if self.read.get().is_some() {
            self.files.record("embeddings", footer)?;
        }
        footer.metric = metric.map(|metric| metric.to_string());
        Ok(())
    }

    /// The vectors and their metric, read on the first call.
    pub(crate) fn points(
        &self,
        why: &str,
        progress: &dyn Progress,
    ) -> Result<(Points<'_>, Metric), Error> {
        let Some(path) = self.path else {
            return Err(Error::NoEmbeddings {
                why: why.to_owned(),
            });
        };
        let Some(metric) = self.metric else {
            return Err(Error::NoMetric {
                path: self.neighbors.to_owned(),
            });
        };
        if let Some(embeddings) = self.read.get() {
            return Ok((Points::new(embeddings.values(), embeddings.dim())?, metric));
        }
        progress.note(&format!("{why}: searching the embeddings"));
        let read = Embeddings::read(path)?;
        let embeddings = self.read.get_or_init(|| read);
        let n = self.graph.n();
        if embeddings.len() != n {
            return Err(Error::Rows {
                path: path.to_owned(),
                found: embeddings.len(),
                n,
            });
        }
        let points = Points::new(embeddings.values(), embeddings.dim())?;
        self.check_distances(points, metric)?;
        Ok((points, metric))
    }

    /// Checks that the graph belongs to these vectors, by the distances of about 100 rows to their nearest neighbor.
    fn check_distances(&self, points: Points<'_>, metric: Metric) -> Result<(), Error> {
        let n = self.graph.n();
        for row in (0..n).step_by(n.div_ceil(100)) {
            let (ids, distances) = self.graph.row(row);
            let (neighbor, listed) = (ids[0], distances[0]);
            let measured =
                exact_knn::distance(points.row(row), points.row(neighbor as usize), metric);
            // The tolerance allows for rounding by other programs. Rows of zeros have no cosine distance and are skipped.
            if (listed - measured).abs() > 1e-3 * measured.abs().max(1e-2) {
                let path = self.neighbors.to_owned();
                return Err(Error::OtherVectors {
                    path,
                    row,
                    neighbor,
                    listed,
                    measured,
                });
            }
        }
        Ok(())
    }
}
