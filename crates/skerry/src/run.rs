//! `skerry run`: from a table of texts to a map.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::Value;
use stage::{Freshness, Hashes, Seed};
use toml::Table;

use crate::config::{page, preset_arg};
use crate::failure::Failure;
use crate::manifest::{Manifest, Record};
use crate::recipe::{Preset, Step};
use crate::step::Context;
use crate::{stages, summary};

const SETTINGS: &str = "pipeline.toml";

pub(crate) fn command() -> Command {
    let path = |id: &'static str| Arg::new(id).long(id).value_parser(value_parser!(PathBuf));
    let step = |id: &'static str| Arg::new(id).long(id).value_name("STEP");
    let flag = |id: &'static str| Arg::new(id).long(id).action(ArgAction::SetTrue);
    let mut command = Command::new("run")
        .about("Run the whole pipeline: from a table of texts to a map")
        .long_about(
            "Run the whole pipeline: from a table of texts to a map.\n\nA second run redoes only what changed. Every \
             setting of every stage is a flag here; the ones below are grouped by stage.",
        )
        .arg_required_else_help(true)
        .arg(
            Arg::new("input")
                .value_name("INPUT")
                .num_args(0..)
                .help("Files with the texts (CSV, TSV, JSON, Parquet ...), patterns, or - for standard input [default: those of the last run]"),
        )
        .arg(path("out").value_name("DIR").default_value("runs/latest").help("Directory of the run"))
        .arg(path("config").value_name("FILE").help("Take settings from this pipeline.toml; flags go before it"))
        .arg(preset_arg())
        .arg(
            Arg::new("set")
                .long("set")
                .value_name("STEP.KEY=VALUE")
                .action(ArgAction::Append)
                .help("Set one setting of one step, such as reduced_knn.k=30"),
        )
        .arg(flag("force").help("Run every step, whatever is there"))
        .arg(step("from").help("Begin with this step: what was made before it is taken as it is"))
        .arg(step("only").help("Run this step alone"))
        .arg(flag("dry-run").help("Say what would run and why, and run nothing"))
        .arg(
            Arg::new("seed").long("seed").value_name("N").value_parser(value_parser!(u64)).help("Seed of all random choices [default: 42]"),
        )
        .arg(
            Arg::new("threads")
                .long("threads")
                .value_name("N")
                .value_parser(value_parser!(u16).range(1..))
                .help("Threads to use; the results are the same for any number [default: all processors]"),
        )
        .arg(flag("json").help("Print the manifest instead of the summary"))
        .arg(flag("quiet").short('q').help("Say nothing but warnings and errors"))
        .arg(flag("verbose").short('v').help("Say why each step runs or does not"));
    let mut taken: Vec<String> = command
        .get_arguments()
        .filter_map(|arg| arg.get_long().map(str::to_owned))
        .collect();
    for stage in stages::ALL {
        command = command.next_help_heading(stage.name());
        for (arg, long) in stage_flags(stage, &mut taken) {
            let id = format!("{}.{}", stage.name(), arg.get_id());
            command = command.arg(arg.id(id).long(long));
        }
    }
    command
}

/// The settings of a stage as flags of `run`. Where two stages have one of the same name, the first has it.
fn stage_flags(stage: &dyn stages::AnyStage, taken: &mut Vec<String>) -> Vec<(Arg, String)> {
    let command = stage.command(stage.name());
    let settings = command
        .get_arguments()
        .filter(|arg| arg.get_help_heading() == Some("Options"));
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

/// The flags of `stage` that were given, in the words of the stage's own command line.
fn given(matches: &ArgMatches, stage: &dyn stages::AnyStage) -> Vec<OsString> {
    let mut words = Vec::new();
    let command = stage.command(stage.name());
    for arg in command
        .get_arguments()
        .filter(|arg| arg.get_help_heading() == Some("Options"))
    {
        let id = format!("{}.{}", stage.name(), arg.get_id());
        let said = matches.try_contains_id(&id).unwrap_or(false)
            && matches.value_source(&id) == Some(ValueSource::CommandLine);
        let (true, Some(long)) = (said, arg.get_long()) else {
            continue;
        };
        if matches!(arg.get_action(), ArgAction::SetTrue) {
            words.push(OsString::from(format!("--{long}")));
            continue;
        }
        for value in matches.get_raw(&id).into_iter().flatten() {
            // One word, so that a value may begin with a dash.
            let mut word = OsString::from(format!("--{long}="));
            word.push(value);
            words.push(word);
        }
    }
    words
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let began = Instant::now();
    let dir: &PathBuf = matches.get_one("out").expect("it has a default");
    let kept = dir.join(SETTINGS);
    let file = match matches.get_one::<PathBuf>("config") {
        Some(path) => Some(read_toml(path)?),
        None => None,
    };
    let mut input: Vec<String> = matches
        .get_many("input")
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let run_table = file
        .as_ref()
        .and_then(|file| file.get("run"))
        .and_then(toml::Value::as_table);
    if input.is_empty() {
        input = run_table.map(inputs_of).unwrap_or_default();
    }
    if input.is_empty() && kept.exists() {
        input = read_toml(&kept)?
            .get("run")
            .and_then(toml::Value::as_table)
            .map(inputs_of)
            .unwrap_or_default();
    }
    if input.is_empty() {
        return Err(Failure::usage(
            "there is nothing to read",
            "name a file: `skerry run news.csv`",
        ));
    }
    let preset = preset(matches, run_table)?;
    let seed = matches.get_one::<u64>("seed").copied();
    let seed = seed
        .or_else(|| {
            run_table?
                .get("seed")?
                .as_integer()
                .and_then(|seed| u64::try_from(seed).ok())
        })
        .unwrap_or(42);

    let mut steps = preset.steps(file.as_ref())?;
    apply_sets(matches, &mut steps)?;
    let mut settings = Vec::new();
    for step in &mut steps {
        // Flags are for the step that bears the stage's name; `--set` reaches the others.
        let flags = if step.name == step.stage.name() {
            given(matches, step.stage)
        } else {
            Vec::new()
        };
        let found = step.stage.settings(&step.name, &step.table, &flags)?;
        for (key, value) in &found {
            match toml::Value::try_from(value) {
                Ok(value) => step.table.insert(key.clone(), value),
                Err(_) => step.table.remove(key),
            };
        }
        settings.push(found);
    }
    let page = page(preset, seed, &input, &steps, &settings);
    let has_vectors = steps
        .iter()
        .any(|step| step.stage.name() == "ingest" && step.table.contains_key("vectors"));
    if has_vectors {
        steps.retain(|step| step.stage.name() != "embed");
    }

    std::fs::create_dir_all(dir).map_err(Failure::io("create the directory", dir))?;
    let _lock = lock(dir)?;
    remove_litter(dir);
    let threads = matches
        .get_one::<u16>("threads")
        .map(|&threads| usize::from(threads));
    let quiet = matches.get_flag("quiet");
    let dry = matches.get_flag("dry-run");
    // A dry run leaves the settings of the last run alone.
    let scratch = dir.join(if dry { ".pipeline.toml" } else { SETTINGS });
    if !dry {
        artifacts::write_bytes(&scratch, page.as_bytes())?;
    }
    let read = spool(&input, dir)?;
    let context = Context {
        dir,
        config: &scratch,
        seed,
        threads,
        quiet,
        input: &read,
    };
    let pipeline = Pipeline {
        matches,
        steps: &steps,
        settings: &settings,
        context,
        hashes: Hashes::default(),
    };
    let mut manifest = Manifest::read(dir);
    env!("CARGO_PKG_VERSION").clone_into(&mut manifest.skerry);
    preset.name().clone_into(&mut manifest.preset);
    (manifest.seed, manifest.input) = (seed, input.clone());
    if dry {
        return pipeline.dry_run();
    }
    let records = pipeline.go(&mut manifest)?;
    remove_litter(dir);
    if matches.get_flag("json") {
        return Ok(stage::cli::print(
            &serde_json::to_string(&manifest).expect("a manifest is plain data"),
        ));
    }
    Ok(stage::cli::print(&summary::text(
        dir,
        &records,
        began.elapsed(),
    )))
}

struct Pipeline<'a> {
    matches: &'a ArgMatches,
    steps: &'a [Step],
    settings: &'a [Vec<(String, Value)>],
    context: Context<'a>,
    hashes: Hashes,
}

/// Whether a step is looked at in this run.
enum Choice {
    /// It is taken as it is.
    Leave,
    /// It runs if it is stale.
    Check,
    /// It runs.
    Force(&'static str),
}

impl Pipeline<'_> {
    fn choices(&self) -> Result<Vec<Choice>, Failure> {
        let position = |flag: &str| -> Result<Option<usize>, Failure> {
            let Some(name) = self.matches.get_one::<String>(flag) else {
                return Ok(None);
            };
            let found = self.steps.iter().position(|step| step.name == *name);
            let known = self
                .steps
                .iter()
                .map(|step| step.name.as_str())
                .collect::<Vec<_>>()
                .join(", ");
            found.map(Some).ok_or_else(|| {
                Failure::usage(
                    format_args!("`--{flag} {name}`: there is no such step"),
                    format_args!("the steps are {known}"),
                )
            })
        };
        let (from, only) = (position("from")?, position("only")?);
        let force = self.matches.get_flag("force");
        let choices = (0..self.steps.len()).map(|at| match (from, only) {
            (_, Some(only)) if at == only => Choice::Force("asked for with --only"),
            (_, Some(_)) => Choice::Leave,
            (Some(from), _) if at < from => Choice::Leave,
            (Some(from), _) if at == from => Choice::Force("asked for with --from"),
            _ if force => Choice::Force("asked for with --force"),
            _ => Choice::Check,
        });
        Ok(choices.collect())
    }

    fn freshness(&self, step: &Step) -> Result<Freshness, Failure> {
        if step.command.is_some() {
            return Ok(Freshness::Stale(
                "another program does it, and only that knows".to_owned(),
            ));
        }
        let files = self.context.files(step);
        step.stage.freshness(
            &step.name,
            &step.table,
            &files,
            Seed(self.context.seed),
            &self.hashes,
        )
    }

    fn dry_run(&self) -> Result<ExitCode, Failure> {
        let mut lines = Vec::new();
        let mut rerun: Vec<String> = Vec::new();
        for (step, choice) in self.steps.iter().zip(self.choices()?) {
            let name = &step.name;
            let verdict = match choice {
                Choice::Leave => "left as it is".to_owned(),
                Choice::Force(reason) => format!("would run: {reason}"),
                Choice::Check => match self.freshness(step)? {
                    Freshness::Stale(reason) => format!("would run: {reason}"),
                    Freshness::Fresh => match self.reads_from(step, &rerun) {
                        Some(before) => format!("runs if {before} comes out different"),
                        None => "is up to date".to_owned(),
                    },
                },
            };
            if verdict.contains("run") {
                rerun.push(name.clone());
            }
            lines.push(format!("{name:>12}  {verdict}"));
        }
        Ok(stage::cli::print(&lines.join("\n")))
    }

    /// The step among `rerun` whose output `step` reads.
    fn reads_from(&self, step: &Step, rerun: &[String]) -> Option<String> {
        let files = self.context.files(step);
        let read: Vec<&Path> = step
            .stage
            .inputs()
            .iter()
            .filter_map(|file| files.output(file.name))
            .collect();
        let before = self
            .steps
            .iter()
            .filter(|other| rerun.contains(&other.name))
            .find(|other| {
                let written = self.context.files(other);
                other.stage.outputs().iter().any(|file| {
                    written
                        .output(file.name)
                        .is_some_and(|path| read.contains(&path))
                })
            });
        before.map(|other| other.name.clone())
    }

    fn go(&self, manifest: &mut Manifest) -> Result<Vec<Record>, Failure> {
        let choices = self.choices()?;
        let mut records: Vec<Record> = Vec::new();
        for ((step, settings), choice) in self.steps.iter().zip(self.settings).zip(choices) {
            let reason = match choice {
                Choice::Leave => None,
                Choice::Force(reason) => Some(reason.to_owned()),
                Choice::Check => match self.freshness(step)? {
                    Freshness::Fresh => None,
                    Freshness::Stale(reason) => Some(reason),
                },
            };
            let record = match reason {
                None => {
                    self.say(step, "up to date");
                    Record {
                        status: "kept".to_owned(),
                        ..manifest.record(&step.name).cloned().unwrap_or_default()
                    }
                }
                Some(reason) => {
                    if self.matches.get_flag("verbose") {
                        self.say(step, &reason);
                    }
                    self.carry_out(step, settings, reason)?
                }
            };
            let record = Record {
                step: step.name.clone(),
                stage: step.stage.name().to_owned(),
                ..record
            };
            records.push(record);
            // Steps that are still to come keep what is known of them: a broken run leaves a whole log.
            let rest = manifest
                .steps
                .iter()
                .filter(|old| !records.iter().any(|new| new.step == old.step));
            let rest = rest
                .filter(|old| self.steps.iter().any(|step| step.name == old.step))
                .cloned();
            manifest.steps = records.iter().cloned().chain(rest).collect();
            manifest.write(self.context.dir)?;
        }
        Ok(records)
    }

    fn carry_out(
        &self,
        step: &Step,
        settings: &[(String, Value)],
        reason: String,
    ) -> Result<Record, Failure> {
        let (report, usage) = self.context.start(step)?;
        let writes = step.stage.writes(&step.name, &step.table)?;
        let files = self.context.files(step);
        for file in step.stage.outputs() {
            let Some(path) = files.output(file.name) else {
                continue;
            };
            self.hashes.forget(path);
            if writes.contains(&file.name) && !path.exists() {
                let fact = format!(
                    "the step `{}` ended well, but did not write {}",
                    step.name,
                    path.display()
                );
                return Err(Failure::step(fact, 1));
            }
            // What an earlier run with other options left behind does not belong to this run.
            let of_others = self
                .steps
                .iter()
                .any(|other| other.name != step.name && self.writes_file(other, path));
            if !writes.contains(&file.name) && !of_others && path.exists() {
                std::fs::remove_file(path).map_err(Failure::io("remove", path))?;
                self.say(
                    step,
                    &format!("removed {}, which these settings do not make", file.file),
                );
            }
        }
        let mut outputs = BTreeMap::new();
        for (name, path) in self.context.outputs(step, &writes) {
            outputs.insert(name, self.hashes.of(&path)?);
        }
        let primary = step
            .stage
            .outputs()
            .first()
            .and_then(|file| files.output(file.name));
        let footer = primary
            .and_then(|path| artifacts::Footer::read(path).ok().flatten())
            .unwrap_or_default();
        Ok(Record {
            status: "done".to_owned(),
            reason: Some(reason),
            producer: if step.command.is_some() {
                String::new()
            } else {
                step.stage.producer().to_owned()
            },
            seed: self.context.seed,
            settings: settings.iter().cloned().collect(),
            inputs: footer.inputs,
            outputs,
            report,
            usage,
            ..Record::default()
        })
    }

    fn writes_file(&self, step: &Step, path: &Path) -> bool {
        let files = self.context.files(step);
        step.stage
            .outputs()
            .iter()
            .any(|file| files.output(file.name) == Some(path))
    }

    #[expect(
        clippy::print_stderr,
        reason = "this is the place where programs speak"
    )]
    fn say(&self, step: &Step, what: &str) {
        if !self.context.quiet {
            eprintln!("{:>8}  {what}", step.name);
        }
    }
}

fn preset(matches: &ArgMatches, run: Option<&Table>) -> Result<Preset, Failure> {
    use clap::ValueEnum;
    let flag = *matches
        .get_one::<Preset>("preset")
        .expect("it has a default");
    let said = matches.value_source("preset") == Some(ValueSource::CommandLine);
    match run
        .and_then(|run| run.get("preset"))
        .and_then(toml::Value::as_str)
    {
        Some(name) if !said => Preset::from_str(name, false).map_err(|_| {
            Failure::usage(
                format_args!("`preset = \"{name}\"` in `[run]` is unknown"),
                "use topics, direct or notebook",
            )
        }),
        _ => Ok(flag),
    }
}

fn inputs_of(run: &Table) -> Vec<String> {
    let input = run.get("input").and_then(toml::Value::as_array);
    input
        .into_iter()
        .flatten()
        .filter_map(|path| path.as_str().map(str::to_owned))
        .collect()
}

fn read_toml(path: &Path) -> Result<Table, Failure> {
    Ok(stage::read_settings(path)?)
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
            parsed.unwrap_or_else(|| toml::Value::String(value.to_owned())),
        );
    }
    Ok(())
}

/// Standard input can be read once, but a step may look at its source twice: it is kept in a file while the run lasts,
/// and cleared with what killed writers leave when the next one begins.
fn spool(input: &[String], dir: &Path) -> Result<Vec<String>, Failure> {
    if !input.iter().any(|source| source == "-") {
        return Ok(input.to_vec());
    }
    let path = dir.join(".stdin.tmp");
    let mut file = File::create(&path).map_err(Failure::io("create", &path))?;
    std::io::copy(&mut std::io::stdin().lock(), &mut file)
        .map_err(Failure::io("keep standard input in", &path))?;
    let kept = path.to_string_lossy().into_owned();
    let sources = input.iter().map(|source| {
        if source == "-" {
            kept.clone()
        } else {
            source.clone()
        }
    });
    Ok(sources.collect())
}

/// What killed writers left half done. No one else is at work here: the lock is ours. What cannot be removed is no
/// reason not to run, since new files have names of their own.
fn remove_litter(dir: &Path) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(".tmp") {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Two runs at once in one directory would mix their files. The lock goes with the process, however it ends.
fn lock(dir: &Path) -> Result<File, Failure> {
    let path = dir.join(".lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(Failure::io("create", &path))?;
    match file.try_lock() {
        Err(std::fs::TryLockError::WouldBlock) => {
            let fact = format!("another run is at work in {}", dir.display());
            Err(Failure::step(
                format_args!(
                    "{fact}\n  hint: wait for it, or choose another directory with `--out`"
                ),
                1,
            ))
        }
        // A file system without locks is no reason not to run.
        Ok(()) | Err(std::fs::TryLockError::Error(_)) => Ok(file),
    }
}
