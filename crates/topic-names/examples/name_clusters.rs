//! Names three small clusters, and two larger ones that hold them.

#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::collections::BTreeMap;

use topic_names::corpus::{Corpus, CorpusOptions};
use topic_names::naming::{Layer, NamingOptions, name_layers};

const TEXTS: [&str; 12] = [
    "The central bank raises interest rates",
    "Interest rates rise again, says the central bank",
    "Why the central bank waits with interest rates",
    "What the central bank thinks of interest rates",
    "Comet seen over the telescope of the island",
    "The telescope follows the comet",
    "A comet for every telescope",
    "Telescope finds a second comet",
    "Probe lands on the moon",
    "The moon probe sends pictures",
    "A probe from the dark side of the moon",
    "Moon dust covers the probe",
];

fn main() {
    let corpus = Corpus::new(&|i| TEXTS[i], TEXTS.len(), &CorpusOptions::default());
    let layers = [
        Layer {
            cluster: &[0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2],
            parent: &BTreeMap::new(),
        },
        Layer {
            cluster: &[0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1],
            parent: &BTreeMap::from([(0, 0), (1, 1), (2, 1)]),
        },
    ];
    let topics = name_layers(&corpus, &layers, &NamingOptions::default());
    for (layer, topics) in topics.iter().enumerate() {
        for topic in topics {
            println!(
                "layer {layer}, cluster {}: {} ({} texts; {})",
                topic.cluster,
                topic.name,
                topic.texts.len(),
                topic.keywords.join(", ")
            );
        }
    }
}
