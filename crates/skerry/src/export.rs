//! `skerry export`: the results of a run in the format of another program.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use artifacts::{Documents, VectorFile};
use clap::{Arg, ArgMatches, Command, ValueEnum, value_parser};
use stage::boundary;

use stage::Failure;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Parquet for Milvus' bulk import: id, embedding, text
    Milvus,
}

pub(crate) fn command() -> Command {
    Command::new("export")
        .about("Write the vectors and texts of a run for another program")
        .after_help("`--as milvus`: import the file into a collection with the fields id (INT64, primary key, not auto_id), embedding (FLOAT_VECTOR) and text (VARCHAR, max_length 65535). Longer texts are cut and counted.")
        .arg(
            Arg::new("format")
                .long("as")
                .value_name("FORMAT")
                .required(true)
                .value_parser(value_parser!(Format))
                .help("Format to write"),
        )
        .arg(
            Arg::new("run_dir")
                .long("run")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .default_value("runs/latest")
                .help("Run directory"),
        )
        .arg(
            Arg::new("out")
                .long("out")
                .value_name("FILE")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("File to write"),
        )
        .arg(stage::cli::json_flag())
}

/// The files that the run in `dir` was made from, by its log; those that are gone cannot be overwritten.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let manifest = stage::Manifest::read(dir).unwrap_or_default();
    let mut files = Vec::new();
    for given in &manifest.input {
        for source in ingest::source::expand(std::slice::from_ref(given)).unwrap_or_default() {
            if let ingest::source::Source::File(path) = source {
                files.push(path);
            }
        }
    }
    files
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let dir: &PathBuf = matches.get_one("run_dir").expect("it has a default");
    let out: &PathBuf = matches.get_one("out").expect("it is required");
    let Format::Milvus = matches.get_one("format").expect("it is required");
    boundary::check_directory(dir)?;
    let input = |name: &str| boundary::inside(dir, name).map_err(|error| Failure::of(&error));
    let (embeddings, documents) = (input("embeddings.parquet")?, input("documents.parquet")?);
    for source in [&embeddings, &documents] {
        if stage::place(source) == stage::place(out) {
            return Err(Failure::usage(
                format_args!("the export would write over {}", source.display()),
                "give another file with `--out`",
            ));
        }
    }
    for source in sources(dir) {
        if stage::place(&source) == stage::place(out) {
            return Err(Failure::usage(
                format_args!(
                    "the export would write over {}, a source of the run",
                    source.display()
                ),
                "give another file with `--out`",
            ));
        }
    }
    let scratch = out.parent().filter(|parent| !parent.as_os_str().is_empty());
    let scratch = scratch.unwrap_or(Path::new("."));
    let vectors = VectorFile::open(&embeddings, scratch)?;
    let texts = Documents::read(&documents)?;
    let cut = artifacts::write_milvus_import(out, &vectors, &texts)?;
    if matches.get_flag("json_report") {
        let report = serde_json::json!({
            "rows": vectors.len(),
            "dimensions": vectors.dim(),
            "cut_texts": cut,
        });
        return Ok(stage::cli::print_json(&report.to_string()));
    }
    let mut text = format!(
        "{} rows of {} values and their texts in {}",
        stage::thousands(vectors.len()),
        vectors.dim(),
        out.display()
    );
    if cut > 0 {
        text += &format!("\n{cut} texts were cut to 65,535 bytes");
    }
    Ok(stage::cli::print(&text))
}
