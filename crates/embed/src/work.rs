//! Embeds all texts: each distinct text once, from the cache or by the model.
//!
//! One thread tokenizes a window of texts while the model runs the previous window; a window is split into batches
//! (`batches`), which the workers, one per session, take in turn. Each finished batch is written to the matrix and the cache,
//! so a killed run loses only the batches in progress. Results do not depend on the order or on other texts.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};

use rayon::prelude::*;
use stage::Progress;

use crate::batches::{batches, distinct};
use crate::cache::{Key, VectorCache, key};
use crate::encoder::{Batch, Interface, SessionPool};
use crate::error::Error;
use crate::memory::{LONG, Lengths};
use crate::tokenizer::{Loss, TextTokenizer};

/// Texts that are tokenized and sorted by length together.
pub(crate) const WINDOW: usize = 8192;

/// The result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Vectors {
    /// Number of dimensions.
    pub(crate) d: usize,
    /// The vectors, row-major.
    pub(crate) values: Vec<f32>,
    /// Number of distinct texts embedded by the model.
    pub(crate) embedded: usize,
    /// Number of distinct texts with vectors from the cache.
    pub(crate) cached: usize,
    /// Number of rows with the text of an earlier row.
    pub(crate) repeated: usize,
    /// Number of rows whose text was truncated.
    pub(crate) truncated: usize,
    /// Total number of tokens lost to truncation.
    pub(crate) tokens_lost: u64,
    /// Number of rows whose text is mostly unknown to the model.
    pub(crate) unknown: usize,
}

/// Runs a model.
pub(crate) trait Runner {
    /// Runs the model on the texts `ids`; calls `take` on this thread with each finished batch.
    fn run<'a>(
        self,
        ids: &[u32],
        text: &(impl Fn(u32) -> &'a str + Sync),
        tokenizer: &TextTokenizer,
        take: impl FnMut(Done) -> Result<(), Error>,
    ) -> Result<(), Error>;
}

/// A finished batch.
pub(crate) struct Done {
    /// The ids of the texts.
    pub(crate) ids: Vec<u32>,
    /// Their vectors, row-major.
    pub(crate) vectors: Vec<f32>,
}

/// The vector of every text, in order, with `d` dimensions. Before any is embedded, `start` gets the lengths of the texts that
/// are not in the cache, and all rows whose text is mostly unknown to the model; it returns the model, ready to run.
pub(crate) fn embed<'a, R: Runner>(
    texts: &(impl Fn(usize) -> &'a str + Sync),
    n: usize,
    tokenizer: &TextTokenizer,
    d: usize,
    mut cache: Option<VectorCache>,
    start: impl FnOnce(&Lengths, &[usize]) -> Result<R, Error>,
    progress: &dyn Progress,
) -> Result<Vectors, Error> {
    let (first, of) = distinct((0..n).map(texts));
    let mut values = vec![0.0; n * d];
    let mut losses = vec![Loss::default(); first.len()];
    let mut cached = 0;
    let mut missing = Vec::new();
    let keys: Vec<Key> = match &cache {
        Some(_) => first
            .par_iter()
            .map(|&row| key(&tokenizer.given(texts(row as usize))))
            .collect(),
        None => Vec::new(),
    };
    for (id, &row) in first.iter().enumerate() {
        match cache.as_mut().and_then(|cache| cache.get(&keys[id])) {
            Some(found) => {
                values[row as usize * d..][..d].copy_from_slice(&found.vector);
                losses[id] = Loss::from_bits(found.lost);
                cached += 1;
            }
            None => missing.push(id as u32),
        }
    }
    if cached > 0 {
        progress.note(&format!(
            "{cached} of {} texts are in the cache",
            first.len()
        ));
    }
    let text = |id: u32| texts(first[id as usize] as usize);
    let at_row = |error: Error| error.at_row(|id| first[id] as usize);
    let lengths = measure(&missing, &text, tokenizer, &mut losses).map_err(at_row)?;
    let unknown: Vec<usize> = (of.iter().enumerate())
        .filter(|&(_, &id)| losses[id as usize].unknown)
        .map(|(row, _)| row)
        .collect();
    let runner = start(&lengths, &unknown).map_err(at_row)?;
    progress.begin("embedding", Some(missing.len() as u64), "texts");
    let take = |done: Done| {
        for (&id, vector) in done.ids.iter().zip(done.vectors.chunks_exact(d)) {
            let row = first[id as usize] as usize;
            check(vector, row)?;
            values[row * d..][..d].copy_from_slice(vector);
        }
        if let Some(store) = &mut cache {
            let ids = done.ids.iter().map(|&id| id as usize);
            let (keys, lost): (Vec<Key>, Vec<u64>) =
                ids.map(|id| (keys[id], losses[id].to_bits())).unzip();
            if let Err(fault) = store.append(&keys, &lost, &done.vectors) {
                progress.warn(&format!("{fault}; further vectors are not cached"));
                cache = None;
            }
        }
        progress.advance(done.ids.len() as u64);
        Ok(())
    };
    runner
        .run(&missing, &text, tokenizer, take)
        .map_err(at_row)?;
    progress.end();
    let mut vectors = Vectors {
        d,
        values,
        embedded: missing.len(),
        cached,
        repeated: n - first.len(),
        truncated: 0,
        tokens_lost: 0,
        unknown: unknown.len(),
    };
    for (row, &id) in of.iter().enumerate() {
        let from = first[id as usize] as usize;
        if from != row {
            vectors
                .values
                .copy_within(from * d..(from + 1) * d, row * d);
        }
        let lost = losses[id as usize].tokens;
        vectors.truncated += usize::from(lost > 0);
        vectors.tokens_lost += lost;
    }
    Ok(vectors)
}

/// The lengths of the texts `ids`, and what is lost of them, into `losses`. Tokenizing twice costs 1 % of embedding, and
/// nothing is embedded for a table that is refused. Lengths are kept only if the maximum length of the model is large.
fn measure<'a>(
    ids: &[u32],
    text: &(impl Fn(u32) -> &'a str + Sync),
    tokenizer: &TextTokenizer,
    losses: &mut [Loss],
) -> Result<Lengths, Error> {
    let all_short = tokenizer.max_tokens() <= LONG;
    let mut lengths = if all_short {
        Lengths::all_short(tokenizer.max_tokens())
    } else {
        Lengths::default()
    };
    for ids in ids.chunks(WINDOW) {
        let texts: Vec<(usize, Loss)> = ids
            .par_iter()
            .map(|&id| {
                let tokens = tokenizer.encode(text(id))?;
                Ok((tokens.ids.len(), tokens.loss))
            })
            .collect::<Result<_, Error>>()?;
        for (&id, (tokens, loss)) in ids.iter().zip(texts) {
            losses[id as usize] = loss;
            if !all_short {
                lengths.push(id, tokens);
            }
        }
    }
    Ok(lengths)
}

impl Runner for SessionPool {
    fn run<'a>(
        self,
        ids: &[u32],
        text: &(impl Fn(u32) -> &'a str + Sync),
        tokenizer: &TextTokenizer,
        mut take: impl FnMut(Done) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let SessionPool {
            sessions,
            interface,
            budget,
        } = self;
        let stop = AtomicBool::new(false);
        let (windows, waiting) = mpsc::sync_channel(1);
        let queue = Mutex::new(BatchQueue {
            window: VecDeque::new(),
            waiting,
        });
        let (results, done) = mpsc::channel();
        std::thread::scope(|scope| {
            let (stop, queue, interface) = (&stop, &queue, &interface);
            scope.spawn(move || tokenize(ids, text, tokenizer, interface, budget, &windows, stop));
            for mut session in sessions {
                let results = results.clone();
                scope.spawn(move || {
                    let mut longest = LONG;
                    while let Some(item) = next(queue, stop) {
                        let answer = item.and_then(|batch| {
                            if batch.tokens > longest {
                                interface.empty_arena(&mut session)?;
                                longest = batch.tokens;
                            }
                            let vectors = interface.run(&mut session, &batch)?;
                            Ok(Done {
                                ids: batch.rows,
                                vectors,
                            })
                        });
                        if results.send(answer).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(results);
            let mut outcome = Ok(());
            for answer in done {
                if outcome.is_ok() {
                    outcome = answer.and_then(&mut take);
                }
                if outcome.is_err() {
                    stop.store(true, Ordering::Relaxed);
                }
            }
            outcome
        })
    }
}

struct BatchQueue {
    window: VecDeque<Batch>,
    waiting: Receiver<Result<VecDeque<Batch>, Error>>,
}

/// The next batch, or the error of the tokenizer; `None` at the end.
fn next(queue: &Mutex<BatchQueue>, stop: &AtomicBool) -> Option<Result<Batch, Error>> {
    let mut queue = queue.lock().expect("no thread panics with the lock");
    loop {
        if stop.load(Ordering::Relaxed) {
            // Wakes the tokenizer if it waits for room.
            while queue.waiting.recv().is_ok() {}
            return None;
        }
        if let Some(batch) = queue.window.pop_front() {
            return Some(Ok(batch));
        }
        match queue.waiting.recv() {
            Ok(Ok(window)) => queue.window = window,
            Ok(Err(error)) => return Some(Err(error)),
            Err(_) => return None,
        }
    }
}

/// Tokenizes windows ahead of the model.
fn tokenize<'a>(
    ids: &[u32],
    text: &(impl Fn(u32) -> &'a str + Sync),
    tokenizer: &TextTokenizer,
    interface: &Interface,
    budget: usize,
    windows: &SyncSender<Result<VecDeque<Batch>, Error>>,
    stop: &AtomicBool,
) {
    for ids in ids.chunks(WINDOW) {
        let tokens = ids
            .par_iter()
            .map(|&id| {
                let tokens = tokenizer.encode(text(id))?;
                if tokens.ids.is_empty() {
                    return Err(Error::NoTokens { row: id as usize });
                }
                Ok((id, tokens))
            })
            .collect::<Result<Vec<_>, Error>>();
        let window = tokens.map(|tokens| batches(tokens, budget, interface.alone).into());
        if stop.load(Ordering::Relaxed) || windows.send(window).is_err() {
            return;
        }
    }
}

/// Checks that a vector is finite and not zero.
fn check(vector: &[f32], row: usize) -> Result<(), Error> {
    if vector.iter().any(|value| !value.is_finite()) {
        return Err(Error::BadVector {
            row,
            fault: "not finite",
        });
    }
    if vector.iter().all(|&value| value == 0.0) {
        return Err(Error::BadVector { row, fault: "zero" });
    }
    Ok(())
}
