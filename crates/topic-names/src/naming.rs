//! The names of all clusters of all layers.
//!
//! Layers are named together, so that a parent does not repeat what its children say: a parent prefers phrases that are
//! spread evenly over its children, and a child uses no word of the names above it. Both give way where a cluster would
//! be left without a name. Within a layer no two names are made of the same words.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::corpus::Corpus;
use crate::ctfidf::{CtfidfOptions, Weighting, weigh};
use crate::phrase_selection::{Choice, Pool};

/// Phrases weighed for each cluster.
const KEEP: usize = 400;
/// A phrase after the first comes into the name if its weight is at least this share of the first one's.
const FLOOR: f64 = 0.12;

/// How names are made.
#[derive(Debug, Clone, Copy)]
pub struct NamingOptions {
    /// Maximum number of phrases per name.
    pub phrases: usize,
    /// Maximum number of characters of a name of more than one phrase.
    pub max_chars: usize,
    /// Number of keywords per topic.
    pub keywords: usize,
    /// Penalty for phrases that share their texts with phrases already selected, 0 to 1.
    pub diversity: f64,
    /// Maximum number of words per phrase, 1 to 3.
    pub max_words: usize,
    /// Minimum number of texts of a cluster that contain a phrase.
    pub min_count: u32,
    /// What weighs a phrase.
    pub weighting: Weighting,
}

/// One clustering of the texts, finer or coarser than the others.
#[derive(Debug, Clone, Copy)]
pub struct Layer<'a> {
    /// The cluster of each text; -1 for noise.
    pub cluster: &'a [i32],
    /// For each cluster of the next finer layer, the one of this layer that holds it; empty for the finest.
    pub parent: &'a BTreeMap<i32, i32>,
}

impl Default for NamingOptions {
    /// Names of three phrases and 42 characters at most, which fit on a map.
    fn default() -> Self {
        Self {
            phrases: 3,
            max_chars: 42,
            keywords: 10,
            diversity: 0.3,
            max_words: 3,
            min_count: 2,
            weighting: Weighting::Ctfidf,
        }
    }
}

/// A topic: a cluster with its name and key phrases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// The cluster.
    pub cluster: i32,
    /// Its name; empty if its texts contain no word.
    pub name: String,
    /// Its phrases, best first.
    pub keywords: Vec<String>,
    /// Its texts, in their order.
    pub texts: Vec<u32>,
    /// Whether the name had to be changed to differ from another one.
    pub changed: bool,
}

struct Node<'a> {
    cluster: i32,
    texts: Vec<u32>,
    /// The texts that the pool was counted on: `texts` without repeated ones.
    counted: Vec<u32>,
    pool: Pool<'a>,
    /// Clusters of the next finer layer that this one contains.
    children: Vec<usize>,
    /// How evenly each phrase of the pool is spread over the children, where there are several: the square root, so that a
    /// phrase that many of them share wins over one that they all hold by accident.
    evenness: Option<Vec<f64>>,
    /// The phrases it would have if it stood alone.
    alone: Choice,
}

/// Names the clusters of `layers`, finest first: for each layer one topic per cluster, ascending by cluster number.
///
/// Takes a few passes over the words of each layer.
///
/// # Panics
///
/// If a layer has more texts than the corpus, or `max_words` is above 3.
pub fn name_layers(
    corpus: &Corpus,
    layers: &[Layer<'_>],
    options: &NamingOptions,
) -> Vec<Vec<Topic>> {
    let mut nodes: Vec<Vec<Node<'_>>> = Vec::with_capacity(layers.len());
    for (at, layer) in layers.iter().enumerate() {
        let mut coarser = nodes_of(corpus, layer, options);
        if at > 0 {
            adopt(&mut coarser, &nodes[at - 1], layer);
        }
        nodes.push(coarser);
    }
    let mut names: Vec<Vec<Choice>> = nodes
        .iter()
        .map(|layer| vec![Choice::default(); layer.len()])
        .collect();
    let mut above: Vec<Vec<FxHashSet<u32>>> = nodes
        .iter()
        .map(|layer| vec![FxHashSet::default(); layer.len()])
        .collect();
    for at in (0..nodes.len()).rev() {
        for (index, node) in nodes[at].iter().enumerate() {
            let taken = std::mem::take(&mut above[at][index]);
            let children: Vec<&Node<'_>> = node
                .children
                .iter()
                .map(|&child| &nodes[at - 1][child])
                .collect();
            names[at][index] = choose_name(node, &children, &taken, options);
            for &child in &node.children {
                above[at - 1][child].extend(&taken);
                // An only child is the same topic again, and may have the same name.
                if node.children.len() > 1 {
                    above[at - 1][child].extend(&names[at][index].stems);
                }
            }
        }
    }
    nodes
        .into_iter()
        .zip(names)
        .map(|(nodes, names)| finish(nodes, &names, options))
        .collect()
}

/// The clusters of a layer with their phrases.
fn nodes_of<'a>(corpus: &'a Corpus, layer: &Layer<'_>, options: &NamingOptions) -> Vec<Node<'a>> {
    let mut members: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
    for (text, &cluster) in layer.cluster.iter().enumerate() {
        members.entry(cluster).or_default().push(text as u32);
    }
    let clusters: Vec<i32> = members.keys().copied().collect();
    // Noise is weighed as one more class, and gets no name.
    let classes: Vec<Vec<u32>> = members.into_values().collect();
    let settings = CtfidfOptions {
        max_words: options.max_words,
        min_count: options.min_count,
        weighting: options.weighting,
        keep: KEEP,
    };
    let weighed = weigh(corpus, &classes, &settings);
    clusters
        .into_par_iter()
        .zip(classes)
        .zip(weighed)
        .filter(|((cluster, _), _)| *cluster >= 0)
        .map(|((cluster, texts), class)| {
            let pool = Pool::new(corpus, &class);
            let alone = pool.choose(
                options.keywords.max(options.phrases),
                options.diversity,
                &FxHashSet::default(),
                None,
            );
            Node {
                cluster,
                texts,
                counted: class.texts,
                pool,
                children: Vec::new(),
                evenness: None,
                alone,
            }
        })
        .collect()
}

/// Gives each cluster of the finer layer to its parent, and measures how evenly phrases are spread over the children.
fn adopt(coarser: &mut [Node<'_>], finer: &[Node<'_>], layer: &Layer<'_>) {
    for (child, node) in finer.iter().enumerate() {
        let Some(cluster) = layer.parent.get(&node.cluster) else {
            continue;
        };
        if let Ok(parent) = coarser.binary_search_by_key(cluster, |node| node.cluster) {
            coarser[parent].children.push(child);
        }
    }
    let mut child_of: Vec<Option<usize>> = vec![None; layer.cluster.len()];
    for (child, node) in finer.iter().enumerate() {
        node.texts
            .iter()
            .for_each(|&text| child_of[text as usize] = Some(child));
    }
    coarser
        .par_iter_mut()
        .filter(|node| node.children.len() > 1)
        .for_each(|node| {
            let part = |text: &u32| {
                child_of[*text as usize]
                    .and_then(|child| node.children.iter().position(|&c| c == child))
            };
            let parts: Vec<Option<usize>> = node.counted.iter().map(part).collect();
            let evenness = node.pool.evenness(&parts, node.children.len());
            node.evenness = Some(evenness.into_iter().map(f64::sqrt).collect());
        });
}

/// The name of a cluster, without the words of the names above it.
///
/// A parent whose children have nothing in common is named by what comes next to their first words, so that those stay
/// theirs. Rather a repeated word than no name.
fn choose_name(
    node: &Node<'_>,
    children: &[&Node<'_>],
    above: &FxHashSet<u32>,
    options: &NamingOptions,
) -> Choice {
    let choose = |avoid: &FxHashSet<u32>, evenness: Option<&[f64]>| {
        shorten(
            node.pool
                .choose(options.phrases, options.diversity, avoid, evenness),
            options,
        )
    };
    let mut avoid = above.clone();
    if node.evenness.is_some() {
        let shared = choose(above, node.evenness.as_deref());
        if !shared.phrases.is_empty() {
            return shared;
        }
        avoid.extend(children.iter().flat_map(|child| child.alone.first(1).stems));
    }
    let tries = [&avoid, above, &FxHashSet::default()];
    tries
        .into_iter()
        .map(|avoid| choose(avoid, None))
        .find(|choice| !choice.phrases.is_empty())
        .unwrap_or_default()
}

/// Drops phrases from the end until the name is short enough.
fn shorten(mut choice: Choice, options: &NamingOptions) -> Choice {
    let floor = choice.weights.first().map_or(0.0, |first| first * FLOOR);
    let length = |phrases: &[String]| {
        phrases
            .iter()
            .map(|phrase| phrase.chars().count() + 2)
            .sum::<usize>()
    };
    while choice.phrases.len() > 1
        && (length(&choice.phrases) > options.max_chars + 2
            || choice.weights[choice.phrases.len() - 1] < floor)
    {
        choice = choice.first(choice.phrases.len() - 1);
    }
    choice
}

/// Names in order of the clusters, no two of the same words.
fn finish(nodes: Vec<Node<'_>>, names: &[Choice], options: &NamingOptions) -> Vec<Topic> {
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    order.sort_by_key(|&at| (std::cmp::Reverse(nodes[at].texts.len()), nodes[at].cluster));
    let mut used: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut unique = vec![(String::new(), false); nodes.len()];
    for at in order {
        let variants = variants(&names[at], &nodes[at].alone, options);
        let free = variants
            .iter()
            .position(|variant| used.insert(words_of(variant)));
        unique[at] = match free {
            Some(free) => (variants[free].join(", "), free > 0),
            // Two clusters of the same texts: a number is all that tells them apart.
            None => numbered(&variants[0].join(", "), &mut used),
        };
    }
    nodes
        .into_iter()
        .zip(unique)
        .map(|(node, (name, changed))| Topic {
            cluster: node.cluster,
            name,
            keywords: node.alone.first(options.keywords).phrases,
            texts: node.texts,
            changed,
        })
        .collect()
}

/// The name, then the name with another keyword at its end.
fn variants(name: &Choice, keywords: &Choice, options: &NamingOptions) -> Vec<Vec<String>> {
    let mut variants = vec![name.phrases.clone()];
    let others = keywords
        .phrases
        .iter()
        .filter(|keyword| !name.phrases.contains(keyword));
    for keyword in others {
        let kept = name
            .phrases
            .len()
            .min(options.phrases.saturating_sub(1))
            .max(1);
        variants.push(
            name.phrases
                .iter()
                .take(kept)
                .chain([keyword])
                .cloned()
                .collect(),
        );
    }
    variants
}

/// What makes two names the same: their words, whatever their order and case.
fn words_of(phrases: &[String]) -> Vec<String> {
    let mut words: Vec<String> = phrases
        .iter()
        .flat_map(|phrase| phrase.split_whitespace())
        .map(str::to_lowercase)
        .collect();
    words.sort_unstable();
    words
}

/// The name with the first free number; a name without words stays empty.
fn numbered(name: &str, used: &mut BTreeSet<Vec<String>>) -> (String, bool) {
    if name.is_empty() {
        return (String::new(), false);
    }
    let mut number = 2;
    loop {
        let numbered = format!("{name} ({number})");
        if used.insert(words_of(std::slice::from_ref(&numbered))) {
            return (numbered, true);
        }
        number += 1;
    }
}
