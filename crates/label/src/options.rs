//! Options of the stage, with the reasons for the defaults.

use serde::{Deserialize, Serialize};
use topic_names::ctfidf;
use topic_names::language;
use topic_names::naming::NamingOptions;

use crate::Error;

/// Weighting of a phrase against the rest of the corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weighting {
    /// c-TF-IDF as published: ln(1 + A / f)
    #[default]
    Ctfidf,
    /// BM25 weighting, which lowers frequent words more: ln(1 + (A - f + 0.5) / (f + 0.5))
    Bm25,
}

impl From<Weighting> for ctfidf::Weighting {
    fn from(weighting: Weighting) -> Self {
        match weighting {
            Weighting::Ctfidf => Self::Ctfidf,
            Weighting::Bm25 => Self::Bm25,
        }
    }
}

/// Settings that determine the names.
#[derive(Debug, Clone, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Maximum number of phrases per name
    ///
    /// Three phrases describe a cluster and still fit on a map.
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub phrases: usize,

    /// Maximum number of characters of a name
    ///
    /// Phrases are left out from the end. A name of one phrase may be longer.
    #[arg(long, default_value_t = 42, value_name = "N")]
    pub max_chars: usize,

    /// Number of keywords per topic, best first
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub keywords: usize,

    /// Maximum number of words per phrase (n-gram), 1 to 3
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub max_ngram: usize,

    /// Minimum number of distinct texts of a cluster that contain a phrase
    ///
    /// If no word of a cluster is in that many texts, its words are used regardless of this minimum.
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub min_df: u32,

    /// Penalty for phrases that share their texts with phrases already chosen, 0 to 1
    ///
    /// The weight of a phrase is multiplied by 1 - diversity * share, where share is the share of its texts that
    /// contain a phrase already chosen. 0 is no penalty.
    #[arg(long, default_value_t = 0.3, value_name = "SHARE")]
    pub diversity: f64,

    /// Weighting of a phrase against the rest of the corpus
    #[arg(long, value_enum, default_value_t = Weighting::Ctfidf)]
    pub weighting: Weighting,

    /// Additional stop words, such as `--stop-words edu,www`
    ///
    /// No phrase begins or ends with one. They extend the stop words of the language.
    #[arg(long, value_delimiter = ',', value_name = "WORD,...")]
    pub stop_words: Vec<String>,

    /// Keep bylines and datelines in names
    ///
    /// Words that mostly occur as an agency signature, such as (AP) at the end of a title, or as the place of a
    /// dateline, such as PARIS before a dash at the beginning of a text.
    #[arg(long)]
    pub keep_bylines: bool,

    /// Language of all texts (en, de, ja, ...), or `auto` to detect it per text
    #[arg(long, default_value = "auto", value_name = "CODE")]
    pub language: String,

    /// Number of example texts per topic, those nearest to its core
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub exemplars: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            phrases: 3,
            max_chars: 42,
            keywords: 10,
            max_ngram: 3,
            min_df: 2,
            diversity: 0.3,
            weighting: Weighting::Ctfidf,
            stop_words: Vec::new(),
            keep_bylines: false,
            language: "auto".to_owned(),
            exemplars: 5,
        }
    }
}

impl Options {
    /// The language of all texts, if `--language` gives one.
    pub(crate) fn language(&self) -> Result<Option<usize>, Error> {
        if self.language == "auto" {
            return Ok(None);
        }
        language::by_code(&self.language)
            .map(Some)
            .ok_or_else(|| Error::Language {
                code: self.language.clone(),
            })
    }

    /// The naming settings of the method.
    pub(crate) fn style(&self) -> Result<NamingOptions, Error> {
        let fault = |option, value: String, expected| {
            Err(Error::Option {
                option,
                value,
                expected,
            })
        };
        if self.phrases == 0 {
            return fault("phrases", self.phrases.to_string(), "1 or more");
        }
        if !(1..=3).contains(&self.max_ngram) {
            return fault("max-ngram", self.max_ngram.to_string(), "1, 2 or 3");
        }
        if self.min_df == 0 {
            return fault("min-df", self.min_df.to_string(), "1 or more");
        }
        if !(0.0..=1.0).contains(&self.diversity) {
            return fault("diversity", self.diversity.to_string(), "from 0 to 1");
        }
        Ok(NamingOptions {
            phrases: self.phrases,
            max_chars: self.max_chars,
            keywords: self.keywords,
            diversity: self.diversity,
            max_words: self.max_ngram,
            min_count: self.min_df,
            weighting: self.weighting.into(),
        })
    }
}
