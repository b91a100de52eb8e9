//! The stage: documents to embeddings.

use std::collections::BTreeMap;
use std::fmt;

use artifacts::{Documents, Embeddings};
use rayon::prelude::*;
use serde::Serialize;
use stage::{File, Files, Progress, Seed, Stage};

use crate::cache::VectorCache;
use crate::encoder::Encoder;
use crate::error::Error;
use crate::hash;
use crate::model::Model;
use crate::options::{EncoderKind, Local, Options};
use crate::tokenizer::TextTokenizer;
use crate::work::{self, Vectors};

/// Turns texts into vectors.
#[derive(Debug, Clone, Copy)]
pub struct Embed;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Vectors written.
    pub rows: usize,
    /// Numbers in each.
    pub dimensions: usize,
    /// The model's name.
    pub model: String,
    /// Different texts that went through the model in this run.
    pub embedded: usize,
    /// Different texts whose vectors came from the cache.
    pub cached: usize,
    /// Rows with the text of an earlier row, embedded once.
    pub repeated: usize,
    /// Rows whose text was longer than the model reads.
    pub truncated: usize,
    /// Tokens cut off these, all together.
    pub tokens_lost: u64,
    /// The longest text the model reads, in tokens; absent for the hash encoder.
    pub max_tokens: Option<usize>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} vectors of {} dimensions by {}",
            self.rows, self.dimensions, self.model
        )?;
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
                ", {} cut to {most} tokens ({} tokens lost)",
                self.truncated, self.tokens_lost
            )?;
        }
        Ok(())
    }
}

impl Stage for Embed {
    const NAME: &'static str = "embed";
    const ABOUT: &'static str = "Turn texts into vectors with a sentence model";
    const PRODUCER: &'static str = concat!("skerry-embed ", env!("CARGO_PKG_VERSION"));
    const INPUTS: &'static [File] = &[File {
        name: "documents",
        file: "documents.parquet",
        required: true,
        help: "the texts to embed",
    }];
    const OUTPUTS: &'static [File] = &[File {
        name: "embeddings",
        file: "embeddings.parquet",
        required: true,
        help: "their vectors",
    }];

    type Options = Options;
    type Local = Local;
    type Report = Report;
    type Error = Error;

    fn check(options: &Options, local: &Local) -> Result<(), Error> {
        for (option, value) in [
            ("hash-dimensions", options.hash_dimensions),
            ("batch-tokens", local.batch_tokens),
        ] {
            if value == 0 {
                return Err(Error::Zero { option });
            }
        }
        Ok(())
    }

    fn fingerprints(
        _: &Files,
        options: &Options,
        local: &Local,
    ) -> Result<BTreeMap<String, String>, Error> {
        Ok(match options.encoder {
            EncoderKind::Hash => BTreeMap::new(),
            EncoderKind::Onnx => {
                BTreeMap::from([("model".to_owned(), Model::open(options, local)?.fingerprint)])
            }
        })
    }

    fn run(
        files: &Files,
        options: &Options,
        local: &Local,
        seed: Seed,
        progress: &dyn Progress,
    ) -> Result<Report, Error> {
        Self::check(options, local)?;
        let path = files.input("documents");
        let documents = Documents::read(path)?;
        if documents.is_empty() {
            return Err(Error::NoDocuments);
        }
        let mut footer = stage::footer::<Self>(options, seed);
        files.record("documents", &mut footer)?;
        let (report, values) = match options.encoder {
            EncoderKind::Hash => by_hash(&documents, options, progress),
            EncoderKind::Onnx => {
                let model = Model::open(options, local)?;
                footer
                    .inputs
                    .insert("model".to_owned(), model.fingerprint.clone());
                by_model(&documents, &model, local, progress)?
            }
        };
        footer.fact("model", report.model.as_str());
        footer.fact("truncated", report.truncated);
        if let Some(path) = files.output("embeddings") {
            Embeddings::new(report.dimensions, values).write(path, &footer)?;
        }
        Ok(report)
    }
}

fn by_hash(
    documents: &Documents,
    options: &Options,
    progress: &dyn Progress,
) -> (Report, Vec<f32>) {
    progress.warn(
        "the hash encoder compares spelling, not meaning: its vectors are for tests and trials, not for a map to believe",
    );
    let n = documents.len();
    let d = options.hash_dimensions;
    let texts: Vec<&str> = (0..n)
        .into_par_iter()
        .map(|row| documents.text(row))
        .collect();
    let values = hash::encode(&texts, d);
    let report = Report {
        rows: n,
        dimensions: d,
        model: "hashed character n-grams".to_owned(),
        embedded: n,
        cached: 0,
        repeated: 0,
        truncated: 0,
        tokens_lost: 0,
        max_tokens: None,
    };
    (report, values)
}

/// Bytes that come to those of the loaded model: what the library's arena of each session grows to, and the vectors.
///
/// Measured with the default model on texts of its full length, in MiB with its loaded model: 255 at one thread (211 loaded;
/// this says 261), 390 at two (297; 396), 1,082 at two with batches of 4,096 tokens (297; 1,089). Short texts take up to
/// 14 % less.
fn to_come(sessions: u64, tokens: u64, rows: u64, d: u64) -> u64 {
    /// Numbers that the arena comes to hold for each token of a batch and dimension.
    const ARENA: u64 = 66;
    sessions * tokens * d * 4 * ARENA + rows * d * 4
}

/// Bytes that this process holds. Known on Linux only.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

fn by_model(
    documents: &Documents,
    model: &Model,
    local: &Local,
    progress: &dyn Progress,
) -> Result<(Report, Vec<f32>), Error> {
    let n = documents.len();
    let settings = &model.settings;
    for assumed in &settings.assumed {
        progress.note(assumed);
    }
    let tokenizer = TextTokenizer::open(model)?;
    let encoder = Encoder::open(model, &tokenizer, local, rayon::current_num_threads())?;
    let d = encoder.plan.d;
    if encoder.plan.alone {
        progress.warn("this model's vectors change with the texts beside them: each text is run by itself, which takes longer");
    }
    let tokens = (local.batch_tokens * encoder.threads_each) as u64;
    let needs = to_come(encoder.sessions.len() as u64, tokens, n as u64, d as u64);
    let memory = resident().map(|bytes| format!(", about {} MiB of memory", (bytes + needs) >> 20));
    progress.note(&format!(
        "{} to {d} dimensions{}",
        model.name,
        memory.unwrap_or_default()
    ));
    let cache = if local.no_cache {
        None
    } else {
        let identity = format!(
            "{} {} {}",
            model.fingerprint,
            settings.identity(),
            encoder.plan.engine
        );
        open_cache(&identity, d, progress)
    };
    let text = |row: usize| documents.text(row);
    let vectors = work::embed(
        &text,
        n,
        &tokenizer,
        encoder,
        cache,
        local.batch_tokens,
        progress,
    )?;
    let Vectors {
        values,
        embedded,
        cached,
        repeated,
        truncated,
        tokens_lost,
        ..
    } = vectors;
    if truncated > 0 {
        progress.warn(&format!(
            "{truncated} of {n} texts are longer than {} tokens and were cut; {tokens_lost} tokens were lost",
            settings.max_tokens
        ));
    }
    let report = Report {
        rows: n,
        dimensions: d,
        model: model.name.clone(),
        embedded,
        cached,
        repeated,
        truncated,
        tokens_lost,
        max_tokens: Some(settings.max_tokens),
    };
    Ok((report, values))
}

/// The vector cache, or none where it can be neither written nor read: a run only loses time for that.
fn open_cache(identity: &str, d: usize, progress: &dyn Progress) -> Option<VectorCache> {
    match VectorCache::open(&stage::cache_dir().join("vectors"), identity, d) {
        Ok(cache) => {
            if cache.read_only {
                progress
                    .warn("the vector cache may only be read: what is embedded now is not kept");
            }
            Some(cache)
        }
        Err(fault) => {
            progress.warn(&format!(
                "{fault}; vectors are neither looked for nor kept (another place: SKERRY_CACHE; none: --no-cache)"
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_that_is_told_is_what_was_measured() {
        for (loaded, sessions, tokens, measured) in [
            (211.0, 1, 512, 255.0),
            (297.0, 2, 512, 390.0),
            (297.0, 2, 4_096, 1_082.0),
        ] {
            let told = loaded + to_come(sessions, tokens, 100, 384) as f64 / f64::from(1 << 20);
            let ratio = told / measured;
            assert!((0.97..1.05).contains(&ratio), "{loaded} {tokens}: {ratio}");
        }
    }
}
