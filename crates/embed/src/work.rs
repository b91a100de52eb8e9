//! Embeds all texts: each distinct text once, from the cache or by the model.
//!
//! The vectors are kept in a temporary file and written to the embeddings in the order of the rows at the end, so that
//! memory does not grow with n x d.
//!
//! ONNX Runtime: one thread tokenizes a window of texts while the model runs the previous window; a window is split into
//! batches (`batches`), which the workers, one per session, take in turn. Each finished batch is written to the file and the
//! cache, so a killed run loses only the batches in progress. Results do not depend on the order or on other texts.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};

use artifacts::{Documents, Embeddings, Footer};
use rayon::prelude::*;
use stage::Progress;

use crate::batches::{batches, distinct};
use crate::cache::{Key, VectorCache, key};
use crate::dense;
use crate::encoder::{Batch, Interface, SessionPool};
use crate::error::Error;
use crate::memory::{LONG, Lengths};
use crate::tokenizer::{Loss, Preparation, TextTokenizer};
use crate::vectors::TemporaryVectors;

/// Texts that are tokenized and sorted by length together.
const WINDOW: usize = 8192;

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
    /// Those that a server truncated. What local models truncate is counted before.
    pub(crate) truncated: Vec<u32>,
}

/// Gives the text of an id.
pub(crate) type TextOf<'t, 'a> = &'t (dyn Fn(u32) -> &'a str + Sync);
/// Takes a finished batch.
pub(crate) type Take<'t> = &'t mut dyn FnMut(Done) -> Result<(), Error>;

/// The distinct texts of a table, with their vectors as far as they are known. The id of a text is its number among them.
pub(crate) struct Texts<'a> {
    documents: &'a Documents,
    /// For each text its first row.
    first: Vec<u32>,
    /// For each row its text.
    of: Vec<u32>,
    /// For each text its key in the cache, if there is one.
    keys: Vec<Key>,
    cache: Option<VectorCache>,
    /// For each text what of it does not reach the model.
    losses: Vec<Loss>,
    vectors: TemporaryVectors,
    /// The texts without a vector.
    pub(crate) missing: Vec<u32>,
}

/// Counts of the texts of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Number of distinct texts.
    pub(crate) distinct: usize,
    /// Number of rows whose text was truncated.
    pub(crate) truncated: usize,
    /// Total number of tokens lost to truncation.
    pub(crate) tokens_lost: u64,
}

impl<'a> Texts<'a> {
    /// The texts of `documents`, with the vectors that `cache` has. `prepare` makes of a text the input of the tokenizer, and
    /// vectors of `d` dimensions are kept in a temporary file in `directory`.
    pub(crate) fn look_up(
        documents: &'a Documents,
        prepare: &Preparation,
        d: usize,
        cache: Option<VectorCache>,
        directory: &Path,
    ) -> Result<Self, Error> {
        let (first, of) = distinct((0..documents.len()).map(|row| documents.text(row)));
        let mut texts = Self {
            documents,
            keys: Vec::new(),
            losses: vec![Loss::default(); first.len()],
            vectors: TemporaryVectors::create(directory, d)?,
            missing: Vec::new(),
            first,
            of,
            cache,
        };
        let Some(mut cache) = texts.cache.take() else {
            texts.missing = (0..texts.first.len() as u32).collect();
            return Ok(texts);
        };
        texts.keys = (texts.first.par_iter())
            .map(|&row| key(&prepare.apply(documents.text(row as usize))))
            .collect();
        for (id, key) in texts.keys.iter().enumerate() {
            match cache.get(key) {
                Some(found) => {
                    texts.vectors.write(id as u32, &found.vector)?;
                    texts.losses[id] = Loss::from_bits(found.lost);
                }
                None => texts.missing.push(id as u32),
            }
        }
        texts.cache = Some(cache);
        Ok(texts)
    }

    /// The text `id`.
    pub(crate) fn text(&self, id: u32) -> &'a str {
        self.documents.text(self.first[id as usize] as usize)
    }

    /// The vectors of the texts `ids`, row-major.
    pub(crate) fn vectors(&self, ids: &[u32]) -> Result<Vec<f32>, Error> {
        let mut vectors = vec![0.0; ids.len() * self.vectors.dimensions()];
        self.vectors.read(ids, &mut vectors)?;
        Ok(vectors)
    }

    /// Tokenizes the missing texts, to count what of them is lost and to find the long ones, before any is embedded: nothing
    /// is embedded for a table that is refused. Lengths are kept only if the maximum length of the model is large.
    pub(crate) fn measure(&mut self, tokenizer: &TextTokenizer) -> Result<Lengths, Error> {
        let all_short = tokenizer.max_tokens() <= LONG;
        let mut lengths = if all_short {
            Lengths::all_short(tokenizer.max_tokens())
        } else {
            Lengths::default()
        };
        for ids in self.missing.chunks(WINDOW) {
            let texts: Vec<(usize, Loss)> = ids
                .par_iter()
                .map(|&id| {
                    let tokens = tokenizer.encode(self.text(id))?;
                    Ok((tokens.ids.len(), tokens.loss))
                })
                .collect::<Result<_, Error>>()?;
            for (&id, (tokens, loss)) in ids.iter().zip(texts) {
                self.losses[id as usize] = loss;
                if !all_short {
                    lengths.push(id, tokens);
                }
            }
        }
        Ok(lengths)
    }

    /// The rows whose text is mostly unknown to the model.
    pub(crate) fn unknown(&self) -> Vec<usize> {
        (self.of.iter().enumerate())
            .filter(|&(_, &id)| self.losses[id as usize].unknown)
            .map(|(row, _)| row)
            .collect()
    }

    /// Embeds the missing texts.
    pub(crate) fn embed(
        &mut self,
        runner: impl Runner,
        tokenizer: &TextTokenizer,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        self.embed_by(progress, |ids, text, take| {
            runner.run(ids, &text, tokenizer, take)
        })
    }

    /// Embeds the missing texts with `run`, which gets their ids, what gives a text, and what takes a finished batch.
    pub(crate) fn embed_by(
        &mut self,
        progress: &dyn Progress,
        run: impl FnOnce(&[u32], TextOf<'_, 'a>, Take<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let missing = std::mem::take(&mut self.missing);
        let (documents, first, losses) = (self.documents, &self.first, &mut self.losses);
        let text = |id: u32| documents.text(first[id as usize] as usize);
        progress.begin("embedding", Some(missing.len() as u64), "texts");
        let mut take = |done: Done| {
            for &id in &done.truncated {
                // How much, only the server knows.
                losses[id as usize].tokens = 1;
            }
            let vectors = done.vectors.chunks_exact(self.vectors.dimensions());
            for (&id, vector) in done.ids.iter().zip(vectors) {
                check(vector, first[id as usize] as usize)?;
                self.vectors.write(id, vector)?;
            }
            if let Some(cache) = &mut self.cache {
                let ids = done.ids.iter().map(|&id| id as usize);
                let (keys, lost): (Vec<Key>, Vec<u64>) =
                    ids.map(|id| (self.keys[id], losses[id].to_bits())).unzip();
                if let Err(fault) = cache.append(&keys, &lost, &done.vectors) {
                    progress.warn(&format!("{fault}; further vectors are not cached"));
                    self.cache = None;
                }
            }
            progress.advance(done.ids.len() as u64);
            Ok(())
        };
        run(&missing, &text, &mut take)?;
        progress.end();
        Ok(())
    }

    /// `error`, with the row of the table in the place of the text.
    pub(crate) fn at_row(&self, error: Error) -> Error {
        error.at_row(|id| self.first[id] as usize)
    }

    pub(crate) fn counts(&self) -> Counts {
        let lost = || self.of.iter().map(|&id| self.losses[id as usize].tokens);
        Counts {
            distinct: self.first.len(),
            truncated: lost().filter(|&tokens| tokens > 0).count(),
            tokens_lost: lost().sum(),
        }
    }

    /// Writes the vector of each row. With `cut`, only this many of the first dimensions, of length 1 again if it says so.
    pub(crate) fn write(
        &self,
        path: &Path,
        footer: &Footer,
        cut: Option<(usize, bool)>,
    ) -> Result<(), Error> {
        let d = self.vectors.dimensions();
        let (keep, unit_length) = cut.unwrap_or((d, false));
        Embeddings::write_by(path, footer, (self.of.len(), keep), |rows, values| {
            let rows = &self.of[rows];
            if keep == d {
                return self.vectors.read(rows, values);
            }
            let whole = self.vectors(rows)?;
            values.copy_from_slice(&dense::cut(whole, d, keep, unit_length));
            Ok(())
        })
    }
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
                                truncated: Vec::new(),
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
