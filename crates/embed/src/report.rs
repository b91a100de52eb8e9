//! The report of the stage.

use std::fmt;

use artifacts::EmbeddingsFacts;
use serde::Serialize;

/// The report of the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Number of vectors.
    pub rows: usize,
    /// Number of dimensions.
    pub dimensions: usize,
    /// Name of the model.
    pub model: String,
    /// Engine that runs the model, and its precision; `None` for the hash encoder.
    pub engine: Option<String>,
    /// Number of distinct texts embedded in this run.
    pub embedded: usize,
    /// Number of distinct texts with vectors from the cache.
    pub cached: usize,
    /// Number of rows with the text of an earlier row.
    pub repeated: usize,
    /// Number of rows whose text was truncated.
    pub truncated: usize,
    /// Total number of tokens lost to truncation.
    pub tokens_lost: u64,
    /// Maximum number of tokens per text; `None` for the hash encoder.
    pub max_tokens: Option<usize>,
    /// Number of rows whose text is mostly unknown to the model.
    pub unknown: usize,
    /// Whether the vectors are a preview of those of the model, by the static encoder.
    pub preview: bool,
}

impl Report {
    pub(crate) fn facts(&self) -> EmbeddingsFacts {
        EmbeddingsFacts {
            model: Some(self.model.clone()),
            engine: Some(self.engine.clone().unwrap_or_else(|| "hash".to_owned())),
            truncated: Some(self.truncated),
            preview: Some(self.preview),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} vectors of {} dimensions by {}",
            self.rows, self.dimensions, self.model
        )?;
        if let Some(engine) = &self.engine {
            write!(f, " ({engine})")?;
        }
        write!(
            f,
            ": {} embedded, {} from the cache",
            self.embedded, self.cached
        )?;
        if self.repeated > 0 {
            write!(f, ", {} repeated", self.repeated)?;
        }
        if self.truncated > 0 {
            let most = self.max_tokens.unwrap_or(0);
            write!(
                f,
                ", {} truncated to {most} tokens ({} tokens lost)",
                self.truncated, self.tokens_lost
            )?;
        }
        if self.unknown > 0 {
            write!(f, ", {} unknown to the model", self.unknown)?;
        }
        if self.preview {
            write!(f, "; a preview")?;
        }
        Ok(())
    }
}
