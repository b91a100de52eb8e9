//! The command line of `skerry run`: its own flags, and every setting of every stage.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use stage::FlagNames;
use toml::Table;

use crate::settings::preset_arg;
use crate::stages;

pub(crate) fn command() -> Command {
    let path = |id: &'static str| Arg::new(id).long(id).value_parser(value_parser!(PathBuf));
    let step = |id: &'static str| Arg::new(id).long(id).value_name("STEP");
    let flag = |id: &'static str| Arg::new(id).long(id).action(ArgAction::SetTrue);
    let mut command = Command::new("run")
        .about("Run the whole pipeline: from a table of texts to a map")
        .long_about(
            "Run the whole pipeline: from a table of texts to a map\n\nA second run repeats only the steps that are stale. Every \
             setting of every stage is a flag, grouped by stage below. If a recipe has two steps of one stage (knn and \
             reduced_knn), a flag applies to both, except for settings that the recipe itself sets; --set applies to \
             one step.",
        )
        .allow_negative_numbers(true)
        .arg(
            Arg::new("input")
                .value_name("INPUT")
                .num_args(0..)
                .help("Files with the texts (CSV, TSV, JSON, Parquet ...), glob patterns, or - for standard input [default: those of the last run, with its settings]"),
        )
        .arg(path("out").value_name("DIR").default_value("runs/latest").help("Run directory"))
        .arg(path("config").value_name("FILE").help("Read settings from this pipeline.toml; flags override it"))
        .arg(preset_arg())
        .arg(
            Arg::new("set")
                .long("set")
                .value_name("STEP.KEY=VALUE")
                .action(ArgAction::Append)
                .help("Change one setting of one step, such as reduced_knn.k=30"),
        )
        .arg(flag("preview").help("Make a preview first, with the static encoder").long_help(PREVIEW))
        .arg(flag("force").help("Run every step, even if its outputs are up to date"))
        .arg(step("from").help("Begin with this step; take the outputs of earlier steps as they are"))
        .arg(step("only").conflicts_with("from").help("Run only this step"))
        .args(stage::trust::flags())
        .arg(flag("dry-run").help("Print which steps would run and why, without running them"))
        .arg(flag("setup").help(SETUP).long_help(format!("{SETUP}\n\nAs `skerry setup` does. Nothing is downloaded if the run does not need the default model.")))
        .arg(
            Arg::new("default-input").long("default-input").value_name("FILE").num_args(1).hide(true).help("Input to read if none is given"),
        )
        .arg(
            Arg::new("seed")
                .long("seed")
                .value_name("N")
                .value_parser(value_parser!(u64).range(..=stage::cli::MAX_SEED))
                .help(format!("Seed of all random numbers [default: {}]", stage::DEFAULT_SEED)),
        )
        .arg(stage::cli::threads())
        .arg(stage::cli::json_flag().help("Print the manifest instead of the summary"))
        .arg(stage::cli::quiet_flag().help("Print only warnings, errors and the final summary"))
        .arg(flag("verbose").short('v').help("Print for each step why it runs or is skipped"));
    let mut taken: Vec<String> = command
        .get_arguments()
        .filter_map(|arg| arg.get_long().map(str::to_owned))
        .collect();
    command = command
        .mut_args(|arg| {
            let brief = SHORT_HELP.contains(&arg.get_id().as_str());
            arg.hide_short_help(!brief)
        })
        .after_help("`--help` lists all flags, grouped by stage.")
        .after_long_help("");
    for (at, stage) in stages::ALL.into_iter().enumerate() {
        for (order, (arg, long)) in stage_flags(stage, &mut taken).into_iter().enumerate() {
            let id = format!("{}.{}", stage.name(), arg.get_id());
            let brief = SHORT_HELP.contains(&id.as_str());
            let arg = arg
                .id(id)
                .long(long)
                .help_heading(HEADINGS[at])
                .display_order(order)
                .hide_short_help(!brief);
            command = command.arg(arg);
        }
    }
    command
}

const SETUP: &str = "Download the default model and ONNX Runtime first if they are missing";

const PREVIEW: &str = "Make a preview first, with the static encoder

The vectors of the texts are weighted means of word vectors of the model: a map within a minute, of which the page and the \
summary say that it is a preview. The flag is not kept: `skerry run` without it, in the same directory, goes on to the vectors of \
the model. Equal to `--encoder static` in all else.";

/// The headings of the stages' flags, in the order of the pipeline.
const HEADINGS: [&str; 7] = [
    "Ingest",
    "Embed",
    "Neighbors",
    "Cluster",
    "Project",
    "Label",
    "Map",
];

/// The flags that `-h` lists.
const SHORT_HELP: [&str; 14] = [
    "input",
    "out",
    "preset",
    "config",
    "preview",
    "dry-run",
    "force",
    "thread_count",
    "ingest.text",
    "ingest.where",
    "ingest.limit",
    "embed.model",
    "cluster.min_cluster_size",
    "cluster.min_samples",
];

/// The settings of a stage as flags of `run`. A name that two stages have belongs to the first.
fn stage_flags(stage: &dyn stages::AnyStage, taken: &mut Vec<String>) -> Vec<(Arg, String)> {
    let command = stage.command(stage.name());
    let settings = command
        .get_arguments()
        .filter(|arg| arg.get_help_heading() == Some(stage::cli::SETTINGS));
    let mut flags = Vec::new();
    for arg in settings {
        let Some(long) = arg.get_long() else { continue };
        let long = if taken.iter().any(|other| other == long) {
            format!("{}-{long}", stage.name())
        } else {
            long.to_owned()
        };
        taken.push(long.clone());
        flags.push((arg.clone().short(None), long));
    }
    flags
}

/// The flags of `stage` that `run` calls otherwise.
pub(crate) fn flag_names(stage: &dyn stages::AnyStage) -> FlagNames {
    let run = command();
    let stage_command = stage.command(stage.name());
    let name = |arg: &Arg| {
        let id = format!("{}.{}", stage.name(), arg.get_id());
        let here = arg.get_long()?;
        let there = run.get_arguments().find(|other| *other.get_id() == id)?;
        let there = there.get_long()?;
        (here != there).then(|| (here.to_owned(), there.to_owned()))
    };
    FlagNames::new(stage_command.get_arguments().filter_map(name).collect())
}

/// The secrets of `stage` that were given as flags, each with the environment variable in which a step gets it: the settings
/// file of a run, and the command line of a step, hold none.
pub(crate) fn secrets(
    matches: &ArgMatches,
    stage: &dyn stages::AnyStage,
) -> Vec<(OsString, OsString)> {
    let command = stage.command(stage.name());
    let mut secrets = Vec::new();
    for key in stage.secrets() {
        let id = format!("{}.{key}", stage.name());
        let arg = command.get_arguments().find(|arg| arg.get_id() == key);
        if matches.value_source(&id) == Some(ValueSource::CommandLine)
            && let Some(variable) = arg.and_then(Arg::get_env)
            && let Some(value) = matches.get_raw(&id).and_then(Iterator::last)
        {
            secrets.push((variable.to_owned(), value.to_owned()));
        }
    }
    secrets
}

/// A stage flag given on the command line, or by its environment variable.
pub(crate) struct Given {
    /// The setting.
    pub(crate) key: String,
    /// The flag in the syntax of the stage's command line.
    pub(crate) words: Vec<OsString>,
}

/// The given flags of `stage`. Settings that the recipe fixes for a step (`fixed`) are not changed by flags, which apply to
/// the other step of the stage.
pub(crate) fn given(
    matches: &ArgMatches,
    stage: &dyn stages::AnyStage,
    fixed: Option<&Table>,
) -> Vec<Given> {
    let command = stage.command(stage.name());
    let settings = command
        .get_arguments()
        .filter(|arg| arg.get_help_heading() == Some(stage::cli::SETTINGS));
    let mut flags = Vec::new();
    for arg in settings {
        let key = arg.get_id().as_str();
        if fixed.is_some_and(|table| table.contains_key(key)) || stage.secrets().contains(&key) {
            continue;
        }
        let id = format!("{}.{key}", stage.name());
        let given = [ValueSource::CommandLine, ValueSource::EnvVariable];
        let is_given = matches.try_contains_id(&id).unwrap_or(false)
            && matches
                .value_source(&id)
                .is_some_and(|source| given.contains(&source));
        let (true, Some(long)) = (is_given, arg.get_long()) else {
            continue;
        };
        let words = if matches!(arg.get_action(), ArgAction::SetTrue) {
            vec![OsString::from(format!("--{long}"))]
        } else {
            let values = matches.get_raw(&id).into_iter().flatten();
            let word = |value| {
                // One argument, so that a value may begin with a dash.
                let mut word = OsString::from(format!("--{long}="));
                word.push(value);
                word
            };
            values.map(word).collect()
        };
        flags.push(Given {
            key: key.to_owned(),
            words,
        });
    }
    flags
}
