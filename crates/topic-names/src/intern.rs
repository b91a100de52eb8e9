//! Texts to numbers: each word form a small integer, each text a run of them.
//!
//! Texts are cut in parallel, in blocks of a fixed size; forms are then numbered by their order as strings, so that
//! neither threads nor the order of the rows decide a number.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::clean::clean;
use crate::tokenize::{DatelinePosition, Tokenizer};

/// Texts cut by one task.
const BLOCK: usize = 512;
/// Marks a gap that no phrase extends across.
pub(crate) const BREAK: u32 = u32::MAX;
/// Flags a word whose capitals carry no information.
pub(crate) const WEAK: u32 = 1 << 31;
/// The bits of a token that number its form.
pub(crate) const FORM: u32 = WEAK - 1;

/// The texts of one task.
struct Block<'a> {
    texts: Vec<std::borrow::Cow<'a, str>>,
}

impl Block<'_> {
    /// The distinct forms of the block, its tokens by local number, the length of each text, and its words in datelines.
    fn intern(&self, tokenizer: Tokenizer) -> Interned {
        let mut known: FxHashMap<&str, u32> = FxHashMap::default();
        let mut interned = Interned::default();
        let mut forms: Vec<&str> = Vec::new();
        for text in &self.texts {
            let before = interned.tokens.len();
            for word in tokenizer.words(text) {
                let next = forms.len() as u32;
                let form = *known.entry(word.text).or_insert_with(|| {
                    forms.push(word.text);
                    next
                });
                if word.breaks && interned.tokens.len() > before {
                    interned.tokens.push(BREAK);
                }
                if let Some(position) = word.dateline {
                    interned.datelines.push((form, position));
                }
                interned
                    .tokens
                    .push(if word.weak_case { form | WEAK } else { form });
            }
            interned.lengths.push(interned.tokens.len() - before);
        }
        interned.forms = forms.into_iter().map(str::to_owned).collect();
        interned
    }
}

#[derive(Default)]
struct Interned {
    forms: Vec<String>,
    tokens: Vec<u32>,
    lengths: Vec<usize>,
    datelines: Vec<(u32, DatelinePosition)>,
}

/// Number of occurrences of a form in datelines.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DatelineCounts {
    /// In parentheses: agencies.
    pub(crate) bracketed: u32,
    /// At the head of a line, before a dash: places and agencies.
    pub(crate) heads: u32,
}

impl DatelineCounts {
    pub(crate) fn all(self) -> u32 {
        self.bracketed + self.heads
    }
}

/// Forms sorted, tokens, starts of the texts, and the number of occurrences of each form in datelines.
pub(crate) fn intern<'a>(
    texts: &(dyn Fn(usize) -> &'a str + Sync),
    n: usize,
) -> (Vec<String>, Vec<u32>, Vec<usize>, Vec<DatelineCounts>) {
    let tokenizer = Tokenizer::default();
    let mut blocks: Vec<Interned> = (0..n.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let rows = block * BLOCK..((block + 1) * BLOCK).min(n);
            Block {
                texts: rows.map(|row| clean(texts(row))).collect(),
            }
            .intern(tokenizer)
        })
        .collect();
    let mut forms: Vec<String> = blocks
        .par_iter()
        .flat_map_iter(|block| block.forms.iter().cloned())
        .collect();
    forms.par_sort_unstable();
    forms.dedup();
    blocks.par_iter_mut().for_each(|block| {
        let global: Vec<u32> = block
            .forms
            .iter()
            .map(|form| {
                forms
                    .binary_search(form)
                    .expect("every form of a block was collected") as u32
            })
            .collect();
        let renumber = |form: &mut u32| *form = global[*form as usize];
        block
            .datelines
            .iter_mut()
            .for_each(|(form, _)| renumber(form));
        for token in block.tokens.iter_mut().filter(|token| **token != BREAK) {
            *token = global[(*token & FORM) as usize] | (*token & WEAK);
        }
    });
    let mut dateline_counts = vec![DatelineCounts::default(); forms.len()];
    let mut tokens = Vec::with_capacity(blocks.iter().map(|block| block.tokens.len()).sum());
    let mut starts = Vec::with_capacity(n + 1);
    starts.push(0);
    for block in blocks {
        for &(form, position) in &block.datelines {
            let counts = &mut dateline_counts[form as usize];
            match position {
                DatelinePosition::Bracketed => counts.bracketed += 1,
                DatelinePosition::Head => counts.heads += 1,
            }
        }
        tokens.extend_from_slice(&block.tokens);
        starts.extend(
            block
                .lengths
                .iter()
                .scan(starts[starts.len() - 1], |end, length| {
                    *end += length;
                    Some(*end)
                }),
        );
    }
    (forms, tokens, starts, dateline_counts)
}

/// How often each form occurs.
pub(crate) fn count(tokens: &[u32], forms: usize) -> Vec<u32> {
    let mut counts = vec![0; forms];
    tokens
        .iter()
        .filter(|&&token| token != BREAK)
        .for_each(|&token| counts[(token & FORM) as usize] += 1);
    counts
}
