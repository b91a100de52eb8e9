//! Which language each text gives evidence of: by its script if that determines the language, else by its stop words.

use rayon::prelude::*;

use crate::intern::{BREAK, FORM};
use crate::language;
use crate::stop_words::LanguageSet;

/// The language that each text gives evidence of: by its script if that determines the language, else by its stop words.
pub(crate) fn evidence(
    forms: &[String],
    masks: &[LanguageSet],
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

/// The script of a word, if it determines the language: kana before Chinese characters.
fn script(form: &str) -> Option<usize> {
    [1, 0, 2, 3]
        .into_iter()
        .find(|&script| form.chars().any(SCRIPTS[script]))
}
