//! Decoding: UTF-8 by default; invalid bytes are an error unless replacing them is requested.

use encoding_rs::{DecoderResult, Encoding, UTF_8};

/// A decoded text.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The text, without a byte order mark.
    pub text: String,
    /// Positions of the U+FFFD that replace invalid bytes, ascending.
    pub faults: Vec<usize>,
    /// The encoding of the byte order mark, if it differs from the given one.
    pub announced: Option<&'static str>,
}

/// Why bytes cannot be decoded.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The encoding is unknown.
    Unknown,
    /// A byte that is invalid in the encoding.
    Byte {
        /// Its line, from 1.
        line: u64,
        /// The byte.
        byte: u8,
        /// The encoding.
        encoding: &'static str,
    },
    /// A NUL byte: valid in the encoding, but not in a text.
    Nul {
        /// Its line, from 1.
        line: u64,
    },
}

/// Decodes `bytes` from `encoding`: `utf-8`, `lossy` (UTF-8, with invalid bytes replaced and counted), or any label of the
/// WHATWG Encoding Standard (`latin1`, `windows-1252`, `utf-16le`, `gb18030`, `shift_jis` ...). A byte order mark overrides
/// `encoding`. `tolerant` replaces invalid bytes in any encoding.
pub fn decode(bytes: Vec<u8>, encoding: &str, tolerant: bool) -> Result<Decoded, Fault> {
    let tolerant = tolerant || is_lossy(encoding);
    let named = if is_lossy(encoding) {
        UTF_8
    } else {
        Encoding::for_label(encoding.as_bytes()).ok_or(Fault::Unknown)?
    };
    let (actual, mark) = Encoding::for_bom(&bytes).unwrap_or((named, 0));
    // Fast path: valid UTF-8 needs no decoding.
    let whole = if actual == UTF_8 && mark == 0 {
        String::from_utf8(bytes).map_err(std::string::FromUtf8Error::into_bytes)
    } else {
        Err(bytes)
    };
    let (text, faults) = match whole {
        Ok(text) => (text, Vec::new()),
        Err(bytes) => letters(actual, &bytes[mark..], tolerant)?,
    };
    let (text, faults) = match memchr::memchr(0, text.as_bytes()) {
        None => (text, faults),
        Some(_) if tolerant => without_nul(&text, faults),
        Some(at) => {
            let line = line_of(text.as_bytes(), at);
            return Err(Fault::Nul { line });
        }
    };
    Ok(Decoded {
        text,
        faults,
        announced: (actual != named).then(|| actual.name()),
    })
}

/// Decodes `bytes`; returns the text and the positions of U+FFFD for invalid bytes.
fn letters(
    encoding: &'static Encoding,
    bytes: &[u8],
    tolerant: bool,
) -> Result<(String, Vec<usize>), Fault> {
    /// Space for the longest character, so that each call makes progress.
    const LETTER: usize = 16;
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let (mut text, mut faults) = (String::with_capacity(bytes.len() + LETTER), Vec::new());
    let mut read = 0;
    loop {
        let (result, length) =
            decoder.decode_to_string_without_replacement(&bytes[read..], &mut text, true);
        read += length;
        match result {
            DecoderResult::InputEmpty => return Ok((text, faults)),
            DecoderResult::OutputFull => text.reserve(bytes.len() - read + LETTER),
            DecoderResult::Malformed(..) if tolerant => {
                faults.push(text.len());
                text.push(char::REPLACEMENT_CHARACTER);
            }
            DecoderResult::Malformed(length, after) => {
                return Err(Fault::Byte {
                    line: line_of(text.as_bytes(), text.len()),
                    byte: bytes[read - usize::from(after) - usize::from(length)],
                    encoding: encoding.name(),
                });
            }
        }
    }
}

/// Replaces NUL in `text` by U+FFFD; returns its positions together with those in `faults`.
fn without_nul(text: &str, mut faults: Vec<usize>) -> (String, Vec<usize>) {
    let nuls: Vec<usize> = memchr::memchr_iter(0, text.as_bytes()).collect();
    faults.extend(&nuls);
    faults.sort_unstable();
    // Each preceding NUL shifts a position, because U+FFFD has more bytes.
    let grows = char::REPLACEMENT_CHARACTER.len_utf8() - 1;
    for fault in &mut faults {
        *fault += grows * nuls.partition_point(|nul| nul < fault);
    }
    (text.replace('\0', "\u{fffd}"), faults)
}

/// Whether invalid bytes are replaced in this encoding.
pub fn is_lossy(encoding: &str) -> bool {
    encoding.eq_ignore_ascii_case("lossy")
}

/// The line, from 1, of byte `at`.
fn line_of(bytes: &[u8], at: usize) -> u64 {
    1 + memchr::memchr_iter(b'\n', &bytes[..at]).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_byte_is_reported_by_line_or_replaced_and_counted() {
        let bytes = b"good\nbad \xe9 byte\n".to_vec();
        assert_eq!(
            decode(bytes.clone(), "utf-8", false),
            Err(Fault::Byte {
                line: 2,
                byte: 0xe9,
                encoding: "UTF-8"
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
    fn a_byte_order_mark_selects_the_encoding() {
        let mut bytes = vec![0xff, 0xfe];
        bytes.extend("héad\n".encode_utf16().flat_map(u16::to_le_bytes));
        let decoded = decode(bytes, "utf-8", false).unwrap();
        assert_eq!(
            (decoded.text.as_str(), decoded.announced),
            ("héad\n", Some("UTF-16LE"))
        );
        let marked = decode("\u{feff}é".into(), "utf-8", false).unwrap();
        assert_eq!((marked.text.as_str(), marked.announced), ("é", None));
        let marked = decode("\u{feff}é".into(), "latin1", false).unwrap();
        assert_eq!(
            (marked.text.as_str(), marked.announced),
            ("é", Some("UTF-8"))
        );
    }

    #[test]
    fn faults_of_any_encoding_are_reported_by_line_or_replaced_and_counted() {
        let wide = b"\xff\xfea\0\n\0\0\xd8b\0".to_vec();
        assert_eq!(
            decode(wide.clone(), "utf-8", false),
            Err(Fault::Byte {
                line: 2,
                byte: 0,
                encoding: "UTF-16LE"
            })
        );
        let tolerant = decode(wide, "utf-8", true).unwrap();
        assert_eq!(
            (tolerant.text.as_str(), tolerant.faults),
            ("a\n\u{fffd}b", vec![2])
        );
        let japanese = b"\x93\x8c\n\x8b\x9e\xff\n\0\x93\x8c".to_vec();
        assert_eq!(
            decode(japanese.clone(), "shift_jis", false),
            Err(Fault::Byte {
                line: 2,
                byte: 0xff,
                encoding: "Shift_JIS"
            })
        );
        let tolerant = decode(japanese, "shift_jis", true).unwrap();
        assert_eq!(
            (tolerant.text.as_str(), tolerant.faults),
            ("東\n京\u{fffd}\n\u{fffd}東", vec![7, 11])
        );
        assert_eq!(
            decode(b"a\n\0".to_vec(), "latin1", false),
            Err(Fault::Nul { line: 2 })
        );
    }
}
