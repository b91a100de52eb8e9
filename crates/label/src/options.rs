//! What can be chosen, with the reasons for the defaults.

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::ctfidf::Weighting;
use crate::language;
use crate::topics::Style;

/// How clusters are named.
#[derive(Debug, Clone, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The most phrases in a name. Three say what a cluster is about and still fit on a map.
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub phrases: usize,

    /// The most characters in a name of more than one phrase; phrases are left out from the end.
    #[arg(long, default_value_t = 42, value_name = "N")]
    pub max_chars: usize,

    /// Keywords a topic, best first.
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub keywords: usize,

    /// The most words in a phrase, 1 to 3.
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub max_ngram: usize,

    /// The fewest different texts of a cluster that a phrase must be in. A cluster where no word is in so many gives
    /// its words as they are.
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub min_df: u32,

    /// How much less a phrase counts whose texts are those of phrases chosen before it, 0 to 1.
    #[arg(long, default_value_t = 0.3, value_name = "SHARE")]
    pub diversity: f64,

    /// What weighs a phrase against the rest of the corpus.
    #[arg(long, value_enum, default_value_t = Weighting::Ctfidf)]
    pub weighting: Weighting,

    /// Words that no phrase may begin or end with, beside the stop words of the language: `--stop-words edu,www`.
    #[arg(long, value_delimiter = ',', value_name = "WORD,...")]
    pub stop_words: Vec<String>,

    /// Let bylines into names: words that mostly stand where agencies sign or say where they write from, such as (AP) at the
    /// end of a title, or PARIS before a dash at the head of a text.
    #[arg(long)]
    pub keep_bylines: bool,

    /// The language of all texts (en, de, ja, ...); `auto` tells it text by text.
    #[arg(long, default_value = "auto", value_name = "CODE")]
    pub language: String,

    /// Texts named as examples of a topic, those nearest to its core.
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
    /// The language that all texts are in, if it was named.
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

    /// How names are made.
    pub(crate) fn style(&self) -> Result<Style, Error> {
        let fault = |option, value: String, wants| {
            Err(Error::Option {
                option,
                value,
                wants,
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
        Ok(Style {
            phrases: self.phrases,
            max_chars: self.max_chars,
            keywords: self.keywords,
            diversity: self.diversity,
            max_words: self.max_ngram,
            min_count: self.min_df,
            weighting: self.weighting,
        })
    }
}
