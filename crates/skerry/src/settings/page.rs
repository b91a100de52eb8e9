//! `skerry config`, and the settings file in the run directory.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};
use stage::Failure;
use toml::{Table, Value};

use super::{Preset, Step, preset_arg};

pub(crate) fn command() -> Command {
    Command::new("config")
        .about("Print a pipeline.toml with every setting, its description and its default")
        .after_help("Edit the settings and run `skerry run --config pipeline.toml`; a setting that is left out has its default. Paths are relative to the working directory; the pipeline.toml that a run writes has absolute paths.")
        .arg(preset_arg())
}

pub(crate) fn print(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let preset = *matches
        .get_one::<Preset>("preset")
        .expect("it has a default");
    let steps = preset.steps(None)?.into_iter();
    let steps = steps.map(|step| step.resolve(&[]));
    let steps = steps.collect::<Result<Vec<Step>, Failure>>()?;
    Ok(stage::cli::print(&page(
        preset,
        stage::DEFAULT_SEED,
        &[],
        &steps,
    )))
}

/// Example of the key `files` of `step`.
fn files(step: &Step) -> String {
    let first = step.stage.outputs().first();
    first.map_or_else(String::new, |file| {
        format!("{{ {} = \"{}\" }}", file.name, file.file)
    })
}

/// The placeholders in a custom command.
fn words(step: &Step) -> String {
    let names: Vec<String> = step
        .placeholders()
        .iter()
        .map(|name| format!("{{{name}}}"))
        .collect();
    names.join(", ")
}

/// The text of a settings file with all settings of these steps.
pub(crate) fn page(preset: Preset, seed: u64, input: &[String], steps: &[Step]) -> String {
    let mut page = String::from(
        "# Settings of a Skerry run. A flag overrides this file, this file overrides the defaults.\n\n[run]\n",
    );
    let _ = writeln!(page, "preset = \"{}\"", preset.name());
    let _ = writeln!(page, "# Seed of all random numbers\nseed = {seed}");
    let input = input.iter().cloned().map(Value::String).collect::<Vec<_>>();
    let _ = writeln!(
        page,
        "# Files with the texts, glob patterns, or - for standard input\ninput = {}",
        Value::Array(input)
    );
    let names = steps
        .iter()
        .map(|step| Value::String(step.name.clone()))
        .collect::<Vec<_>>();
    let _ = writeln!(
        page,
        "# The steps, in order; a step that is not named like a stage names its stage\nsteps = {}",
        Value::Array(names)
    );
    for step in steps {
        let _ = write!(page, "\n# {}\n[{}]\n", step.stage.about(), step.name);
        let name = step.stage.name();
        let stage = (step.name != name).then(|| Value::from(name));
        let renamed = step.files.iter();
        let renamed: Table = renamed
            .map(|(name, path)| ((*name).to_owned(), Value::from(path.as_str())))
            .collect();
        let renamed = (!renamed.is_empty()).then_some(Value::Table(renamed));
        let command = step.command.as_deref().map(Value::from);
        if let Some(stage) = stage {
            let _ = writeln!(page, "# The stage of this step\nstage = {stage}");
        }
        let names = format!("File names other than the standard ones: {}", files(step));
        line(&mut page, "files", &names, renamed.as_ref());
        let program = format!(
            "Command to run instead of the stage; it may use {}",
            words(step)
        );
        line(&mut page, "command", &program, command.as_ref());
        let command = step.stage.command(step.stage.name());
        for (key, value) in step.settings.values() {
            let arg = command
                .get_arguments()
                .find(|arg| arg.get_id() == key.as_str());
            if let Some(help) = arg.and_then(|arg| arg.get_long_help().or(arg.get_help())) {
                for line in help.to_string().lines().filter(|line| !line.is_empty()) {
                    let _ = writeln!(page, "# {line}");
                }
            }
            // Boolean values need no list.
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
            // TOML has no null.
            match Value::try_from(value) {
                Ok(value) => drop(writeln!(page, "{key} = {value}")),
                Err(_) => drop(writeln!(page, "# {key} =")),
            }
        }
    }
    page
}

/// One setting with its description; commented out if it is not set.
fn line(page: &mut String, key: &str, about: &str, value: Option<&Value>) {
    let _ = match value {
        Some(value) => writeln!(page, "# {about}\n{key} = {value}"),
        None => writeln!(page, "# {about}\n# {key} ="),
    };
}
