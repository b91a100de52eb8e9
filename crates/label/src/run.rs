//! The stage: reads and writes files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use artifacts::{
    ClusterInfo, ClusterRow, Clusters, Documents, Embeddings, Topic, Topics, TopicsFacts,
};
use html_text::readable;
use rayon::prelude::*;
use stage::{File, Files, NoLocal, Progress, Seed, Stage};
use topic_names::corpus::{Corpus, CorpusOptions};
use topic_names::exemplars::{most_probable, nearest_to_core};
use topic_names::language::LANGUAGES;
use topic_names::naming::{self, Layer, name_layers};
use topic_names::tokenize::is_visible;

use crate::report::bylines;
use crate::{Error, Options, Report};

/// Maximum number of characters of a text that is used as a name.
const EXCERPT: usize = 40;

/// The stage `label`.
#[derive(Debug)]
pub struct Label;

impl Stage for Label {
    const NAME: &'static str = "label";
    const ABOUT: &'static str = "Name clusters by their most distinctive phrases (c-TF-IDF)";
    const PRODUCER: &'static str = concat!("skerry-label ", env!("CARGO_PKG_VERSION"));
    const INPUTS: &'static [File] = &[
        File {
            name: "documents",
            file: "documents.parquet",
            required: true,
            help: "the texts",
        },
        File {
            name: "clusters",
            file: "clusters.parquet",
            required: true,
            help: "the cluster of each text",
        },
        File {
            name: "cluster_info",
            file: "cluster_info.parquet",
            required: false,
            help: "the cores of the clusters; without it, all texts of a cluster are its core",
        },
        File {
            name: "embeddings",
            file: "embeddings.parquet",
            required: false,
            help: "the vectors to rank the exemplars by; without them, probabilities are used",
        },
    ];
    const OUTPUTS: &'static [File] = &[File {
        name: "topics",
        file: "topics.parquet",
        required: true,
        help: "the name, keywords and exemplars of each cluster",
    }];
    const SHORT_HELP: &'static [&'static str] = &["phrases", "language", "stop_words"];

    type Options = Options;
    type Local = NoLocal;
    type Report = Report;
    type Error = Error;

    fn check(options: &Options, _local: &NoLocal) -> Result<(), Error> {
        options.style()?;
        options.language().map(|_| ())
    }

    fn run(
        files: &Files,
        options: &Options,
        _local: &NoLocal,
        seed: Seed,
        progress: &dyn Progress,
    ) -> Result<Report, Error> {
        let (style, language) = (options.style()?, options.language()?);
        let mut footer = stage::footer::<Self>(options, seed);

        let path = files.input("documents");
        let documents = Documents::read(path)?;
        files.record("documents", &mut footer)?;
        let n = documents.len();
        let check = |path: &Path, rows| {
            if rows == n {
                Ok(())
            } else {
                Err(Error::Rows {
                    path: path.to_owned(),
                    rows,
                    documents: n,
                })
            }
        };
        let path = files.input("clusters");
        let clusters = Clusters::read(path)?;
        check(path, clusters.len())?;
        files.record("clusters", &mut footer)?;
        let known = match files.optional("cluster_info") {
            Some(path) => {
                files.record("cluster_info", &mut footer)?;
                let info = ClusterInfo::read(path)?;
                ClusterRows::new(&info, &clusters, path)?
            }
            None => ClusterRows::default(),
        };

        progress.begin("reading words", Some(n as u64), "texts");
        let reading = CorpusOptions {
            stop_words: options.stop_words.clone(),
            language,
            keep_datelines: options.keep_bylines,
        };
        let corpus = Corpus::new(
            &|i| {
                progress.advance(1);
                documents.text(i)
            },
            n,
            &reading,
        );
        progress.end();
        if !corpus.datelines.is_empty() {
            progress.note(&format!(
                "left out of names as bylines: {}; --keep-bylines keeps them",
                bylines(&corpus.datelines)
            ));
        }

        progress.begin("naming clusters", None, "clusters");
        let mut parents = clusters.parents();
        parents.insert(0, BTreeMap::new());
        let layers: Vec<Layer<'_>> = clusters
            .levels()
            .zip(&parents)
            .map(|((_, cluster), parent)| Layer { cluster, parent })
            .collect();
        let named = name_layers(&corpus, &layers, &style);
        progress.end();

        // Read last, when the words no longer take memory.
        let mut report = count(&documents, &clusters, &corpus, &named);
        drop(corpus);
        let embeddings = match files.optional("embeddings") {
            Some(path) => {
                let embeddings = Embeddings::read(path)?;
                check(path, embeddings.len())?;
                files.record("embeddings", &mut footer)?;
                Some(embeddings)
            }
            None => None,
        };
        report.exemplars_by = if embeddings.is_some() {
            "vectors"
        } else {
            "probability"
        };

        let same = |a: u32, b: u32| documents.text(a as usize) == documents.text(b as usize);
        let mut rows: Vec<Topic> = Vec::new();
        for (at, (layer, named)) in (-1..).zip(named).enumerate() {
            let above = parents.get(at + 1);
            let (names, numbered) = unique_names(&named, &documents);
            report.made_distinct += numbered;
            rows.par_extend(named.into_par_iter().zip(names).map(|(named, name)| {
                let known = known.row(layer, named.cluster);
                let parent = above.and_then(|above| above.get(&named.cluster).copied());
                let exemplar_ids = match &embeddings {
                    Some(embeddings) => {
                        let core: Vec<u32> = known.map(|row| core(row, n)).unwrap_or_default();
                        nearest_to_core(
                            &named.texts,
                            &core,
                            options.exemplars,
                            |i| embeddings.row(i as usize),
                            same,
                        )
                    }
                    None => {
                        most_probable(&named.texts, &clusters.probability, options.exemplars, same)
                    }
                };
                Topic {
                    layer,
                    cluster: named.cluster,
                    parent: parent.unwrap_or(-1),
                    name,
                    keywords: named.keywords,
                    size: named.texts.len() as i64,
                    exemplar_ids,
                }
            }));
        }
        rows.sort_by_key(|row| (row.layer, row.cluster));
        footer.set_facts(&TopicsFacts {
            languages: Some(report.languages.clone()),
        });
        if let Some(path) = files.output("topics") {
            Topics { rows }.write(path, &footer)?;
        }
        Ok(report)
    }
}

/// The rows of `cluster_info.parquet`, by layer and cluster.
#[derive(Default)]
struct ClusterRows(BTreeMap<(i32, i32), ClusterRow>);

impl ClusterRows {
    /// Checks that both files hold the same clusters.
    fn new(info: &ClusterInfo, clusters: &Clusters, path: &Path) -> Result<Self, Error> {
        let known: BTreeMap<_, _> = info
            .rows
            .iter()
            .map(|row| ((row.layer, row.cluster), row.clone()))
            .collect();
        let mut sizes: BTreeMap<(i32, i32), i64> = BTreeMap::new();
        for (layer, cluster) in clusters.levels() {
            for &cluster in cluster.iter().filter(|&&cluster| cluster >= 0) {
                *sizes.entry((layer, cluster)).or_default() += 1;
            }
        }
        let fault = |fault| {
            Err(Error::Clusters {
                path: path.to_owned(),
                fault,
            })
        };
        for (&(layer, cluster), row) in &known {
            let size = sizes.get(&(layer, cluster)).copied().unwrap_or(0);
            if size != row.size {
                return fault(format!(
                    "cluster {cluster} of layer {layer} has {} documents here and {size} in the clusters",
                    row.size
                ));
            }
        }
        if let Some((layer, cluster)) = sizes.keys().find(|key| !known.contains_key(key)) {
            return fault(format!("cluster {cluster} of layer {layer} is missing"));
        }
        Ok(Self(known))
    }

    fn row(&self, layer: i32, cluster: i32) -> Option<&ClusterRow> {
        self.0.get(&(layer, cluster))
    }
}

/// The documents at the core of a cluster.
fn core(row: &ClusterRow, n: usize) -> Vec<u32> {
    row.exemplar_ids
        .iter()
        .filter_map(|&id| u32::try_from(id).ok())
        .filter(|&id| (id as usize) < n)
        .collect()
}

/// The unique names of a layer, and the number of names that got a number to be unique. A cluster without words is named
/// by the beginning of a text, or else by its number.
fn unique_names(topics: &[naming::Topic], documents: &Documents) -> (Vec<String>, usize) {
    let mut used: BTreeSet<String> = topics.iter().map(|topic| topic.name.clone()).collect();
    let mut numbered = 0;
    let names = topics.iter().map(|topic| {
        if !topic.name.is_empty() {
            return topic.name.clone();
        }
        let name = excerpt(topic, documents);
        let mut free = name.clone();
        for number in 2.. {
            if used.insert(free.clone()) {
                break;
            }
            free = format!("{name} ({number})");
        }
        numbered += usize::from(free != name);
        free
    });
    (names.collect(), numbered)
}

/// The beginning of the alphabetically first text of the cluster; its number if all are blank.
fn excerpt(named: &naming::Topic, documents: &Documents) -> String {
    let lines = named.texts.iter().filter_map(|&text| {
        let text = readable(documents.text(text as usize));
        let line = text.lines().find(|line| line.contains(is_visible))?;
        Some(line.trim().to_owned())
    });
    let Some(line) = lines.min() else {
        return format!("cluster {}", named.cluster);
    };
    match line.char_indices().nth(EXCERPT) {
        // Remove a joiner that has nothing to join.
        Some((end, _)) => format!("{}…", line[..end].trim_end_matches(|c| !is_visible(c))),
        None => line,
    }
}

fn count(
    documents: &Documents,
    clusters: &Clusters,
    corpus: &Corpus,
    named: &[Vec<naming::Topic>],
) -> Report {
    let languages = corpus
        .languages
        .found
        .iter()
        .map(|&(language, texts)| (LANGUAGES[usize::from(language)].code.to_owned(), texts));
    let all = || named.iter().flatten();
    Report {
        documents: documents.len(),
        noise: clusters
            .cluster
            .iter()
            .filter(|&&cluster| cluster < 0)
            .count(),
        layers: named.len(),
        topics: all().count(),
        words: corpus.vocabulary(),
        languages: languages.collect(),
        bylines: corpus.datelines.clone(),
        made_distinct: all().filter(|named| named.changed).count(),
        named_by_text: all().filter(|named| named.name.is_empty()).count(),
        without_words: (0..corpus.len())
            .filter(|&i| corpus.raw(i).is_empty())
            .count(),
        exemplars_by: "",
    }
}
