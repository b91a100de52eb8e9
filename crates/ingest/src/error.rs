//! Errors of the stage, with remedies.

use std::path::PathBuf;

use stage::counted;

use crate::encoding;
use crate::formats::Fault;
use crate::vectors;

/// Why a table could not be read. `Display` states the fact with the file and the line, [`stage::Hint`] the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No source is given.
    #[error("no source is given")]
    NoSource,
    /// Standard input is given twice.
    #[error("standard input (-) is given twice")]
    StdinTwice,
    /// A file is given twice.
    #[error("{} is given twice", path.display())]
    Twice {
        /// The path.
        path: PathBuf,
    },
    /// A source would be overwritten by an output.
    #[error("{} is a source and would be overwritten by {output}", path.display())]
    ReadAndWritten {
        /// The source.
        path: PathBuf,
        /// The output.
        output: &'static str,
    },
    /// A source is a directory.
    #[error("{} is a directory", path.display())]
    Directory {
        /// The path.
        path: PathBuf,
    },
    /// A source is a pipe or a device.
    #[error("{} is not a regular file: it can be read only once, but sources are read twice", path.display())]
    NoPlainFile {
        /// The path.
        path: PathBuf,
    },
    /// An invalid glob pattern.
    #[error("{pattern} is not a valid glob pattern")]
    Pattern {
        /// The given value.
        pattern: String,
        /// The cause.
        source: glob::PatternError,
    },
    /// No file matches a pattern.
    #[error("no file matches {pattern}")]
    NoMatch {
        /// The pattern.
        pattern: String,
    },
    /// The operating system reported an error.
    #[error("cannot {action} {source_name}")]
    Io {
        /// The action.
        action: &'static str,
        /// The source.
        source_name: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The file extension does not give the format.
    #[error("the format of {source_name} is unknown")]
    UnknownFormat {
        /// The source.
        source_name: String,
    },
    /// The bytes are not text.
    #[error("{source_name} is not text: it begins like {found}")]
    NoText {
        /// The source.
        source_name: String,
        /// The format that it begins like.
        found: &'static str,
    },
    /// Compressed data cannot be decompressed.
    #[error("the {format} data of {source_name} is damaged or truncated")]
    Compressed {
        /// The source.
        source_name: String,
        /// gzip or zstd.
        format: &'static str,
        /// The cause.
        source: std::io::Error,
    },
    /// Bytes are invalid in the encoding.
    #[error("{source_name}{}", encoding_fault(encoding, fault))]
    Encoding {
        /// The source.
        source_name: String,
        /// The encoding.
        encoding: String,
        /// What is wrong.
        fault: encoding::Fault,
    },
    /// An invalid delimiter.
    #[error("the delimiter {given:?} is not a single ASCII character")]
    Delimiter {
        /// The given value.
        given: String,
    },
    /// The delimiter occurs in no record, but another one does.
    #[error(
        "{source_name} is one column when its fields are separated by {given:?}, but {columns} columns when they are separated by {found:?}"
    )]
    OtherDelimiter {
        /// The source.
        source_name: String,
        /// The given value.
        given: char,
        /// The delimiter that gives all records the same number of fields.
        found: char,
        /// Number of fields.
        columns: usize,
    },
    /// A source is empty.
    #[error("{source_name} is empty")]
    Empty {
        /// The source.
        source_name: String,
    },
    /// A source has columns, but no rows.
    #[error("{source_name} has columns ({columns}) but no rows")]
    NoRows {
        /// The source.
        source_name: String,
        /// Their names.
        columns: String,
    },
    /// A row cannot be read.
    #[error("{source_name}, line {line}: {}", row_fault(fault))]
    Row {
        /// The source.
        source_name: String,
        /// Its first line, from 1.
        line: u64,
        /// What is wrong.
        fault: Fault,
    },
    /// A Parquet or Arrow file cannot be read.
    #[error("{source_name} is not a readable {format} file: {fault}")]
    Binary {
        /// The source.
        source_name: String,
        /// Parquet or Arrow IPC.
        format: &'static str,
        /// The message of the reader.
        fault: String,
    },
    /// A column cannot be converted.
    #[error("column `{column}`: {fault}")]
    Column {
        /// The column.
        column: String,
        /// The fault.
        fault: String,
    },
    /// A column does not exist.
    #[error("there is no column `{column}` (the columns are: {columns})")]
    NoColumn {
        /// The requested column.
        column: String,
        /// The option.
        option: &'static str,
        /// The existing columns.
        columns: String,
        /// The most similar name.
        nearest: Option<String>,
    },
    /// No column has the name of a text.
    #[error("no column has a usual name for texts (the columns are: {columns})")]
    NoTextColumn {
        /// The existing columns.
        columns: String,
    },
    /// The text columns are empty.
    #[error("there is no text: all cells of {} are empty", columns.join(" and "))]
    AllEmpty {
        /// The columns.
        columns: Vec<String>,
    },
    /// Both ways to define the text are given.
    #[error("--text and --template are both given")]
    TextTwice,
    /// An invalid template.
    #[error("the template {template:?} is invalid: {fault}")]
    Template {
        /// The template.
        template: String,
        /// What is wrong.
        fault: String,
    },
    /// This build does not have the Polars engine.
    #[error("this build does not have the Polars engine")]
    NotInThisBuild,
    /// An invalid condition.
    #[error("the condition {predicate:?} is invalid: {fault}")]
    Predicate {
        /// The predicate.
        predicate: String,
        /// The fault.
        fault: String,
        /// The remedy, if it is known.
        remedy: Option<String>,
        /// The existing columns.
        columns: String,
    },
    /// A cell is not a vector.
    #[error("column `{column}`, row {row} of the source: {fault}")]
    Vector {
        /// The column.
        column: String,
        /// The row of the source, from 0.
        row: i64,
        /// What is wrong.
        fault: String,
    },
    /// A column does not hold vectors.
    #[error("column `{column}` holds {found}, not vectors")]
    NoVectors {
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
    /// There is no output file for the vectors.
    #[error("--vectors is `{column}`, but there is no file to write the vectors to")]
    NoPlace {
        /// The column.
        column: String,
    },
    /// Too few documents.
    #[error("only {documents} of {rows} rows become documents; a map needs at least 3")]
    TooFew {
        /// Number of documents.
        documents: usize,
        /// Number of rows of the source.
        rows: usize,
    },
    /// A limit that leaves too few documents.
    #[error("{option} {given} leaves too few documents; a map needs at least 3")]
    Limit {
        /// The option.
        option: &'static str,
        /// The given value.
        given: usize,
    },
    /// An output could not be written.
    #[error(transparent)]
    Artifact(#[from] artifacts::Error),
}

fn encoding_fault(encoding: &str, fault: &encoding::Fault) -> String {
    match fault {
        encoding::Fault::Unknown => format!(": the encoding {encoding} is unknown"),
        encoding::Fault::Byte {
            line,
            byte,
            encoding,
        } => format!(", line {line}: the byte 0x{byte:02x} is not valid {encoding}"),
        encoding::Fault::Nul { line } => format!(", line {line}: the text contains a NUL byte"),
    }
}

fn row_fault(fault: &Fault) -> String {
    match fault {
        Fault::OpenQuote => "a quote is opened but never closed".to_owned(),
        Fault::AfterQuote { .. } => "a quoted field continues after its closing quote".to_owned(),
        Fault::Fields { found, expected } => format!(
            "{} where the first line has {}",
            counted(*found, "field"),
            counted(*expected, "field")
        ),
        Fault::Json(fault) => format!("invalid JSON: {fault}"),
        Fault::Foreign(begins) => format!("not JSON: it begins with {begins:?}"),
        Fault::NoObject(found) => format!("{found} instead of an object"),
        Fault::NoArray { found, .. } => format!("{found} instead of an array of objects"),
        Fault::Bytes => "bytes that are invalid in the encoding of the source".to_owned(),
        Fault::Twice(key) => format!("the key `{key}` occurs twice in one object"),
        Fault::Keys(columns) => {
            format!("{columns} different keys so far, with hardly any key in two rows")
        }
    }
}

const SKIP: &str = "or skip such rows with --on-bad-row skip";

fn row_hint(fault: &Fault) -> String {
    match fault {
        Fault::OpenQuote => {
            format!("close the quote; if quotes are ordinary characters in this file: --quote none; {SKIP}")
        }
        Fault::AfterQuote { backslash: true } => {
            format!("if quotes are escaped with a backslash: --quote backslash; {SKIP}")
        }
        Fault::AfterQuote { backslash: false } => {
            format!("double the quotes inside the field; if quotes are ordinary characters in this file: --quote none; {SKIP}")
        }
        Fault::Fields { expected: 1, .. } => {
            format!("quote texts that contain the delimiter; if the file has one text per line and no header: --format lines; {SKIP}")
        }
        Fault::Fields { .. } => {
            format!("quote fields that contain the delimiter, or give the right one with --delimiter; {SKIP}")
        }
        Fault::Json(fault) if fault.contains("expected value") || fault.contains("expected ident") => {
            format!("NaN and Infinity are not JSON: write null; {SKIP}")
        }
        Fault::Json(_) | Fault::Twice(_) => format!("correct the line, {SKIP}"),
        Fault::Foreign(_) => {
            "if the file is of another format, name it with --format; in JSON lines such rows can be left out, counted, with \
             --on-bad-row skip"
                .to_owned()
        }
        Fault::NoArray { rows: Some(key), .. } => {
            format!("if the rows are under its key `{key}`, extract that array (jq '.{key}')")
        }
        Fault::NoArray { .. } => {
            "write it as an array of objects (pandas: orient=\"records\"), or as one object per line with --format jsonl".to_owned()
        }
        Fault::Bytes => "give the encoding with --encoding".to_owned(),
        Fault::Keys(_) => {
            "each key becomes a column: if keys are names of things, write them as values, {\"key\": ..., \"text\": ...}".to_owned()
        }
        Fault::NoObject(_) => format!("each row must be an object, {{\"title\": \"...\"}}; {SKIP}"),
    }
}

impl stage::Hint for Error {
    fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::NoSource
                | Self::StdinTwice
                | Self::Twice { .. }
                | Self::ReadAndWritten { .. }
                | Self::Pattern { .. }
                | Self::NoMatch { .. }
                | Self::NoPlace { .. }
                | Self::Encoding {
                    fault: encoding::Fault::Unknown,
                    ..
                }
        ) || matches!(self, Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoSource => "give a file, a quoted glob pattern (\"news/*.csv\"), or - for standard input".to_owned(),
            Self::StdinTwice => "give it once: it can be read only once".to_owned(),
            Self::Twice { .. } => "give it once; a pattern may match it too".to_owned(),
            Self::ReadAndWritten { .. } => {
                "write into another run directory, or read a copy of the file".to_owned()
            }
            Self::Directory { path } => format!("give its files as a quoted glob pattern: \"{}/*.csv\"", path.display()),
            Self::NoPlainFile { .. } => {
                "pipe it into standard input, and name - and the format: ... | skerry run - --format csv; or keep it in a file first"
                    .to_owned()
            }
            Self::Pattern { .. } => "* matches any characters, ? one character, [ab] a or b".to_owned(),
            Self::NoMatch { .. } => "check the directory and the pattern".to_owned(),
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                "check the name; relative paths start at the current directory".to_owned()
            }
            Self::Io { .. } => "check that it is readable".to_owned(),
            Self::UnknownFormat { .. } => {
                "give it with --format csv, tsv, jsonl, json, parquet, arrow or lines".to_owned()
            }
            Self::NoText { found: "a ZIP archive", .. } => {
                "unpack it first; save the sheet of a workbook as CSV".to_owned()
            }
            Self::NoText { found: "UTF-16 or binary data", .. } => {
                "give the encoding (--encoding utf-16le), or the format if it is not text (--format parquet)".to_owned()
            }
            Self::NoText { .. } => "give the format with --format parquet or arrow".to_owned(),
            Self::Compressed { .. } => "copy the file again; gzip -t or zstd -t checks whether it is complete".to_owned(),
            Self::Encoding { fault: encoding::Fault::Nul { .. }, .. } => {
                "remove such bytes (tr -d '\\000'), or replace them with --encoding lossy".to_owned()
            }
            Self::Encoding { fault: encoding::Fault::Byte { encoding, .. }, .. } if *encoding != "UTF-8" => {
                "give another encoding with --encoding, or skip such rows with --on-bad-row skip".to_owned()
            }
            Self::Encoding { fault: encoding::Fault::Byte { .. }, .. } => {
                "name the encoding (--encoding latin1, windows-1252, gb18030, shift_jis ...), or replace such bytes, counted, \
                 with --encoding lossy, or leave such rows out, counted, with --on-bad-row skip"
                    .to_owned()
            }
            Self::Encoding { .. } => {
                "encodings: utf-8, lossy, latin1, windows-1252, utf-16le, gb18030, shift_jis and the other labels of the \
                 WHATWG Encoding Standard"
                    .to_owned()
            }
            Self::Delimiter { .. } => "give one ASCII character, or the word tab".to_owned(),
            Self::OtherDelimiter { found: '\t', .. } => {
                "omit --delimiter, or give --delimiter tab; if each line is a text: --format lines".to_owned()
            }
            Self::OtherDelimiter { found, .. } => {
                format!("omit --delimiter, or give --delimiter '{found}'; if each line is a text: --format lines")
            }
            Self::Limit { option, .. } => format!("set {option} to 3 or more, or omit it"),
            Self::Empty { .. } => "check that the file is complete".to_owned(),
            Self::NoRows { .. } => {
                "check that the file is complete; if its first line is a row: --no-header".to_owned()
            }
            Self::Row { fault, .. } => row_hint(fault),
            Self::Binary { .. } => "check that the file is complete and --format is correct".to_owned(),
            Self::Column { .. } => "leave the column out by giving the others with --columns".to_owned(),
            Self::NoColumn { nearest: Some(nearest), option: "--where", .. } => {
                format!("did you mean `{nearest}` in --where? Strings are in single quotes, 'en'; double quotes are for column names")
            }
            Self::NoColumn { option: "--where", .. } => {
                "in --where, strings are in single quotes, 'en'; double quotes are for column names".to_owned()
            }
            Self::NoColumn { nearest: Some(nearest), option, .. } if nearest.contains(',') => {
                format!("put a name with a comma in double quotes, inside those of the shell: {option} '\"{}\"'", nearest.replace('"', "\"\""))
            }
            Self::NoColumn { nearest: Some(nearest), option, .. } => format!("did you mean {option} {nearest}?"),
            Self::NoColumn { option, .. } => format!("give one of them with {option}"),
            Self::AllEmpty { .. } => "check that the file is complete, or give the text columns: --text COLUMN".to_owned(),
            Self::NoTextColumn { .. } => "give the text columns: --text COLUMN or --text COLUMN,COLUMN".to_owned(),
            Self::TextTwice => "give only one of them".to_owned(),
            Self::Template { .. } => {
                "put columns in braces: --template \"{title}\\n{description}\"; {{ and }} are literal braces".to_owned()
            }
            Self::NotInThisBuild => "rebuild with --features polars, or omit --where-engine".to_owned(),
            Self::Predicate { remedy: Some(remedy), .. } => remedy.clone(),
            Self::Predicate { columns, .. } => format!(
                "write a condition in SQL over the columns {columns}: \"year >= 2020 AND lang = 'en'\"; strings and dates stand \
                 in single quotes, odd names in double ones"
            ),
            Self::Vector { column, fault, .. } if fault == vectors::ABSENT => {
                format!("leave such rows out: --where '\"{column}\" IS NOT NULL'; or omit --vectors to embed the texts")
            }
            Self::Vector { .. } => {
                "correct the row or remove it from the source; or omit --vectors to embed the texts".to_owned()
            }
            Self::NoVectors { .. } => "give a column of lists of numbers, all of the same length".to_owned(),
            Self::NoPlace { .. } => "give it with --embeddings FILE, or a run directory with --run DIR".to_owned(),
            Self::TooFew { .. } => {
                "check --text, --where and --limit, and the rows that were left out for having no text".to_owned()
            }
            Self::Artifact(error) => return error.hint(),
        })
    }
}
