//! What a run is to do: flags before the settings file, the file before the recipe, the recipe before the defaults.

use std::path::Path;

use clap::parser::ValueSource;
use clap::{ArgMatches, ValueEnum};
use toml::{Table, Value};

use super::flags::given;
use crate::config;
use crate::failure::Failure;
use crate::recipe::{Preset, Step};

/// Everything that decides what a run does.
pub(super) struct Plan {
    pub(super) preset: Preset,
    pub(super) seed: u64,
    /// What is read: files, patterns, or `-`.
    pub(super) input: Vec<String>,
    /// The steps, their settings complete.
    pub(super) steps: Vec<Step>,
    /// The settings file that says the same.
    page: String,
}

impl Plan {
    /// The plan of this command line; `kept` is the settings file of the last run, which knows what that one read.
    pub(super) fn new(matches: &ArgMatches, kept: &Path) -> Result<Self, Failure> {
        let file = matches
            .get_one::<std::path::PathBuf>("config")
            .map(|path| stage::read_settings(path))
            .transpose()?;
        let run = file.as_ref().and_then(run_table);
        let input = input(matches, run, kept)?;
        let preset = preset(matches, run)?;
        let seed = match matches.get_one::<u64>("seed") {
            Some(&seed) => seed,
            None => seed_of(run)?.unwrap_or(42),
        };
        let mut steps = preset.steps(file.as_ref())?;
        apply_sets(matches, &mut steps)?;
        for step in &mut steps {
            // Flags are for the step that bears the stage's name; `--set` reaches the others.
            let flags = if step.name == step.stage.name() {
                given(matches, step.stage)
            } else {
                Vec::new()
            };
            step.resolve(&flags)?;
            if let (Some(Value::String(title)), Some(name)) =
                (step.table.get_mut("title"), name_of(&input))
                && title.trim().is_empty()
            {
                *title = name;
                step.resolve(&[])?;
            }
        }
        let page = config::page(preset, seed, &input, &steps);
        // Vectors that the table brings along are as good as embedded ones.
        if steps
            .iter()
            .any(|step| step.stage.name() == "ingest" && step.table.contains_key("vectors"))
        {
            steps.retain(|step| step.stage.name() != "embed");
        }
        Ok(Self {
            preset,
            seed,
            input,
            steps,
            page,
        })
    }

    /// The text of the settings file that says the same as this plan.
    pub(super) fn page(&self) -> &str {
        &self.page
    }
}

fn run_table(file: &Table) -> Option<&Table> {
    file.get("run").and_then(Value::as_table)
}

/// What is read: as the command line says, else the settings file, else as in the last run.
fn input(matches: &ArgMatches, run: Option<&Table>, kept: &Path) -> Result<Vec<String>, Failure> {
    let mut input: Vec<String> = matches
        .get_many("input")
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    if input.is_empty() {
        input = inputs_of(run);
    }
    if input.is_empty() && kept.exists() {
        input = inputs_of(run_table(&stage::read_settings(kept)?));
    }
    if input.is_empty() {
        return Err(Failure::usage(
            "there is nothing to read",
            "name a file: `skerry run news.csv`",
        ));
    }
    Ok(input)
}

fn inputs_of(run: Option<&Table>) -> Vec<String> {
    let input = run
        .and_then(|run| run.get("input"))
        .and_then(Value::as_array);
    input
        .into_iter()
        .flatten()
        .filter_map(|path| path.as_str().map(str::to_owned))
        .collect()
}

/// What the map of these inputs is called: the name of the only file, without what says how it is written.
fn name_of(input: &[String]) -> Option<String> {
    let [only] = input else { return None };
    let name = Path::new(only).file_name()?.to_str()?;
    let stem = name.split('.').find(|part| !part.is_empty())?;
    let plain = only != "-" && !only.contains(['*', '?', '[']);
    plain.then(|| stem.replace('_', " "))
}

fn seed_of(run: Option<&Table>) -> Result<Option<u64>, Failure> {
    let Some(seed) = run.and_then(|run| run.get("seed")) else {
        return Ok(None);
    };
    let number = seed.as_integer().and_then(|seed| u64::try_from(seed).ok());
    number.map(Some).ok_or_else(|| {
        Failure::usage(
            format_args!("`seed = {seed}` in `[run]` is no seed"),
            "give a whole number from 0 on",
        )
    })
}

fn preset(matches: &ArgMatches, run: Option<&Table>) -> Result<Preset, Failure> {
    let flag = *matches
        .get_one::<Preset>("preset")
        .expect("it has a default");
    let said = matches.value_source("preset") == Some(ValueSource::CommandLine);
    let Some(name) = run.and_then(|run| run.get("preset")).filter(|_| !said) else {
        return Ok(flag);
    };
    name.as_str()
        .and_then(|name| Preset::from_str(name, false).ok())
        .ok_or_else(|| {
            Failure::usage(
                format_args!("`preset = {name}` in `[run]` is unknown"),
                "use topics, direct or notebook",
            )
        })
}

fn apply_sets(matches: &ArgMatches, steps: &mut [Step]) -> Result<(), Failure> {
    for set in matches.get_many::<String>("set").into_iter().flatten() {
        let parts = set
            .split_once('=')
            .and_then(|(path, value)| Some((path.split_once('.')?, value)));
        let Some(((name, key), value)) = parts else {
            return Err(Failure::usage(
                format_args!("`--set {set}` is not of the form STEP.KEY=VALUE"),
                "for instance `--set knn.k=30`",
            ));
        };
        let known = steps
            .iter()
            .map(|step| step.name.clone())
            .collect::<Vec<_>>()
            .join(", ");
        let Some(step) = steps.iter_mut().find(|step| step.name == name) else {
            return Err(Failure::usage(
                format_args!("`--set {set}`: there is no step `{name}`"),
                format_args!("the steps are {known}"),
            ));
        };
        // A word that is no TOML value is text.
        let parsed = format!("v = {value}")
            .parse::<Table>()
            .ok()
            .and_then(|mut table| table.remove("v"));
        step.table.insert(
            key.to_owned(),
            parsed.unwrap_or_else(|| Value::String(value.to_owned())),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn a_map_is_called_as_its_only_file() {
        let name = |input: &[&str]| {
            name_of(
                &input
                    .iter()
                    .map(|&path| path.to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(
            name(&["data/news_2026.csv.gz"]).as_deref(),
            Some("news 2026")
        );
        assert_eq!(name(&[".hidden.csv"]).as_deref(), Some("hidden"));
        for unnamed in [&["-"][..], &["a.csv", "b.csv"], &["logs/*.csv"]] {
            assert_eq!(name(unnamed), None, "{unnamed:?}");
        }
    }
}
