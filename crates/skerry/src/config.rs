//! `skerry config`, and the settings file that every run keeps.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command, value_parser};

use crate::failure::Failure;
use crate::recipe::{Preset, Step};

pub(crate) fn command() -> Command {
    Command::new("config")
        .about("Print a pipeline.toml with every setting, its meaning and its default")
        .after_help("Change what you like and give it to `skerry run --config pipeline.toml`; what you leave out keeps its default.")
        .arg(preset_arg())
}

pub(crate) fn preset_arg() -> Arg {
    Arg::new("preset")
        .long("preset")
        .value_name("NAME")
        .value_parser(value_parser!(Preset))
        .default_value("topics")
        .help("The recipe to start from")
}

pub(crate) fn print(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let preset = *matches
        .get_one::<Preset>("preset")
        .expect("it has a default");
    let mut steps = preset.steps(None)?;
    for step in &mut steps {
        step.resolve(&[])?;
    }
    Ok(stage::cli::print(&page(preset, 42, &[], &steps)))
}

/// The text of a settings file that holds all settings of these steps.
pub(crate) fn page(preset: Preset, seed: u64, input: &[String], steps: &[Step]) -> String {
    let mut page = String::from(
        "# Settings of a Skerry run. A flag goes before this file, this file before the default.\n\n[run]\n",
    );
    let _ = writeln!(page, "preset = \"{}\"", preset.name());
    let _ = writeln!(page, "# Seed of all random choices\nseed = {seed}");
    let input = input
        .iter()
        .cloned()
        .map(toml::Value::String)
        .collect::<Vec<_>>();
    let _ = writeln!(
        page,
        "# What is read: files, patterns, or - for standard input\ninput = {}",
        toml::Value::Array(input)
    );
    let names = steps
        .iter()
        .map(|step| toml::Value::String(step.name.clone()))
        .collect::<Vec<_>>();
    let _ = writeln!(
        page,
        "# The steps, in order; a step of another name says which stage it is\nsteps = {}",
        toml::Value::Array(names)
    );
    for step in steps {
        let _ = write!(page, "\n# {}\n[{}]\n", step.stage.about(), step.name);
        for key in ["stage", "files", "command"] {
            if let Some(value) = step.table.get(key) {
                let _ = writeln!(page, "{key} = {value}");
            }
        }
        let command = step.stage.command(step.stage.name());
        for (key, value) in &step.settings {
            if let Some(help) = command
                .get_arguments()
                .find(|arg| arg.get_id() == key.as_str())
                .and_then(Arg::get_help)
            {
                for line in help.to_string().lines() {
                    let _ = writeln!(page, "# {line}");
                }
            }
            match toml::Value::try_from(value) {
                Ok(value) => drop(writeln!(page, "{key} = {value}")),
                // TOML has no word for "not set".
                Err(_) => drop(writeln!(page, "# {key} =")),
            }
        }
    }
    page
}
