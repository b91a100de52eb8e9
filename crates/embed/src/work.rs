//! Embeds all texts: each distinct text once, from the cache or by the model.
//!
//! The vectors are kept in a temporary file and written to the embeddings in the order of the rows at the end, so that
//! memory does not grow with n x d.
//!
//! Texts are tokenized once, before any is embedded: to count what of them is lost, and to refuse a table before the long work.
//!
//! ONNX Runtime: a window of texts is split into batches (`batches`), which the workers, one per session, take in turn. Each
//! finished batch is written to the file and the cache, so a killed run loses only the batches in progress. Results do not
//! depend on the order or on other texts.

use std::collections::VecDeque;
use std::path::Path;
use std::slice::Chunks;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use artifacts::{Documents, Embeddings, Footer};
use rayon::prelude::*;
use stage::Progress;

use crate::batches::{batches, distinct};
use crate::cache::{Cached, Key, VectorCache, key};
use crate::dense;
use crate::encoder::{Batch, SessionPool};
use crate::error::Error;
use crate::memory::{LONG, Lengths};
use crate::options::Overflow;
use crate::overflow::{LongTexts, mean_key};
use crate::tokenizer::{Loss, Preparation, TextTokenizer, Tokens};
use crate::vectors::{TemporaryTokens, TemporaryVectors};

/// Texts that are tokenized and sorted by length together.
const WINDOW: usize = 8192;

/// Time between two queries of what other processes have embedded.
const POLL: Duration = Duration::from_millis(200);

/// Runs a model.
pub(crate) trait Runner {
    /// Runs the model on the texts `ids`, which are in `tokens`; calls `take` on this thread with each finished batch.
    fn run(&mut self, ids: &[u32], tokens: &TemporaryTokens, take: Take<'_>) -> Result<(), Error>;
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
    /// Number of rows whose text is longer than the model takes.
    pub(crate) longer: usize,
    /// Total number of their tokens beyond that.
    pub(crate) beyond: u64,
}

impl<'a> Texts<'a> {
    /// The texts of `documents`, with the vectors in the cache, which `open_cache` opens for the keys of the texts. `prepare` makes
    /// of a text the input of the tokenizer, and vectors of `d` dimensions are kept in a temporary file in `directory`.
    pub(crate) fn look_up(
        documents: &'a Documents,
        prepare: &Preparation,
        d: usize,
        open_cache: Option<impl FnOnce(&[Key]) -> Option<VectorCache>>,
        (directory, overflow): (&Path, Overflow),
    ) -> Result<Self, Error> {
        let in_chunks = overflow == Overflow::ChunkMean;
        let (first, of) = distinct((0..documents.len()).map(|row| documents.text(row)));
        let mut texts = Self {
            documents,
            keys: Vec::new(),
            losses: vec![Loss::default(); first.len()],
            vectors: TemporaryVectors::create(directory, d)?,
            missing: Vec::new(),
            first,
            of,
            cache: None,
        };
        let cache = open_cache.and_then(|open_cache| {
            texts.keys = (texts.first.par_iter())
                .map(|&row| key(&prepare.apply(documents.text(row as usize))))
                .collect();
            if in_chunks {
                let means = texts.keys.iter().map(mean_key);
                let all: Vec<Key> = texts.keys.iter().copied().chain(means).collect();
                return open_cache(&all);
            }
            open_cache(&texts.keys)
        });
        let Some(mut cache) = cache else {
            texts.missing = (0..texts.first.len() as u32).collect();
            return Ok(texts);
        };
        for (id, key) in texts.keys.iter_mut().enumerate() {
            let mut found = cache.get(key);
            // The vectors of short texts are the same, however long ones are treated.
            let is_long = |found: &Cached| Loss::from_bits(found.lost).tokens > 0;
            if in_chunks && found.as_ref().is_none_or(is_long) {
                let of_mean = mean_key(key);
                found = cache.get(&of_mean);
                if found.is_some() {
                    *key = of_mean;
                }
            }
            match found {
                Some(found) => {
                    texts.vectors.write(id as u32, &found.vector)?;
                    texts.losses[id] = Loss::from_bits(found.lost);
                }
                None => texts.missing.push(id as u32),
            }
        }
        cache.touch();
        texts.cache = Some(cache);
        Ok(texts)
    }

    /// The text `id`.
    fn text(&self, id: u32) -> &'a str {
        self.documents.text(self.first[id as usize] as usize)
    }

    /// Tokenizes the missing texts into a temporary file in `directory`, counts what of them is lost and finds the long ones.
    /// Lengths are kept only if the maximum length of the model is large. The long ones are added to `long` in chunks, if they are to be
    /// embedded so.
    pub(crate) fn tokenize(
        &mut self,
        tokenizer: &TextTokenizer,
        directory: &Path,
        mut long: Option<&mut LongTexts>,
    ) -> Result<(TemporaryTokens, Lengths), Error> {
        let all_short = tokenizer.max_tokens() <= LONG;
        let mut lengths = if all_short {
            Lengths::all_short(tokenizer.max_tokens())
        } else {
            Lengths::default()
        };
        let mut file = TemporaryTokens::create(directory)?;
        for ids in self.missing.chunks(WINDOW) {
            let texts: Vec<Tokens> = ids
                .par_iter()
                .map(|&id| tokenizer.encode(self.text(id)))
                .collect::<Result<_, Error>>()?;
            for (&id, tokens) in ids.iter().zip(&texts) {
                if tokens.ids.is_empty() {
                    return Err(Error::NoTokens { row: id as usize });
                }
                self.losses[id as usize] = tokens.loss;
                if let Some(long) = &mut long
                    && tokens.loss.tokens > 0
                {
                    long.add(id, &tokenizer.encode_chunks(self.text(id))?)?;
                    if let Some(key) = self.keys.get_mut(id as usize) {
                        *key = mean_key(key);
                    }
                }
                if !all_short {
                    lengths.push(id, tokens.ids.len());
                }
            }
            file.append(
                ids.iter()
                    .zip(&texts)
                    .map(|(&id, tokens)| (id, &tokens.ids[..])),
            )?;
        }
        Ok((file, lengths))
    }

    /// Notes how many texts have a vector in the cache, if any.
    pub(crate) fn note_cached(&self, progress: &dyn Progress) {
        let distinct = self.first.len();
        let cached = distinct - self.missing.len();
        if cached > 0 {
            progress.note(&format!("{cached} of {distinct} texts are in the cache"));
        }
    }

    /// The rows whose text is longer than the model takes, each with its number of tokens beyond that.
    pub(crate) fn longer(&self) -> impl Iterator<Item = (usize, u64)> {
        let rows = self.of.iter().enumerate();
        rows.filter_map(|(row, &id)| match self.losses[id as usize].tokens {
            0 => None,
            beyond => Some((row, beyond)),
        })
    }

    /// The rows whose text is mostly unknown to the model.
    pub(crate) fn unknown(&self) -> Vec<usize> {
        (self.of.iter().enumerate())
            .filter(|&(_, &id)| self.losses[id as usize].unknown)
            .map(|(row, _)| row)
            .collect()
    }

    /// Embeds the missing texts, except for those that other processes are embedding, whose vectors it waits for. `run` gets the
    /// ids of texts, what gives a text, and what takes a finished batch; vectors are checked, and `may_be_zero` says whether one may
    /// be 0. Returns the number of texts that it embedded.
    pub(crate) fn embed_by(
        &mut self,
        progress: &dyn Progress,
        may_be_zero: bool,
        mut run: impl FnMut(&[u32], TextOf<'_, 'a>, Take<'_>) -> Result<(), Error>,
    ) -> Result<usize, Error> {
        let (mut embedded, mut waits) = (0, false);
        progress.begin("embedding", Some(self.missing.len() as u64), "texts");
        while !self.missing.is_empty() {
            let mine = self.claim(progress)?;
            embedded += mine.len();
            if !mine.is_empty() {
                self.run(&mine, may_be_zero, &mut run, progress)?;
            } else if !self.missing.is_empty() {
                if !waits {
                    waits = true;
                    progress.note(&format!(
                        "waiting for another process, which embeds {} of the texts",
                        self.missing.len()
                    ));
                }
                std::thread::sleep(POLL);
            }
        }
        progress.end();
        Ok(embedded)
    }

    /// Takes from the missing texts those that are cached by now, and those that this process is to embed, which it returns.
    fn claim(&mut self, progress: &dyn Progress) -> Result<Vec<u32>, Error> {
        let Some(cache) = &mut self.cache else {
            return Ok(std::mem::take(&mut self.missing));
        };
        let keys: Vec<Key> = (self.missing.iter())
            .map(|&id| self.keys[id as usize])
            .collect();
        let claimed = match cache.claim(&keys) {
            Ok(claimed) => claimed,
            Err(fault) => {
                give_up_cache(&mut self.cache, &fault, progress);
                return Ok(std::mem::take(&mut self.missing));
            }
        };
        let id = |&at: &usize| self.missing[at];
        let mine = claimed.mine.iter().map(id).collect();
        let mut missing: Vec<u32> = claimed.theirs.iter().map(id).collect();
        for &at in &claimed.cached {
            let id = self.missing[at];
            match cache.get(&keys[at]) {
                Some(found) => {
                    self.vectors.write(id, &found.vector)?;
                    self.losses[id as usize] = Loss::from_bits(found.lost);
                    progress.advance(1);
                }
                None => missing.push(id),
            }
        }
        self.missing = missing;
        Ok(mine)
    }

    /// Embeds the texts `ids`, which this process has claimed.
    fn run(
        &mut self,
        ids: &[u32],
        may_be_zero: bool,
        run: &mut impl FnMut(&[u32], TextOf<'_, 'a>, Take<'_>) -> Result<(), Error>,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let (documents, first) = (self.documents, &self.first);
        let text = |id: u32| documents.text(first[id as usize] as usize);
        let mut take = |done: Done| {
            for &id in &done.truncated {
                // How much, only the server knows.
                self.losses[id as usize].tokens = 1;
            }
            let vectors = done.vectors.chunks_exact(self.vectors.dimensions());
            for (&id, vector) in done.ids.iter().zip(vectors) {
                check(vector, first[id as usize] as usize, may_be_zero)?;
                self.vectors.write(id, vector)?;
            }
            if let Some(cache) = &mut self.cache {
                let ids = done.ids.iter().map(|&id| id as usize);
                let (keys, lost): (Vec<Key>, Vec<u64>) = ids
                    .map(|id| (self.keys[id], self.losses[id].to_bits()))
                    .unzip();
                if let Err(fault) = cache.append(&keys, &lost, &done.vectors) {
                    give_up_cache(&mut self.cache, &fault, progress);
                }
            }
            progress.advance(done.ids.len() as u64);
            Ok(())
        };
        run(ids, &text, &mut take)?;
        if let Some(cache) = &mut self.cache {
            cache.release();
        }
        Ok(())
    }

    /// Ends the use of the cache.
    pub(crate) fn finish_cache(&mut self) {
        if let Some(cache) = self.cache.take() {
            cache.finish();
        }
    }

    /// `error`, with the row of the table in the place of the text.
    pub(crate) fn at_row(&self, error: Error) -> Error {
        error.at_row(|id| self.first[id] as usize)
    }

    pub(crate) fn counts(&self) -> Counts {
        let lost = || self.of.iter().map(|&id| self.losses[id as usize].tokens);
        Counts {
            distinct: self.first.len(),
            longer: lost().filter(|&tokens| tokens > 0).count(),
            beyond: lost().sum(),
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
            let mut whole = vec![0.0; rows.len() * d];
            self.vectors.read(rows, &mut whole)?;
            values.copy_from_slice(&dense::cut(whole, d, keep, unit_length));
            Ok(())
        })
    }
}

/// Goes on without the cache, so that other processes embed what this one claimed.
fn give_up_cache(cache: &mut Option<VectorCache>, fault: &str, progress: &dyn Progress) {
    progress.warn(&format!("{fault}; further vectors are not cached"));
    *cache = None;
}

impl Runner for SessionPool {
    fn run(&mut self, ids: &[u32], tokens: &TemporaryTokens, take: Take<'_>) -> Result<(), Error> {
        let (interface, budget) = (&self.interface, self.budget);
        let stop = &AtomicBool::new(false);
        let queue = &Mutex::new(BatchQueue {
            window: VecDeque::new(),
            later: ids.chunks(WINDOW),
        });
        let read = &|window: &[u32]| {
            let texts = window.iter().map(|&id| Ok((id, tokens.read(id)?)));
            let texts = texts.collect::<Result<Vec<_>, Error>>()?;
            Ok(batches(texts, budget, interface.alone).into())
        };
        let (results, done) = mpsc::channel();
        std::thread::scope(|scope| {
            for session in &mut self.sessions {
                let results = results.clone();
                scope.spawn(move || {
                    let mut longest = LONG;
                    while let Some(item) = next(queue, read, stop) {
                        let answer = item.and_then(|batch| {
                            if batch.tokens > longest {
                                interface.empty_arena(session)?;
                                longest = batch.tokens;
                            }
                            let vectors = interface.run(session, &batch)?;
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
                    outcome = answer.and_then(&mut *take);
                }
                if outcome.is_err() {
                    stop.store(true, Ordering::Relaxed);
                }
            }
            outcome
        })
    }
}

/// The batches of a window of texts, and the windows after it.
struct BatchQueue<'a> {
    window: VecDeque<Batch>,
    later: Chunks<'a, u32>,
}

/// The next batch, or the error of `read`, which makes batches of a window; `None` at the end.
fn next(
    queue: &Mutex<BatchQueue<'_>>,
    read: &impl Fn(&[u32]) -> Result<VecDeque<Batch>, Error>,
    stop: &AtomicBool,
) -> Option<Result<Batch, Error>> {
    if stop.load(Ordering::Relaxed) {
        return None;
    }
    let mut queue = queue.lock().expect("no thread panics with the lock");
    loop {
        if let Some(batch) = queue.window.pop_front() {
            return Some(Ok(batch));
        }
        match read(queue.later.next()?) {
            Ok(window) => queue.window = window,
            Err(error) => return Some(Err(error)),
        }
    }
}

/// Checks that a vector is finite, and not zero unless it may be.
fn check(vector: &[f32], row: usize, may_be_zero: bool) -> Result<(), Error> {
    if vector.iter().any(|value| !value.is_finite()) {
        return Err(Error::BadVector {
            row,
            fault: "not finite",
        });
    }
    if !may_be_zero && vector.iter().all(|&value| value == 0.0) {
        return Err(Error::BadVector { row, fault: "zero" });
    }
    Ok(())
}
