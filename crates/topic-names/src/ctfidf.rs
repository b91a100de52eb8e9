//! Class-based TF-IDF: the phrases that are more frequent in a cluster than in the rest of the corpus.
//!
//! The weight of phrase t in cluster c is tf(t, c) ln(1 + A / f(t)), after Grootendorst (`BERTopic`, 2022,
//! arXiv:2203.05794): tf is the count of t in c over that of all words of c that are frequent enough to name it, f(t) how
//! often t occurs in all clusters together, and A the mean number of words in a cluster. Noise is one more class, so that
//! what is common outside weighs less. Two departures: a phrase or word counts once per text, in all of these, and equal
//! texts of a cluster count as one, so that one text that says a word ten times, or is in the table ten times, does not
//! name the cluster.
//!
//! Phrases of two and three words are counted only where their parts are frequent enough (a priori pruning: a phrase is
//! never more frequent than its parts), so that memory stays near the number of frequent phrases of the largest
//! cluster. Takes time linear in the words, a few passes.

use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::corpus::{Corpus, Token};
use crate::language::Role;

/// The place of a missing word in a [`Gram`].
pub const NONE: u32 = u32::MAX;

/// A phrase of one to three words: their terms.
pub type Gram = [u32; 3];

/// The number of words in a phrase.
pub fn words(gram: &Gram) -> usize {
    gram.iter().filter(|&&term| term != NONE).count()
}

/// What weighs a phrase against the rest of the corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weighting {
    /// c-TF-IDF as published: ln(1 + A / f)
    #[default]
    Ctfidf,
    /// BM25 weighting, which lowers frequent words more: ln(1 + (A - f + 0.5) / (f + 0.5))
    Bm25,
}

impl Weighting {
    fn idf(self, average: f64, frequency: f64) -> f64 {
        match self {
            Self::Ctfidf => (average / frequency).ln_1p(),
            // Below zero for a word more frequent than the average class is long: such a word names nothing.
            Self::Bm25 => ((average - frequency + 0.5) / (frequency + 0.5))
                .max(0.0)
                .ln_1p(),
        }
    }
}

/// A phrase of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Phrase {
    /// Its terms.
    pub gram: Gram,
    /// Its c-TF-IDF or BM25 weight, without unit; comparable within a corpus.
    pub weight: f64,
    /// Texts of the cluster that hold it, equal ones once.
    pub count: u32,
}

/// The phrases of a cluster.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Class {
    /// The texts counted: the first of each set of equal ones.
    pub texts: Vec<u32>,
    /// Phrases by falling weight, then by term.
    pub phrases: Vec<Phrase>,
}

/// How phrases are counted and weighed.
#[derive(Debug, Clone, Copy)]
pub struct CtfidfOptions {
    /// Maximum number of words per phrase, 1 to 3.
    pub max_words: usize,
    /// Minimum number of texts of a cluster that contain a phrase.
    pub min_count: u32,
    /// What weighs a phrase.
    pub weighting: Weighting,
    /// Maximum number of phrases kept per cluster.
    pub keep: usize,
}

/// The phrases of each class; `classes` hold the texts of each, and noise is one of them where it is to count.
pub fn weigh(corpus: &Corpus, classes: &[Vec<u32>], options: &CtfidfOptions) -> Vec<Class> {
    let distinct: Vec<Vec<u32>> = classes
        .par_iter()
        .map(|texts| distinct(corpus, texts))
        .collect();
    let frequent: Vec<Vec<(Gram, u32)>> = distinct
        .par_iter()
        .map(|texts| frequent_grams(corpus, texts, options))
        .collect();

    let mut candidates: Vec<Gram> = frequent.iter().flatten().map(|&(gram, _)| gram).collect();
    candidates.par_sort_unstable();
    candidates.dedup();
    let (frequency, total) = frequencies(corpus, &distinct, &candidates, options.max_words);
    // A mean over classes; one at least, so that a corpus of empty texts divides nothing by zero.
    let average = (total as f64 / classes.len().max(1) as f64).max(1.0);

    distinct
        .into_par_iter()
        .zip(frequent)
        .map(|(texts, frequent)| {
            let length: u64 = frequent
                .iter()
                .filter(|(gram, _)| words(gram) == 1)
                .map(|&(_, count)| u64::from(count))
                .sum();
            let mut phrases: Vec<Phrase> = frequent
                .into_iter()
                .map(|(gram, count)| {
                    // Every frequent phrase is a candidate, so the search finds it.
                    let at = candidates.partition_point(|candidate| *candidate < gram);
                    let idf = options.weighting.idf(average, f64::from(frequency[at]));
                    Phrase {
                        gram,
                        weight: f64::from(count) / length.max(1) as f64 * idf,
                        count,
                    }
                })
                .collect();
            phrases
                .sort_unstable_by(|a, b| b.weight.total_cmp(&a.weight).then(a.gram.cmp(&b.gram)));
            phrases.truncate(options.keep);
            Class { texts, phrases }
        })
        .collect()
}

/// The first of each set of equal texts.
fn distinct(corpus: &Corpus, texts: &[u32]) -> Vec<u32> {
    let mut seen = FxHashSet::default();
    texts
        .iter()
        .copied()
        .filter(|&text| seen.insert(corpus.raw(text as usize)))
        .collect()
}

/// The phrases that `options.min_count` of the texts hold, with their counts.
///
/// A cluster too small or too varied to have any repeated word gives its words as they are.
fn frequent_grams(corpus: &Corpus, texts: &[u32], options: &CtfidfOptions) -> Vec<(Gram, u32)> {
    let grams = counted_grams(corpus, texts, options.max_words, options.min_count);
    if grams.is_empty() && options.min_count > 1 {
        return counted_grams(corpus, texts, options.max_words, 1);
    }
    grams
}

fn counted_grams(
    corpus: &Corpus,
    texts: &[u32],
    max_words: usize,
    min_count: u32,
) -> Vec<(Gram, u32)> {
    let mut known: FxHashSet<Gram> = FxHashSet::default();
    let mut frequent = Vec::new();
    for length in 1..=max_words {
        let mut counts: FxHashMap<Gram, u32> = FxHashMap::default();
        let mut of_text: Vec<Gram> = Vec::new();
        for &text in texts {
            of_text.clear();
            each_gram(corpus, text as usize, length, |gram, tokens| {
                if tokens.len() == length && parts_in(&gram, tokens, &known) {
                    of_text.push(gram);
                }
            });
            of_text.sort_unstable();
            of_text.dedup();
            for &gram in &of_text {
                *counts.entry(gram).or_default() += 1;
            }
        }
        counts.retain(|_, &mut count| count >= min_count);
        known.extend(counts.keys());
        frequent.extend(counts);
    }
    frequent.sort_unstable();
    frequent
}

/// Whether the words of a phrase, and the phrase before its last word, are frequent themselves.
fn parts_in(gram: &Gram, tokens: &[Token], known: &FxHashSet<Gram>) -> bool {
    let alone = |token: &Token| {
        token.term.role != Role::Content || known.contains(&[token.term.id, NONE, NONE])
    };
    match tokens {
        [_] => true,
        [_, middle, _] if ends(middle) && !known.contains(&[gram[0], gram[1], NONE]) => false,
        _ => tokens.iter().all(alone),
    }
}

/// Calls `with` for each phrase of a text of at most `max_words` words, and its tokens.
pub fn each_gram(
    corpus: &Corpus,
    text: usize,
    max_words: usize,
    mut with: impl FnMut(Gram, &[Token]),
) {
    each_gram_within(corpus, text, max_words, |gram, run, at| {
        with(gram, &run[at..at + words(&gram)]);
    });
}

/// Calls `with` for each phrase of a text of at most `max_words` words, the run it lies in, and where it begins there.
pub fn each_gram_within(
    corpus: &Corpus,
    text: usize,
    max_words: usize,
    mut with: impl FnMut(Gram, &[Token], usize),
) {
    let mut window: Vec<Token> = Vec::new();
    for run in corpus.runs(text) {
        window.clear();
        window.extend(run);
        for at in 0..window.len() {
            let opens = window[at].term.role;
            if opens != Role::Content && opens != Role::Opening {
                continue;
            }
            let mut gram = [NONE; 3];
            for (length, token) in window[at..].iter().take(max_words).enumerate() {
                gram[length] = token.term.id;
                // A phrase of one word twice says no more than the word.
                let repeats = gram[..length].contains(&token.term.id);
                let alone = length == 0 && opens != Role::Content;
                if ends(token) && !repeats && !alone {
                    with(gram, &window, at);
                }
            }
        }
    }
}

/// Whether a phrase may end with this word.
fn ends(token: &Token) -> bool {
    matches!(token.term.role, Role::Content | Role::Number)
}

/// How many texts of all classes hold each candidate, and how many words they hold in all.
fn frequencies(
    corpus: &Corpus,
    classes: &[Vec<u32>],
    candidates: &[Gram],
    max_words: usize,
) -> (Vec<u32>, u64) {
    let index: FxHashMap<Gram, u32> = candidates
        .iter()
        .enumerate()
        .map(|(at, &gram)| (gram, at as u32))
        .collect();
    let counts: Vec<AtomicU32> = candidates.iter().map(|_| AtomicU32::new(0)).collect();
    let texts: Vec<u32> = classes.iter().flatten().copied().collect();
    let total = texts
        .par_chunks(256)
        .map(|texts| {
            let mut total = 0;
            let (mut found, mut single): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
            for &text in texts {
                found.clear();
                single.clear();
                each_gram(corpus, text as usize, max_words, |gram, _| {
                    if gram[1] == NONE {
                        single.push(gram[0]);
                    }
                    found.extend(index.get(&gram));
                });
                found.sort_unstable();
                found.dedup();
                for &at in &found {
                    counts[at as usize].fetch_add(1, Ordering::Relaxed);
                }
                single.sort_unstable();
                single.dedup();
                total += single.len() as u64;
            }
            total
        })
        .sum();
    (
        counts.into_iter().map(AtomicU32::into_inner).collect(),
        total,
    )
}
