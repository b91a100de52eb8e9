//! From the files of a run to the scene that all pictures show.

use std::collections::BTreeMap;

use artifacts::{Footer, Neighbors, Projection, Stored};

use crate::about::{self, Footers, Known};
use crate::scene::{Group, Numbering, Scene};
use crate::sources::Sources;
use crate::{Error, Options, Report, columns, scene};

/// Above so many texts the page holds no neighbors.
const MOST_WITH_NEIGHBORS: usize = 200_000;

/// The scene of a run's files; what was counted on the way goes to `report`.
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
    let mut topics = scene::groups(x, y, &numbering, sources.names(-1));
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
    let known = Known {
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
    let about = about::about(&known, &footers);
    let mut notes = Vec::new();
    if noise > 0 {
        notes.push("Grey points are texts that belong to no topic. They stay on the map unless you hide them.".to_owned());
    }
    notes.push("Distances on the map are a guide: near points are alike, far ones may be more alike than they look.".to_owned());
    if neighbors.is_none() {
        notes.push(neighbors_note.clone());
    }
    let title = if options.title.trim().is_empty() {
        format!("A map of {} texts", stage::thousands(n))
    } else {
        options.title.clone()
    };
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

/// The layers that have names and at most half of the topics of the one before, which is what ours have.
fn layers(sources: &Sources, topics: &mut [Group]) -> Vec<Vec<Group>> {
    let Projection { x, y, .. } = &sources.projection.value;
    let mut layers: Vec<Vec<Group>> = Vec::new();
    // The clusters of the layer drawn last, each with that of the present layer that holds it.
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
        layers.push(scene::groups(x, y, &own, names));
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
            "This page holds no neighbors: the stage that draws it was given none.".to_owned(),
        );
    };
    if n > MOST_WITH_NEIGHBORS {
        let note = format!(
            "This page holds no neighbors, since there are more than {} texts; they are in neighbors.parquet.",
            stage::thousands(MOST_WITH_NEIGHBORS)
        );
        return (None, note);
    }
    let k = wanted.min(neighbors.k);
    if k == 0 {
        return (
            None,
            "This page holds no neighbors, as was asked for.".to_owned(),
        );
    }
    let ids = (0..n)
        .flat_map(|row| neighbors.row(row).0[..k].iter().copied())
        .collect();
    (Some((k, ids)), String::new())
}
