//! Delimited text, by RFC 4180 and common deviations.
//!
//! Common CSV readers do not report the line of a fault, pad short rows silently, and infer types from the first rows only. So
//! records are parsed here, into columns of strings. One pass over the bytes; memory is the cells themselves.

use memchr::{memchr, memchr_iter, memchr2};

use super::{Bad, Cells, Fault, OnBadRow, Parsed, Text};

/// Quoting style.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    clap::ValueEnum,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Quote {
    /// Fields may be quoted; a quote inside is doubled, as in RFC 4180
    #[default]
    Double,
    /// Fields may be quoted; a quote inside is escaped with a backslash
    Backslash,
    /// No quoting: a quote is an ordinary character
    None,
}

/// The dialect of a file.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// The byte between two fields.
    pub delimiter: u8,
    /// The quoting style.
    pub quote: Quote,
    /// Whether the first record names the columns.
    pub header: bool,
}

/// A field: its bytes without the quotes, and whether they must be unescaped.
#[derive(Debug, Clone, Copy)]
struct Field {
    start: usize,
    end: usize,
    quoted: bool,
    escaped: bool,
}

/// A parser for the records of a text.
struct Records<'a> {
    text: &'a str,
    at: usize,
    /// The line of `at`, from 1.
    line: u64,
    delimiter: u8,
    quote: Quote,
    /// `\n`, or `\r` in a file that has no `\n` at all.
    end_of_line: u8,
}

impl<'a> Records<'a> {
    fn new(text: &'a str, delimiter: u8, quote: Quote) -> Self {
        let bytes = text.as_bytes();
        let end_of_line = if memchr(b'\n', bytes).is_none() && memchr(b'\r', bytes).is_some() {
            b'\r'
        } else {
            b'\n'
        };
        Self {
            text,
            at: 0,
            line: 1,
            delimiter,
            quote,
            end_of_line,
        }
    }

    /// Reads the next record into `fields`; false at the end of the text. After a fault, the position is the start of the record;
    /// [`Records::skip_line`] continues with the next line.
    fn next(&mut self, fields: &mut Vec<Field>) -> Result<bool, Fault> {
        fields.clear();
        if self.at >= self.text.len() {
            return Ok(false);
        }
        let (mut at, mut line) = (self.at, self.line);
        loop {
            let (field, next) = self.field(at)?;
            if field.quoted {
                line += memchr_iter(
                    self.end_of_line,
                    &self.text.as_bytes()[field.start..field.end],
                )
                .count() as u64;
            }
            fields.push(field);
            match next {
                Some(next) if self.text.as_bytes()[next - 1] == self.delimiter => at = next,
                Some(next) => {
                    (self.at, self.line) = (next, line + 1);
                    return Ok(true);
                }
                None => {
                    (self.at, self.line) = (self.text.len(), line + 1);
                    return Ok(true);
                }
            }
        }
    }

    /// The field that begins at `start`, and the start of the next one (`None` at the end of the text).
    fn field(&self, start: usize) -> Result<(Field, Option<usize>), Fault> {
        let bytes = self.text.as_bytes();
        if self.quote != Quote::None && bytes.get(start) == Some(&b'"') {
            return self.quoted(start + 1);
        }
        let found = memchr2(self.delimiter, self.end_of_line, &bytes[start..]);
        let mut end = found.map_or(bytes.len(), |offset| start + offset);
        let next = found.map(|_| end + 1);
        if found.is_none_or(|_| bytes[end] == b'\n') && end > start && bytes[end - 1] == b'\r' {
            end -= 1;
        }
        Ok((
            Field {
                start,
                end,
                quoted: false,
                escaped: false,
            },
            next,
        ))
    }

    /// The quoted field whose content begins at `start`.
    fn quoted(&self, start: usize) -> Result<(Field, Option<usize>), Fault> {
        let bytes = self.text.as_bytes();
        let (mut from, mut escaped) = (start, false);
        loop {
            let stop = match self.quote {
                Quote::Backslash => memchr2(b'"', b'\\', &bytes[from..]),
                Quote::Double | Quote::None => memchr(b'"', &bytes[from..]),
            };
            let Some(end) = stop.map(|offset| from + offset) else {
                return Err(Fault::OpenQuote);
            };
            if bytes[end] == b'\\'
                || (self.quote == Quote::Double && bytes.get(end + 1) == Some(&b'"'))
            {
                escaped = true;
                from = (end + 2).min(bytes.len());
                continue;
            }
            let field = Field {
                start,
                end,
                quoted: true,
                escaped,
            };
            return match bytes.get(end + 1) {
                None => Ok((field, None)),
                Some(&byte) if byte == self.delimiter || byte == self.end_of_line => {
                    Ok((field, Some(end + 2)))
                }
                Some(b'\r') if bytes.get(end + 2) == Some(&b'\n') => Ok((field, Some(end + 3))),
                Some(b'\r') if end + 2 == bytes.len() => Ok((field, None)),
                Some(_) => Err(Fault::AfterQuote {
                    backslash: end > start && bytes[end - 1] == b'\\',
                }),
            };
        }
    }

    /// Skips the rest of the line.
    fn skip_line(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at =
            memchr(self.end_of_line, rest).map_or(self.text.len(), |offset| self.at + offset + 1);
        self.line += 1;
    }

    /// The value of the field; `None` if it is empty and not quoted.
    fn value<'s>(&self, field: Field, scratch: &'s mut String) -> Option<&'s str>
    where
        'a: 's,
    {
        let raw = &self.text[field.start..field.end];
        if !field.escaped {
            return (field.quoted || !raw.is_empty()).then_some(raw);
        }
        scratch.clear();
        let mut rest = raw;
        let mark = if self.quote == Quote::Backslash {
            b'\\'
        } else {
            b'"'
        };
        while let Some(at) = memchr(mark, rest.as_bytes()) {
            scratch.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            // A backslash escapes only a quote or a backslash.
            if mark == b'\\' && !rest.starts_with(['"', '\\']) {
                scratch.push('\\');
            } else {
                scratch.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
        scratch.push_str(rest);
        Some(scratch)
    }
}

fn is_blank(fields: &[Field]) -> bool {
    matches!(fields, [only] if !only.quoted && only.start == only.end)
}

/// Common delimiters.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The number of fields of the first record, and whether the next records have as many.
fn shape(text: &str, delimiter: u8, quote: Quote) -> (usize, bool) {
    const RECORDS: usize = 20;
    let mut records = Records::new(text, delimiter, quote);
    let (mut fields, mut width, mut agree, mut seen) = (Vec::new(), 0, true, 0);
    while seen < RECORDS {
        match records.next(&mut fields) {
            Ok(true) if is_blank(&fields) => {}
            Ok(true) => {
                seen += 1;
                if width == 0 {
                    width = fields.len();
                }
                agree &= fields.len() == width;
            }
            Ok(false) => break,
            Err(_) => {
                agree = false;
                break;
            }
        }
    }
    (width, agree)
}

/// The delimiter of `text`: `usual` if it gives all records the same number of fields, else one of `, ; tab |` that does.
pub fn delimiter(text: &str, usual: u8, quote: Quote) -> u8 {
    let others = DELIMITERS.into_iter().filter(move |&other| other != usual);
    let candidates = || std::iter::once(usual).chain(others.clone());
    let shape = |delimiter| shape(text, delimiter, quote);
    candidates()
        .find(|&delimiter| matches!(shape(delimiter), (width, true) if width > 1))
        .or_else(|| candidates().find(|&delimiter| shape(delimiter).0 > 1))
        .unwrap_or(usual)
}

/// If `given` occurs in no record: the delimiter that splits all first records alike, and the number of fields.
pub fn better_delimiter(text: &str, given: u8, quote: Quote) -> Option<(u8, usize)> {
    if shape(text, given, quote).0 > 1 {
        return None;
    }
    DELIMITERS
        .into_iter()
        .find_map(|other| match shape(text, other, quote) {
            (width, true) if width > 1 => Some((other, width)),
            _ => None,
        })
}

/// Reads the records of `source`.
pub fn read(source: Text<'_>, dialect: Dialect, on_bad_row: OnBadRow) -> Result<Parsed, Bad> {
    let text = source.text;
    let mut records = Records::new(text, dialect.delimiter, dialect.quote);
    let mut parsed = Parsed::default();
    let (mut fields, mut scratch) = (Vec::new(), String::new());
    let mut width = None;
    let mut row = 0;
    loop {
        let (line, start) = (records.line, records.at);
        let found = match records.next(&mut fields) {
            Ok(false) => break,
            Ok(true) if is_blank(&fields) => {
                parsed.blank_lines += 1;
                continue;
            }
            Ok(true) => match width {
                Some(width) if fields.len() != width => Err(Fault::Fields {
                    found: fields.len(),
                    expected: width,
                }),
                _ if source.is_faulty(&text[start..records.at]) => Err(Fault::Bytes),
                _ => Ok(()),
            },
            Err(fault) => Err(fault),
        };
        if let Err(fault) = found {
            // A fault in the header cannot be skipped.
            if width.is_none() || on_bad_row == OnBadRow::Error {
                return Err(Bad { line, fault });
            }
            if !matches!(fault, Fault::Fields { .. } | Fault::Bytes) {
                records.skip_line();
            }
            parsed.skipped.push(row);
            row += 1;
            continue;
        }
        if width.is_none() {
            width = Some(fields.len());
            if dialect.header {
                let names = fields.iter().map(|&field| {
                    records
                        .value(field, &mut scratch)
                        .unwrap_or_default()
                        .trim()
                        .to_owned()
                });
                parsed.columns = names.map(Cells::new).collect();
                continue;
            }
            parsed.columns = (0..fields.len())
                .map(|_| Cells::new(String::new()))
                .collect();
        }
        for (cells, &field) in parsed.columns.iter_mut().zip(&fields) {
            cells.push(records.value(field, &mut scratch));
        }
        parsed.source_row.push(row);
        row += 1;
        (source.read)(records.at);
    }
    Ok(parsed)
}
