//! Phrase selection: from weighted phrases to the name of a cluster.
//!
//! Phrases are taken greedily by weight. A word gives way to a longer phrase that most of its texts have (`central` to
//! `central bank`); a phrase that shares a word, or a word of the same stem, with one that is taken is passed over; and
//! what the texts of the taken phrases say already counts less (maximal marginal relevance, Carbonell and Goldstein
//! 1998, with shared texts as the similarity). A phrase that goes on in the same way most of the time is a piece of a longer
//! one (`Minister John` of `Prime Minister John Smith`), and is not taken.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::corpus::{Corpus, Token};
use crate::ctfidf::{Class, Gram, each_gram_within, words};
use crate::language::{Role, without_particle};
use crate::tokenize::is_unspaced;

/// Number of phrases of a cluster that its name is selected from: the set of those in a text fits 64 bits.
pub const POOL: usize = 64;
/// A longer phrase takes the place of a word, or of two, if this share of their texts hold it.
const EXTENDS: [f64; 2] = [0.5, 0.66];
/// A phrase is a piece of a longer one if its neighbor is the same word in more than this share of its occurrences.
const CUTS: f64 = 0.6;
/// A form whose capitals mean something counts this often against one whose capitals do not.
const STRONG: u64 = 8;

/// The phrases of a cluster that its name is selected from.
#[derive(Debug)]
pub struct Pool<'a> {
    corpus: &'a Corpus,
    /// Phrases by falling weight.
    pub phrases: Vec<Candidate>,
    /// For each text of the cluster, the set of phrases that it holds.
    holds: Vec<u64>,
}

/// A phrase that may come into a name.
#[derive(Debug, Clone)]
pub struct Candidate {
    gram: Gram,
    /// Its weight.
    pub weight: f64,
    count: u32,
    /// Its content words, as stems.
    stems: Vec<u32>,
    /// Its words in lower case.
    lower: Vec<String>,
    /// Whether it begins with a word that makes no phrase of its own, so that it is selected only as an extension of its other words.
    opening: bool,
    /// Whether it is a piece of a longer phrase.
    cut: bool,
    /// As it is written most often.
    text: String,
}

/// The phrases chosen for a name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choice {
    /// The phrases, as they are written.
    pub phrases: Vec<String>,
    /// What each was worth when it was chosen.
    pub weights: Vec<f64>,
    /// The stems of their words.
    pub stems: Vec<u32>,
    /// Where the stems of each phrase end.
    ends: Vec<usize>,
    lower: Vec<String>,
}

impl Choice {
    /// The first `most` phrases.
    #[must_use]
    pub fn first(&self, most: usize) -> Self {
        let most = most.min(self.phrases.len());
        let end = if most == 0 { 0 } else { self.ends[most - 1] };
        Self {
            phrases: self.phrases[..most].to_vec(),
            weights: self.weights[..most].to_vec(),
            stems: self.stems[..end].to_vec(),
            ends: self.ends[..most].to_vec(),
            lower: self.lower.clone(),
        }
    }

    fn push(&mut self, phrase: &Candidate, weight: f64) {
        self.phrases.push(phrase.text.clone());
        self.weights.push(weight);
        self.stems.extend(&phrase.stems);
        self.ends.push(self.stems.len());
        self.lower.extend(phrase.lower.iter().cloned());
    }
}

impl<'a> Pool<'a> {
    /// The phrases of a cluster with a weight, as written, and the texts that hold them.
    pub fn new(corpus: &'a Corpus, class: &Class) -> Self {
        let top: Vec<_> = class
            .phrases
            .iter()
            .filter(|phrase| phrase.weight > 0.0)
            .take(POOL)
            .collect();
        let index: FxHashMap<Gram, usize> = top
            .iter()
            .enumerate()
            .map(|(at, phrase)| (phrase.gram, at))
            .collect();
        let longest = top
            .iter()
            .map(|phrase| words(&phrase.gram))
            .max()
            .unwrap_or(0);
        let mut seen: Vec<Seen> = top.iter().map(|_| Seen::default()).collect();
        let holds = class
            .texts
            .iter()
            .map(|&text| {
                let mut holds = 0_u64;
                each_gram_within(corpus, text as usize, longest, |gram, run, at| {
                    if let Some(&phrase) = index.get(&gram) {
                        holds |= 1 << phrase;
                        seen[phrase].add(corpus, run, at, words(&gram));
                    }
                });
                holds
            })
            .collect();
        let phrases = top
            .into_iter()
            .zip(seen)
            .map(|(phrase, seen)| {
                let forms = seen.most_frequent();
                Candidate {
                    gram: phrase.gram,
                    weight: phrase.weight,
                    count: phrase.count,
                    lower: forms.iter().map(|&form| corpus.lower(form)).collect(),
                    text: spell(corpus, &forms),
                    opening: seen.opening,
                    cut: seen.is_cut(words(&phrase.gram)),
                    stems: seen.stems,
                }
            })
            .collect();
        Self {
            corpus,
            phrases,
            holds,
        }
    }

    /// How evenly each phrase is spread over the parts of a cluster: 1 if every part holds it as often as the others, 0 if
    /// one part has it alone. `part` is the part that each text of the cluster is in, if any.
    pub fn evenness(&self, part: &[Option<usize>], parts: usize) -> Vec<f64> {
        let mut sizes = vec![0_u32; parts];
        let mut counts = vec![vec![0_u32; parts]; self.phrases.len()];
        for (&holds, part) in self.holds.iter().zip(part) {
            let Some(part) = *part else { continue };
            sizes[part] += 1;
            for (at, counts) in counts.iter_mut().enumerate() {
                counts[part] += (holds >> at & 1) as u32;
            }
        }
        let filled = sizes.iter().filter(|&&size| size > 0).count();
        if filled < 2 {
            return vec![1.0; self.phrases.len()];
        }
        let alone = 1.0 / filled as f64;
        let spread = |counts: &Vec<u32>| {
            let rates = counts.iter().zip(&sizes).filter(|(_, size)| **size > 0);
            let rates: Vec<f64> = rates
                .map(|(&count, &size)| f64::from(count) / f64::from(size))
                .collect();
            let mean = rates.iter().sum::<f64>() * alone;
            let level: f64 = rates
                .iter()
                .map(|rate| {
                    if mean > 0.0 {
                        rate.min(mean) / mean
                    } else {
                        0.0
                    }
                })
                .sum();
            ((level * alone - alone) / (1.0 - alone)).max(0.0)
        };
        counts.iter().map(spread).collect()
    }

    /// The `most` best phrases that use no word of `avoid`.
    ///
    /// `factor` scales the weights where it is given; `diversity` (0 to 1) is how much less a phrase counts whose texts
    /// are those of phrases chosen before it.
    pub fn choose(
        &self,
        most: usize,
        diversity: f64,
        avoid: &FxHashSet<u32>,
        factor: Option<&[f64]>,
    ) -> Choice {
        let mut choice = Choice::default();
        let mut covered = 0_u64;
        let mut open: Vec<usize> = (0..self.phrases.len())
            .filter(|&at| !self.phrases[at].cut && !self.uses(at, avoid.iter().copied()))
            .collect();
        while choice.phrases.len() < most {
            // The stems of one word differ between languages, so the spelling is compared too.
            let spelled = |at: usize| {
                self.phrases[at]
                    .lower
                    .iter()
                    .any(|word| choice.lower.contains(word))
            };
            open.retain(|&at| !spelled(at) && !self.uses(at, choice.stems.iter().copied()));
            let overlaps = self.overlaps(covered);
            let gain = |at: usize| {
                self.phrases[at].weight
                    * factor.map_or(1.0, |factor| factor[at])
                    * (1.0 - diversity * overlaps[at])
            };
            // The first of equals: phrases are in the order of weight, then of terms.
            let best = open.iter().copied().filter(|&at| !self.phrases[at].opening);
            let best = best.reduce(|best, at| if gain(at) > gain(best) { at } else { best });
            let Some(best) = best.filter(|&best| gain(best) > 0.0) else {
                break;
            };
            let weight = gain(best);
            let best = self.extend(best, &open);
            covered |= 1 << best;
            choice.push(&self.phrases[best], weight);
        }
        choice
    }

    /// The share of the texts of each phrase that hold one of the `covered` phrases too.
    fn overlaps(&self, covered: u64) -> Vec<f64> {
        let mut both = vec![0_u32; self.phrases.len()];
        for holds in self.holds.iter().filter(|&&holds| holds & covered != 0) {
            let mut rest = *holds;
            while rest != 0 {
                both[rest.trailing_zeros() as usize] += 1;
                rest &= rest - 1;
            }
        }
        both.iter()
            .zip(&self.phrases)
            .map(|(&both, phrase)| f64::from(both) / f64::from(phrase.count.max(1)))
            .collect()
    }

    /// The longest phrase around phrase `at` that most of its texts hold.
    fn extend(&self, at: usize, open: &[usize]) -> usize {
        let mut best = at;
        loop {
            let part = &self.phrases[best];
            let share = EXTENDS[usize::from(words(&part.gram) > 1)];
            let longer = open
                .iter()
                .copied()
                .filter(|&at| holds(&self.phrases[at].gram, &part.gram))
                .filter(|&at| f64::from(self.phrases[at].count) >= share * f64::from(part.count))
                .max_by_key(|&at| (self.phrases[at].count, std::cmp::Reverse(at)));
            match longer {
                Some(longer) => best = longer,
                None => return best,
            }
        }
    }

    /// Whether phrase `at` has a word of the same family as one of `taken`.
    fn uses(&self, at: usize, mut taken: impl Iterator<Item = u32>) -> bool {
        let stems = &self.phrases[at].stems;
        taken.any(|taken| {
            stems.iter().any(|&stem| {
                stem == taken || same_word_family(self.corpus.key(stem), self.corpus.key(taken))
            })
        })
    }
}

/// Whether `part` is a phrase inside `gram`, and shorter.
fn holds(gram: &Gram, part: &Gram) -> bool {
    let (gram, part) = (&gram[..words(gram)], &part[..words(part)]);
    part.len() < gram.len() && gram.windows(part.len()).any(|window| window == part)
}

/// Whether two stems are forms of one word: one begins with the other, or they part only at their ends, or are joined
/// of words that do. In scripts without spaces, whether one holds the other.
pub fn same_word_family(a: &str, b: &str) -> bool {
    if a.contains(is_unspaced) || b.contains(is_unspaced) {
        return a.contains(b) || b.contains(a);
    }
    let joint = |c| matches!(c, '-' | '\u{2010}' | '\u{2011}');
    a.split(joint)
        .any(|a| b.split(joint).any(|b| same_family_parts(a, b)))
}

fn same_family_parts(a: &str, b: &str) -> bool {
    // "wolf" and "wolv(es)".
    let (a, b) = (
        a.strip_suffix('v').unwrap_or(a),
        b.strip_suffix('v').unwrap_or(b),
    );
    if a.strip_suffix('f') == Some(b) || b.strip_suffix('f') == Some(a) {
        return true;
    }
    let (a_len, b_len) = (a.chars().count(), b.chars().count());
    let shared = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let (short, long) = (a_len.min(b_len), a_len.max(b_len));
    // "elect" and "election", "tram" and "tramline"; "russia" and "russian"; not "rat" and "rate(payers)".
    let rest = match shared {
        0..3 => return false,
        3 => 1,
        4..6 => 4,
        _ => usize::MAX,
    };
    (shared == short && long - shared <= rest) || (shared >= 5 && long - shared <= 2)
}

/// The forms in which a phrase occurs, and the words before and after it.
#[derive(Debug, Default)]
struct Seen {
    forms: FxHashMap<Vec<u32>, u64>,
    stems: Vec<u32>,
    opening: bool,
    times: u32,
    before: FxHashMap<u32, u32>,
    after: FxHashMap<u32, u32>,
}

impl Seen {
    fn add(&mut self, corpus: &Corpus, run: &[Token], at: usize, length: usize) {
        let tokens = &run[at..at + length];
        if self.stems.is_empty() {
            let named = |token: &&Token| matches!(token.term.role, Role::Content | Role::Number);
            self.stems = tokens
                .iter()
                .filter(named)
                .map(|token| token.term.id)
                .collect();
            self.opening = tokens[0].term.role == Role::Opening;
        }
        let forms = tokens.iter().map(|token| token.form).collect();
        let weak = tokens.iter().any(|token| token.weak_case);
        *self.forms.entry(forms).or_default() += if weak { 1 } else { STRONG };
        self.times += 1;
        // Before a title may stand "Secretary of", so one function word is passed over there.
        let passes = |token: &&Token| token.term.role == Role::Function;
        let left = run[..at].last().filter(|token| !passes(token));
        let left = left.or_else(|| at.checked_sub(2).map(|at| &run[at]));
        if let Some(term) = left.and_then(part_of_name) {
            *self.before.entry(term).or_default() += 1;
        }
        let right = run.get(at + length).and_then(part_of_name);
        if let Some(term) = right.filter(|_| !corpus.is_possessive(run[at + length - 1].form)) {
            *self.after.entry(term).or_default() += 1;
        }
    }

    /// Whether a phrase of `length` words is a piece of a longer one. What follows tells that of any phrase; what comes
    /// before tells it of the longest only, since shorter ones can still grow to the left.
    fn is_cut(&self, length: usize) -> bool {
        let rules = |beside: &FxHashMap<u32, u32>| {
            let most = beside.values().copied().max().unwrap_or(0);
            most > 1 && f64::from(most) > CUTS * f64::from(self.times)
        };
        (length > 1 && rules(&self.after)) || (length > 2 && rules(&self.before))
    }

    /// The most frequent form; the first in order among equals.
    fn most_frequent(&self) -> Vec<u32> {
        let best = self
            .forms
            .iter()
            .max_by(|a, b| a.1.cmp(b.1).then_with(|| b.0.cmp(a.0)));
        best.map(|(forms, _)| forms.clone()).unwrap_or_default()
    }
}

/// The term of a word that can be part of a name.
fn part_of_name(token: &Token) -> Option<u32> {
    matches!(token.term.role, Role::Content | Role::Number).then_some(token.term.id)
}

/// The words as written; a Korean phrase without the particle at its end.
fn spell(corpus: &Corpus, forms: &[u32]) -> String {
    let spelled = corpus.spell(forms);
    let hangul = |c: char| ('\u{ac00}'..='\u{d7a3}').contains(&c);
    if !spelled.ends_with(hangul) {
        return spelled;
    }
    let last = spelled.rfind(' ').map_or(0, |space| space + 1);
    let (before, last) = spelled.split_at(last);
    let bare = without_particle(last, |word| corpus.knows(word));
    format!("{before}{bare}")
}
