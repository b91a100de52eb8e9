//! From bytes to text: UTF-8 unless another encoding is named, and never a replaced letter that was not asked for.

use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE};

/// A decoded text.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The text.
    pub text: String,
    /// Where in the text U+FFFD stands for bytes that were no text, rising.
    pub faults: Vec<usize>,
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
    /// A NUL byte: UTF-8, but nothing that a text holds.
    Nul {
        /// The line it stands on, from 1.
        line: u64,
    },
    /// Bytes that the encoding has no letter for, somewhere.
    Somewhere,
}

/// Decodes `bytes` from `encoding`: `utf-8`, `lossy` (UTF-8, what is none replaced and counted), or any label of the
/// WHATWG Encoding Standard (`latin1`, `windows-1252`, `utf-16le`, `gb18030`, `shift_jis` ...). `tolerant` does with
/// UTF-8 what `lossy` does.
pub fn decode(bytes: Vec<u8>, encoding: &str, tolerant: bool) -> Result<Decoded, Fault> {
    let lossy = is_lossy(encoding);
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
            faults: Vec::new(),
            announced: announced.filter(|_| actual != named),
        });
    }
    let (text, faults) = match String::from_utf8(bytes) {
        Ok(text) => match memchr::memchr(0, text.as_bytes()) {
            None => (text, Vec::new()),
            Some(_) if lossy || tolerant => replaced(text.as_bytes()),
            Some(at) => {
                let line = line_of(text.as_bytes(), at);
                return Err(Fault::Nul { line });
            }
        },
        Err(error) if lossy || tolerant => replaced(error.as_bytes()),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let bytes = error.as_bytes();
            return Err(Fault::Byte {
                line: line_of(bytes, at),
                byte: bytes[at],
            });
        }
    };
    Ok(Decoded {
        text,
        faults,
        announced: None,
    })
}

/// Whether faults are replaced in this encoding.
pub fn is_lossy(encoding: &str) -> bool {
    encoding.eq_ignore_ascii_case("lossy")
}

/// The line, from 1, that byte `at` stands on.
fn line_of(bytes: &[u8], at: usize) -> u64 {
    1 + memchr::memchr_iter(b'\n', &bytes[..at]).count() as u64
}

/// The text with U+FFFD in place of what is no UTF-8 and of NUL, and where.
fn replaced(bytes: &[u8]) -> (String, Vec<usize>) {
    let (mut text, mut faults) = (String::with_capacity(bytes.len()), Vec::new());
    for chunk in bytes.utf8_chunks() {
        for (i, piece) in chunk.valid().split('\0').enumerate() {
            if i > 0 {
                faults.push(text.len());
                text.push(char::REPLACEMENT_CHARACTER);
            }
            text.push_str(piece);
        }
        if !chunk.invalid().is_empty() {
            faults.push(text.len());
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    (text, faults)
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
            decode(bytes.clone(), "utf-8", false),
            Err(Fault::Byte {
                line: 2,
                byte: 0xe9
            })
        );
        assert_eq!(
            decode(bytes.clone(), "latin1", false).unwrap().text,
            "good\nbad é byte\n"
        );
        let lossy = decode(bytes.clone(), "lossy", false).unwrap();
        assert_eq!(
            (lossy.text.as_str(), lossy.faults.as_slice()),
            ("good\nbad \u{fffd} byte\n", [9].as_slice())
        );
        assert_eq!(decode(bytes, "klingon", false), Err(Fault::Unknown));
        let nul = b"a\nb\0c\xff\n".to_vec();
        assert_eq!(
            decode(b"a\nb\0c\n".to_vec(), "utf-8", false),
            Err(Fault::Nul { line: 2 })
        );
        let tolerant = decode(nul, "utf-8", true).unwrap();
        assert_eq!(
            (tolerant.text.as_str(), tolerant.faults),
            ("a\nb\u{fffd}c\u{fffd}\n", vec![3, 7])
        );
    }

    #[test]
    fn a_byte_order_mark_is_heeded() {
        let mut bytes = vec![0xff, 0xfe];
        bytes.extend("héad\n".encode_utf16().flat_map(u16::to_le_bytes));
        let decoded = decode(bytes, "utf-8", false).unwrap();
        assert_eq!(
            (decoded.text.as_str(), decoded.announced),
            ("héad\n", Some("UTF-16LE"))
        );
        let marked = decode("\u{feff}a".into(), "utf-8", false).unwrap();
        assert_eq!(without_mark(&marked.text), "a");
        assert_eq!(
            decode(b"\xff\xfea\0\0\xd8b\0".to_vec(), "utf-8", false),
            Err(Fault::Somewhere)
        );
    }
}
