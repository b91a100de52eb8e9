//! Keeps a damaged or malicious `tokenizer.json` from ending the process.
//!
//! The crate `tokenizers` panics on some files, which becomes an error here, and allocates whatever a file asks for, which is
//! refused before it reads the file.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

/// The largest factor by which normalization may lengthen a text. Published tokenizers stay below 10.
const MAX_GROWTH: usize = 64;

/// The longest replacement of a usual map of characters is about so many bytes long.
const USUAL_REPLACEMENT: usize = 32;

/// What of the file can ask for memory without bounds.
#[derive(Deserialize)]
struct Parts {
    normalizer: Option<Value>,
}

/// Checks that the normalizer of the `tokenizer.json` with these bytes needs no unbounded memory.
pub(crate) fn check(json: &[u8]) -> Result<(), String> {
    let parts: Parts = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    match parts.normalizer.as_ref().map_or(Ok(1), growth)? {
        growth if growth > MAX_GROWTH => Err(format!(
            "its normalizer can lengthen a text {growth} times, but at most {MAX_GROWTH} times is supported"
        )),
        _ => Ok(()),
    }
}

/// A bound of the factor by which the steps in `normalizer` lengthen a text, beside those that lengthen it a few times at most.
fn growth(normalizer: &Value) -> Result<usize, String> {
    let object = match normalizer {
        Value::Array(steps) => return product(steps.iter()),
        Value::Object(object) => object,
        _ => return Ok(1),
    };
    let own = if let Some(map) = object.get("precompiled_charsmap") {
        growth_of_map(map.as_str().unwrap_or_default())?
    } else if let (Some(pattern), Some(content)) = (object.get("pattern"), object.get("content")) {
        let content = content.as_str().unwrap_or_default().len();
        match pattern.get("String").and_then(Value::as_str) {
            Some(pattern) if !pattern.is_empty() => content.div_ceil(pattern.len()).max(1),
            // An expression may match nothing at all, between any two characters.
            _ => content + 1,
        }
    } else {
        1
    };
    Ok(own.saturating_mul(product(object.values())?))
}

fn product<'a>(mut steps: impl Iterator<Item = &'a Value>) -> Result<usize, String> {
    steps.try_fold(1_usize, |all, step| Ok(all.saturating_mul(growth(step)?)))
}

/// The same of a map of characters as `SentencePiece` compiles it: the size of a trie, the trie, and replacements that end with 0.
fn growth_of_map(base64: &str) -> Result<usize, String> {
    let map = STANDARD
        .decode(base64)
        .map_err(|error| format!("its precompiled_charsmap is damaged: {error}"))?;
    let replacements = map.split_first_chunk().and_then(|(size, rest)| {
        let size = u32::from_le_bytes(*size) as usize;
        // The trie has at least one unit of four bytes.
        rest.get(size..).filter(|_| size >= 4)
    });
    let replacements =
        replacements.ok_or("its precompiled_charsmap is damaged: it is shorter than it says")?;
    let longest = replacements.split(|&byte| byte == 0).map(<[u8]>::len).max();
    Ok(longest.unwrap_or(0).div_ceil(USUAL_REPLACEMENT).max(1))
}

thread_local! {
    /// Whether a panic on this thread becomes an error, so that nothing is printed.
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` of the crate `tokenizers`; a panic in it becomes an error.
pub(crate) fn caught<T>(work: impl FnOnce() -> tokenizers::Result<T>) -> tokenizers::Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_CAUGHT.get() {
                usual(panic);
            }
        }));
    });
    let before = IS_CAUGHT.replace(true);
    // The tokenizer keeps nothing but a cache of words between calls, and none of it is used after an error.
    let result = catch_unwind(AssertUnwindSafe(work));
    IS_CAUGHT.set(before);
    result.unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("internal error: {}", message.unwrap_or("unknown")).into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_normalizer(normalizer: &str) -> Result<(), String> {
        check(format!(r#"{{"version":"1.0","normalizer":{normalizer},"model":{{}}}}"#).as_bytes())
    }

    #[test]
    fn usual_normalizers_are_allowed() {
        for normalizer in [
            "null",
            r#"{"type":"BertNormalizer","lowercase":true}"#,
            r#"{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}"#,
            r#"{"type":"Sequence","normalizers":[{"type":"Replace","pattern":{"String":"``"},"content":"\""},{"type":"NFKD"},
               {"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "}]}"#,
        ] {
            assert_eq!(with_normalizer(normalizer), Ok(()), "{normalizer}");
        }
        assert_eq!(check(br#"{"model":{}}"#), Ok(()));
    }

    #[test]
    fn normalizers_without_bounds_are_refused() {
        let double = r#"{"type":"Replace","pattern":{"String":"e"},"content":"ee"}"#;
        let sequence = |steps: &[&str]| {
            format!(
                r#"{{"type":"Sequence","normalizers":[{}]}}"#,
                steps.join(",")
            )
        };
        assert_eq!(with_normalizer(&sequence(&[double; 6])), Ok(()));
        let error = with_normalizer(&sequence(&[double; 40])).unwrap_err();
        assert!(error.contains("1099511627776 times"), "{error}");
        let nested = sequence(&[&sequence(&[double; 4]), &sequence(&[double; 4])]);
        assert!(with_normalizer(&nested).unwrap_err().contains("256 times"));
        let long = format!(
            r#"{{"type":"Replace","pattern":{{"Regex":""}},"content":"{}"}}"#,
            "x".repeat(64)
        );
        assert!(with_normalizer(&long).unwrap_err().contains("65 times"));
    }

    #[test]
    fn maps_of_characters_are_checked_before_they_are_read() {
        let map = |bytes: &[u8]| {
            with_normalizer(&format!(
                r#"{{"type":"Precompiled","precompiled_charsmap":"{}"}}"#,
                STANDARD.encode(bytes)
            ))
        };
        let whole = [&4_u32.to_le_bytes()[..], &[0; 4], b"ss\0a long one\0"].concat();
        assert_eq!(map(&whole), Ok(()));
        for cut in 0..8 {
            assert!(map(&whole[..cut]).unwrap_err().contains("damaged"), "{cut}");
        }
        assert!(map(&[0xff; 4]).unwrap_err().contains("damaged"));
        let long = [&whole[..8], &[b'x'; 32 * 64 + 1]].concat();
        assert!(map(&long).unwrap_err().contains("65 times"));
        assert!(
            with_normalizer(r#"{"type":"Precompiled","precompiled_charsmap":"A*"}"#)
                .unwrap_err()
                .contains("damaged")
        );
    }

    #[test]
    fn a_panic_becomes_an_error() {
        let error = caught::<()>(|| panic!("no entry {}", 7)).unwrap_err();
        assert_eq!(error.to_string(), "internal error: no entry 7");
        assert_eq!(caught(|| Ok(3)).unwrap(), 3);
    }
}
