//! What `cluster` and `sweep` read: neighbors always, vectors when they are needed.

use std::cell::OnceCell;
use std::path::Path;

use artifacts::{Embeddings, Footer, Neighbors, Stored};
use exact_knn::{Metric, Points};
use graph::Lists;
use serde_json::Value;
use stage::{File, Files, Progress};

use crate::Error;
use crate::hierarchy::Beyond;
use crate::mst::Searchable;
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

/// The files that both read.
pub(crate) const INPUTS: [File; 2] = [
    file("neighbors", "neighbors.parquet", true, "the neighbor graph"),
    file(
        "embeddings",
        "embeddings.parquet",
        false,
        "the vectors, used only if the graph is not connected or with `--tree exact`",
    ),
];

/// How many other points density is measured over: what `options` say, or all there are where lists hold all.
pub(crate) fn others(lists: &Lists<'_>, options: &Options) -> Result<usize, Error> {
    let (others, k) = (options.others(), lists.k());
    if others <= k || lists.complete() {
        return Ok(others.min(k));
    }
    Err(Error::FewNeighbors {
        min_samples: options.min_samples,
        itself: options.min_samples_counts_self,
        k,
    })
}

/// Says that a small table has fewer others than were asked for.
pub(crate) fn warn_of_few(others: usize, options: &Options, n: usize, progress: &dyn Progress) {
    if others < options.others() {
        let becomes = others + usize::from(options.min_samples_counts_self);
        progress.warn(&format!(
            "min_samples {} becomes {becomes}: there are only {n} documents",
            options.min_samples
        ));
    }
}

/// The metric that the file or the flag names, if any.
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

/// The neighbors, with what rounding left below zero set to zero and said, and their metric.
pub(crate) fn neighbors(
    path: &Path,
    asked: Option<Metric>,
    progress: &dyn Progress,
) -> Result<(Stored<Neighbors>, Option<Metric>), Error> {
    let mut neighbors = Neighbors::read(path)?;
    let metric = metric(path, neighbors.footer.as_ref(), asked)?;
    let settled = neighbors.value.settle_rounding();
    if settled > 0 {
        progress.warn(&format!(
            "{settled} distances in {} lie below zero by less than 0.000001, as rounding leaves them: taken as zero",
            path.display()
        ));
    }
    Ok((neighbors, metric))
}

/// The lists, cut to what is to be used of them.
pub(crate) fn lists<'a>(
    path: &Path,
    neighbors: &'a Neighbors,
    use_k: Option<usize>,
) -> Result<Lists<'a>, Error> {
    let lists = Lists::new(&neighbors.ids, &neighbors.distances, neighbors.k).map_err(|fault| {
        Error::Lists {
            path: path.to_owned(),
            fault,
        }
    })?;
    match use_k {
        // A small table has lists of all others: those are as good as any longer ones.
        Some(use_k) if use_k > lists.k() && !lists.complete() => Err(Error::UseK {
            use_k,
            k: lists.k(),
        }),
        Some(use_k) => Ok(lists.first(use_k)),
        None => Ok(lists),
    }
}

/// What the footer of the neighbors says of them.
pub(crate) struct Trust {
    /// Rows of zeros, which were set apart.
    pub(crate) isolated: usize,
    /// What the engine was, where its lists are not proven exact.
    pub(crate) unproven: Option<String>,
}

impl Trust {
    /// A file that says nothing is believed.
    pub(crate) fn new(footer: Option<&Footer>) -> Self {
        let fact = |name| footer.and_then(|footer| footer.facts.get(name));
        let backend = fact("backend")
            .and_then(Value::as_str)
            .unwrap_or("an engine of its own");
        Self {
            isolated: fact("isolated").and_then(Value::as_u64).unwrap_or(0) as usize,
            unproven: (fact("certified") == Some(&Value::Bool(false))).then(|| backend.to_owned()),
        }
    }

    /// Whether the exact tree would be built on core distances that are not proven, said aloud.
    pub(crate) fn warn(&self, tree: Tree, progress: &dyn Progress) {
        if let (Tree::Exact, Some(backend)) = (tree, &self.unproven) {
            progress.warn(&format!(
                "the neighbors are not proven exact ({backend}): core distances may be too large, and the tree is exact only for them"
            ));
        }
    }
}

/// The vectors, opened when they are needed.
pub(crate) struct Vectors<'a> {
    files: &'a Files,
    neighbors: &'a Path,
    lists: Lists<'a>,
    path: Option<&'a Path>,
    metric: Option<Metric>,
    read: OnceCell<Stored<Embeddings>>,
}

impl<'a> Vectors<'a> {
    /// Of `lists`, which stand in the file at `neighbors`.
    pub(crate) fn new(
        files: &'a Files,
        neighbors: &'a Path,
        lists: Lists<'a>,
        metric: Option<Metric>,
    ) -> Self {
        Self {
            files,
            neighbors,
            lists,
            path: files.optional("embeddings"),
            metric,
            read: OnceCell::new(),
        }
    }

    /// Does `work`, told as `task`, with the way to what the lists leave out.
    pub(crate) fn beyond<T>(
        &self,
        trust: &Trust,
        task: &str,
        progress: &dyn Progress,
        work: impl FnOnce(&Beyond<'_, '_>) -> T,
    ) -> T {
        let points = OnceCell::new();
        progress.begin(task, None, "rows");
        let done = work(&Beyond {
            points: &|why| self.searchable(&points, why, progress),
            isolated: trust.isolated,
            watch: &|rows| progress.advance(rows),
        });
        progress.end();
        done
    }

    /// Records what was opened, and the metric.
    pub(crate) fn record(&self, footer: &mut Footer, metric: Option<Metric>) -> Result<(), Error> {
        self.files.record("neighbors", footer)?;
        if self.read.get().is_some() {
            self.files.record("embeddings", footer)?;
        }
        footer.metric = metric.map(|metric| metric.to_string());
        Ok(())
    }

    /// The points made ready for search on the first call; `why` says what they are needed for.
    fn searchable<'i>(
        &'i self,
        made: &'i OnceCell<Searchable<'i>>,
        why: &str,
        progress: &dyn Progress,
    ) -> Result<&'i Searchable<'i>, Error> {
        if let Some(searchable) = made.get() {
            return Ok(searchable);
        }
        let (points, metric) = self.points(why, progress)?;
        let searchable = Searchable::new(points, metric)?;
        Ok(made.get_or_init(|| searchable))
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
        let n = self.lists.n();
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

    /// Whether the lists were measured on these vectors: the nearest neighbor of some rows tells.
    fn check_distances(&self, points: Points<'_>, metric: Metric) -> Result<(), Error> {
        let n = self.lists.n();
        for row in (0..n).step_by(n.div_ceil(100)) {
            let (ids, distances) = self.lists.row(row);
            let (neighbor, listed) = (ids[0], distances[0]);
            let measured =
                exact_knn::distance(points.row(row), points.row(neighbor as usize), metric);
            // A foreign file may have been measured another way, but not by this much. A row without a
            // direction has no cosine distance to compare.
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
