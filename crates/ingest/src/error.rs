//! What can be wrong with a source, and what to do about it.

use std::path::PathBuf;

use crate::encoding;
use crate::formats::Fault;
use crate::vectors;

/// Why a table could not be read. `Display` states the fact with the file and the line, [`stage::Hint`] the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No source was named.
    #[error("no source of rows is named")]
    NoSource,
    /// Standard input stands twice.
    #[error("standard input (-) is named twice")]
    StdinTwice,
    /// A file stands twice.
    #[error("{} is named twice", path.display())]
    Twice {
        /// It.
        path: PathBuf,
    },
    /// A source that would be replaced by what is made of it.
    #[error("{} is read, and would be written as {output}", path.display())]
    ReadAndWritten {
        /// The source.
        path: PathBuf,
        /// The output.
        output: &'static str,
    },
    /// A directory in a file's place.
    #[error("{} is a directory", path.display())]
    Directory {
        /// It.
        path: PathBuf,
    },
    /// A pipe or a device in a file's place.
    #[error("{} is no plain file: it can be read only once, and an input is read twice", path.display())]
    NoPlainFile {
        /// It.
        path: PathBuf,
    },
    /// A pattern that is none.
    #[error("{pattern} is no pattern of file names")]
    Pattern {
        /// What was given.
        pattern: String,
        /// The cause.
        source: glob::PatternError,
    },
    /// A pattern that no file fits.
    #[error("no file fits {pattern}")]
    NoMatch {
        /// The pattern.
        pattern: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {source_name}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        source_name: String,
        /// The cause.
        source: std::io::Error,
    },
    /// A format that the name does not tell.
    #[error("the format of {source_name} is not known")]
    UnknownFormat {
        /// The source.
        source_name: String,
    },
    /// The bytes are of another format than was said.
    #[error("{source_name} is no text: it begins like {found}")]
    NoText {
        /// The source.
        source_name: String,
        /// What it begins like.
        found: &'static str,
    },
    /// Compressed data that cannot be decompressed.
    #[error("the {format} data of {source_name} is damaged or cut short")]
    Compressed {
        /// The source.
        source_name: String,
        /// gzip or zstd.
        format: &'static str,
        /// The cause.
        source: std::io::Error,
    },
    /// Bytes that are no text in the encoding.
    #[error("{source_name}{}", encoding_fault(encoding, fault))]
    Encoding {
        /// The source.
        source_name: String,
        /// The encoding it was read in.
        encoding: String,
        /// What is wrong.
        fault: encoding::Fault,
    },
    /// A delimiter that is none.
    #[error("the delimiter {given:?} is not one plain character")]
    Delimiter {
        /// What was given.
        given: String,
    },
    /// A delimiter that parts nothing, where another one does.
    #[error(
        "{source_name} is one column when its fields are separated by {given:?}, but {columns} columns when they are separated by {found:?}"
    )]
    OtherDelimiter {
        /// The source.
        source_name: String,
        /// What was given.
        given: char,
        /// What parts its records, all into as many fields.
        found: char,
        /// How many.
        columns: usize,
    },
    /// Nothing in it.
    #[error("{source_name} is empty")]
    Empty {
        /// The source.
        source_name: String,
    },
    /// Columns, but no row.
    #[error("{source_name} has columns ({columns}) but no rows")]
    NoRows {
        /// The source.
        source_name: String,
        /// Their names.
        columns: String,
    },
    /// A row that cannot be read.
    #[error("{source_name}, line {line}: {}", row_fault(fault))]
    Row {
        /// The source.
        source_name: String,
        /// The line it begins on, from 1.
        line: u64,
        /// What is wrong.
        fault: Fault,
    },
    /// A Parquet or Arrow file that cannot be read.
    #[error("{source_name} is not a readable {format} file: {fault}")]
    Binary {
        /// The source.
        source_name: String,
        /// Parquet or Arrow IPC.
        format: &'static str,
        /// What the reader reports.
        fault: String,
    },
    /// A column that cannot be converted.
    #[error("column `{column}`: {fault}")]
    Column {
        /// The column.
        column: String,
        /// What is wrong with it.
        fault: String,
    },
    /// A column that is not there.
    #[error("there is no column `{column}` (there are: {columns})")]
    NoColumn {
        /// What was asked for.
        column: String,
        /// The option that asked.
        option: &'static str,
        /// What there is.
        columns: String,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// No column that looks like a text.
    #[error("no column of texts is found by its name (there are: {columns})")]
    NoTextColumn {
        /// What there is.
        columns: String,
    },
    /// A column that a text would be found in, without one.
    #[error("there is no text: all cells of {} are empty", columns.join(" and "))]
    AllEmpty {
        /// The columns.
        columns: Vec<String>,
    },
    /// Two ways to say what the text is.
    #[error("--text and --template are both given")]
    TextTwice,
    /// A template that cannot be read.
    #[error("the template {template:?} cannot be read: {fault}")]
    Template {
        /// The template.
        template: String,
        /// What is wrong.
        fault: String,
    },
    /// The other engine for conditions was left out of this build.
    #[error("this build has no Polars engine")]
    NotInThisBuild,
    /// A predicate that cannot be read or applied.
    #[error("the predicate {predicate:?} does not work: {fault}")]
    Predicate {
        /// The predicate.
        predicate: String,
        /// What is wrong with it.
        fault: String,
        /// What to write instead, where that is known.
        remedy: Option<String>,
        /// What there is.
        columns: String,
    },
    /// A cell that is no vector.
    #[error("column `{column}`, row {row} of the source: {fault}")]
    Vector {
        /// The column.
        column: String,
        /// The row of the source, from 0.
        row: i64,
        /// What is wrong.
        fault: String,
    },
    /// A column of no vectors.
    #[error("column `{column}` holds {found}, no vectors")]
    NoVectors {
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
    /// Vectors are asked for, and no file to write them to.
    #[error("vectors are to be taken from `{column}`, but there is no file to write them to")]
    NoPlace {
        /// The column.
        column: String,
    },
    /// Too little to go on with.
    #[error(
        "{documents} of {rows} rows have a text that is kept: too few for a map, which needs 3"
    )]
    TooFew {
        /// Documents.
        documents: usize,
        /// Rows of the source.
        rows: usize,
    },
    /// A limit that leaves too little to go on with.
    #[error("{option} {given} leaves too few documents for a map, which needs 3")]
    Limit {
        /// The option.
        option: &'static str,
        /// What was given.
        given: usize,
    },
    /// An output could not be written.
    #[error(transparent)]
    Artifact(#[from] artifacts::Error),
}

fn encoding_fault(encoding: &str, fault: &encoding::Fault) -> String {
    match fault {
        encoding::Fault::Unknown => format!(": the encoding {encoding} is not known"),
        encoding::Fault::Byte {
            line,
            byte,
            encoding,
        } => format!(", line {line}: the byte 0x{byte:02x} is no {encoding}"),
        encoding::Fault::Nul { line } => format!(", line {line}: a NUL byte stands in the text"),
    }
}

fn row_fault(fault: &Fault) -> String {
    let count = |n: usize| {
        if n == 1 {
            "1 field".to_owned()
        } else {
            format!("{n} fields")
        }
    };
    match fault {
        Fault::OpenQuote => "a quote is opened here and never closed".to_owned(),
        Fault::AfterQuote { .. } => "a quoted field goes on after its closing quote".to_owned(),
        Fault::Fields { found, expected } => format!(
            "{} where the first line has {}",
            count(*found),
            count(*expected)
        ),
        Fault::Json(fault) => format!("no JSON: {fault}"),
        Fault::Foreign(begins) => format!("no JSON: it begins with {begins:?}"),
        Fault::NoObject(found) => format!("{found} where an object is expected"),
        Fault::NoArray { found, .. } => format!("{found} where an array of objects is expected"),
        Fault::Bytes => "bytes that are no text in the encoding of the source".to_owned(),
        Fault::Twice(key) => format!("the key `{key}` stands twice in one object"),
        Fault::Keys(columns) => {
            format!("{columns} different keys up to here, of which hardly two rows share one")
        }
    }
}

const SKIP: &str = "or leave such rows out, counted, with --on-bad-row skip";

fn row_hint(fault: &Fault) -> String {
    match fault {
        Fault::OpenQuote => {
            format!("close the quote; if quotes are plain letters in this file: --quote none; {SKIP}")
        }
        Fault::AfterQuote { backslash: true } => {
            format!("quotes seem to be escaped by a backslash here: --quote backslash; {SKIP}")
        }
        Fault::AfterQuote { backslash: false } => {
            format!("double the quotes inside the field; if quotes are plain letters in this file: --quote none; {SKIP}")
        }
        Fault::Fields { expected: 1, .. } => {
            format!("quote the texts that hold the delimiter; if the file has a text a line and no header: --format lines; {SKIP}")
        }
        Fault::Fields { .. } => {
            format!("quote the fields that hold the delimiter, or name the right one with --delimiter; {SKIP}")
        }
        Fault::Json(fault) if fault.contains("expected value") || fault.contains("expected ident") => {
            format!("NaN and Infinity are no JSON: write null; {SKIP}")
        }
        Fault::Json(_) | Fault::Twice(_) => format!("mend the line, {SKIP}"),
        Fault::Foreign(_) => {
            "if the file is of another format, name it with --format; in JSON lines such rows can be left out, counted, with \
             --on-bad-row skip"
                .to_owned()
        }
        Fault::NoArray { rows: Some(key), .. } => {
            format!("the rows seem to stand under its key `{key}`: take that array out (jq '.{key}'), and give it alone")
        }
        Fault::NoArray { .. } => {
            "write it as an array of objects (pandas: orient=\"records\"), or an object a line with --format jsonl".to_owned()
        }
        Fault::Bytes => "name the encoding with --encoding".to_owned(),
        Fault::Keys(_) => {
            "each key becomes a column: if keys are names of things, write them as values, {\"key\": ..., \"text\": ...}".to_owned()
        }
        Fault::NoObject(_) => format!("each row must be an object, {{\"title\": \"...\"}}; {SKIP}"),
    }
}

impl stage::Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoSource => "name a file, a pattern in quotes (\"news/*.csv\"), or - for standard input".to_owned(),
            Self::StdinTwice => "it can be read once: name it once".to_owned(),
            Self::Twice { .. } => "name it once; a pattern may fit it too".to_owned(),
            Self::ReadAndWritten { .. } => {
                "write into another run directory, or read a copy of the file".to_owned()
            }
            Self::Directory { path } => format!("name its files by a pattern in quotes: \"{}/*.csv\"", path.display()),
            Self::NoPlainFile { .. } => {
                "pipe it into standard input, and name - and the format: ... | skerry run - --format csv; or keep it in a file first"
                    .to_owned()
            }
            Self::Pattern { .. } => "* stands for any letters, ? for one, [ab] for a or b".to_owned(),
            Self::NoMatch { .. } => "check the directory and the pattern".to_owned(),
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                "check the name; a path is relative to where the program runs".to_owned()
            }
            Self::Io { .. } => "check that it may be read".to_owned(),
            Self::UnknownFormat { .. } => {
                "say it with --format csv, tsv, jsonl, json, parquet, arrow or lines".to_owned()
            }
            Self::NoText { found: "a ZIP archive", .. } => {
                "unpack it first; save the sheet of a workbook as CSV".to_owned()
            }
            Self::NoText { found: "UTF-16 or binary data", .. } => {
                "name the encoding (--encoding utf-16le), or the format if it is no text (--format parquet)".to_owned()
            }
            Self::NoText { .. } => "say it with --format parquet or arrow".to_owned(),
            Self::Compressed { .. } => "get the file again; gzip -t or zstd -t tells whether it is whole".to_owned(),
            Self::Encoding { fault: encoding::Fault::Nul { .. }, .. } => {
                "take such bytes out (tr -d '\\000'), or replace them, counted, with --encoding lossy".to_owned()
            }
            Self::Encoding { fault: encoding::Fault::Byte { encoding, .. }, .. } if *encoding != "UTF-8" => {
                "name another encoding with --encoding, or leave such rows out, counted, with --on-bad-row skip".to_owned()
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
                "leave out --delimiter, or give --delimiter tab; if each line is a text: --format lines".to_owned()
            }
            Self::OtherDelimiter { found, .. } => {
                format!("leave out --delimiter, or give --delimiter '{found}'; if each line is a text: --format lines")
            }
            Self::Limit { option, .. } => format!("give {option} 3 or more, or leave it out"),
            Self::Empty { .. } => "check that it was written whole".to_owned(),
            Self::NoRows { .. } => {
                "check that it was written whole; if its first line is a row already: --no-header".to_owned()
            }
            Self::Row { fault, .. } => row_hint(fault),
            Self::Binary { .. } => "check that it was copied whole, and that --format fits".to_owned(),
            Self::Column { .. } => "leave the column out: name the ones to keep with --columns".to_owned(),
            Self::NoColumn { nearest: Some(nearest), option: "--where", .. } => {
                format!("did you mean --where with {nearest}? A string stands in single quotes, 'en'; double ones are for names of columns")
            }
            Self::NoColumn { option: "--where", .. } => {
                "in --where a string stands in single quotes, 'en'; double ones are for names of columns".to_owned()
            }
            Self::NoColumn { nearest: Some(nearest), option, .. } if nearest.contains(',') => {
                format!("a name with a comma stands in double quotes, inside those of the shell: {option} '\"{}\"'", nearest.replace('"', "\"\""))
            }
            Self::NoColumn { nearest: Some(nearest), option, .. } => format!("did you mean {option} {nearest}?"),
            Self::NoColumn { option, .. } => format!("name one of them with {option}"),
            Self::AllEmpty { .. } => "check that it was written whole, or say which columns hold the text: --text COLUMN".to_owned(),
            Self::NoTextColumn { .. } => "say which hold the text: --text COLUMN or --text COLUMN,COLUMN".to_owned(),
            Self::TextTwice => "give one of them".to_owned(),
            Self::Template { .. } => {
                "write columns in braces: --template \"{title}\\n{description}\"; {{ and }} are braces".to_owned()
            }
            Self::NotInThisBuild => "rebuild with --features polars, or leave --where-engine out".to_owned(),
            Self::Predicate { remedy: Some(remedy), .. } => remedy.clone(),
            Self::Predicate { columns, .. } => format!(
                "write a condition in SQL over the columns {columns}: \"year >= 2020 AND lang = 'en'\"; strings and dates stand \
                 in single quotes, odd names in double ones"
            ),
            Self::Vector { column, fault, .. } if fault == vectors::ABSENT => {
                format!("leave such rows out: --where '\"{column}\" IS NOT NULL'; or leave out --vectors, and have the texts embedded")
            }
            Self::Vector { .. } => {
                "mend the row or take it out of the source; or leave out --vectors, and have the texts embedded".to_owned()
            }
            Self::NoVectors { .. } => "name a column of lists of numbers, all of one length".to_owned(),
            Self::NoPlace { .. } => "name it with --embeddings FILE, or a run directory with --run DIR".to_owned(),
            Self::TooFew { .. } => {
                "check --text, --where and --limit, and the rows that were left out for having no text".to_owned()
            }
            Self::Artifact(error) => return error.hint(),
        })
    }
}
