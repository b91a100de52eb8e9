//! `skerry setup`: downloads the model and ONNX Runtime.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};
use embed::setup::SetUpModel;
use stage::{Failure, Progress, Terminal};

pub(crate) fn command() -> Command {
    Command::new("setup")
        .about("Download the default model and ONNX Runtime, or another model or server, into Skerry's cache")
        .arg(
            Arg::new("milvus_lite")
                .long("milvus-lite")
                .action(ArgAction::SetTrue)
                .conflicts_with("multilingual")
                .help("Download Milvus Lite instead, for `--backend milvus --uri milvus.db`"),
        )
        .after_help("The hashes of the downloads are checked. This needs pip and a network once; what is in the cache is not downloaded again.")
        .arg(
            Arg::new("multilingual")
                .long("multilingual")
                .action(ArgAction::SetTrue)
                .help("Download multilingual-e5-small (about 100 languages, 91 MB) instead, for `--model multilingual`"),
        )
        .arg(stage::cli::json_flag())
        .arg(stage::cli::quiet_flag())
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    if matches.get_flag("milvus_lite") {
        return download_milvus_lite(matches);
    }
    let model = if matches.get_flag("multilingual") {
        SetUpModel::Multilingual
    } else {
        SetUpModel::Default
    };
    let report = download(model, matches)?;
    Ok(if matches.get_flag("json_report") {
        stage::cli::print_json(&serde_json::to_string(&report).expect("a report is plain data"))
    } else {
        stage::cli::print(&report.to_string())
    })
}

#[cfg(feature = "milvus")]
fn download_milvus_lite(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    use knn::backends::milvus::lite_package;
    if !lite_package::is_available() {
        return Err(Failure::work(
            "there is no Milvus Lite for this platform",
            "give the address of a server: `--uri http://HOST:19530`",
        ));
    }
    let cache = stage::cache_dir().map_err(|error| Failure::of(&error))?;
    let terminal = Terminal::new("setup", matches.get_flag("be_quiet"));
    let installed = lite_package::install(&cache, &terminal);
    terminal.end();
    let installed = installed.map_err(|error| Failure::of(&error))?;
    if matches.get_flag("json_report") {
        let report = serde_json::json!({
            "cache": cache.display().to_string(),
            "downloaded": installed.downloaded,
            "present": installed.present,
        });
        return Ok(stage::cli::print_json(&report.to_string()));
    }
    let what = if installed.downloaded.is_empty() {
        "everything is installed".to_owned()
    } else {
        format!("downloaded {}", installed.downloaded.join(", "))
    };
    Ok(stage::cli::print(&format!(
        "{what} (in {})",
        cache.display()
    )))
}

#[cfg(not(feature = "milvus"))]
fn download_milvus_lite(_: &ArgMatches) -> Result<ExitCode, Failure> {
    Err(Failure::work(
        "this build does not have the backend milvus",
        "build with `cargo build --release --features milvus`",
    ))
}

/// Downloads a model and what it needs, if they are missing.
pub(crate) fn download(
    model: SetUpModel,
    matches: &ArgMatches,
) -> Result<embed::setup::Report, Failure> {
    let cache = stage::cache_dir().map_err(|error| Failure::of(&error))?;
    let terminal = Terminal::new("setup", matches.get_flag("be_quiet"));
    let report = embed::setup::run_for(model, &cache, &terminal);
    terminal.end();
    report.map_err(|error| Failure::of(&error))
}
