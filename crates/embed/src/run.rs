//! The stage: documents to embeddings.

use std::collections::BTreeMap;
use std::fmt;

use artifacts::{Documents, Embeddings, EmbeddingsFacts};
use rayon::prelude::*;
use serde::Serialize;
use stage::{Bytes, File, Files, Progress, Reach, Seed, Stage};

use crate::cache::VectorCache;
use crate::encoder::Encoder;
use crate::error::Error;
use crate::hash;
use crate::memory::{self, FEWEST, Lengths, Share, Work};
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
    const ABOUT: &'static str = "Embed the texts with a sentence model";
    const PRODUCER: &'static str = concat!("skerry-embed ", env!("CARGO_PKG_VERSION"));
    const INPUTS: &'static [File] = &[File {
        name: "documents",
        file: "documents.parquet",
        required: true,
        help: "the texts",
    }];
    const OUTPUTS: &'static [File] = &[File {
        name: "embeddings",
        file: "embeddings.parquet",
        required: true,
        help: "the vector of each text",
    }];
    const EXTERNAL: &'static [(&'static str, Reach)] =
        &[("model", Reach::File), ("onnxruntime", Reach::Code)];
    const SHORT_HELP: &'static [&'static str] =
        &["model", "pooling", "max_tokens", "memory_limit", "no_cache"];

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
        footer.set_facts(&EmbeddingsFacts {
            model: Some(report.model.clone()),
            truncated: Some(report.truncated),
        });
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
    fits_at_all(model, local)?;
    let mut encoder = Encoder::open(model, &tokenizer, local, rayon::current_num_threads())?;
    let d = encoder.plan.d;
    let resident = memory::resident();
    let held = resident.unwrap_or(2 * model.size) + (n * d * 4) as u64;
    if encoder.plan.alone {
        progress.warn("this model's vectors change with the texts beside them: each text is run by itself, which takes longer");
    }
    let cache = if local.no_cache {
        None
    } else {
        let identity = format!(
            "{} {} {}",
            model.fingerprint,
            settings.identity(),
            encoder.plan.identity()
        );
        open_cache(&identity, d, progress)
    };
    let text = |row: usize| documents.text(row);
    let engage = |lengths: &Lengths| {
        let room = local
            .memory_limit
            .map_or(u64::MAX, |limit| limit.0.saturating_sub(held));
        let work = Work {
            held,
            session: encoder.session_bytes,
            threads_each: encoder.share.threads_each,
            cost: encoder.cost(lengths, room)?,
            lengths,
            threads: encoder.threads,
        };
        let share = share(&work, encoder.share, &model.name, local)?;
        if let Some(limit) = local.memory_limit
            && share != encoder.share
        {
            progress.note(&format!(
                "to stay within {limit}: {} of {} copies of the model, batches of {} tokens",
                share.sessions, encoder.share.sessions, share.budget
            ));
        }
        let cost = work.cost;
        let crew = encoder.start(share)?;
        // What loading took is known now.
        let loaded = memory::resident().zip(resident);
        let memory = loaded.map(|(after, before)| {
            let held = held + after.saturating_sub(before);
            let need = held + cost.sessions(share.sessions, share.budget, lengths);
            format!(", about {} of memory", Bytes(need))
        });
        progress.note(&format!(
            "{} to {d} dimensions{}",
            model.name,
            memory.unwrap_or_default()
        ));
        Ok(crew)
    };
    let vectors = work::embed(&text, n, &tokenizer, d, cache, engage, progress)?;
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

/// Whether the weights alone are within the limit: then loading may be tried.
fn fits_at_all(model: &Model, local: &Local) -> Result<(), Error> {
    match local.memory_limit {
        Some(limit) if model.size > limit.0 => Err(Error::Memory {
            model: model.name.clone(),
            need: Bytes(model.size),
            limit,
        }),
        _ => Ok(()),
    }
}

/// How the work is shared out among sessions: as is fastest, or as the limit allows.
fn share(work: &Work<'_>, wanted: Share, model: &str, local: &Local) -> Result<Share, Error> {
    let Some(limit) = local.memory_limit else {
        return Ok(wanted);
    };
    let need = match work.within(limit.0, wanted.sessions, local.batch_tokens) {
        Ok(share) => return Ok(share),
        Err(need) => Bytes(need),
    };
    let model = model.to_owned();
    let fits = work.fits(limit.0);
    Err(match work.lengths.longest() {
        Some((tokens, id)) if (FEWEST..tokens).contains(&fits) => Error::LongText {
            row: id as usize,
            tokens,
            model,
            need,
            limit,
            fits,
        },
        _ => Error::Memory { model, need, limit },
    })
}

/// The vector cache, or none where it can be neither written nor read: a run only loses time for that.
fn open_cache(identity: &str, d: usize, progress: &dyn Progress) -> Option<VectorCache> {
    let cache = stage::cache_dir().map_err(|error| error.to_string());
    match cache.and_then(|dir| VectorCache::open(&dir.join("vectors"), identity, d)) {
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
