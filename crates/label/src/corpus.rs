//! The texts as numbers: each word form a small integer, each text a run of them.
//!
//! Texts are cut in parallel, in blocks of a fixed size; forms are then numbered by their order as strings, so that
//! neither threads nor the order of the rows decide a number. Takes 4 bytes a word, and each form once.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::clean::{clean, in_capitals};
use crate::language::{self, LANGUAGES, Languages, Languages64, Role, StopWords};
use crate::tokenize::{Aside, Tokenizer, is_unspaced, without_elision, without_possessive};

/// Texts cut by one task.
const BLOCK: usize = 512;
/// Stands between two words that no phrase may join.
const BREAK: u32 = u32::MAX;
/// Flags a word whose capitals say nothing.
const WEAK: u32 = 1 << 31;
const FORM: u32 = WEAK - 1;

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
    /// Words that agencies sign with and places that they write from, which count as stop words, and how often each stands
    /// so.
    pub bylines: Vec<(String, usize)>,
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
    /// Whether its capitals say nothing.
    pub weak_case: bool,
}

/// What one task found in its block of texts.
struct Block<'a> {
    texts: Vec<std::borrow::Cow<'a, str>>,
}

impl Corpus {
    /// Reads the texts. `language` is the code of the language all are in, or `None` to tell it text by text;
    /// `keep_bylines` leaves what agencies sign with among the words.
    pub fn new<'a>(
        texts: &(dyn Fn(usize) -> &'a str + Sync),
        n: usize,
        stops: &StopWords,
        language: Option<usize>,
        keep_bylines: bool,
    ) -> Self {
        let (forms, mut tokens, starts, asides) = intern(texts, n);
        let masks: Vec<Languages64> = forms
            .par_iter()
            .map(|form| stops.languages_of(&key(form)))
            .collect();
        let languages = match language {
            Some(language) => Languages {
                of_text: vec![language as u8; n],
                found: vec![(language as u8, n)],
            },
            None => language::settle(&evidence(&forms, &masks, &tokens, &starts)),
        };
        let counts = count(&tokens, forms.len());
        let is_byline: Vec<bool> = (0..forms.len())
            .map(|form| !keep_bylines && signs(&forms[form], asides[form], counts[form], n))
            .collect();
        let bylines = (0..forms.len())
            .filter(|&form| is_byline[form])
            .map(|form| (forms[form].clone(), asides[form].all() as usize))
            .collect();
        let (terms, keys) = terms(&forms, &masks, &is_byline, &tokens, &starts, &languages);
        tokens.shrink_to_fit();
        Self {
            forms,
            tokens,
            starts,
            languages,
            terms,
            keys,
            bylines,
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

impl Block<'_> {
    /// The distinct forms of the block, its tokens by local number, the length of each text, and the bylines.
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
                if let Some(aside) = word.aside {
                    interned.asides.push((form, aside));
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
    asides: Vec<(u32, Aside)>,
}

/// How often a form stands where bylines do.
#[derive(Debug, Clone, Copy, Default)]
struct Asides {
    bracketed: u32,
    heads: u32,
}

impl Asides {
    fn all(self) -> u32 {
        self.bracketed + self.heads
    }
}

/// Forms sorted, tokens, starts of the texts, and how often each form stands alone as a byline does.
fn intern<'a>(
    texts: &(dyn Fn(usize) -> &'a str + Sync),
    n: usize,
) -> (Vec<String>, Vec<u32>, Vec<usize>, Vec<Asides>) {
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
        block.asides.iter_mut().for_each(|(form, _)| renumber(form));
        for token in block.tokens.iter_mut().filter(|token| **token != BREAK) {
            *token = global[(*token & FORM) as usize] | (*token & WEAK);
        }
    });
    let mut asides = vec![Asides::default(); forms.len()];
    let mut tokens = Vec::with_capacity(blocks.iter().map(|block| block.tokens.len()).sum());
    let mut starts = Vec::with_capacity(n + 1);
    starts.push(0);
    for block in blocks {
        for &(form, aside) in &block.asides {
            let asides = &mut asides[form as usize];
            match aside {
                Aside::Bracketed => asides.bracketed += 1,
                Aside::Head => asides.heads += 1,
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
    (forms, tokens, starts, asides)
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

/// How often each form occurs.
fn count(tokens: &[u32], forms: usize) -> Vec<u32> {
    let mut counts = vec![0; forms];
    tokens
        .iter()
        .filter(|&&token| token != BREAK)
        .for_each(|&token| counts[(token & FORM) as usize] += 1);
    counts
}

/// Whether a form is what agencies sign with: a word that stands where they sign three times at least, and three times in
/// four that it stands anywhere: a topic is spoken of, in the middle of its texts too; a source is not. An agency signs
/// 1 % of the texts or more; a place in capitals at the head of a line (`PARIS -`) may be in fewer.
fn signs(form: &str, asides: Asides, count: u32, n: usize) -> bool {
    let mostly = |asides: u32| asides >= 3 && u64::from(asides) * 4 >= u64::from(count) * 3;
    let agency = mostly(asides.all()) && asides.all() as usize * 100 >= n;
    let place = mostly(asides.heads) && in_capitals(form);
    form.starts_with(char::is_alphabetic) && (agency || place)
}

/// What each text speaks for: its script where that tells the language, else its stop words.
fn evidence(
    forms: &[String],
    masks: &[Languages64],
    tokens: &[u32],
    starts: &[usize],
) -> Vec<Option<usize>> {
    let scripts: Vec<Option<usize>> = forms.par_iter().map(|form| script(form)).collect();
    (0..starts.len() - 1)
        .into_par_iter()
        .map(|i| {
            let words = || {
                tokens[starts[i]..starts[i + 1]]
                    .iter()
                    .filter(|&&t| t != BREAK)
                    .map(|&t| (t & FORM) as usize)
            };
            let mut by_script = [0_usize; SCRIPTS.len()];
            let mut total = 0;
            for form in words() {
                total += 1;
                if let Some(script) = scripts[form] {
                    by_script[script] += 1;
                }
            }
            let [han, kana, hangul, thai] = by_script;
            let code = match () {
                // Japanese mixes kana with Chinese characters; Chinese has no kana.
                () if kana > 0 && (kana + han) * 2 > total => Some("ja"),
                () if han * 2 > total => Some("zh"),
                () if hangul * 2 > total => Some("ko"),
                () if thai * 2 > total => Some("th"),
                () => None,
            };
            if let Some(code) = code {
                return language::by_code(code);
            }
            let mut distinct: Vec<usize> = words().collect();
            distinct.sort_unstable();
            distinct.dedup();
            language::evidence(distinct.into_iter().map(|form| masks[form].any()))
        })
        .collect()
}

const SCRIPTS: [fn(char) -> bool; 4] = [
    |c| matches!(c, '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}'),
    |c| matches!(c, '\u{3041}'..='\u{30ff}'),
    |c| matches!(c, '\u{ac00}'..='\u{d7a3}'),
    |c| matches!(c, '\u{0e01}'..='\u{0e5b}'),
];

/// The script of a word, where it tells its language: kana before Chinese characters.
fn script(form: &str) -> Option<usize> {
    [1, 0, 2, 3]
        .into_iter()
        .find(|&script| form.chars().any(SCRIPTS[script]))
}

/// The term of each form in each language that it occurs in, and the keys of the terms.
fn terms(
    forms: &[String],
    masks: &[Languages64],
    is_byline: &[bool],
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
                    let role = if is_byline[form] {
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
