//! From bytes to text: UTF-8 unless another encoding is named, and never a replaced letter that was not asked for.

use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE};

/// A decoded text.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The text.
    pub text: String,
    /// Byte sequences that were no text and were replaced by U+FFFD (only with `lossy`).
    pub replaced: u64,
    /// The encoding that the file itself announced, where that is not UTF-8.
    pub announced: Option<&'static str>,
}

/// Why bytes are no text.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The encoding's name is not known.
    Unknown,
    /// A byte that the encoding has no letter for.
    Byte {
        /// The line it stands on, from 1.
        line: u64,
        /// The byte.
        byte: u8,
    },
    /// Bytes that the encoding has no letter for, somewhere.
    Somewhere,
}

/// Decodes `bytes` from `encoding`: `utf-8`, `lossy` (UTF-8, what is none replaced and counted), or any label of the
/// WHATWG Encoding Standard (`latin1`, `windows-1252`, `utf-16le`, `gb18030`, `shift_jis` ...).
pub fn decode(bytes: Vec<u8>, encoding: &str) -> Result<Decoded, Fault> {
    let lossy = encoding.eq_ignore_ascii_case("lossy");
    let named = if lossy {
        UTF_8
    } else {
        encoding_rs::Encoding::for_label(encoding.as_bytes()).ok_or(Fault::Unknown)?
    };
    let (actual, announced) = match encoding_rs::Encoding::for_bom(&bytes) {
        Some((marked, _)) if marked != UTF_8 && (marked == UTF_16LE || marked == UTF_16BE) => {
            (marked, Some(marked.name()))
        }
        _ => (named, None),
    };
    if actual != UTF_8 {
        let (text, _, failed) = actual.decode(&bytes);
        if failed {
            return Err(Fault::Somewhere);
        }
        return Ok(Decoded {
            text: text.into_owned(),
            replaced: 0,
            announced: announced.filter(|_| actual != named),
        });
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => Decoded {
            text,
            replaced: 0,
            announced: None,
        },
        Err(error) if lossy => {
            let replaced = error
                .as_bytes()
                .utf8_chunks()
                .filter(|chunk| !chunk.invalid().is_empty())
                .count() as u64;
            Decoded {
                text: String::from_utf8_lossy(error.as_bytes()).into_owned(),
                replaced,
                announced: None,
            }
        }
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let line = 1 + memchr::memchr_iter(b'\n', &error.as_bytes()[..good]).count() as u64;
            return Err(Fault::Byte {
                line,
                byte: error.as_bytes()[good],
            });
        }
    };
    Ok(text)
}

/// The text without a byte order mark.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_byte_is_found_on_its_line_or_replaced_and_counted() {
        let bytes = b"good\nbad \xe9 byte\n".to_vec();
        assert_eq!(
            decode(bytes.clone(), "utf-8"),
            Err(Fault::Byte {
                line: 2,
                byte: 0xe9
            })
        );
        assert_eq!(
            decode(bytes.clone(), "latin1").unwrap().text,
            "good\nbad é byte\n"
        );
        let lossy = decode(bytes.clone(), "lossy").unwrap();
        assert_eq!(
            (lossy.text.as_str(), lossy.replaced),
            ("good\nbad \u{fffd} byte\n", 1)
        );
        assert_eq!(decode(bytes, "klingon"), Err(Fault::Unknown));
    }

    #[test]
    fn a_byte_order_mark_is_heeded() {
        let mut bytes = vec![0xff, 0xfe];
        bytes.extend("héad\n".encode_utf16().flat_map(u16::to_le_bytes));
        let decoded = decode(bytes, "utf-8").unwrap();
        assert_eq!(
            (decoded.text.as_str(), decoded.announced),
            ("héad\n", Some("UTF-16LE"))
        );
        let marked = decode("\u{feff}a".into(), "utf-8").unwrap();
        assert_eq!(without_mark(&marked.text), "a");
        assert_eq!(
            decode(b"\xff\xfea\0\0\xd8b\0".to_vec(), "utf-8"),
            Err(Fault::Somewhere)
        );
    }
}
