//! The report of the stage.

use std::fmt;

use artifacts::EmbeddingsFacts;
use serde::Serialize;

use crate::endpoint::Sent;

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
    /// Number of rows whose text was embedded in chunks.
    pub chunked: usize,
    /// Total number of tokens of these texts beyond the maximum.
    pub chunked_tokens: u64,
    /// Maximum number of tokens per text; `None` for the hash encoder.
    pub max_tokens: Option<usize>,
    /// Number of rows whose text is mostly unknown to the model.
    pub unknown: usize,
    /// Whether the vectors are a preview of those of the model, by the static encoder.
    pub preview: bool,
    /// Whether the same texts give the same bytes: not where a server or a device other than the CPU computes.
    pub reproducible: bool,
    /// What was sent to an endpoint; `None` without one.
    pub endpoint: Option<Sent>,
}

impl Report {
    pub(crate) fn facts(&self) -> EmbeddingsFacts {
        EmbeddingsFacts {
            model: Some(self.model.clone()),
            engine: Some(self.engine.clone().unwrap_or_else(|| "hash".to_owned())),
            truncated: Some(self.truncated),
            preview: Some(self.preview),
            tokens_lost: Some(self.tokens_lost as usize),
            chunked: Some(self.chunked),
            reproducible: Some(self.reproducible),
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
            write!(f, ", {} truncated", self.truncated)?;
            match self.max_tokens {
                Some(most) => {
                    write!(f, " to {most} tokens ({} tokens lost)", self.tokens_lost)?;
                }
                None => f.write_str(" by the server")?,
            }
        }
        if self.chunked > 0 {
            write!(
                f,
                ", {} longer than {} tokens embedded in chunks ({} tokens beyond)",
                self.chunked,
                self.max_tokens.unwrap_or(0),
                self.chunked_tokens
            )?;
        }
        if self.unknown > 0 {
            write!(f, ", {} unknown to the model", self.unknown)?;
        }
        if self.preview {
            write!(f, "; a preview")?;
        }
        if let Some(sent) = self.endpoint.as_ref().filter(|sent| sent.requests > 0) {
            write!(f, "; {sent}")?;
        }
        Ok(())
    }
}
