//! All texts to all vectors: each different text once, from the cache where it is there, else through the model.
//!
//! One thread tokenizes a window of texts while the model works on the window before; a window is cut into batches
//! (`batches`), which one worker a session takes in turn. Each finished batch goes into the matrix and into the cache,
//! so a run that dies has lost only the batches in work. No step's result depends on order or on the other texts.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};

use rayon::prelude::*;
use stage::Progress;

use crate::batches::{batches, distinct};
use crate::cache::{Key, VectorCache, key};
use crate::encoder::{Batch, Crew, Plan};
use crate::error::Error;
use crate::memory::{LONG, Lengths};
use crate::tokenizer::TextTokenizer;

/// Texts that are tokenized and sorted by length together.
const WINDOW: usize = 8192;

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Vectors {
    /// Dimensions.
    pub(crate) d: usize,
    /// Row-major.
    pub(crate) values: Vec<f32>,
    /// Different texts that went through the model.
    pub(crate) embedded: usize,
    /// Different texts whose vectors were in the cache.
    pub(crate) cached: usize,
    /// Rows that repeat the text of an earlier one.
    pub(crate) repeated: usize,
    /// Rows whose text was cut.
    pub(crate) truncated: usize,
    /// Tokens cut off, all rows together.
    pub(crate) tokens_lost: u64,
}

/// The vector of every text, in order, with `d` numbers each. `engage` is told how long the texts are that are not in
/// the cache, and gives the sessions to run them.
pub(crate) fn embed<'a>(
    texts: &(impl Fn(usize) -> &'a str + Sync),
    n: usize,
    tokenizer: &TextTokenizer,
    d: usize,
    mut cache: Option<VectorCache>,
    engage: impl FnOnce(&Lengths) -> Result<Crew, Error>,
    progress: &dyn Progress,
) -> Result<Vectors, Error> {
    let (first, of) = distinct((0..n).map(texts));
    let mut values = vec![0.0; n * d];
    let mut lost = vec![0; first.len()];
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
                lost[id] = found.lost;
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
    let crew = lengths(&missing, &text, tokenizer)
        .and_then(|lengths| engage(&lengths))
        .map_err(at_row)?;
    progress.begin("embedding", Some(missing.len() as u64), "texts");
    let take = |done: Done| {
        for ((&id, vector), &tokens) in done
            .batch
            .rows
            .iter()
            .zip(done.vectors.chunks_exact(d))
            .zip(&done.lost)
        {
            let row = first[id as usize] as usize;
            check(vector, row)?;
            values[row * d..][..d].copy_from_slice(vector);
            lost[id as usize] = tokens;
        }
        if let Some(store) = &mut cache {
            let keys: Vec<Key> = done
                .batch
                .rows
                .iter()
                .map(|&id| keys[id as usize])
                .collect();
            if let Err(fault) = store.append(&keys, &done.lost, &done.vectors) {
                progress.warn(&format!("{fault}; what comes from here on is not kept"));
                cache = None;
            }
        }
        progress.advance(done.batch.rows.len() as u64);
        Ok(())
    };
    run(&missing, &text, tokenizer, crew, take).map_err(at_row)?;
    progress.end();
    let mut vectors = Vectors {
        d,
        values,
        embedded: missing.len(),
        cached,
        repeated: n - first.len(),
        truncated: 0,
        tokens_lost: 0,
    };
    for (row, &id) in of.iter().enumerate() {
        let from = first[id as usize] as usize;
        if from != row {
            vectors
                .values
                .copy_within(from * d..(from + 1) * d, row * d);
        }
        vectors.truncated += usize::from(lost[id as usize] > 0);
        vectors.tokens_lost += lost[id as usize];
    }
    Ok(vectors)
}

/// How long the texts `ids` are; where the model reads short ones only, they need not be looked at.
fn lengths<'a>(
    ids: &[u32],
    text: &(impl Fn(u32) -> &'a str + Sync),
    tokenizer: &TextTokenizer,
) -> Result<Lengths, Error> {
    if tokenizer.max_tokens() <= LONG {
        return Ok(Lengths::all_short(tokenizer.max_tokens()));
    }
    let mut lengths = Lengths::default();
    for ids in ids.chunks(WINDOW) {
        let tokens: Vec<usize> = ids
            .par_iter()
            .map(|&id| Ok(tokenizer.encode(text(id))?.ids.len()))
            .collect::<Result<_, Error>>()?;
        for (&id, tokens) in ids.iter().zip(tokens) {
            lengths.push(id, tokens);
        }
    }
    Ok(lengths)
}

/// A batch that went through the model.
struct Done {
    batch: Batch,
    /// Tokens cut off each text.
    lost: Vec<u64>,
    vectors: Vec<f32>,
}

/// Batches, with the tokens that each text lost.
type Window = VecDeque<(Batch, Vec<u64>)>;

/// Sends the texts `ids` through the model, and what comes out to `take`, on this thread, as it comes.
fn run<'a>(
    ids: &[u32],
    text: &(impl Fn(u32) -> &'a str + Sync),
    tokenizer: &TextTokenizer,
    crew: Crew,
    mut take: impl FnMut(Done) -> Result<(), Error>,
) -> Result<(), Error> {
    let Crew {
        sessions,
        plan,
        budget,
    } = crew;
    let stop = AtomicBool::new(false);
    let (windows, waiting) = mpsc::sync_channel(1);
    let dealer = Mutex::new(Dealer {
        window: VecDeque::new(),
        waiting,
    });
    let (results, done) = mpsc::channel();
    std::thread::scope(|scope| {
        let (stop, dealer, plan) = (&stop, &dealer, &plan);
        scope.spawn(move || tokenize(ids, text, tokenizer, plan, budget, &windows, stop));
        for mut session in sessions {
            let results = results.clone();
            scope.spawn(move || {
                let mut longest = LONG;
                while let Some(dealt) = next(dealer, stop) {
                    let answer = dealt.and_then(|(batch, lost)| {
                        if batch.tokens > longest {
                            plan.empty_arena(&mut session)?;
                            longest = batch.tokens;
                        }
                        let vectors = plan.run(&mut session, &batch)?;
                        Ok(Done {
                            batch,
                            lost,
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

struct Dealer {
    window: Window,
    waiting: Receiver<Result<Window, Error>>,
}

/// The next batch, or the error that tokenizing ended with; `None` when all are dealt.
fn next(dealer: &Mutex<Dealer>, stop: &AtomicBool) -> Option<Result<(Batch, Vec<u64>), Error>> {
    let mut dealer = dealer.lock().expect("no one panics while dealing");
    loop {
        if stop.load(Ordering::Relaxed) {
            // Lets a tokenizer that waits for room go on to see the same.
            while dealer.waiting.recv().is_ok() {}
            return None;
        }
        if let Some(batch) = dealer.window.pop_front() {
            return Some(Ok(batch));
        }
        match dealer.waiting.recv() {
            Ok(Ok(window)) => dealer.window = window,
            Ok(Err(error)) => return Some(Err(error)),
            Err(_) => return None,
        }
    }
}

/// Tokenizes window after window, ahead of the model.
fn tokenize<'a>(
    ids: &[u32],
    text: &(impl Fn(u32) -> &'a str + Sync),
    tokenizer: &TextTokenizer,
    plan: &Plan,
    budget: usize,
    windows: &SyncSender<Result<Window, Error>>,
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
        let window = tokens.map(|tokens| {
            let lost: std::collections::HashMap<u32, u64> = tokens
                .iter()
                .map(|(id, tokens)| (*id, tokens.lost as u64))
                .collect();
            batches(tokens, budget, plan.alone)
                .into_iter()
                .map(|batch| {
                    let lost = batch.rows.iter().map(|id| lost[id]).collect();
                    (batch, lost)
                })
                .collect()
        });
        if stop.load(Ordering::Relaxed) || windows.send(window).is_err() {
            return;
        }
    }
}

/// A vector must be finite, and not zero: it would have no direction.
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
