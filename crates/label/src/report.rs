//! The report of the stage.

use std::fmt;

use serde::Serialize;

/// Counts of the stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Number of documents.
    pub documents: usize,
    /// Number of documents in no cluster of the column `cluster`.
    pub noise: usize,
    /// Number of layers named, including the column `cluster`.
    pub layers: usize,
    /// Number of clusters named, over all layers.
    pub topics: usize,
    /// Number of distinct words; inflected forms count once.
    pub words: usize,
    /// The detected languages, with their numbers of documents.
    pub languages: Vec<(String, usize)>,
    /// Bylines and datelines left out of names, each with its number of occurrences as such.
    pub bylines: Vec<(String, usize)>,
    /// Number of names changed to differ from the name of another cluster.
    pub made_distinct: usize,
    /// Number of clusters named by the beginning of a text, because their texts have no word that could name them.
    pub named_by_text: usize,
    /// Number of documents without words.
    pub without_words: usize,
    /// How exemplars were ranked: by `vectors`, or by `probability` if there are no embeddings.
    pub exemplars_by: &'static str,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} topics named", self.topics)?;
        if self.layers > 1 {
            write!(f, " in {} layers", self.layers)?;
        }
        write!(f, " from {} documents", self.documents)?;
        write!(f, " ({} of them in no cluster)", self.noise)?;
        let languages: Vec<String> = self
            .languages
            .iter()
            .map(|(code, texts)| format!("{code} {texts}"))
            .collect();
        write!(
            f,
            "\nwords: {}, languages: {}",
            self.words,
            languages.join(", ")
        )?;
        if !self.bylines.is_empty() {
            write!(f, "\nleft out as bylines: {}", bylines(&self.bylines))?;
        }
        if self.made_distinct > 0 {
            write!(
                f,
                "\nnames changed to differ from another: {}",
                self.made_distinct
            )?;
        }
        if self.named_by_text > 0 {
            write!(
                f,
                "\ntopics named by the beginning of a text because they have no words: {}",
                self.named_by_text
            )?;
        }
        if self.without_words > 0 {
            write!(f, "\ndocuments without words: {}", self.without_words)?;
        }
        if self.exemplars_by == "probability" {
            write!(
                f,
                "\nexemplars ranked by probability: there were no embeddings"
            )?;
        }
        Ok(())
    }
}

/// The bylines with their numbers of occurrences.
pub(crate) fn bylines(bylines: &[(String, usize)]) -> String {
    let words: Vec<String> = bylines
        .iter()
        .map(|(word, times)| format!("{word} ({times} times)"))
        .collect();
    words.join(", ")
}
