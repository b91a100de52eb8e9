//! Tests of the stage, with files made by the tests.

mod binary;
mod choose;
mod condition;
mod delimited;
#[cfg(feature = "polars")]
mod engines;
mod errors;
mod json;
mod predicate;
mod real;
mod robust;
mod sources;
mod where_checks;

use std::path::PathBuf;
use std::sync::Mutex;

use artifacts::{Documents, Duplicates, Embeddings, Stored};
use ingest::{Error, Ingest, Options, Report};
use stage::{Files, Hint, NoLocal, Progress, Seed, Stage};

/// A directory with sources, and the options to read them with.
struct Case {
    dir: tempfile::TempDir,
    sources: Vec<String>,
    options: Options,
    recorder: Recorder,
}

/// Records the messages and the progress of a stage.
#[derive(Default)]
struct Recorder(Mutex<Vec<String>>, Mutex<Vec<u64>>);

impl Recorder {
    /// The increments of progress.
    fn advances(&self) -> Vec<u64> {
        self.1.lock().unwrap().clone()
    }
}

impl Progress for Recorder {
    fn begin(&self, _: &str, _: Option<u64>, _: &'static str) {}
    fn advance(&self, by: u64) {
        self.1.lock().unwrap().push(by);
    }
    fn end(&self) {}
    fn note(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
    fn warn(&self, message: &str) {
        self.note(message);
    }
}

impl Case {
    /// One source, under `name`.
    fn new(name: &str, content: impl AsRef<[u8]>) -> Self {
        let case = Self {
            dir: tempfile::tempdir().unwrap(),
            sources: Vec::new(),
            options: Options::default(),
            recorder: Recorder::default(),
        };
        case.and(name, content)
    }

    /// One more source.
    fn and(mut self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        self.sources.push(path.display().to_string());
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    fn text(self, columns: &[&str]) -> Self {
        self.with(|options| {
            options.text = columns.iter().map(|&column| column.to_owned()).collect();
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self) -> Result<Report, Error> {
        let files =
            Files::standard(self.dir.path(), Ingest::OUTPUTS).with_sources(self.sources.clone());
        Ingest::run(&files, &self.options, &NoLocal {}, Seed(7), &self.recorder)
    }

    /// Runs it and reads what came out.
    fn read(&self) -> (Report, Stored<Documents>) {
        let report = self
            .run()
            .unwrap_or_else(|error| panic!("{error} ({:?})", error.hint()));
        (
            report,
            Documents::read(&self.path("documents.parquet")).unwrap(),
        )
    }

    /// The texts.
    fn texts(&self) -> Vec<String> {
        let (_, documents) = self.read();
        (0..documents.len())
            .map(|id| documents.text(id).to_owned())
            .collect()
    }

    /// The error and its hint; nothing may have been written.
    fn fails(&self) -> (String, String) {
        let error = self.run().expect_err("it must not be read");
        assert!(!self.path("documents.parquet").exists(), "{error}");
        let hint = error.hint().expect("every error has a remedy");
        (
            error
                .to_string()
                .replace(&format!("{}/", self.dir.path().display()), ""),
            hint,
        )
    }

    fn embeddings(&self) -> Stored<Embeddings> {
        Embeddings::read(&self.path("embeddings.parquet")).unwrap()
    }

    fn duplicates(&self) -> Stored<Duplicates> {
        Duplicates::read(&self.path("duplicates.parquet")).unwrap()
    }

    fn reports(&self, words: &str) -> bool {
        self.recorder
            .0
            .lock()
            .unwrap()
            .iter()
            .any(|message| message.contains(words))
    }
}

/// `name (type)` of each column beside the texts; strings are read with 64-bit offsets, which is not the point here.
fn columns(documents: &Documents) -> Vec<String> {
    documents
        .columns
        .schema()
        .fields()
        .iter()
        .map(|field| {
            format!("{} ({})", field.name(), field.data_type()).replace("LargeUtf8", "Utf8")
        })
        .collect()
}

/// A column as Arrow prints it, value by value.
fn values(documents: &Documents, name: &str) -> Vec<String> {
    let column = documents
        .columns
        .column_by_name(name)
        .unwrap_or_else(|| panic!("no column {name}"));
    (0..column.len())
        .map(|i| arrow::util::display::array_value_to_string(column, i).unwrap())
        .collect()
}

#[test]
fn the_command_line_has_the_defaults_of_the_library() {
    use clap::{Args as _, FromArgMatches as _};
    let command = Options::augment_args(clap::Command::new("ingest"));
    let parsed = |arguments: &[&str]| {
        let arguments = std::iter::once(&"ingest").chain(arguments);
        let matches = command.clone().try_get_matches_from(arguments).unwrap();
        Options::from_arg_matches(&matches).unwrap()
    };
    assert_eq!(parsed(&[]), Options::default());
    let asked = parsed(&[
        "--text",
        "title,description",
        "--where",
        "n > 1",
        "--on-bad-row",
        "skip",
    ]);
    assert_eq!(asked.text, ["title", "description"]);
    assert_eq!(asked.r#where.as_deref(), Some("n > 1"));
    let json = serde_json::to_value(&asked).unwrap();
    assert_eq!(
        (&json["where"], &json["on_bad_row"]),
        (&"n > 1".into(), &"skip".into())
    );
    assert_eq!(serde_json::from_value::<Options>(json).unwrap(), asked);
    // Settings go through JSON on their way from the command line.
    let quoted = parsed(&["--text", "\"the, title\",n", "--text", "body"]);
    let json = serde_json::to_value(&quoted).unwrap();
    let quoted: Options = serde_json::from_value(json).unwrap();
    assert_eq!(quoted.text, ["the, title", "n", "body"]);
    let json = serde_json::to_value(&quoted).unwrap();
    assert_eq!(serde_json::from_value::<Options>(json).unwrap(), quoted);
}
