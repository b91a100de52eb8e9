//! Reads the files of a run, checks that they belong together, and builds the scene from them.

use std::collections::BTreeMap;

use artifacts::{
    Clusters, Documents, EmbeddingsFacts, Footer, Neighbors, Projection, Stored, Topics,
};
use stage::Files;

use crate::about::{self, Footers, RunFigures};
use crate::scene::{Name, Numbering, Scene, Topic};
use crate::{Error, Options, Report, columns, scene};

/// Maximum number of texts of a page that holds neighbors.
const MAX_TEXTS_WITH_NEIGHBORS: usize = 200_000;

/// What the page says about a preview.
const PREVIEW: &str = "This is a preview: its vectors are means of word vectors, which share less than half of the nearest neighbors with those of the model. `skerry run --encoder onnx` makes the map of the vectors of the model.";

/// The files of the run.
pub struct Sources {
    /// The texts.
    pub documents: Stored<Documents>,
    /// The cluster of each text.
    pub clusters: Stored<Clusters>,
    /// The position of each text.
    pub projection: Stored<Projection>,
    /// The names of the clusters.
    pub topics: Option<Stored<Topics>>,
    /// The neighbors of each text.
    pub neighbors: Option<Stored<Neighbors>>,
    /// The footer of the vectors.
    pub embeddings: Option<Footer>,
}

impl Sources {
    /// Reads `files`, and records their hashes in `footer`.
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
                return Err(Error::TopicsMismatch {
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
                    name: topic.name.clone(),
                    keywords: topic.keywords.clone(),
                };
                (topic.cluster, name)
            })
            .collect()
    }
}

/// Why `topics` does not name these `clusters`, a file whose SHA-256 is `hash`; `None` if it does.
///
/// The footer holds the hash of the named clusters. A foreign file has no footer: its cluster sizes have to agree, but
/// clusters may lack a name.
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

/// The scene of a run's files; adds the counts to `report`.
pub fn scene<'a>(
    sources: &'a Sources,
    options: &Options,
    report: &mut Report,
) -> Result<Scene<'a>, Error> {
    let Sources {
        documents,
        clusters,
        projection,
        ..
    } = sources;
    let n = documents.len();
    let (x, y) = (&projection.x, &projection.y);
    let schema = documents.columns.schema();
    if let Some(name) = options
        .columns
        .iter()
        .find(|name| schema.index_of(name).is_err())
    {
        let found = schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect::<Vec<_>>()
            .join(", ");
        return Err(Error::NoSuchColumn {
            name: name.clone(),
            found,
        });
    }
    let (columns, left_out) =
        columns::columns(&documents.columns, &documents.text, &options.columns);
    report.columns = columns.iter().map(|column| column.name.clone()).collect();
    report.columns_left_out = left_out
        .into_iter()
        .map(|(name, reason)| (name, reason.to_owned()))
        .collect();

    let numbering = Numbering::of(&clusters.cluster);
    let mut topics = scene::topics(x, y, &numbering, sources.names(-1));
    if topics.len() >= usize::from(u16::MAX) {
        return Err(Error::TooManyClusters {
            clusters: topics.len(),
        });
    }
    let layers = layers(sources, &mut topics);
    let (neighbors, neighbors_note) = held_neighbors(
        sources.neighbors.as_deref(),
        n,
        options.map_neighbors as usize,
    );
    report.neighbors_held = neighbors.as_ref().map_or(0, |(k, _)| *k);
    let noise = clusters
        .cluster
        .iter()
        .filter(|&&cluster| cluster < 0)
        .count();
    report.topics = topics.len();
    report.noise = noise;
    let figures = RunFigures {
        n,
        noise,
        topics: &topics,
        preserved: projection.preserved.as_deref(),
    };
    let footers = Footers {
        documents: documents.footer.as_ref(),
        embeddings: sources.embeddings.as_ref(),
        neighbors: footer_of(sources.neighbors.as_ref()),
        clusters: clusters.footer.as_ref(),
        projection: projection.footer.as_ref(),
        topics: footer_of(sources.topics.as_ref()),
    };
    let about = about::about(&figures, &footers);
    let mut notes = Vec::new();
    if noise > 0 {
        notes.push("Grey points are texts that belong to no topic. They stay on the map unless you hide them.".to_owned());
    }
    notes.push("Distances on the map are approximate: near points are similar, but distant points can be similar too.".to_owned());
    if neighbors.is_none() {
        notes.push(neighbors_note.clone());
    }
    let mut title = if options.title.trim().is_empty() {
        format!("A map of {} texts", stage::thousands(n))
    } else {
        options.title.clone()
    };
    let vectors = sources.embeddings.as_ref().map(Footer::facts);
    if vectors.is_some_and(|facts: EmbeddingsFacts| facts.preview == Some(true)) {
        title += " (preview)";
        notes.insert(0, PREVIEW.to_owned());
    }
    Ok(Scene {
        title,
        x,
        y,
        cluster: numbering.codes,
        probability: &clusters.probability,
        outlier_score: &clusters.outlier_score,
        preserved: projection.preserved.as_deref(),
        text: &documents.text,
        topics,
        layers,
        columns,
        neighbors,
        neighbors_note,
        about,
        notes,
    })
}

fn footer_of<T>(file: Option<&Stored<T>>) -> Option<&Footer> {
    file.and_then(|file| file.footer.as_ref())
}

/// The named layers that have at most half as many topics as the next finer one; those of `cluster` all do.
fn layers(sources: &Sources, topics: &mut [Topic]) -> Vec<Vec<Topic>> {
    let Projection { x, y, .. } = &sources.projection.value;
    let mut layers: Vec<Vec<Topic>> = Vec::new();
    // For each cluster of the layer drawn last, the cluster of the current layer that holds it.
    let mut holder: Option<BTreeMap<i32, i32>> = None;
    let parents = sources.clusters.parents();
    for ((number, layer), parent) in (0..).zip(&sources.clusters.layers).zip(parents) {
        let up = |(inner, outer)| parent.get(&outer).map(|&outer| (inner, outer));
        let held = match holder.take() {
            Some(holder) => holder.into_iter().filter_map(up).collect(),
            None => parent,
        };
        let names = sources.names(number);
        let own = Numbering::of(layer);
        let count = own.ids.len();
        let below = layers.last_mut().map_or(&mut *topics, Vec::as_mut_slice);
        if count < 2 || 2 * count > below.len() || names.is_empty() {
            holder = Some(held);
            continue;
        }
        scene::link(below, &held, &own);
        layers.push(scene::topics(x, y, &own, names));
    }
    layers
}

fn held_neighbors(
    neighbors: Option<&Neighbors>,
    n: usize,
    wanted: usize,
) -> (Option<(usize, Vec<u32>)>, String) {
    let Some(neighbors) = neighbors else {
        return (
            None,
            "This page holds no neighbors: viz was run without neighbors.parquet.".to_owned(),
        );
    };
    if n > MAX_TEXTS_WITH_NEIGHBORS {
        let note = format!(
            "This page holds no neighbors, because there are more than {} texts; they are in neighbors.parquet.",
            stage::thousands(MAX_TEXTS_WITH_NEIGHBORS)
        );
        return (None, note);
    }
    let k = wanted.min(neighbors.k);
    if k == 0 {
        return (
            None,
            "This page holds no neighbors: --map-neighbors is 0.".to_owned(),
        );
    }
    let ids = (0..n)
        .flat_map(|row| neighbors.row(row).0[..k].iter().copied())
        .collect();
    (Some((k, ids)), String::new())
}
