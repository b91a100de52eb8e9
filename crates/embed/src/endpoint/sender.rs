//! Sends all texts: several requests at a time, each repeated while its failure may pass, and split to find a text that fails.
//!
//! Each vector depends on its text alone as far as the server keeps to that; which texts share a request, and which requests are
//! repeated, changes nothing else. A finished request is taken at once, so that an interrupted run loses only the requests on
//! their way.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender as Channel, channel};

use stage::Seed;

use super::client::{Again, Client, Trouble, beginning};
use super::error::{Error, Fault};
use super::limits::{Gate, back_off, wait};
use crate::error::Error as StageError;
use crate::options::Local;
use crate::work::Done;

/// Characters of a text in an error.
const BEGINNING: usize = 60;
/// Repetitions of a part of a request that failed as a whole: it is known that the server works.
const RETRIES_OF_PARTS: u32 = 1;

/// Sends texts to an endpoint.
pub(super) struct Sender<'a> {
    pub(super) client: &'a Client,
    pub(super) local: &'a Local,
    pub(super) seed: Seed,
    /// Dimensions of a vector.
    pub(super) d: usize,
    /// Whether to scale the vectors to length 1.
    pub(super) normalize: bool,
    /// Whether text-embeddings-inference may truncate texts that are too long.
    pub(super) truncate: bool,
    pub(super) sent: Counters,
}

/// What was sent.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) texts: AtomicU64,
    pub(super) characters: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) retries: AtomicU64,
    /// Tokens that the server counted.
    pub(super) tokens: AtomicU64,
}

/// The end of a worker: an error, or the order to stop.
type Outcome = Result<(), Option<Fault>>;

/// What the workers share.
struct Shared<'a> {
    text: &'a (dyn Fn(u32) -> String + Sync),
    gate: Gate,
    stop: AtomicBool,
}

impl Sender<'_> {
    /// Sends the texts `ids`, and calls `take` on this thread with the vectors of each finished request.
    pub(super) fn run(
        &self,
        ids: &[u32],
        text: &(dyn Fn(u32) -> String + Sync),
        take: &mut dyn FnMut(Done) -> Result<(), StageError>,
    ) -> Result<(), StageError> {
        let batches = Mutex::new(self.batches(ids, text));
        let shared = Shared {
            text,
            gate: Gate::new(),
            stop: AtomicBool::new(false),
        };
        std::thread::scope(|scope| {
            let (results, finished) = channel();
            for _ in 0..self.local.concurrency {
                let results = results.clone();
                let (batches, shared) = (&batches, &shared);
                scope.spawn(move || {
                    let next = || {
                        batches
                            .lock()
                            .expect("no thread panics with the lock")
                            .pop_front()
                    };
                    while let Some(ids) = next() {
                        if let Err(fault) = self.send(&ids, self.local.retries, shared, &results) {
                            // Results of requests on their way are still taken.
                            shared.stop.store(true, Ordering::Relaxed);
                            if let Some(fault) = fault {
                                let _ = results.send(Err(fault));
                            }
                            return;
                        }
                    }
                });
            }
            drop(results);
            let mut outcome = Ok(());
            for result in finished {
                let taken = match result {
                    Ok(done) => take(done),
                    Err(fault) => Err(self.at(fault).into()),
                };
                if let Err(error) = taken {
                    shared.stop.store(true, Ordering::Relaxed);
                    if outcome.is_ok() {
                        outcome = Err(error);
                    }
                }
            }
            outcome
        })
    }

    /// Sends one text of no importance; returns the dimensions of its vector.
    pub(super) fn probe(client: &Client, local: &Local, seed: Seed) -> Result<usize, Error> {
        let sender = Sender {
            client,
            local,
            seed,
            d: 0,
            normalize: false,
            truncate: false,
            sent: Counters::default(),
        };
        let shared = Shared {
            text: &|_| PROBE.to_owned(),
            gate: Gate::new(),
            stop: AtomicBool::new(false),
        };
        let texts = [PROBE.to_owned()];
        let answer = match sender.request(&[0], &texts, (local.retries, false), &shared) {
            Ok(answer) => answer,
            Err(End::Refused {
                status, message, ..
            }) => return Err(sender.at(Fault::Status { status, message })),
            Err(End::Failed(again, attempts)) => return Err(sender.at(failed(again, attempts))),
            Err(End::Fatal(fault)) => return Err(sender.at(fault)),
            Err(End::Stopped) => unreachable!("nothing stops it"),
        };
        match answer[0].len() {
            0 => Err(sender.at(Fault::Garbled {
                message: "a vector has no dimensions".to_owned(),
            })),
            d => Ok(d),
        }
    }

    /// Batches of at most `--batch-texts` texts with at most `--batch-characters` characters, but at least one text.
    fn batches(&self, ids: &[u32], text: &(dyn Fn(u32) -> String + Sync)) -> VecDeque<Vec<u32>> {
        let mut batches: VecDeque<Vec<u32>> = VecDeque::new();
        let mut characters = 0;
        for &id in ids {
            let length = text(id).chars().count();
            let full = |batch: &Vec<u32>| {
                batch.len() >= self.local.batch_texts
                    || characters + length > self.local.batch_characters
            };
            match batches.back_mut() {
                Some(batch) if !full(batch) => batch.push(id),
                _ => {
                    batches.push_back(vec![id]);
                    characters = 0;
                }
            }
            characters += length;
        }
        batches
    }

    /// Sends the texts `ids`, with at most `retries` repetitions, and passes their vectors on. If they are refused or fail
    /// together, each half is sent alone, so that only the text at fault is left.
    fn send(
        &self,
        ids: &[u32],
        retries: u32,
        shared: &Shared<'_>,
        results: &Channel<Result<Done, Fault>>,
    ) -> Outcome {
        let texts: Vec<String> = ids.iter().map(|&id| (shared.text)(id)).collect();
        let (id, text) = (ids[0] as usize, &texts[0]);
        let of_text = |message: String| at_text(id, text, message);
        let halves = |retries| {
            let (one, other) = ids.split_at(ids.len() / 2);
            self.send(one, retries, shared, results)?;
            self.send(other, retries, shared, results)
        };
        let mut truncated = Vec::new();
        let answer = match self.request(ids, &texts, (retries, false), shared) {
            Err(End::Refused { too_long, .. }) if ids.len() == 1 && too_long && self.truncate => {
                truncated.push(ids[0]);
                self.request(ids, &texts, (retries, true), shared)
            }
            answer => answer,
        };
        let vectors = match answer {
            Ok(vectors) => vectors,
            Err(End::Refused { .. }) if ids.len() > 1 => return halves(retries),
            Err(End::Refused {
                status, message, ..
            }) => {
                return Err(Some(of_text(format!(
                    "the server refuses it ({status}): {message}"
                ))));
            }
            Err(End::Failed(again, _)) if ids.len() > 1 && again.may_be_a_text() => {
                return halves(RETRIES_OF_PARTS.min(retries));
            }
            Err(End::Failed(again, attempts)) if again.may_be_a_text() => {
                return Err(Some(of_text(failed(again, attempts).to_string())));
            }
            Err(End::Failed(again, attempts)) => return Err(Some(failed(again, attempts))),
            Err(End::Fatal(fault)) => return Err(Some(fault)),
            Err(End::Stopped) => return Err(None),
        };
        for (&id, vector) in ids.iter().zip(&vectors) {
            if vector.len() != self.d {
                return Err(Some(Fault::Dimensions {
                    row: id as usize,
                    found: vector.len(),
                    expected: self.d,
                }));
            }
        }
        let mut vectors = vectors.concat();
        if self.normalize {
            vectors
                .chunks_exact_mut(self.d)
                .for_each(text_encoder::normalize);
        }
        self.sent
            .texts
            .fetch_add(ids.len() as u64, Ordering::Relaxed);
        let characters: usize = texts.iter().map(|text| text.chars().count()).sum();
        self.sent
            .characters
            .fetch_add(characters as u64, Ordering::Relaxed);
        let done = Done {
            ids: ids.to_vec(),
            vectors,
            truncated,
        };
        results.send(Ok(done)).map_err(|_| None)
    }

    /// One request, repeated at most `retries` times while its failure may pass.
    fn request(
        &self,
        ids: &[u32],
        texts: &[String],
        (retries, truncate): (u32, bool),
        shared: &Shared<'_>,
    ) -> Result<Vec<Vec<f32>>, End> {
        let mut jitter = self.seed.stream("retry", u64::from(ids[0]));
        let mut attempt = 1;
        loop {
            if !shared.gate.wait(&shared.stop) {
                return Err(End::Stopped);
            }
            self.sent.requests.fetch_add(1, Ordering::Relaxed);
            let again = match self.client.request(texts, truncate) {
                Ok((answer, pause)) => {
                    if let Some(pause) = pause {
                        shared
                            .gate
                            .close_for(pause.min(super::limits::LONGEST_ASKED));
                    }
                    let tokens = answer.tokens.unwrap_or(0);
                    self.sent.tokens.fetch_add(tokens, Ordering::Relaxed);
                    return Ok(answer.vectors);
                }
                Err(Trouble::Again(again)) => again,
                Err(Trouble::Refused {
                    status,
                    message,
                    too_long,
                }) => {
                    return Err(End::Refused {
                        status,
                        message,
                        too_long,
                    });
                }
                Err(Trouble::Fatal(fault)) => return Err(End::Fatal(fault)),
            };
            if attempt > retries {
                return Err(End::Failed(again, attempt));
            }
            self.sent.retries.fetch_add(1, Ordering::Relaxed);
            // What the server asks for holds for all requests.
            if let Some(after) = again.after {
                shared.gate.close_for(after);
            }
            if !wait(back_off(attempt, &mut jitter), &shared.stop) {
                return Err(End::Stopped);
            }
            attempt += 1;
        }
    }

    fn at(&self, fault: Fault) -> Error {
        Error::At {
            host: self.client.address.host.clone(),
            fault,
        }
    }
}

/// What is wrong with `text`.
fn at_text(row: usize, text: &str, message: String) -> Fault {
    Fault::Text {
        row,
        beginning: format!("{:?}", beginning(text, BEGINNING)),
        characters: text.chars().count(),
        message,
    }
}

/// The error about a text that `host` truncated.
pub(super) fn too_long(host: &str, row: usize, text: &str) -> Error {
    Error::At {
        host: host.to_owned(),
        fault: at_text(row, text, "it is longer than the model takes".to_owned()),
    }
}

/// The text that finds out the dimensions.
const PROBE: &str = "dimensions";

/// Why a request gave no vectors, after all repetitions.
enum End {
    /// It failed each time; with the number of attempts.
    Failed(Again, u32),
    Refused {
        status: u16,
        message: String,
        too_long: bool,
    },
    Fatal(Fault),
    /// Another request failed.
    Stopped,
}

/// The fault of a request that failed each time.
fn failed(again: Again, attempts: u32) -> Fault {
    let message = again.message;
    match again.status {
        None => Fault::Unreachable { message, attempts },
        Some(200..=299) => Fault::Garbled { message },
        Some(status) => Fault::Failing {
            status,
            message,
            attempts,
        },
    }
}
