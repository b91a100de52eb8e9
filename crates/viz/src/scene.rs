//! What the map shows, free of any file: every picture of it (page, SVG, PNG, Plotly) is drawn from this.

use std::borrow::Cow;
use std::collections::BTreeMap;

use arrow::array::LargeStringArray;

use crate::color::{self, Colors};
use crate::columns::Column;
use crate::label_anchor::{self, Bounds};

/// A topic at its place.
#[derive(Debug, Clone, Default)]
pub struct Topic {
    /// The cluster.
    pub cluster: i32,
    /// Its name.
    pub name: String,
    /// Its key phrases.
    pub keywords: Vec<String>,
    /// Its documents.
    pub size: usize,
    /// Where most of it lies.
    pub x: f32,
    /// Where most of it lies.
    pub y: f32,
    /// How far it reaches around there: the mean distance of its documents.
    pub reach: f32,
    /// Its colors.
    pub colors: Colors,
    /// Its place in the next coarser layer, where there is one.
    pub parent: Option<usize>,
}

/// A part of the page's account of the run: a heading and pairs of name and value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// Names and values.
    pub facts: Vec<(String, String)>,
}

/// Everything the pictures show.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The title.
    pub title: String,
    /// Where each document lies.
    pub x: &'a [f32],
    /// Where each document lies.
    pub y: &'a [f32],
    /// The topic of each document, as its place in `topics`; -1 for noise.
    pub cluster: Cow<'a, [i32]>,
    /// How firmly each belongs to its cluster.
    pub probability: &'a [f32],
    /// How far each lies from the dense parts of the clustering.
    pub outlier_score: &'a [f32],
    /// The share of its true neighbors that each has kept on the map, where it is known.
    pub preserved: Option<&'a [f32]>,
    /// The texts.
    pub text: &'a LargeStringArray,
    /// The topics, in the order of their clusters.
    pub topics: Vec<Topic>,
    /// The topics of the coarser layers, where there are any, the finest first.
    pub layers: Vec<Vec<Topic>>,
    /// Other columns.
    pub columns: Vec<Column>,
    /// Neighbors held a document, and n times as many ids.
    pub neighbors: Option<(usize, Vec<u32>)>,
    /// Why a document shows no neighbors.
    pub neighbors_note: String,
    /// What is known of the run.
    pub about: Vec<Section>,
    /// What a reader should know first.
    pub notes: Vec<String>,
}

impl Scene<'_> {
    /// The number of documents.
    pub fn len(&self) -> usize {
        self.x.len()
    }

    /// Documents in no cluster.
    pub fn noise(&self) -> usize {
        self.cluster.iter().filter(|&&cluster| cluster < 0).count()
    }

    /// The topics, largest first.
    pub fn by_size(&self) -> impl Iterator<Item = &Topic> {
        let mut order: Vec<&Topic> = self.topics.iter().collect();
        order.sort_by_key(|topic| (std::cmp::Reverse(topic.size), topic.cluster));
        order.into_iter()
    }

    /// The box of all points.
    pub fn bounds(&self) -> Bounds {
        Bounds::of(self.x.iter().copied().zip(self.y.iter().copied()))
    }
}

/// The clusters of one column, counted without gaps: a foreign file may number its clusters as it likes.
#[derive(Debug)]
pub struct Numbering<'a> {
    /// For each document the place of its cluster in `ids`; -1 for noise.
    pub codes: Cow<'a, [i32]>,
    /// The clusters that hold a document, ascending.
    pub ids: Vec<i32>,
}

impl<'a> Numbering<'a> {
    /// Of the clusters of all documents; costs O(n log n) and no copy where there are no gaps.
    pub fn of(cluster: &'a [i32]) -> Self {
        let mut ids: Vec<i32> = cluster.iter().copied().filter(|&id| id >= 0).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.shrink_to_fit();
        let gapless = ids
            .last()
            .is_none_or(|&last| last as usize == ids.len() - 1);
        let code = |id: &i32| ids.binary_search(id).map_or(-1, |at| at as i32);
        let codes = if gapless {
            Cow::Borrowed(cluster)
        } else {
            Cow::Owned(cluster.iter().map(code).collect())
        };
        Self { codes, ids }
    }
}

/// A name and key phrases for one cluster.
#[derive(Debug, Clone, Default)]
pub struct Name {
    /// The name.
    pub name: String,
    /// The key phrases.
    pub keywords: Vec<String>,
}

/// The topics of one clustering, placed and colored. A cluster that `names` has no name for is called by its number.
pub fn topics(
    x: &[f32],
    y: &[f32],
    clusters: &Numbering<'_>,
    mut names: BTreeMap<i32, Name>,
) -> Vec<Topic> {
    let Numbering { codes, ids } = clusters;
    let members = label_anchor::members(codes, ids.len());
    let sizes: Vec<usize> = members.iter().map(Vec::len).collect();
    let anchors: Vec<(f32, f32)> = members
        .iter()
        .map(|rows| label_anchor::anchor(x, y, rows))
        .collect();
    let colors = color::assign(
        &anchors,
        &sizes,
        &label_anchor::contacts(x, y, codes, &sizes),
    );
    colors
        .into_iter()
        .enumerate()
        .map(|(at, colors)| {
            let cluster = ids[at];
            let Name { name, keywords } = names.remove(&cluster).unwrap_or_default();
            let name = if name.trim().is_empty() {
                format!("Topic {cluster}")
            } else {
                name
            };
            Topic {
                cluster,
                name,
                keywords,
                size: sizes[at],
                x: anchors[at].0,
                y: anchors[at].1,
                reach: label_anchor::reach(x, y, &members[at], anchors[at]),
                colors,
                parent: None,
            }
        })
        .collect()
}

/// Gives each of `topics` its place among the clusters of the next coarser layer that is drawn, by the cluster that `parent`
/// gives for its own.
pub fn link(topics: &mut [Topic], parent: &BTreeMap<i32, i32>, coarser: &Numbering<'_>) {
    for topic in topics {
        let above = parent.get(&topic.cluster);
        topic.parent = above.and_then(|above| coarser.ids.binary_search(above).ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_counted_without_gaps() {
        let foreign = [2_147_483_647, -1, 7, 7, 0];
        let found = Numbering::of(&foreign);
        assert_eq!(found.ids, [0, 7, 2_147_483_647]);
        assert_eq!(*found.codes, [2, -1, 1, 1, 0]);
        let ours = [1, -1, 0];
        assert!(matches!(Numbering::of(&ours).codes, Cow::Borrowed(_)));
        assert!(Numbering::of(&[-1, -1]).ids.is_empty());
    }

    #[test]
    fn a_cluster_of_any_number_has_its_name_or_is_called_by_it() {
        let cluster = [2_147_483_647, 5, 5, -1];
        let (x, y) = ([0.0, 4.0, 4.5, 9.0], [0.0; 4]);
        let named = Name {
            name: "ferries".to_owned(),
            keywords: Vec::new(),
        };
        let names = BTreeMap::from([(2_147_483_647, named), (0, Name::default())]);
        let found: Vec<(i32, String, usize)> = topics(&x, &y, &Numbering::of(&cluster), names)
            .into_iter()
            .map(|topic| (topic.cluster, topic.name, topic.size))
            .collect();
        assert_eq!(
            found,
            [
                (5, "Topic 5".to_owned(), 2),
                (2_147_483_647, "ferries".to_owned(), 1)
            ]
        );
    }
}
