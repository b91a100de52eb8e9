//! Reads the files of the trained clustering and checks that they belong together.

use std::path::Path;

use artifacts::{ClusterFacts, Clusters, Embeddings, Footer, Neighbors, ProjectionFacts, Stored};
use exact_knn::Metric;
use hdbscan_graph::steps::{core_distances, labels, select};
use hdbscan_graph::{ClusterTree, CondensedTree, Selection, SelectionOptions};
use knn_graph::KnnGraph;
use stage::Files;

use crate::{Error, Options};

/// A trained clustering, read from its files.
pub(super) struct TrainedClustering {
    pub(super) clusters: Stored<Clusters>,
    pub(super) condensed: CondensedTree,
    pub(super) tree: ClusterTree,
    pub(super) selected: Selection,
    pub(super) selection: SelectionOptions,
    pub(super) embeddings: Stored<Embeddings>,
    /// The core distance of each row.
    pub(super) core: Vec<f32>,
    pub(super) min_samples: usize,
    pub(super) metric: Metric,
    /// The vectors that the layout was computed from, if a layout was clustered.
    pub(super) layout_source: Option<LayoutSource>,
}

/// The vectors that a layout was computed from, and their metric.
pub(super) struct LayoutSource {
    pub(super) embeddings: Stored<Embeddings>,
    pub(super) metric: Metric,
}

impl TrainedClustering {
    /// Reads the clustering, and checks by the hashes in the footers that the files belong together.
    pub(super) fn read(files: &Files) -> Result<Self, Error> {
        let path = files.input("clusters");
        let clusters = Clusters::read(path)?;
        let footer = own(path, clusters.footer.as_ref())?;
        let neighbors_path = files.input("neighbors");
        made_from(files, path, footer, "neighbors", "neighbors")?;
        let options: Options =
            serde_json::from_value(footer.options.clone()).map_err(|_| Error::NotOurs {
                path: path.to_owned(),
            })?;
        let metric = footer.metric.as_deref().ok_or_else(|| Error::NoMetric {
            path: path.to_owned(),
        })?;
        let metric: Metric = metric.parse()?;
        let min_samples = footer.facts::<ClusterFacts>().min_samples_others;
        let min_samples = min_samples.ok_or_else(|| Error::NotOurs {
            path: path.to_owned(),
        })?;

        let tree_path = files.input("condensed_tree");
        let stored = artifacts::CondensedTree::read(tree_path)?;
        // The footers of the files of one run of `cluster` differ only in kind and version.
        let mut of_tree = own(tree_path, stored.footer.as_ref())?.clone();
        of_tree.kind.clone_from(&footer.kind);
        of_tree.version = footer.version;
        if of_tree != *footer {
            return Err(Error::NotTogether {
                path: tree_path.to_owned(),
                other: path.to_owned(),
            });
        }
        let condensed = condensed_tree(tree_path, &stored, clusters.len())?;
        let tree = ClusterTree::new(&condensed);
        let selection = options.for_documents(clusters.len()).flat().selection;
        let selected = select(&tree, &selection);
        if labels(&condensed, &tree, &selected, &selection) != clusters.cluster {
            return Err(Error::NotTogether {
                path: tree_path.to_owned(),
                other: path.to_owned(),
            });
        }

        let Stored {
            value: mut neighbors,
            footer: neighbors_footer,
        } = Neighbors::read(neighbors_path)?;
        // The run of `cluster` has already warned about this.
        neighbors.clamp_rounding_errors();
        if neighbors.len() != clusters.len() || min_samples > neighbors.k {
            return Err(Error::Rows {
                path: neighbors_path.to_owned(),
                found: neighbors.len(),
                n: clusters.len(),
            });
        }
        let core = core_distances(&KnnGraph::from(neighbors).view(), min_samples);
        let embeddings_path = files.input("embeddings");
        if let Some(footer) = &neighbors_footer
            && footer.inputs.contains_key("embeddings")
        {
            made_from(files, neighbors_path, footer, "embeddings", "embeddings")?;
        }
        let embeddings = Embeddings::read(embeddings_path)?;
        if embeddings.len() != clusters.len() {
            return Err(Error::Rows {
                path: embeddings_path.to_owned(),
                found: embeddings.len(),
                n: clusters.len(),
            });
        }
        let layout_source = layout_source(files, embeddings_path, &embeddings)?;
        Ok(Self {
            clusters,
            condensed,
            tree,
            selected,
            selection,
            embeddings,
            core,
            min_samples,
            metric,
            layout_source,
        })
    }
}

/// The vectors that the layout was computed from, if a layout was clustered: the footer of a layout has the input `neighbors`.
fn layout_source(
    files: &Files,
    path: &Path,
    embeddings: &Stored<Embeddings>,
) -> Result<Option<LayoutSource>, Error> {
    let Some(footer) = &embeddings.footer else {
        return Ok(None);
    };
    if !footer.inputs.contains_key("neighbors") {
        return Ok(None);
    }
    let of = files.optional("vectors").ok_or_else(|| Error::NoVectors {
        path: path.to_owned(),
    })?;
    made_from(files, path, footer, "embeddings", "vectors")?;
    let metric = footer.facts::<ProjectionFacts>().neighbors_metric;
    let metric = metric.ok_or_else(|| Error::NoMetric {
        path: path.to_owned(),
    })?;
    Ok(Some(LayoutSource {
        embeddings: Embeddings::read(of)?,
        metric: metric.parse()?,
    }))
}

/// The footer, which is required here.
fn own<'f>(path: &Path, footer: Option<&'f Footer>) -> Result<&'f Footer, Error> {
    footer.ok_or_else(|| Error::NotOurs {
        path: path.to_owned(),
    })
}

/// Checks that the file at `path` was made from `input`, named `name` in its footer.
fn made_from(
    files: &Files,
    path: &Path,
    footer: &Footer,
    name: &str,
    input: &str,
) -> Result<(), Error> {
    if footer.inputs.get(name) == Some(&files.hash(input)?) {
        return Ok(());
    }
    Err(Error::NotTogether {
        path: path.to_owned(),
        other: files.input(input).to_owned(),
    })
}

/// The condensed tree, checked to be a tree over `n` points, because its numbers are used as indices.
fn condensed_tree(
    path: &Path,
    stored: &artifacts::CondensedTree,
    n: usize,
) -> Result<CondensedTree, Error> {
    let clusters = 1 + stored
        .child
        .iter()
        .filter(|&&child| child >= n as i64)
        .count();
    let end = (n + clusters) as i64;
    let mut seen = vec![false; n + clusters];
    let mut tree = CondensedTree {
        points: n,
        ..CondensedTree::default()
    };
    for row in 0..stored.parent.len() {
        let (parent, child) = (stored.parent[row], stored.child[row]);
        let sound = (n as i64..end).contains(&parent)
            && (0..end).contains(&child)
            && (child < n as i64 || child > parent)
            && !std::mem::replace(&mut seen[child as usize], true)
            && stored.lambda[row] >= 0.0
            && (1..=n as i64).contains(&stored.child_size[row]);
        if !sound {
            return Err(Error::Tree {
                path: path.to_owned(),
                row,
                parent,
                child,
            });
        }
        tree.parent.push(parent as u32);
        tree.child.push(child as u32);
        tree.lambda.push(stored.lambda[row]);
        tree.size.push(stored.child_size[row] as u32);
    }
    Ok(tree)
}
