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
        let path = files.input("documents");
        let documents = Documents::read(path)?;
        if documents.is_empty() {
            return Err(Error::NoDocuments);
        }
        let mut footer = stage::footer::<Self>(options, seed);
        footer.reads("documents", path)?;
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
    let d = options.hash_dimensions.max(1);
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
    // The weights of a session stand some three times: as stored, widened, and laid out for the processor.
    let sessions = encoder.sessions.len() as u64 * model.size * 3;
    let bytes = model.base_memory + sessions + (n * d * 4) as u64;
    progress.note(&format!(
        "{} to {d} dimensions, about {} MiB of memory",
        model.name,
        bytes >> 20
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
        Some(VectorCache::open(
            &stage::cache_dir().join("vectors"),
            &identity,
            d,
        )?)
    };
    let text = |row: usize| documents.text(row);
    let vectors = work::embed(
        &text,
        n,
        &tokenizer,
        encoder,
        cache,
        local.batch_tokens.max(1),
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
