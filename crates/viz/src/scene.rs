//! The content of the map, independent of files: page, SVG, PNG and Plotly figure are drawn from it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use arrow::array::LargeStringArray;

use crate::color::{self, Colors};
use crate::columns::Column;
use crate::label_anchor::{self, Bounds};

/// A topic with its position.
#[derive(Debug, Clone, Default)]
pub struct Topic {
    /// The cluster.
    pub cluster: i32,
    /// Its name.
    pub name: String,
    /// Its key phrases.
    pub keywords: Vec<String>,
    /// Number of its documents.
    pub size: usize,
    /// Anchor: its densest spot.
    pub x: f32,
    /// Anchor: its densest spot.
    pub y: f32,
    /// Mean distance of its documents from the anchor.
    pub reach: f32,
    /// Its colors.
    pub colors: Colors,
    /// Index of its parent in the next coarser layer, if there is one.
    pub parent: Option<usize>,
}

/// A section of "About this map": a heading and pairs of name and value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// Names and values.
    pub facts: Vec<(String, String)>,
}

/// The content of the map.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The title.
    pub title: String,
    /// Position of each document.
    pub x: &'a [f32],
    /// Position of each document.
    pub y: &'a [f32],
    /// The topic of each document, as an index into `topics`; -1 for noise.
    pub cluster: Cow<'a, [i32]>,
    /// Membership probability of each document.
    pub probability: &'a [f32],
    /// Outlier score of each document.
    pub outlier_score: &'a [f32],
    /// Share of the true neighbors kept on the map, if it was measured.
    pub preserved: Option<&'a [f32]>,
    /// The texts.
    pub text: &'a LargeStringArray,
    /// The topics, by cluster.
    pub topics: Vec<Topic>,
    /// The topics of the coarser layers, finest layer first.
    pub layers: Vec<Vec<Topic>>,
    /// Other columns.
    pub columns: Vec<Column>,
    /// Number of neighbors per document k, and n x k ids.
    pub neighbors: Option<(usize, Vec<u32>)>,
    /// Why there are no neighbors.
    pub neighbors_note: String,
    /// Sections of "About this map".
    pub about: Vec<Section>,
    /// Notes for the reader.
    pub notes: Vec<String>,
}

impl Scene<'_> {
    /// The number of documents.
    pub fn len(&self) -> usize {
        self.x.len()
    }

    /// The number of documents in no cluster.
    pub fn noise(&self) -> usize {
        self.cluster.iter().filter(|&&cluster| cluster < 0).count()
    }

    /// The topics, largest first.
    pub fn by_size(&self) -> impl Iterator<Item = &Topic> {
        let mut order: Vec<&Topic> = self.topics.iter().collect();
        order.sort_by_key(|topic| (std::cmp::Reverse(topic.size), topic.cluster));
        order.into_iter()
    }

    /// The bounding box of all points.
    pub fn bounds(&self) -> Bounds {
        Bounds::of(self.x.iter().copied().zip(self.y.iter().copied()))
    }
}

/// The clusters of one column, renumbered without gaps: a foreign file may number its clusters in any way.
#[derive(Debug)]
pub struct Numbering<'a> {
    /// For each document the index of its cluster in `ids`; -1 for noise.
    pub codes: Cow<'a, [i32]>,
    /// The clusters that have documents, ascending.
    pub ids: Vec<i32>,
}

impl<'a> Numbering<'a> {
    /// Numbers the clusters of all documents in O(n log n); does not copy if there are no gaps.
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

/// The topics of one clustering, placed and colored. A cluster without a name is called "Topic" with its number.
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

/// Sets the parent index of each of `topics` in the next coarser drawn layer; `parent` maps cluster to parent cluster.
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
    fn clusters_without_a_name_are_labeled_by_their_number() {
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
