//! The stage: reads documents, writes embeddings.

use std::collections::BTreeMap;
use std::fmt;

use artifacts::{Documents, Embeddings, EmbeddingsFacts};
use rayon::prelude::*;
use serde::Serialize;
use stage::{Bytes, File, Files, Progress, Reach, Seed, Stage};

use crate::cache::VectorCache;
use crate::dense;
use crate::encoder::Encoder;
use crate::error::Error;
use crate::hash;
use crate::memory::{self, Lengths, MIN_BATCH_TOKENS, Share, Work};
use crate::model::Model;
use crate::models;
use crate::options::{EncoderKind, Engine, Local, Options, Precision};
use crate::own::OwnEncoder;
use crate::tokenizer::TextTokenizer;
use crate::unknown::{self, Unknown};
use crate::work::{self, Runner, Vectors};

/// The `embed` stage.
#[derive(Debug, Clone, Copy)]
pub struct Embed;

/// The report of the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Number of vectors.
    pub rows: usize,
    /// Number of dimensions.
    pub dimensions: usize,
    /// Name of the model.
    pub model: String,
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
                ", {} truncated to {most} tokens ({} tokens lost)",
                self.truncated, self.tokens_lost
            )?;
        }
        if self.unknown > 0 {
            write!(f, ", {} unknown to the model", self.unknown)?;
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
        &[("model", Reach::Model), ("onnxruntime", Reach::Code)];
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
            ("dimensions", options.dimensions.unwrap_or(1)),
        ] {
            if value == 0 {
                return Err(Error::Zero { option });
            }
        }
        if options.encoder == EncoderKind::Hash && options.dimensions.is_some() {
            return Err(Error::HashDimensions);
        }
        let not_of = |option, engine| Err(Error::NotOfEngine { option, engine });
        match options.engine {
            Engine::Ort if options.precision != Precision::Fp32 => not_of("precision", "ort"),
            Engine::Skerry if options.graph_output.is_some() => not_of("graph-output", "skerry"),
            _ => Ok(()),
        }
    }

    fn fingerprints(
        _: &Files,
        options: &Options,
        local: &Local,
    ) -> Result<BTreeMap<String, String>, Error> {
        Ok(match options.encoder {
            EncoderKind::Hash => BTreeMap::new(),
            EncoderKind::Onnx => BTreeMap::from([(
                "model".to_owned(),
                Model::open(options, local, None)?.fingerprint,
            )]),
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
                let model = Model::open(options, local, Some(progress))?;
                footer
                    .inputs
                    .insert("model".to_owned(), model.fingerprint.clone());
                let job = Job {
                    documents: &documents,
                    model: &model,
                    local,
                    dimensions: options.dimensions,
                    progress,
                };
                by_model(&job, options)?
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
    progress.warn("the hash encoder compares spelling, not meaning: use it for tests only");
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
        unknown: 0,
    };
    (report, values)
}

/// The texts, with everything that embedding them needs besides the engine.
struct Job<'a> {
    documents: &'a Documents,
    model: &'a Model,
    local: &'a Local,
    /// The dimensions to keep.
    dimensions: Option<usize>,
    progress: &'a dyn Progress,
}

fn by_model(job: &Job<'_>, options: &Options) -> Result<(Report, Vec<f32>), Error> {
    let (model, progress) = (job.model, job.progress);
    for assumed in &model.settings.assumed {
        progress.note(assumed);
    }
    let mut tokenizer = TextTokenizer::open(model)?;
    fits_at_all(model, job.local)?;
    let vectors = match options.engine {
        Engine::Ort => job.by_ort(&mut tokenizer)?,
        Engine::Skerry => job.by_own_encoder(&mut tokenizer, options.precision)?,
    };
    let n = job.documents.len();
    let max_tokens = tokenizer.max_tokens();
    if vectors.truncated > 0 {
        progress.warn(&format!(
            "{} of {n} texts are longer than {max_tokens} tokens and were truncated; {} tokens were lost",
            vectors.truncated, vectors.tokens_lost
        ));
    }
    let (d, values) = match job.dimensions {
        Some(keep) => {
            let values = dense::cut(vectors.values, vectors.d, keep, model.settings.normalize);
            (keep, values)
        }
        None => (vectors.d, vectors.values),
    };
    let report = Report {
        rows: n,
        dimensions: d,
        model: model.name.clone(),
        embedded: vectors.embedded,
        cached: vectors.cached,
        repeated: vectors.repeated,
        truncated: vectors.truncated,
        tokens_lost: vectors.tokens_lost,
        max_tokens: Some(max_tokens),
        unknown: vectors.unknown,
    };
    Ok((report, values))
}

impl Job<'_> {
    /// Embeds with ONNX Runtime.
    fn by_ort(&self, tokenizer: &mut TextTokenizer) -> Result<Vectors, Error> {
        let (model, local, progress) = (self.model, self.local, self.progress);
        let mut encoder = Encoder::open(model, tokenizer, local, rayon::current_num_threads())?;
        let max_tokens = tokenizer.max_tokens();
        if max_tokens < model.settings.max_tokens {
            progress.note(&format!(
                "the graph takes {max_tokens} tokens per text: longer texts are truncated"
            ));
        }
        let d = encoder.interface.d;
        self.check_dimensions(d)?;
        let resident = memory::resident();
        let held = resident.unwrap_or(2 * model.size) + (self.documents.len() * d * 4) as u64;
        if encoder.interface.alone {
            progress.warn("the vectors of this model depend on the batch: texts are embedded one at a time, which takes longer");
        }
        let cache = self.cache(&encoder.interface.identity(), d);
        let start = |lengths: &Lengths, unknown: &[usize]| {
            self.check_unknown(unknown)?;
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
                    "because of the limit of {limit}: {} instead of {} copies of the model, batches of {} tokens",
                    share.sessions, encoder.share.sessions, share.budget
                ));
            }
            let cost = work.cost;
            let sessions = encoder.start(share)?;
            // The memory of loading a session is known now.
            let loaded = memory::resident().zip(resident);
            let need = loaded.map(|(after, before)| {
                let held = held + after.saturating_sub(before);
                held + cost.sessions(share.sessions, share.budget, lengths)
            });
            self.announce(d, need);
            Ok(sessions)
        };
        self.embed(tokenizer, d, cache, start)
    }

    /// Embeds with Skerry's own encoder.
    fn by_own_encoder(
        &self,
        tokenizer: &mut TextTokenizer,
        precision: Precision,
    ) -> Result<Vectors, Error> {
        let encoder = OwnEncoder::open(self.model, precision)?;
        tokenizer.limit(encoder.max_tokens())?;
        let d = encoder.dimensions();
        self.check_dimensions(d)?;
        let cache = self.cache(&encoder.identity(), d);
        let longest = tokenizer.max_tokens();
        let start = |lengths: &Lengths, unknown: &[usize]| {
            self.check_unknown(unknown)?;
            let longest = lengths.longest().map_or(longest, |(tokens, _)| tokens);
            let held = memory::resident().unwrap_or(2 * self.model.size);
            let values = (self.documents.len() * d * 4) as u64;
            let need = held + values + encoder.scratch(longest, rayon::current_num_threads());
            match self.local.memory_limit {
                Some(limit) if need > limit.0 => Err(Error::Memory {
                    model: self.model.name.clone(),
                    need: Bytes(need),
                    limit,
                }),
                _ => {
                    self.announce(d, Some(need));
                    Ok(encoder)
                }
            }
        };
        self.embed(tokenizer, d, cache, start)
    }

    fn embed<R: Runner>(
        &self,
        tokenizer: &TextTokenizer,
        d: usize,
        cache: Option<VectorCache>,
        start: impl FnOnce(&Lengths, &[usize]) -> Result<R, Error>,
    ) -> Result<Vectors, Error> {
        let text = |row: usize| self.documents.text(row);
        let n = self.documents.len();
        work::embed(&text, n, tokenizer, d, cache, start, self.progress)
    }

    /// Checks that vectors of `d` dimensions can be cut as asked. They are cut after all else, so that all cuts share the
    /// cached vectors.
    fn check_dimensions(&self, d: usize) -> Result<(), Error> {
        let Some(asked) = self.dimensions else {
            return Ok(());
        };
        if asked > d {
            return Err(Error::Dimensions {
                asked,
                model: self.model.name.clone(),
                most: d,
            });
        }
        let known = &self.model.settings.matryoshka;
        if asked < d && known.is_empty() {
            self.progress.note(&format!(
                "the model does not say whether its vectors may be cut (matryoshka_dimensions): compare the results with those of all {d} dimensions"
            ));
        } else if asked < d && !known.contains(&asked) {
            let known: Vec<String> = known.iter().map(ToString::to_string).collect();
            self.progress.note(&format!(
                "the model was trained for cuts to {} dimensions, not {asked}",
                known.join(", ")
            ));
        }
        Ok(())
    }

    /// The vector cache for this model and an engine.
    fn cache(&self, engine: &str, d: usize) -> Option<VectorCache> {
        if self.local.no_cache {
            return None;
        }
        let settings = self.model.settings.identity();
        let identity = format!("{} {settings} {engine}", self.model.fingerprint);
        let cache = open_cache(&identity, d, self.progress)?;
        models::describe_vectors(cache.path(), &self.model.name, engine);
        Some(cache)
    }

    /// Warns of rows whose text is mostly unknown to the model; an error if they are most of the table.
    fn check_unknown(&self, rows: &[usize]) -> Result<(), Error> {
        let texts = rows.iter().map(|&row| self.documents.text(row));
        let Some(unknown) = Unknown::of(texts, self.documents.len(), &self.model.name) else {
            return Ok(());
        };
        if unknown.is_most() && !self.local.allow_unknown {
            return Err(Error::Unknown { unknown });
        }
        self.progress
            .warn(&format!("{unknown}; {}", unknown::REMEDY));
        Ok(())
    }

    fn announce(&self, d: usize, need: Option<u64>) {
        let memory = need.map(|need| format!(", about {} of memory", Bytes(need)));
        self.progress.note(&format!(
            "{} to {d} dimensions{}",
            self.model.name,
            memory.unwrap_or_default()
        ));
    }
}

/// Checks that the weights alone are within the limit.
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

/// The number of sessions and the batch size: the fastest, or the fastest within the limit.
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
        Some((tokens, id)) if (MIN_BATCH_TOKENS..tokens).contains(&fits) => Error::LongText {
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

/// The vector cache, or `None` with a warning if it cannot be used.
fn open_cache(identity: &str, d: usize, progress: &dyn Progress) -> Option<VectorCache> {
    let cache = stage::cache_dir().map_err(|error| error.to_string());
    match cache.and_then(|dir| VectorCache::open(&dir.join("vectors"), identity, d)) {
        Ok(cache) => {
            if cache.read_only {
                progress.warn("the vector cache is read-only: new vectors are not cached");
            }
            Some(cache)
        }
        Err(fault) => {
            progress.warn(&format!(
                "{fault}; continuing without the vector cache (set its directory with SKERRY_CACHE, or disable it with --no-cache)"
            ));
            None
        }
    }
}
