//! The steps of a run: which are stale, and carrying them out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use clap::ArgMatches;
use serde_json::json;
use stage::{Freshness, Hashes, Seed};

use crate::failure::Failure;
use crate::manifest::{Manifest, Record};
use crate::recipe::Step;
use crate::step::{Context, unknown_placeholder};

pub(super) struct Pipeline<'a> {
    pub(super) matches: &'a ArgMatches,
    pub(super) steps: &'a [Step],
    pub(super) context: Context<'a>,
    pub(super) hashes: Hashes,
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

    fn freshness(&self, step: &Step, manifest: &Manifest) -> Result<Freshness, Failure> {
        if step.command.is_some() {
            return Ok(Freshness::Stale(
                "another program does it, and only that knows".to_owned(),
            ));
        }
        let files = self.context.files(step);
        let seed = Seed(self.context.seed);
        let found = step
            .stage
            .freshness(&step.name, &step.table, &files, seed, &self.hashes)?;
        if let Freshness::Stale(_) = found {
            return Ok(found);
        }
        // Footers tell what a file was made of; whether it is still whole, only its hash tells.
        let outputs = manifest.record(&step.name).map(|record| &record.outputs);
        for (file, written) in outputs.into_iter().flatten() {
            if self.hashes.of(&self.context.dir.join(file)).ok().as_ref() != Some(written) {
                return Ok(Freshness::Stale(format!("{file} is not as it was written")));
            }
        }
        Ok(found)
    }

    pub(super) fn dry_run(&self, manifest: &Manifest) -> Result<ExitCode, Failure> {
        let mut verdicts = Vec::new();
        let mut rerun: Vec<String> = Vec::new();
        for (step, choice) in self.steps.iter().zip(self.choices()?) {
            let name = &step.name;
            let verdict = match choice {
                Choice::Leave => "left as it is".to_owned(),
                Choice::Force(reason) => format!("would run: {reason}"),
                Choice::Check => match self.freshness(step, manifest)? {
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
            verdicts.push((name, verdict));
        }
        if self.matches.get_flag("json") {
            let steps = verdicts
                .iter()
                .map(|(step, verdict)| json!({ "step": step, "verdict": verdict }));
            let steps: Vec<_> = steps.collect();
            return Ok(stage::cli::print(&json!({ "steps": steps }).to_string()));
        }
        let lines: Vec<String> = verdicts
            .iter()
            .map(|(step, verdict)| format!("{step:>12}  {verdict}"))
            .collect();
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

    pub(super) fn go(&self, manifest: &mut Manifest) -> Result<Vec<Record>, Failure> {
        let choices = self.choices()?;
        let mut records: Vec<Record> = Vec::new();
        for (step, choice) in self.steps.iter().zip(choices) {
            let left = matches!(choice, Choice::Leave);
            let reason = match choice {
                Choice::Leave => None,
                Choice::Force(reason) => Some(reason.to_owned()),
                Choice::Check => match self.freshness(step, manifest)? {
                    Freshness::Fresh => None,
                    Freshness::Stale(reason) => Some(reason),
                },
            };
            let record = match reason {
                None => {
                    self.say(step, if left { "taken as it is" } else { "up to date" });
                    Record {
                        status: "kept".to_owned(),
                        ..manifest.record(&step.name).cloned().unwrap_or_default()
                    }
                }
                Some(reason) => {
                    if self.matches.get_flag("verbose") {
                        self.say(step, &reason);
                    }
                    self.carry_out(step, reason)?
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

    fn carry_out(&self, step: &Step, reason: String) -> Result<Record, Failure> {
        let writes = step.stage.writes(&step.name, &step.table)?;
        let files = self.context.files(step);
        let before = self.written_at(step, &writes);
        let line = step.command.as_deref().unwrap_or_default();
        if let Some(name) = unknown_placeholder(line, step) {
            self.say(
                step,
                &format!("{{{name}}} in its command stands for no file, and is passed on as it is"),
            );
        }
        let (report, usage) = self.context.start(step)?;
        if step.command.is_some() {
            self.check_foreign(step, &writes, &before)?;
        }
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
            settings: step.settings.iter().cloned().collect(),
            inputs: footer.inputs,
            outputs,
            report,
            usage,
            ..Record::default()
        })
    }

    /// When each file that `step` writes was last written.
    fn written_at(&self, step: &Step, writes: &[&str]) -> Vec<(PathBuf, Option<SystemTime>)> {
        self.context
            .outputs_of(step, writes)
            .map(|path| {
                let time = path.metadata().and_then(|data| data.modified()).ok();
                (path, time)
            })
            .collect()
    }

    /// Whether another program has written what it stands in for: Parquet that can be opened, and not what was there before.
    fn check_foreign(
        &self,
        step: &Step,
        writes: &[&str],
        before: &[(PathBuf, Option<SystemTime>)],
    ) -> Result<(), Failure> {
        let line = step.command.as_deref().unwrap_or_default();
        let after = self.written_at(step, writes);
        if after == before {
            let first = after.first().map(|(path, _)| path.display().to_string());
            return Err(Failure::usage(
                format_args!(
                    "the command of `{}` ended well, but wrote nothing: {line}",
                    step.name
                ),
                format_args!("it has to write {}", first.unwrap_or_default()),
            ));
        }
        for (path, _) in after {
            if path.extension().is_some_and(|end| end == "parquet") && path.exists() {
                artifacts::Footer::read(&path).map_err(|error| {
                    let fact =
                        format!("the command of `{}` wrote no such file: {error}", step.name);
                    Failure::usage(fact, format_args!("it was: {line}"))
                })?;
            }
        }
        Ok(())
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
