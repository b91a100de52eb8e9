//! `skerry store`: the collections that the backend milvus keeps.

#[cfg(feature = "milvus")]
mod search;

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Args as _, Command};

use stage::Failure;

pub(crate) fn command() -> Command {
    // `ServerArgs` sets a description of its own: the one of the command has to be set after it.
    let server = |command: Command, about: &'static str| {
        knn::ServerArgs::augment_args(command)
            .about(about)
            .arg(stage::cli::json_flag())
            .arg(stage::cli::quiet_flag())
    };
    let command = Command::new("store")
        .about("List, search and drop the collections that the backend milvus keeps")
        .after_help("Only collections that Skerry made are listed and dropped.")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(server(
            Command::new("list"),
            "List the collections of Skerry on a server",
        ))
        .subcommand(server(
            Command::new("drop").arg(
                Arg::new("names")
                    .value_name("NAME")
                    .required(true)
                    .num_args(1..)
                    .help("Names of collections, as `skerry store list` prints them"),
            ),
            "Drop collections of Skerry with all their rows",
        ));
    #[cfg(feature = "milvus")]
    let command = command.subcommand(
        search::command()
            .arg(stage::cli::json_flag())
            .arg(stage::cli::quiet_flag()),
    );
    command
}

#[cfg(not(feature = "milvus"))]
pub(crate) fn run(_: &ArgMatches) -> Result<ExitCode, Failure> {
    Err(Failure::work(
        "this build does not have the backend milvus",
        "build with `cargo build --release --features milvus`",
    ))
}

#[cfg(feature = "milvus")]
pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    use knn::backends::milvus::{is_ours, server::Server};
    let (name, matches) = matches.subcommand().expect("a subcommand is required");
    if name == "search" {
        return search::run(matches);
    }
    let failed = |error: knn::backends::milvus::Error| Failure::of(&error);
    let args = knn::ServerArgs::of(matches);
    let server = Server::open(&args.into()).map_err(failed)?;
    let client = &server.client;
    let mut ours = Vec::new();
    let names = client.collections().map_err(|error| failed(error.into()))?;
    for name in names {
        let found = client
            .describe(&name)
            .map_err(|error| failed(error.into()))?;
        ours.extend(found.filter(is_ours));
    }
    ours.sort_by(|a, b| a.name.cmp(&b.name));
    let json = matches.get_flag("json_report");
    if name == "list" {
        if json {
            let list: Vec<_> = ours
                .iter()
                .map(|one| {
                    serde_json::json!({
                        "name": one.name,
                        "description": one.description,
                        "dimensions": one.dimensions,
                    })
                })
                .collect();
            return Ok(stage::cli::print_json(
                &serde_json::Value::from(list).to_string(),
            ));
        }
        let mut text = String::new();
        for one in &ours {
            text += &format!("{}  {}\n", one.name, one.description);
        }
        if ours.is_empty() {
            text = format!("no collections of Skerry at {}", client.address());
        }
        return Ok(stage::cli::print(text.trim_end()));
    }
    let wanted: Vec<&String> = matches.get_many("names").expect("it is required").collect();
    // Nothing is dropped if one of the names is not ours.
    if let Some(other) = wanted
        .iter()
        .find(|name| !ours.iter().any(|one| one.name == ***name))
    {
        return Err(Failure::work(
            format_args!(
                "Milvus at {} has no collection {other} of Skerry",
                client.address()
            ),
            "`skerry store list` prints the collections that can be dropped; nothing was dropped",
        ));
    }
    for name in &wanted {
        let dropped = client.drop_collection(name);
        dropped.map_err(|error| failed(error.into()))?;
    }
    if json {
        let report = serde_json::json!({ "dropped": wanted });
        return Ok(stage::cli::print_json(&report.to_string()));
    }
    let names: Vec<&str> = wanted.iter().map(|name| name.as_str()).collect();
    Ok(stage::cli::print(&format!("dropped {}", names.join(", "))))
}
