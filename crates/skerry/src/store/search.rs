//! `skerry store search`: the texts of a run that are nearest to some words, found by Milvus.
//!
//! Of the answer of the server only ids and distances are used. Texts, clusters and labels are those of the run directory.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use artifacts::{Clusters, Documents, Embeddings, Footer, Topics};
use clap::{Arg, ArgMatches, Args as _, Command, value_parser};
use embed::Embed;
use knn::Local;
use knn::backends::milvus::{Error, Found, Stored, server::Server};
use serde::Serialize;
use stage::{Failure, Files, Progress as _, Seed, Stage as _, Terminal, boundary};

/// The letters of a text that are printed.
const SHOWN: usize = 100;

pub(super) fn command() -> Command {
    let command = Command::new("search")
        .arg(
            Arg::new("words")
                .value_name("WORDS")
                .required(true)
                .help("Words to search for"),
        )
        .arg(
            Arg::new("run_dir")
                .long("run")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .default_value("runs/latest")
                .help("Run directory, whose vectors were searched with `--backend milvus`"),
        )
        .arg(
            Arg::new("limit")
                .long("limit")
                .value_name("N")
                .value_parser(value_parser!(u16).range(1..=16_384))
                .default_value("10")
                .help("Number of texts"),
        );
    // The arguments bring a description of their own, so that of the command follows them.
    let command = knn::ServerArgs::augment_args(command)
        .about("Print the texts of a run that are nearest to some words, with distance, cluster and label")
        .after_help(
            "The words are embedded with the model of the run. Server and database are those of the run unless they are given here.",
        );
    command.args(stage::trust::flags())
}

/// A text that was found.
#[derive(Debug, Serialize)]
struct Hit {
    id: usize,
    distance: f32,
    /// -1 for noise; `None` if the run has no clusters.
    cluster: Option<i32>,
    /// `None` for noise, or if clusters have no names yet.
    label: Option<String>,
    text: String,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    words: &'a str,
    metric: String,
    collection: String,
    server: String,
    rows: usize,
    hits: Vec<Hit>,
}

pub(super) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let dir: &PathBuf = matches.get_one("run_dir").expect("it has a default");
    let words: &String = matches.get_one("words").expect("it is required");
    let limit: u16 = *matches.get_one("limit").expect("it has a default");
    if words.trim().is_empty() {
        return Err(Failure::usage(
            "there are no words to search for",
            "give some",
        ));
    }
    boundary::check_directory(dir)?;
    if !dir.exists() {
        return Err(Failure::usage(
            format_args!("there is no directory {} (`--run`)", dir.display()),
            "give the directory of a run",
        ));
    }
    let file = |name: &str| boundary::inside(dir, name).map_err(Failure::from);
    let (embeddings, neighbors) = (file("embeddings.parquet")?, file("neighbors.parquet")?);
    // Nothing is read or contacted before the settings of the run are allowed.
    let local = server_of(matches)?;
    let (_, of_embed) = stage::cli::settings_of_run::<Embed>(matches, Embed::NAME)?;
    let terminal = Terminal::new("search", matches.get_flag("be_quiet"));
    let stored = Stored::of_run(&neighbors, &embeddings).map_err(|error| Failure::of(&error))?;
    let query = embedded(words, &embeddings, &of_embed, &terminal)?;
    if query.len() != stored.dimensions {
        return Err(other_model(&embeddings));
    }
    let failed = |error: Error| Failure::of(&error);
    let server = Server::open(&local).map_err(failed)?;
    let found = stored.nearest(&server, query, limit.into(), local.deadline, &terminal);
    let found = found.map_err(failed)?;
    terminal.end();
    let report = Report {
        words,
        metric: stored.metric.to_string(),
        server: server.client.address().to_owned(),
        rows: stored.rows,
        hits: hits(dir, &found)?,
        collection: stored.name,
    };
    if matches.get_flag("json_report") {
        let text = serde_json::to_string(&report).expect("a report is plain data");
        return Ok(stage::cli::print_json(&text));
    }
    Ok(stage::cli::print(report.to_text().trim_end()))
}

/// The server: that of the command line, else that of the run.
fn server_of(matches: &ArgMatches) -> Result<Local, Failure> {
    let (_, mut local) = stage::cli::settings_of_run::<knn::Knn>(matches, knn::Knn::NAME)?;
    let given = knn::ServerArgs::of(matches);
    local.uri = given.uri.or(local.uri);
    local.token = given.token;
    local.database = given.database.or(local.database);
    local.deadline = given.deadline;
    let options = knn::Options {
        backend: knn::BackendKind::Milvus,
        ..knn::Options::default()
    };
    let checked = knn::backends::milvus::check(&options, &local);
    checked.map_err(|error| Failure::of(&error).into_usage())?;
    Ok(local)
}

fn other_model(embeddings: &Path) -> Failure {
    Failure::work(
        format_args!(
            "the vectors in {} are not of the model of the run",
            embeddings.display()
        ),
        "the words can only be compared with vectors of the same model: run `skerry embed` and `skerry knn` again",
    )
}

/// The vector of `words`, by the model and the options that made the vectors in the file `embeddings`.
fn embedded(
    words: &str,
    embeddings: &Path,
    local: &embed::Local,
    terminal: &Terminal,
) -> Result<Vec<f32>, Failure> {
    let of_run = Footer::read(embeddings)?;
    let of_run = of_run.ok_or_else(|| other_model(embeddings))?;
    let options: embed::Options =
        serde_json::from_value(of_run.options.clone()).map_err(|_| other_model(embeddings))?;
    let scratch = tempfile::tempdir();
    let scratch = scratch.map_err(Failure::io("create a directory in", &std::env::temp_dir()))?;
    let texts = scratch.path().join("documents.parquet");
    let vectors = scratch.path().join("embeddings.parquet");
    Documents::of_texts(&[words]).write(&texts, &Footer::default())?;
    let files = Files::default()
        .with("documents", &texts)
        .with("embeddings", &vectors);
    Embed::run(&files, &options, local, Seed(stage::DEFAULT_SEED), terminal)
        .map_err(|error| Failure::of(&error))?;
    let found = Embeddings::read(&vectors)?;
    let model = |footer: &Footer| (footer.producer.clone(), footer.inputs.get("model").cloned());
    let same = found
        .footer
        .as_ref()
        .is_some_and(|footer| model(footer) == model(&of_run));
    if !same {
        return Err(other_model(embeddings));
    }
    Ok(found.value.into_values())
}

/// Texts, clusters and labels of the rows `found`, from the files of the run.
fn hits(dir: &Path, found: &[Found]) -> Result<Vec<Hit>, Failure> {
    let file = |name: &str| boundary::inside(dir, name).map_err(Failure::from);
    let path = file("documents.parquet")?;
    let documents = Documents::read(&path)?;
    let path_of_clusters = file("clusters.parquet")?;
    let clusters = (path_of_clusters.exists())
        .then(|| Clusters::read(&path_of_clusters))
        .transpose()?;
    let topics = file("topics.parquet")?;
    let topics = topics.exists().then(|| Topics::read(&topics)).transpose()?;
    let label = |cluster: i32| {
        let mut topics = topics.iter().flat_map(|topics| &topics.rows);
        // Layer -1 is that of the column `cluster`.
        let topic = topics.find(|topic| topic.layer == -1 && topic.cluster == cluster)?;
        Some(topic.name.clone())
    };
    let hit = |found: &Found| {
        let other = |path: &Path, rows| {
            let fault = format!("it has {rows} rows, but {} was found", found.id);
            Failure::from(artifacts::Error::shape(path, fault))
        };
        if found.id >= documents.len() {
            return Err(other(&path, documents.len()));
        }
        let cluster = clusters.as_ref().map(|clusters| {
            let cluster = clusters.cluster.get(found.id).copied();
            cluster.ok_or_else(|| other(&path_of_clusters, clusters.len()))
        });
        let cluster = cluster.transpose()?;
        Ok(Hit {
            id: found.id,
            distance: found.distance,
            cluster,
            label: cluster.and_then(label),
            text: documents.text(found.id).to_owned(),
        })
    };
    found.iter().map(hit).collect()
}

impl Report<'_> {
    fn to_text(&self) -> String {
        let mut text = format!(
            "{} of {} texts by {} to \"{}\", from {} at {}\n",
            self.hits.len(),
            stage::thousands(self.rows),
            self.metric,
            stage::one_line(self.words),
            self.collection,
            self.server
        );
        for hit in &self.hits {
            let cluster = match hit.cluster {
                None => String::new(),
                Some(-1) => "noise: ".to_owned(),
                Some(number) => match &hit.label {
                    Some(label) => format!("{number} {}: ", stage::one_line(label)),
                    None => format!("{number}: "),
                },
            };
            let line = stage::one_line(&hit.text.split_whitespace().collect::<Vec<_>>().join(" "));
            let shown: String = line.chars().take(SHOWN).collect();
            let rest = if shown.len() < line.len() { " ..." } else { "" };
            let _ = writeln!(text, "  {:.4}  {cluster}{shown}{rest}", hit.distance);
        }
        text
    }
}
