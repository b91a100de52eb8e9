//! What was done, counted.

use std::fmt;

use serde::Serialize;

/// What the stage did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Documents read.
    pub documents: usize,
    /// Documents in no cluster of the column `cluster`.
    pub noise: usize,
    /// Layers named, the column `cluster` being one.
    pub layers: usize,
    /// Clusters named, over all layers.
    pub topics: usize,
    /// Distinct words, inflected forms counted once.
    pub words: usize,
    /// The languages found, with their numbers of documents.
    pub languages: Vec<(String, usize)>,
    /// Bylines left out of names, each with its number of occurrences as a byline.
    pub bylines: Vec<(String, usize)>,
    /// Names that had to be changed to differ from that of another cluster.
    pub made_distinct: usize,
    /// Clusters named by the beginning of a text, since their texts hold no word that could name them.
    pub named_by_text: usize,
    /// Documents without a single word.
    pub without_words: usize,
    /// How exemplars were ranked: by `vectors`, or by `probability` where there are no embeddings.
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
                "\ntopics named by the beginning of a text, for want of words: {}",
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

/// The bylines in words, with their numbers.
pub(crate) fn bylines(bylines: &[(String, usize)]) -> String {
    let words: Vec<String> = bylines
        .iter()
        .map(|(word, times)| format!("{word} ({times} times)"))
        .collect();
    words.join(", ")
}
