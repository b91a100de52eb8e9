//! The stage: reads documents, writes embeddings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use artifacts::{Documents, Embeddings, Footer};
use rayon::prelude::*;
use stage::{Bytes, File, Files, Progress, Reach, Seed, Stage};

use crate::cache::{Key, VectorCache};
use crate::calibrate::{self, Cosines};
use crate::encoder::{Encoder, SessionPool};
use crate::endpoint::{self, Endpoint};
use crate::error::Error;
use crate::hash;
use crate::known::{self, Known, Place};
use crate::memory::{self, Lengths, MIN_BATCH_TOKENS, Share, Work};
use crate::model::{self, Model};
use crate::model2vec::StaticModel;
use crate::models;
use crate::options::{Device, EncoderKind, Engine, Local, Options, Overflow, Precision};
use crate::overflow::LongTexts;
use crate::own::OwnEncoder;
use crate::report::Report;
use crate::static_encoder;
use crate::tokenizer::{Preparation, TextTokenizer};
use crate::unknown::{self, Unknown};
use crate::work::Texts;

/// The `embed` stage.
#[derive(Debug, Clone, Copy)]
pub struct Embed;

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
    const OUTPUTS: &'static [File] = &[
        File {
            name: "embeddings",
            file: "embeddings.parquet",
            required: true,
            help: "the vector of each text",
        },
        File {
            name: "static_tokens",
            file: "static_tokens.parquet",
            required: false,
            help: "the weights of `--encoder static`",
        },
        File {
            name: "static_projection",
            file: "static_projection.parquet",
            required: false,
            help: "the projection of `--encoder static`",
        },
    ];
    const EXTERNAL: &'static [(&'static str, Reach)] = &[
        ("model", Reach::Model),
        ("static_from", Reach::File),
        ("onnxruntime", Reach::Code),
        ("endpoint", Reach::Network),
    ];
    const SENDS: &'static str = "the texts that are not in the cache";
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
            ("batch-texts", local.batch_texts),
            ("batch-characters", local.batch_characters),
            ("concurrency", local.concurrency),
            ("request-timeout", local.request_timeout as usize),
            ("dimensions", options.dimensions.unwrap_or(1)),
        ] {
            if value == 0 {
                return Err(Error::Zero { option });
            }
        }
        Endpoint::of(options, local)?;
        if options.encoder == EncoderKind::Hash && options.dimensions.is_some() {
            return Err(Error::HashDimensions);
        }
        if local.static_from.is_some() {
            if options.encoder != EncoderKind::Static {
                return Err(Error::StaticFromAlone);
            }
            if options.dimensions.is_some() {
                return Err(Error::StaticFromDimensions);
            }
        }
        let not_of = |option, engine| Err(Error::NotOfEngine { option, engine });
        if options.engine == Engine::Skerry && options.device() != Device::Cpu {
            let device = options.device();
            return Err(Error::DeviceOfEngine { device });
        }
        match options.engine() {
            Engine::Ort if model::is_multilingual(local) => not_of("model multilingual", "ort"),
            Engine::Ort if options.precision == Precision::Int8 => not_of("precision", "ort"),
            Engine::Skerry if options.graph_output.is_some() => not_of("graph-output", "skerry"),
            _ => Ok(()),
        }
    }

    fn writes(options: &Options) -> Vec<&'static str> {
        let fitted = options.encoder == EncoderKind::Static;
        let written = |file: &&File| file.required || fitted;
        let files = Self::OUTPUTS.iter().filter(written);
        files.map(|file| file.name).collect()
    }

    fn fingerprints(
        files: &Files,
        options: &Options,
        local: &Local,
    ) -> Result<BTreeMap<String, String>, Error> {
        if let Some(endpoint) = Endpoint::of(options, local)? {
            let print = ("model".to_owned(), endpoint.fingerprint());
            return Ok(BTreeMap::from([print]));
        }
        if options.encoder == EncoderKind::Hash {
            return Ok(BTreeMap::new());
        }
        let model = Model::open(options, local, None)?.fingerprint;
        let mut prints = BTreeMap::from([("model".to_owned(), model)]);
        prints.extend(static_encoder::recorded(
            local.static_from.as_deref(),
            files,
        )?);
        Ok(prints)
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
        let documents = Documents::read_texts(path)?;
        if documents.is_empty() {
            return Err(Error::NoDocuments);
        }
        let mut footer = stage::footer::<Self>(options, seed);
        files.record("documents", &mut footer)?;
        let output = files.output("embeddings");
        let directory = output
            .and_then(Path::parent)
            .map_or_else(std::env::temp_dir, Path::to_owned);
        if let Some(endpoint) = Endpoint::of(options, local)? {
            footer
                .inputs
                .insert("model".to_owned(), endpoint.fingerprint());
            let job = endpoint::Job {
                endpoint: &endpoint,
                documents: &documents,
                options,
                local,
                seed,
                directory: &directory,
                progress,
            };
            let (report, texts) = job.run()?;
            let unit_length = options.normalize.unwrap_or(true);
            let cut = options.dimensions.map(|keep| (keep, unit_length));
            return finish(report, &texts, (output, footer), cut);
        }
        match options.encoder {
            EncoderKind::Hash => {
                let (report, values) = by_hash(&documents, options, progress);
                footer.set_facts(&report.facts());
                if let Some(path) = output {
                    Embeddings::new(report.dimensions, values).write(path, &footer)?;
                }
                Ok(report)
            }
            EncoderKind::Static | EncoderKind::Onnx => {
                let model = Model::open(options, local, Some(progress))?;
                footer
                    .inputs
                    .insert("model".to_owned(), model.fingerprint.clone());
                let job = Job {
                    documents: &documents,
                    model: &model,
                    options,
                    local,
                    directory,
                    progress,
                };
                if options.encoder == EncoderKind::Static {
                    return static_encoder::run(&job, files, &mut footer);
                }
                let (report, texts) = job.run()?;
                let unit_length = model.settings.normalize;
                let cut = options.dimensions.map(|keep| (keep, unit_length));
                finish(report, &texts, (output, footer), cut)
            }
        }
    }
}

/// Writes the embeddings of `texts` to `output`, with `footer` and the facts of `report`; `cut` as in [`Texts::write`].
fn finish(
    report: Report,
    texts: &Texts<'_>,
    (output, mut footer): (Option<&Path>, Footer),
    cut: Option<(usize, bool)>,
) -> Result<Report, Error> {
    footer.set_facts(&report.facts());
    if let Some(path) = output {
        texts.write(path, &footer, cut)?;
    }
    Ok(report)
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
        engine: None,
        embedded: n,
        cached: 0,
        repeated: 0,
        truncated: 0,
        tokens_lost: 0,
        chunked: 0,
        chunked_tokens: 0,
        max_tokens: None,
        unknown: 0,
        preview: false,
        reproducible: true,
        endpoint: None,
    };
    (report, values)
}

/// The texts, with everything that embedding them needs besides the engine.
pub(crate) struct Job<'a> {
    pub(crate) documents: &'a Documents,
    pub(crate) model: &'a Model,
    pub(crate) options: &'a Options,
    pub(crate) local: &'a Local,
    /// Directory for a temporary file of vectors.
    directory: PathBuf,
    pub(crate) progress: &'a dyn Progress,
}

/// A loaded model with its tokenizer.
struct Loaded<'a> {
    tokenizer: TextTokenizer,
    encoder: AnyEncoder<'a>,
}

enum AnyEncoder<'a> {
    Ort(Box<Encoder<'a>>),
    Own(Box<OwnEncoder>),
    Static(StaticModel),
}

impl Loaded<'_> {
    fn known(&self, local: &Local) -> Known {
        let max_tokens = self.tokenizer.max_tokens();
        match &self.encoder {
            AnyEncoder::Ort(encoder) => Known {
                identity: encoder.interface.identity(),
                engine: encoder.name(),
                dimensions: encoder.interface.d,
                max_tokens,
                library: Some(known::library_state(local)),
            },
            AnyEncoder::Static(encoder) => Known {
                identity: StaticModel::IDENTITY.to_owned(),
                engine: StaticModel::NAME.to_owned(),
                dimensions: encoder.dimensions(),
                max_tokens,
                library: None,
            },
            AnyEncoder::Own(encoder) => Known {
                identity: encoder.identity(),
                engine: encoder.name(),
                dimensions: encoder.dimensions(),
                max_tokens,
                library: None,
            },
        }
    }
}

/// The number of new texts from which on the precision is checked with some of them.
const CHECKED: usize = 2000;
/// The number of texts for that.
const SAMPLE: usize = 32;
/// Rows that an error about long texts names.
const NAMED: usize = 5;

impl<'a> Job<'a> {
    fn run(&self) -> Result<(Report, Texts<'a>), Error> {
        let (model, progress) = (self.model, self.progress);
        for assumed in &model.settings.assumed {
            progress.note(assumed);
        }
        fits_at_all(model, self.local)?;
        let place = Place::of(model, self.options);
        let mut loaded = None;
        let mut known = match place.read(self.local) {
            Some(known) => known,
            None => loaded.insert(self.load(&place)?).known(self.local),
        };
        self.check_dimensions(known.dimensions)?;
        let mut texts = self.look_up(&known)?;
        let mut embedded = 0;
        if texts.missing.is_empty() {
            self.check_overflow(&texts, known.max_tokens)?;
            self.check_unknown(&texts.unknown())?;
        } else {
            let loaded = match loaded {
                Some(loaded) => loaded,
                None => self.load(&place)?,
            };
            let found = loaded.known(self.local);
            if found != known {
                // Another build of the program computes other vectors.
                known = found;
                self.check_dimensions(known.dimensions)?;
                texts = self.look_up(&known)?;
            }
            embedded = self
                .embed(loaded, &mut texts)
                .map_err(|error| texts.at_row(error))?;
        }
        texts.finish_cache();
        let counts = texts.counts();
        let n = self.documents.len();
        let max_tokens = known.max_tokens;
        let in_chunks = self.options.overflow() == Overflow::ChunkMean;
        let (longer, beyond) = (counts.longer, counts.beyond);
        if in_chunks && longer > 0 {
            progress.note(&format!(
                "{longer} of {n} texts are longer than {max_tokens} tokens and were embedded in chunks"
            ));
        } else if longer > 0 {
            progress.warn(&format!(
                "{longer} of {n} texts are longer than {max_tokens} tokens and were truncated; {beyond} tokens were lost"
            ));
        }
        let report = Report {
            rows: n,
            dimensions: self.options.dimensions.unwrap_or(known.dimensions),
            model: model.name.clone(),
            engine: Some(known.engine),
            embedded,
            cached: counts.distinct - embedded,
            repeated: n - counts.distinct,
            truncated: if in_chunks { 0 } else { longer },
            tokens_lost: if in_chunks { 0 } else { beyond },
            chunked: if in_chunks { longer } else { 0 },
            chunked_tokens: if in_chunks { beyond } else { 0 },
            max_tokens: Some(max_tokens),
            unknown: texts.unknown().len(),
            preview: false,
            reproducible: self.options.device() == Device::Cpu,
            endpoint: None,
        };
        Ok((report, texts))
    }

    /// Loads the model with the engine of the options, or with the one that can run it, and records what is known of it.
    fn load(&self, place: &Place) -> Result<Loaded<'a>, Error> {
        let mut tokenizer = TextTokenizer::open(self.model)?;
        if self.model.settings.is_static {
            let encoder = AnyEncoder::Static(StaticModel::open(self.model, &tokenizer)?);
            let loaded = Loaded { tokenizer, encoder };
            place.write(&loaded.known(self.local));
            return Ok(loaded);
        }
        let own = match self.options.engine() {
            Engine::Ort => None,
            Engine::Auto if self.options.graph_output.is_some() => None,
            Engine::Skerry => Some(self.own_encoder(&tokenizer)?),
            Engine::Auto => match self.own_encoder(&tokenizer) {
                Ok(encoder) => Some(encoder),
                Err(error)
                    if self.model.is_safetensors() || self.options.precision == Precision::Int8 =>
                {
                    return Err(error);
                }
                Err(error) => {
                    self.progress.note(&format!(
                        "ONNX Runtime runs this model, because Skerry's own encoder cannot: {error}"
                    ));
                    None
                }
            },
        };
        let encoder = if let Some(encoder) = own {
            tokenizer.limit(encoder.max_tokens())?;
            AnyEncoder::Own(Box::new(encoder))
        } else {
            let threads = rayon::current_num_threads();
            let device = self.options.device();
            let place = (device, self.local);
            let encoder = Encoder::open(self.model, &mut tokenizer, place, threads)?;
            if device != Device::Cpu {
                self.progress.note(&format!(
                    "{device} computes; operators that its provider lacks run on the CPU"
                ));
            }
            AnyEncoder::Ort(Box::new(encoder))
        };
        let loaded = Loaded { tokenizer, encoder };
        place.write(&loaded.known(self.local));
        Ok(loaded)
    }

    fn own_encoder(&self, tokenizer: &TextTokenizer) -> Result<OwnEncoder, Error> {
        OwnEncoder::open(self.model, self.options.precision, tokenizer, self.progress)
    }

    /// The texts, with the vectors in the cache.
    fn look_up(&self, known: &Known) -> Result<Texts<'a>, Error> {
        let d = known.dimensions;
        let prepare = Preparation::of(&self.model.settings);
        let cached = !self.local.no_cache;
        let open_cache = cached.then_some(|keys: &[Key]| self.cache(&known.identity, d, keys));
        let place = (&*self.directory, self.options.overflow());
        let texts = Texts::look_up(self.documents, &prepare, d, open_cache, place)?;
        texts.note_cached(self.progress);
        Ok(texts)
    }

    /// Embeds the missing texts. Returns the number of texts that this process embedded.
    fn embed(&self, loaded: Loaded<'a>, texts: &mut Texts<'a>) -> Result<usize, Error> {
        let Loaded { tokenizer, encoder } = loaded;
        let max_tokens = tokenizer.max_tokens();
        let mut long = LongTexts::new(&self.directory, self.model.settings.normalize)?;
        let chunks = (self.options.overflow() == Overflow::ChunkMean).then_some(&mut long);
        let (tokens, lengths) = texts.tokenize(&tokenizer, &self.directory, chunks)?;
        self.check_overflow(texts, max_tokens)?;
        self.check_unknown(&texts.unknown())?;
        // Vocabularies are large.
        drop(tokenizer);
        match encoder {
            AnyEncoder::Ort(encoder) => {
                if max_tokens < self.model.settings.max_tokens {
                    self.progress.note(&format!(
                        "the graph takes {max_tokens} tokens per text, less than the model's files say"
                    ));
                }
                let mut sessions = self.start_ort(*encoder, &lengths)?;
                texts.embed_by(self.progress, false, |ids, _, take| {
                    long.run(&mut sessions, ids, &tokens, take)
                })
            }
            AnyEncoder::Static(mut encoder) => {
                texts.embed_by(self.progress, true, |ids, _, take| {
                    long.run(&mut encoder, ids, &tokens, take)
                })
            }
            AnyEncoder::Own(encoder) => {
                let longest = lengths.longest().map_or(max_tokens, |(tokens, _)| tokens);
                let ids = self.sample(&encoder, &texts.missing);
                let exact = encoder.encode(&ids, &tokens)?;
                let mut encoder = encoder.quantized(self.model)?;
                self.check_memory(&encoder, longest)?;
                self.check_sample(exact, encoder.encode(&ids, &tokens)?, encoder.dimensions());
                texts.embed_by(self.progress, false, |ids, _, take| {
                    long.run(&mut encoder, ids, &tokens, take)
                })
            }
        }
    }

    /// The sessions of ONNX Runtime, as many and with batches as large as the memory allows.
    fn start_ort(&self, mut encoder: Encoder<'_>, lengths: &Lengths) -> Result<SessionPool, Error> {
        let (model, local, progress) = (self.model, self.local, self.progress);
        let d = encoder.interface.d;
        let resident = memory::resident();
        let held = resident.unwrap_or(2 * model.size);
        if encoder.interface.alone {
            progress.warn("the vectors of this model depend on the batch: texts are embedded one at a time, which takes longer");
        }
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
    }

    /// Checks that Skerry's own encoder has the memory for the longest text.
    fn check_memory(&self, encoder: &OwnEncoder, longest: usize) -> Result<(), Error> {
        let held = memory::resident().unwrap_or(2 * self.model.size);
        let need = held + encoder.scratch(longest, rayon::current_num_threads());
        match self.local.memory_limit {
            Some(limit) if need > limit.0 => Err(Error::Memory {
                model: self.model.name.clone(),
                need: Bytes(need),
                limit,
            }),
            _ => {
                self.announce(encoder.dimensions(), Some(need));
                Ok(())
            }
        }
    }

    /// Some of the texts `missing`, evenly spread, if int8 was chosen for the model and there are enough to pay for a check.
    fn sample(&self, encoder: &OwnEncoder, missing: &[u32]) -> Vec<u32> {
        if self.options.precision != Precision::Auto
            || !encoder.is_int8()
            || missing.len() < CHECKED
        {
            return Vec::new();
        }
        let ids = (0..SAMPLE).map(|i| missing[i * missing.len() / SAMPLE]);
        ids.collect()
    }

    /// Warns if the int8 vectors `found` of some texts, of `d` dimensions, are far from the exact ones. That changes nothing:
    /// otherwise added rows could change the precision of all.
    fn check_sample(&self, mut exact: Vec<f32>, mut found: Vec<f32>, d: usize) {
        for vectors in [&mut exact, &mut found] {
            vectors
                .chunks_exact_mut(d)
                .for_each(text_encoder::normalize);
        }
        let cosines = Cosines::of(&found, &exact, d);
        if cosines.texts > 0 && cosines.mean < calibrate::MIN_COSINE {
            self.progress.warn(&format!(
                "the int8 vectors of {} sampled texts have a mean cosine of {:.3} to the exact ones; --precision fp32 computes the exact ones",
                cosines.texts, cosines.mean
            ));
        }
    }

    /// Checks that vectors of `d` dimensions can be cut as asked. They are cut after all else, so that all cuts share the
    /// cached vectors.
    fn check_dimensions(&self, d: usize) -> Result<(), Error> {
        let Some(asked) = self.options.dimensions else {
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

    /// The vector cache for this model and an engine, with the texts of these keys.
    fn cache(&self, engine: &str, d: usize, keys: &[Key]) -> Option<VectorCache> {
        let settings = self.model.settings.identity();
        let identity = format!("{} {settings} {engine}", self.model.fingerprint);
        let cache = open_cache(&identity, (d, self.local.cache_limit), keys, self.progress)?;
        models::describe_vectors(&cache.path(), &self.model.name, engine);
        Some(cache)
    }

    /// Refuses texts of more than `max_tokens` tokens with `--overflow error`.
    fn check_overflow(&self, texts: &Texts<'_>, max_tokens: usize) -> Result<(), Error> {
        let longer = texts.counts().longer;
        if self.options.overflow() != Overflow::Error || longer == 0 {
            return Ok(());
        }
        let tokens = |(row, beyond)| (row, max_tokens as u64 + beyond);
        Err(Error::TooLong {
            texts: longer,
            of: self.documents.len(),
            most: max_tokens,
            rows: texts.longer().take(NAMED).map(tokens).collect(),
        })
    }

    /// Warns of rows whose text is mostly unknown to the model; an error if they are most of the table.
    pub(crate) fn check_unknown(&self, rows: &[usize]) -> Result<(), Error> {
        let unknown = rows.iter().map(|&row| self.documents.text(row));
        let Some(unknown) = Unknown::of(unknown, self.documents.len(), &self.model.name) else {
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

/// The vector cache for vectors of `d` dimensions, with the texts of these keys, or `None` with a warning if it cannot be used.
pub(crate) fn open_cache(
    identity: &str,
    (d, limit): (usize, Bytes),
    keys: &[Key],
    progress: &dyn Progress,
) -> Option<VectorCache> {
    if (keys.len() * d * 4) as u64 > limit.0 {
        progress.note(&format!(
            "the vectors of these texts are more than the cache may hold ({limit}): the next run embeds some again, unless --cache-limit is larger"
        ));
    }
    let dir = stage::cache_dir().map_err(|error| error.to_string());
    let opened =
        dir.and_then(|dir| VectorCache::open(&dir.join("vectors"), identity, d, limit.0, keys));
    match opened {
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
