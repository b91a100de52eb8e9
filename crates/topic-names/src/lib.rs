//! Names for clusters of texts: the phrases that set each cluster apart from all other texts.
//!
//! 1. [`corpus`] turns texts into word forms and terms: HTML remains, URLs and datelines are removed ([`clean`]),
//!    words are segmented ([`tokenize`]), the language of each text is detected, and forms are reduced to stems
//!    ([`language`]).
//! 2. [`ctfidf`] weighs the phrases of up to three words of each cluster by class-based TF-IDF (Grootendorst 2022,
//!    arXiv:2203.05794).
//! 3. [`phrase_selection`] selects phrases that do not repeat each other (maximal marginal relevance, Carbonell and
//!    Goldstein 1998).
//! 4. [`naming`] names the clusters of several layers together, so that a parent does not repeat what its children say.
//! 5. [`exemplars`] ranks the texts that represent a cluster.
//!
//! **Shapes.** A clustering is a slice with one cluster number per text, -1 for noise. The result has one list per layer, with
//! one [`naming::Topic`] per cluster, in the order of the cluster numbers.
//!
//! **Order.** The result does not depend on the order of the texts or on the number of threads; of two exemplars that are
//! equally near, the one with the smaller row number comes first.
//!
//! **Errors.** There are none: a cluster whose texts contain no word has an empty name.
//!
//! **Cost.** A few passes over the words, in parallel with rayon. Memory is 4 bytes per word, each distinct form once, and
//! the frequent phrases of the largest cluster.
//!
//! ```
//! use std::collections::BTreeMap;
//! use topic_names::corpus::{Corpus, CorpusOptions};
//! use topic_names::naming::{Layer, NamingOptions, name_layers};
//!
//! let texts = ["rain and wind", "more rain", "cheese prices", "prices of cheese"];
//! let corpus = Corpus::new(&|i| texts[i], texts.len(), &CorpusOptions::default());
//! let layer = Layer { cluster: &[0, 0, 1, 1], parent: &BTreeMap::new() };
//! let topics = name_layers(&corpus, &[layer], &NamingOptions::default()).pop().unwrap();
//! assert_eq!(topics[0].name, "rain");
//! ```

pub mod clean;
pub mod corpus;
pub mod ctfidf;
pub mod exemplars;
mod intern;
pub mod language;
mod language_evidence;
pub mod naming;
pub mod phrase_selection;
mod stop_words;
pub mod tokenize;
