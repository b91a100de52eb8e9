//! What the map shows, free of any file: every picture of it (page, SVG, PNG, Plotly) is drawn from this.

use arrow::array::LargeStringArray;

use crate::color::{self, Colors};
use crate::columns::Column;
use crate::place::{self, Bounds};

/// A topic at its place.
#[derive(Debug, Clone, Default)]
pub struct Group {
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
    /// The cluster of each document; -1 for noise.
    pub cluster: &'a [i32],
    /// How firmly each belongs to its cluster.
    pub probability: &'a [f32],
    /// The texts.
    pub text: &'a LargeStringArray,
    /// The topics, by cluster.
    pub topics: Vec<Group>,
    /// The topics of the coarsest layer, where there are layers.
    pub coarse: Vec<Group>,
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

    /// The `count` largest topics, largest first.
    pub fn largest(&self, count: usize) -> impl Iterator<Item = &Group> {
        let mut order: Vec<&Group> = self.topics.iter().collect();
        order.sort_by_key(|topic| (std::cmp::Reverse(topic.size), topic.cluster));
        order.into_iter().take(count)
    }

    /// The box of all points.
    pub fn bounds(&self) -> Bounds {
        Bounds::of(self.x.iter().copied().zip(self.y.iter().copied()))
    }
}

/// A name and key phrases for one cluster.
#[derive(Debug, Clone, Default)]
pub struct Name {
    /// The name.
    pub label: String,
    /// The key phrases.
    pub keywords: Vec<String>,
}

/// The topics of one clustering, placed and colored. `names` has one entry a cluster; where it is shorter, or a name
/// is empty, a cluster is called by its number.
pub fn groups(x: &[f32], y: &[f32], cluster: &[i32], names: &[Name]) -> Vec<Group> {
    let k = cluster
        .iter()
        .max()
        .map_or(0, |&last| usize::try_from(last + 1).unwrap_or(0));
    let members = place::members(cluster, k);
    let sizes: Vec<usize> = members.iter().map(Vec::len).collect();
    let anchors: Vec<(f32, f32)> = members
        .iter()
        .map(|rows| place::anchor(x, y, rows))
        .collect();
    let colors = color::assign(&anchors, &sizes, &place::contacts(x, y, cluster, &sizes));
    colors
        .into_iter()
        .enumerate()
        .map(|(at, colors)| {
            let name = names.get(at).cloned().unwrap_or_default();
            let label = if name.label.trim().is_empty() {
                format!("Topic {at}")
            } else {
                name.label
            };
            Group {
                cluster: at as i32,
                name: label,
                keywords: name.keywords,
                size: sizes[at],
                x: anchors[at].0,
                y: anchors[at].1,
                reach: place::reach(x, y, &members[at], anchors[at]),
                colors,
            }
        })
        .collect()
}
