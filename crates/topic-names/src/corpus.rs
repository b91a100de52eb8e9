//! The texts as numbers: each word form a small integer, each text a run of them.
//!
//! Texts are cut in parallel, in blocks of a fixed size; forms are then numbered by their order as strings, so that
//! neither threads nor the order of the rows decide a number. Takes 4 bytes per word, and each form once.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use crate::clean::in_capitals;
use crate::intern::{BREAK, DatelineCounts, FORM, WEAK, count, intern};
use crate::language::{self, LANGUAGES, Languages, Role};
use crate::language_evidence::evidence;
use crate::stop_words::{LanguageSet, StopWords};
use crate::tokenize::{is_unspaced, without_elision, without_possessive};

/// The texts of a corpus as word forms, and each form as a term.
#[derive(Debug)]
pub struct Corpus {
    /// The words as they are written, sorted.
    forms: Vec<String>,
    tokens: Vec<u32>,
    /// Text i is `tokens[starts[i]..starts[i + 1]]`.
    starts: Vec<usize>,
    /// The languages of the texts.
    pub languages: Languages,
    /// What a form means, by language: `terms[language][form]`; empty for a language no text is in.
    terms: Vec<Vec<Term>>,
    /// The keys of the terms, sorted.
    keys: Vec<String>,
    /// The agencies and places of datelines, such as `Reuters` and `LONDON` in `LONDON (Reuters) -`, which count as stop
    /// words: each with its number of occurrences in datelines. Sorted by word; empty with
    /// [`keep_datelines`](CorpusOptions::keep_datelines).
    pub datelines: Vec<(String, usize)>,
}

/// How the texts of a [`Corpus`] are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CorpusOptions {
    /// Stop words of every language, in addition to the lists; in any case.
    pub stop_words: Vec<String>,
    /// The language that all texts are in, as an index in [`LANGUAGES`] (see [`language::by_code`]); `None` to detect it per
    /// text.
    pub language: Option<usize>,
    /// Whether agencies and places of datelines may be in names. By default they count as stop words.
    pub keep_datelines: bool,
}

/// A word form as a term of one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Term {
    /// The number of its stem.
    pub id: u32,
    /// What it may do in a phrase.
    pub role: Role,
}

/// A word of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// The form, as a number.
    pub form: u32,
    /// Its term.
    pub term: Term,
    /// Whether its capitals carry no information.
    pub weak_case: bool,
}

impl Corpus {
    /// Reads the texts 0 to `n` - 1: `texts` is called once for each, in any order and by several threads.
    ///
    /// Takes time linear in the texts, and a sort of the distinct forms.
    ///
    /// # Panics
    ///
    /// If [`language`](CorpusOptions::language) is no index in [`LANGUAGES`].
    pub fn new<'a>(
        texts: &(dyn Fn(usize) -> &'a str + Sync),
        n: usize,
        options: &CorpusOptions,
    ) -> Self {
        let stops = StopWords::new(&options.stop_words);
        let (forms, mut tokens, starts, dateline_counts) = intern(texts, n);
        let masks: Vec<LanguageSet> = forms
            .par_iter()
            .map(|form| stops.languages_of(&key(form)))
            .collect();
        let languages = match options.language {
            Some(language) => Languages {
                of_text: vec![language as u8; n],
                found: vec![(language as u8, n)],
            },
            None => language::settle(&evidence(&forms, &masks, &tokens, &starts)),
        };
        let counts = count(&tokens, forms.len());
        let in_datelines =
            |form: usize| in_datelines(&forms[form], dateline_counts[form], counts[form], n);
        let is_dateline: Vec<bool> = (0..forms.len())
            .map(|form| !options.keep_datelines && in_datelines(form))
            .collect();
        let datelines = (0..forms.len())
            .filter(|&form| is_dateline[form])
            .map(|form| (forms[form].clone(), dateline_counts[form].all() as usize))
            .collect();
        let (terms, keys) = terms(&forms, &masks, &is_dateline, &tokens, &starts, &languages);
        tokens.shrink_to_fit();
        Self {
            forms,
            tokens,
            starts,
            languages,
            terms,
            keys,
            datelines,
        }
    }

    /// The number of texts.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there are no texts.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of distinct terms.
    pub fn vocabulary(&self) -> usize {
        self.keys.len()
    }

    /// The stem of a term.
    pub fn key(&self, term: u32) -> &str {
        &self.keys[term as usize]
    }

    /// The words of text i as raw numbers: equal for equal texts.
    pub fn raw(&self, i: usize) -> &[u32] {
        &self.tokens[self.starts[i]..self.starts[i + 1]]
    }

    /// The words of text i in runs that a phrase may lie in.
    pub fn runs(
        &self,
        i: usize,
    ) -> impl Iterator<Item = impl ExactSizeIterator<Item = Token> + Clone + '_> + '_ {
        let terms = &self.terms[usize::from(self.languages.of_text[i])];
        self.raw(i)
            .split(|&token| token == BREAK)
            .filter(|run| !run.is_empty())
            .map(move |run| {
                run.iter().map(move |&token| Token {
                    form: token & FORM,
                    term: terms[(token & FORM) as usize],
                    weak_case: token & WEAK != 0,
                })
            })
    }

    /// Whether the word `form` is a possessive: what follows belongs to another phrase.
    pub fn is_possessive(&self, form: u32) -> bool {
        let word = &self.forms[form as usize];
        without_possessive(word).len() < word.len()
    }

    /// The word `form` in lower case.
    pub fn lower(&self, form: u32) -> String {
        key(&self.forms[form as usize])
    }

    /// Whether some text holds the word `form`, written so.
    pub fn knows(&self, form: &str) -> bool {
        knows(&self.forms, form)
    }

    /// The words `forms`, joined as their script joins words; the last one without a possessive `'s`.
    pub fn spell(&self, forms: &[u32]) -> String {
        let mut spelled = String::new();
        for (at, &form) in forms.iter().enumerate() {
            let word = self.forms[form as usize].as_str();
            let word = if at + 1 == forms.len() {
                without_possessive(word)
            } else {
                word
            };
            let word = if at == 0 { without_elision(word) } else { word };
            let touches = spelled.ends_with(is_unspaced) && word.starts_with(is_unspaced);
            if !spelled.is_empty() && !touches {
                spelled.push(' ');
            }
            spelled.push_str(word);
        }
        spelled
    }
}

/// Whether `form` is one of the sorted `forms`.
fn knows(forms: &[String], form: &str) -> bool {
    forms
        .binary_search_by(|known| known.as_str().cmp(form))
        .is_ok()
}

/// What forms of one spelling share: lower case, without a possessive `'s`, an elided article and the last point of an
/// acronym.
fn key(form: &str) -> String {
    let lower = form.to_lowercase();
    let word = without_elision(without_possessive(&lower));
    word.strip_suffix('.').unwrap_or(word).to_owned()
}

/// Whether a form is a word of datelines: at least three of its `count` occurrences, and three in four, are in datelines. The
/// word for a topic also occurs in the middle of texts, the name of an agency does not. An agency signs at least 1 % of the
/// texts; a place in capitals at the beginning of a line (`PARIS -`) may be in fewer.
fn in_datelines(form: &str, datelines: DatelineCounts, count: u32, n: usize) -> bool {
    let mostly = |times: u32| times >= 3 && u64::from(times) * 4 >= u64::from(count) * 3;
    let agency = mostly(datelines.all()) && datelines.all() as usize * 100 >= n;
    let place = mostly(datelines.heads) && in_capitals(form);
    form.starts_with(char::is_alphabetic) && (agency || place)
}

/// The term of each form in each language that it occurs in, and the keys of the terms.
fn terms(
    forms: &[String],
    masks: &[LanguageSet],
    is_dateline: &[bool],
    tokens: &[u32],
    starts: &[usize],
    languages: &Languages,
) -> (Vec<Vec<Term>>, Vec<String>) {
    let occurs: Vec<AtomicU64> = forms.iter().map(|_| AtomicU64::new(0)).collect();
    (0..starts.len() - 1).into_par_iter().for_each(|i| {
        let bit = 1_u64 << languages.of_text[i];
        for &token in tokens[starts[i]..starts[i + 1]]
            .iter()
            .filter(|&&token| token != BREAK)
        {
            let seen = &occurs[(token & FORM) as usize];
            if seen.load(Ordering::Relaxed) & bit == 0 {
                seen.fetch_or(bit, Ordering::Relaxed);
            }
        }
    });
    let stems: Vec<Vec<(u8, String, Role)>> = (0..forms.len())
        .into_par_iter()
        .map(|form| {
            let lower = key(&forms[form]);
            let seen = occurs[form].load(Ordering::Relaxed);
            (0..LANGUAGES.len() as u8)
                .filter(|language| seen >> language & 1 == 1)
                .map(|language| {
                    let role = if is_dateline[form] {
                        Role::Function
                    } else {
                        language::role(&lower, masks[form], language)
                    };
                    let stem =
                        language::stem(&lower, usize::from(language), |word| knows(forms, word));
                    (language, stem, role)
                })
                .collect()
        })
        .collect();
    let mut keys: Vec<String> = stems
        .iter()
        .flatten()
        .map(|(_, stem, _)| stem.clone())
        .collect();
    keys.par_sort_unstable();
    keys.dedup();
    let mut terms = vec![Vec::new(); LANGUAGES.len()];
    for &(language, _) in &languages.found {
        terms[usize::from(language)] = vec![Term::default(); forms.len()];
    }
    for (form, stems) in stems.iter().enumerate() {
        for (language, stem, role) in stems {
            let id = keys.binary_search(stem).expect("every stem was collected") as u32;
            terms[usize::from(*language)][form] = Term { id, role: *role };
        }
    }
    (terms, keys)
}
