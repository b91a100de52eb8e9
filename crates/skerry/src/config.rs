//! `skerry config`, and the settings file that every run keeps.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::failure::Failure;
use crate::recipe::{Preset, Step};
use crate::step::placeholders;

pub(crate) fn command() -> Command {
    Command::new("config")
        .about("Print a pipeline.toml with every setting, its description and its default")
        .after_help("Edit the settings and run `skerry run --config pipeline.toml`; a setting that is left out has its default. Paths are relative to the working directory; the pipeline.toml that a run writes has absolute paths.")
        .arg(preset_arg())
}

pub(crate) fn preset_arg() -> Arg {
    Arg::new("preset")
        .long("preset")
        .value_name("NAME")
        .value_parser(value_parser!(Preset))
        .default_value("topics")
        .help("Recipe to start from")
}

pub(crate) fn print(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let preset = *matches
        .get_one::<Preset>("preset")
        .expect("it has a default");
    let mut steps = preset.steps(None)?;
    for step in &mut steps {
        step.resolve(&[])?;
    }
    Ok(stage::cli::print(&page(
        preset,
        stage::DEFAULT_SEED,
        &[],
        &steps,
    )))
}

/// How files of other names are written down for `step`.
fn files(step: &Step) -> String {
    let first = step.stage.outputs().first();
    first.map_or_else(String::new, |file| {
        format!("{{ {} = \"{}\" }}", file.name, file.file)
    })
}

/// What stands for files and numbers in the command of another program.
fn words(step: &Step) -> String {
    let names: Vec<String> = placeholders(step)
        .iter()
        .map(|name| format!("{{{name}}}"))
        .collect();
    names.join(", ")
}

/// The text of a settings file that holds all settings of these steps.
pub(crate) fn page(preset: Preset, seed: u64, input: &[String], steps: &[Step]) -> String {
    let mut page = String::from(
        "# Settings of a Skerry run. A flag overrides this file, this file overrides the defaults.\n\n[run]\n",
    );
    let _ = writeln!(page, "preset = \"{}\"", preset.name());
    let _ = writeln!(page, "# Seed of all random numbers\nseed = {seed}");
    let input = input
        .iter()
        .cloned()
        .map(toml::Value::String)
        .collect::<Vec<_>>();
    let _ = writeln!(
        page,
        "# Files with the texts, glob patterns, or - for standard input\ninput = {}",
        toml::Value::Array(input)
    );
    let names = steps
        .iter()
        .map(|step| toml::Value::String(step.name.clone()))
        .collect::<Vec<_>>();
    let _ = writeln!(
        page,
        "# The steps, in order; a step that is not named like a stage names its stage\nsteps = {}",
        toml::Value::Array(names)
    );
    for step in steps {
        let _ = write!(page, "\n# {}\n[{}]\n", step.stage.about(), step.name);
        for (key, about) in [
            ("stage", "The stage of this step".to_owned()),
            (
                "files",
                format!("File names other than the standard ones: {}", files(step)),
            ),
            (
                "command",
                format!(
                    "Command to run instead of the stage; it may use {}",
                    words(step)
                ),
            ),
        ] {
            match step.table.get(key) {
                Some(value) => drop(writeln!(page, "# {about}\n{key} = {value}")),
                None if key == "stage" => {}
                None => drop(writeln!(page, "# {about}\n# {key} =")),
            }
        }
        let command = step.stage.command(step.stage.name());
        for (key, value) in &step.settings {
            let arg = command
                .get_arguments()
                .find(|arg| arg.get_id() == key.as_str());
            if let Some(help) = arg.and_then(|arg| arg.get_long_help().or(arg.get_help())) {
                for line in help.to_string().lines().filter(|line| !line.is_empty()) {
                    let _ = writeln!(page, "# {line}");
                }
            }
            // Those of a switch are true and false, which its value shows.
            let values: Vec<String> = arg
                .filter(|arg| !matches!(arg.get_action(), ArgAction::SetTrue))
                .map(Arg::get_possible_values)
                .into_iter()
                .flatten()
                .map(|value| match value.get_help() {
                    Some(help) => format!("\"{}\" ({help})", value.get_name()),
                    None => format!("\"{}\"", value.get_name()),
                })
                .collect();
            if !values.is_empty() {
                let _ = writeln!(page, "# Possible values: {}", values.join(", "));
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
