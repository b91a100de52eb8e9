//! Remote encoders: a server computes the vectors (`--endpoint`).
//!
//! Two protocols are spoken, and the path of the address says which: the `OpenAI` API (`/v1/embeddings`), which most servers and
//! services offer, and that of Hugging Face's text-embeddings-inference (`/embed`). Texts go through the vector cache as with
//! every other encoder, so that a text is sent once, and an interrupted run goes on where it stopped.
//!
//! The key comes from the environment and is in no file and in no message (see `key`); texts and key go to the host of the
//! address alone.

mod address;
mod answer;
mod client;
mod error;
mod key;
mod limits;
mod sender;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use artifacts::{Documents, sha256_of};
use serde::{Deserialize, Serialize};
use stage::{Progress, Seed, thousands};

pub use address::AddressFault;
pub use error::{Error, Fault};

use self::address::{Address, Protocol};
use self::client::Client;
use self::key::Key;
use self::sender::{Counters, Sender};
use crate::cache;
use crate::cache_files;
use crate::error::Error as StageError;
use crate::models;
use crate::options::{EncoderKind, Engine, Local, Options, Overflow, Precision};
use crate::report::Report;
use crate::run::open_cache;
use crate::tokenizer::Preparation;
use crate::work::Texts;

/// Directory in the cache.
const KIND: &str = "endpoints";

/// An endpoint and its model.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    address: Address,
    model: String,
    prompt: Option<String>,
}

/// What was sent to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Host and port.
    pub host: String,
    /// Number of texts.
    pub texts: u64,
    /// Number of their characters.
    pub characters: u64,
    /// Number of requests.
    pub requests: u64,
    /// Number of those that repeated a failed one.
    pub retries: u64,
    /// Number of tokens that the server counted, if it did.
    pub tokens: Option<u64>,
}

impl Endpoint {
    /// The endpoint of these settings, checked without contacting it; `None` if they give none.
    pub(crate) fn of(options: &Options, local: &Local) -> Result<Option<Self>, Error> {
        let Some(url) = &local.endpoint else {
            return match options.endpoint_model {
                Some(_) => Err(Error::Alone {
                    option: "endpoint-model",
                }),
                None => Ok(None),
            };
        };
        let address = Address::parse(url).map_err(Error::Address)?;
        let is_tei = address.protocol == Protocol::Tei;
        for (option, is_set) in [
            ("model", local.model.is_some()),
            ("encoder", options.encoder != EncoderKind::default()),
            ("pooling", options.pooling.is_some()),
            ("max-tokens", options.max_tokens.is_some()),
            ("graph-output", options.graph_output.is_some()),
            ("engine", options.engine != Engine::Auto),
            ("device", options.device.is_some()),
            ("precision", options.precision != Precision::Auto),
            ("prompt-name", options.prompt_name.is_some() && !is_tei),
            // Only the server knows the tokens of a text; by the OpenAI API, it does not truncate.
            (
                "overflow",
                match options.overflow {
                    Some(Overflow::ChunkMean) => true,
                    Some(Overflow::Truncate) => !is_tei,
                    Some(Overflow::Error) | None => false,
                },
            ),
        ] {
            if is_set {
                return Err(Error::Setting { option });
            }
        }
        let model = options.endpoint_model.as_deref().map(str::trim);
        let Some(model) = model.filter(|model| !model.is_empty()) else {
            return Err(Error::NoModel);
        };
        Ok(Some(Self {
            address,
            model: model.to_owned(),
            prompt: options.prompt_name.clone(),
        }))
    }

    /// A hash of the address and the model, in the place of that of a model's files.
    pub(crate) fn fingerprint(&self) -> String {
        sha256_of(self.identity().as_bytes())
    }

    /// Everything by which a vector is known besides its text, as text.
    fn identity(&self) -> String {
        let Self {
            address,
            model,
            prompt,
        } = self;
        format!("endpoint {} model {model:?} prompt {prompt:?}", address.url)
    }

    /// The dimensions of the vectors of an earlier run.
    fn known_dimensions(&self) -> Option<usize> {
        cache_files::read(KIND, &self.identity())?.parse().ok()
    }
}

/// The work of the stage with an endpoint.
pub(crate) struct Job<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) documents: &'a Documents,
    pub(crate) options: &'a Options,
    pub(crate) local: &'a Local,
    pub(crate) seed: Seed,
    /// The directory of temporary files.
    pub(crate) directory: &'a Path,
    pub(crate) progress: &'a dyn Progress,
}

impl<'a> Job<'a> {
    /// The vectors of all texts, with the report.
    pub(crate) fn run(&self) -> Result<(Report, Texts<'a>), StageError> {
        let Endpoint { address, model, .. } = self.endpoint;
        let mut connected = None;
        let mut d = match self.endpoint.known_dimensions() {
            Some(d) => d,
            None => connected.insert(self.connect()?).1,
        };
        self.check_dimensions(d)?;
        let mut texts = self.look_up(d)?;
        let mut sent = Counters::default();
        let mut embedded = 0;
        if !texts.missing.is_empty() {
            let (client, found) = match connected {
                Some(connected) => connected,
                None => self.connect()?,
            };
            if found != d {
                // The server has another model now.
                d = found;
                self.check_dimensions(d)?;
                texts = self.look_up(d)?;
            }
            (embedded, sent) = self.send(&client, d, &mut texts)?;
        }
        texts.finish_cache();
        let n = self.documents.len();
        let counts = texts.counts();
        self.check_overflow(&texts)?;
        if counts.longer > 0 {
            self.progress.warn(&format!(
                "{} of {n} texts are longer than the model of {} allows, and were truncated by the server",
                thousands(counts.longer),
                address.host
            ));
        }
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let report = Report {
            rows: n,
            dimensions: self.options.dimensions.unwrap_or(d),
            model: model.clone(),
            engine: Some(format!("endpoint, {}", address.protocol)),
            embedded,
            cached: counts.distinct - embedded,
            repeated: n - counts.distinct,
            truncated: counts.longer,
            // Only the server knows.
            tokens_lost: 0,
            chunked: 0,
            chunked_tokens: 0,
            max_tokens: None,
            unknown: 0,
            preview: false,
            reproducible: false,
            endpoint: Some(Sent {
                host: address.host.clone(),
                texts: count(&sent.texts),
                characters: count(&sent.characters),
                requests: count(&sent.requests),
                retries: count(&sent.retries),
                tokens: Some(count(&sent.tokens)).filter(|&tokens| tokens > 0),
            }),
        };
        Ok((report, texts))
    }

    /// A connection, and the dimensions of the vectors that come through it.
    fn connect(&self) -> Result<(Client, usize), StageError> {
        let Endpoint {
            address,
            model,
            prompt,
        } = self.endpoint;
        let key = Key::of(address, |name| std::env::var(name).ok())?;
        if key.is_some() && address.is_exposed() {
            self.progress.warn(&format!(
                "texts and key go to {} without encryption (http)",
                address.host
            ));
        }
        let client = Client::new(
            address,
            key,
            (model, prompt.as_deref()),
            (
                Duration::from_secs(self.local.request_timeout),
                self.local.concurrency,
            ),
        );
        let d = Sender::probe(&client, self.local, self.seed)?;
        cache_files::write(KIND, &self.endpoint.identity(), d.to_string().as_bytes());
        Ok((client, d))
    }

    /// The texts, with the vectors in the cache.
    fn look_up(&self, d: usize) -> Result<Texts<'a>, StageError> {
        let scaled = self.options.normalize == Some(true);
        let identity = format!("{} scaled {scaled}", self.endpoint.identity());
        let open = |keys: &[cache::Key]| {
            let size = (d, self.local.cache_limit);
            let cache = open_cache(&identity, size, keys, self.progress)?;
            models::describe_vectors(&cache.path(), &self.endpoint.model, "endpoint");
            Some(cache)
        };
        let open = (!self.local.no_cache).then_some(open);
        let prepare = self.preparation();
        let place = (self.directory, self.options.overflow());
        let texts = Texts::look_up(self.documents, &prepare, d, open, place)?;
        texts.note_cached(self.progress);
        Ok(texts)
    }

    /// Sends the missing texts. Returns their number, and what was sent.
    fn send(
        &self,
        client: &Client,
        d: usize,
        texts: &mut Texts<'a>,
    ) -> Result<(usize, Counters), StageError> {
        let address = &self.endpoint.address;
        self.progress.note(&format!(
            "{} texts go to {} ({}), where {} gives {d} dimensions",
            thousands(texts.missing.len()),
            address.host,
            address.protocol,
            self.endpoint.model
        ));
        let sender = Sender {
            client,
            local: self.local,
            seed: self.seed,
            d,
            normalize: self.options.normalize == Some(true),
            truncate: self.options.overflow() == Overflow::Truncate,
            sent: Counters::default(),
        };
        let prepare = self.preparation();
        let sent = texts.embed_by(self.progress, false, |ids, text, take| {
            sender.run(ids, &|id| prepare.apply(text(id)), take)
        });
        let embedded = sent.map_err(|error| texts.at_row(error))?;
        Ok((embedded, sender.sent))
    }

    /// Refuses texts that the server truncated in an earlier run, with `--overflow error`.
    fn check_overflow(&self, texts: &Texts<'_>) -> Result<(), Error> {
        match texts.longer().next() {
            Some((row, _)) if self.options.overflow() == Overflow::Error => {
                let host = &self.endpoint.address.host;
                Err(sender::too_long(host, row, self.documents.text(row)))
            }
            _ => Ok(()),
        }
    }

    fn preparation(&self) -> Preparation {
        Preparation::with_prefix(self.options.prefix.as_deref().unwrap_or_default())
    }

    fn check_dimensions(&self, d: usize) -> Result<(), StageError> {
        match self.options.dimensions {
            Some(asked) if asked > d => Err(StageError::Dimensions {
                asked,
                model: self.endpoint.model.clone(),
                most: d,
            }),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Display for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} texts with {} characters went to {} in {} requests",
            thousands(self.texts as usize),
            thousands(self.characters as usize),
            self.host,
            thousands(self.requests as usize)
        )?;
        if self.retries > 0 {
            write!(f, ", {} of them repeated", thousands(self.retries as usize))?;
        }
        if let Some(tokens) = self.tokens {
            write!(f, " ({} tokens)", thousands(tokens as usize))?;
        }
        Ok(())
    }
}
