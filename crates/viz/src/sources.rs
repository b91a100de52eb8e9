//! The files of a run, read and checked to belong together.

use std::collections::BTreeMap;

use artifacts::{Clusters, Documents, Footer, Neighbors, Projection, Stored, Topics};
use stage::Files;

use crate::Error;
use crate::scene::Name;

/// The files of the run.
pub struct Sources {
    /// The texts.
    pub documents: Stored<Documents>,
    /// The cluster of each.
    pub clusters: Stored<Clusters>,
    /// Where each lies.
    pub projection: Stored<Projection>,
    /// The names of the clusters.
    pub topics: Option<Stored<Topics>>,
    /// The neighbors of each.
    pub neighbors: Option<Stored<Neighbors>>,
    /// What the file of the vectors says of itself.
    pub embeddings: Option<Footer>,
}

impl Sources {
    /// Reads `files`, and notes their hashes in `footer`.
    pub fn read(files: &Files, footer: &mut Footer) -> Result<Self, Error> {
        for name in ["documents", "clusters", "projection"] {
            files.record(name, footer)?;
        }
        for name in ["topics", "neighbors"] {
            if files.optional(name).is_some() {
                files.record(name, footer)?;
            }
        }
        let sources = Self {
            documents: Documents::read(files.input("documents"))?,
            clusters: Clusters::read(files.input("clusters"))?,
            projection: Projection::read(files.input("projection"))?,
            topics: files.optional("topics").map(Topics::read).transpose()?,
            neighbors: files
                .optional("neighbors")
                .map(Neighbors::read)
                .transpose()?,
            embeddings: files
                .optional("embeddings")
                .and_then(|path| Footer::read(path).ok().flatten()),
        };
        let rows = sources.documents.len();
        let neighbors = sources
            .neighbors
            .as_ref()
            .map_or(rows, |neighbors| neighbors.len());
        let others = [
            ("clusters", sources.clusters.len()),
            ("projection", sources.projection.len()),
            ("neighbors", neighbors),
        ];
        for (second, others) in others {
            if others != rows {
                return Err(Error::RowCounts {
                    first: "documents",
                    rows,
                    second,
                    others,
                });
            }
        }
        if let (Some(topics), Some(path)) = (&sources.topics, files.optional("topics")) {
            let hash = footer.inputs.get("clusters").map(String::as_str);
            if let Some(fault) = fault(topics, &sources.clusters, hash) {
                return Err(Error::OtherNames {
                    topics: path.to_owned(),
                    clusters: files.input("clusters").to_owned(),
                    fault,
                });
            }
        }
        Ok(sources)
    }

    /// The names of a layer's clusters; -1 is the column `cluster`.
    pub fn names(&self, layer: i32) -> BTreeMap<i32, Name> {
        let rows = self.topics.as_ref().map_or(&[][..], |topics| &topics.rows);
        let names = rows.iter().filter(|topic| topic.layer == layer);
        names
            .map(|topic| {
                let name = Name {
                    label: topic.label.clone(),
                    keywords: topic.keywords.clone(),
                };
                (topic.cluster, name)
            })
            .collect()
    }
}

/// Why `topics` does not name these `clusters`, a file whose SHA-256 is `hash`; `None` if it does.
///
/// The footer tells which clusters were named. A foreign file has none: there the sizes have to agree, and a cluster
/// may be without a name.
fn fault(topics: &Stored<Topics>, clusters: &Clusters, hash: Option<&str>) -> Option<String> {
    let footer = topics.footer.as_ref();
    let named = footer.and_then(|footer| footer.inputs.get("clusters"));
    if named.is_some_and(|named| Some(named.as_str()) == hash) {
        return None;
    }
    let mut sizes: BTreeMap<(i32, i32), i64> = BTreeMap::new();
    let columns = std::iter::once(&clusters.cluster).chain(&clusters.layers);
    for (layer, column) in (-1..).zip(columns) {
        for &cluster in column {
            *sizes.entry((layer, cluster)).or_default() += 1;
        }
    }
    let other = topics.rows.iter().find_map(|topic| {
        let size = sizes.get(&(topic.layer, topic.cluster)).copied();
        let size = size.unwrap_or_default();
        (size != topic.size).then(|| {
            let layer = match topic.layer {
                -1 => String::new(),
                layer => format!(" of layer {layer}"),
            };
            format!(
                "cluster {}{layer} has {} texts in the one and {size} in the other",
                topic.cluster, topic.size
            )
        })
    });
    other.or_else(|| named.map(|_| "it was made from a file with another SHA-256".to_owned()))
}
