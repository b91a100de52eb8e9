//! The steps of a run: which are stale, and carrying them out.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use clap::ArgMatches;
use serde_json::json;
use stage::{Freshness, Hashes, Seed};

use crate::failure::Failure;
use crate::manifest::{FILE, Manifest, Record};
use crate::recipe::Step;
use crate::step::{Context, Guard, unknown_placeholder};

pub(super) struct Pipeline<'a> {
    pub(super) matches: &'a ArgMatches,
    pub(super) steps: &'a [Step],
    pub(super) context: Context<'a>,
    pub(super) hashes: Hashes,
    /// Whether the last run had the same input.
    pub(super) same_input: bool,
}

/// Whether a step is looked at in this run.
pub(super) enum Choice {
    /// It is taken as it is.
    Leave,
    /// It runs if it is stale.
    Check,
    /// It runs.
    Force(&'static str),
}

/// What is to be done with a step.
enum Verdict {
    /// It is taken as it is, unlooked at.
    Leave,
    /// It has to run, for this reason.
    Run(String),
    /// What is there is what it would write.
    Keep,
    /// The same as far as can be told, which is not all for this reason.
    KeepUnchecked(String),
}

impl Pipeline<'_> {
    /// What is asked of each step.
    pub(super) fn choices(&self) -> Result<Vec<Choice>, Failure> {
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

    fn verdict(
        &self,
        step: &Step,
        choice: &Choice,
        manifest: &Manifest,
    ) -> Result<Verdict, Failure> {
        match choice {
            Choice::Leave => Ok(Verdict::Leave),
            Choice::Force(reason) => Ok(Verdict::Run((*reason).to_owned())),
            Choice::Check => self.check(step, manifest),
        }
    }

    /// Whether what `step` would write is there, and whole.
    fn check(&self, step: &Step, manifest: &Manifest) -> Result<Verdict, Failure> {
        let run = |reason: String| Ok(Verdict::Run(reason));
        if step.command.is_some() {
            return run("another program does it, and only that knows".to_owned());
        }
        if step.stage.takes_sources() && self.context.input.iter().any(|source| source == "-") {
            return run("standard input has to be read to know".to_owned());
        }
        let files = self.context.files(step);
        let seed = Seed(self.context.seed);
        let found = step
            .stage
            .freshness(&step.name, &step.table, &files, seed, &self.hashes)?;
        if let Freshness::Stale(reason) = found {
            return run(reason);
        }
        // Footers tell what a file was made of; whether it is still whole, only its hash in the log tells.
        let Some(record) = manifest.record(&step.name) else {
            return run(format!("{FILE} does not tell whether its files are whole"));
        };
        let writes = step.stage.writes(&step.name, &step.table)?;
        for (file, path) in self.context.outputs(step, &writes) {
            match (record.outputs.get(&file), self.hashes.of(&path)) {
                (Some(written), Ok(hash)) if *written == hash => {}
                (Some(_), _) => return run(format!("{file} is not as it was written")),
                (None, _) => return run(format!("{FILE} does not tell whether {file} is whole")),
            }
        }
        match found {
            Freshness::Unchecked(why) => {
                // The settings name what was read: with others it is not known to be the same.
                let same = step
                    .settings
                    .iter()
                    .all(|(key, value)| record.settings.get(key) == Some(value));
                if same && (self.same_input || !step.stage.takes_sources()) {
                    Ok(Verdict::KeepUnchecked(why))
                } else {
                    run(why)
                }
            }
            _ => Ok(Verdict::Keep),
        }
    }

    pub(super) fn dry_run(&self, manifest: &Manifest) -> Result<ExitCode, Failure> {
        let mut told = Vec::new();
        let mut rerun: Vec<String> = Vec::new();
        for (step, choice) in self.steps.iter().zip(self.choices()?) {
            let before = self.reads_from(step, &rerun);
            let (runs, text) = match (self.verdict(step, &choice, manifest)?, before) {
                (Verdict::Leave, _) => (false, "left as it is".to_owned()),
                (Verdict::Run(reason), _) => (true, format!("would run: {reason}")),
                (_, Some(before)) => (true, format!("runs if {before} comes out different")),
                (Verdict::Keep, None) => (false, "is up to date".to_owned()),
                (Verdict::KeepUnchecked(why), None) => {
                    (false, format!("would be kept, though {why}"))
                }
            };
            if runs {
                rerun.push(step.name.clone());
            }
            told.push((&step.name, text));
        }
        if self.matches.get_flag("json_report") {
            let steps = told
                .iter()
                .map(|(step, verdict)| json!({ "step": step, "verdict": verdict }));
            let steps: Vec<_> = steps.collect();
            return Ok(stage::cli::print(&json!({ "steps": steps }).to_string()));
        }
        let lines: Vec<String> = told
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

    pub(super) fn go(
        &self,
        manifest: &mut Manifest,
        guard: &Guard<'_>,
    ) -> Result<Vec<Record>, Failure> {
        let choices = self.choices()?;
        let mut records: Vec<Record> = Vec::new();
        for (step, choice) in self.steps.iter().zip(&choices) {
            let kept = |what: &dyn fmt::Display| {
                self.say(&step.name, what);
                // What nothing is known of is not made up.
                Record {
                    status: "kept".to_owned(),
                    ..manifest.record(&step.name).cloned().unwrap_or_default()
                }
            };
            let record = match self.verdict(step, choice, manifest)? {
                Verdict::Leave => kept(&"taken as it is"),
                Verdict::Keep => kept(&"up to date"),
                Verdict::KeepUnchecked(why) => {
                    kept(&format_args!("kept as it was last made, though {why}"))
                }
                Verdict::Run(reason) => {
                    if self.matches.get_flag("verbose") {
                        self.say(&step.name, &reason);
                    }
                    self.carry_out(step, reason, guard)?
                }
            };
            records.push(Record {
                step: step.name.clone(),
                stage: step.stage.name().to_owned(),
                ..record
            });
            self.log(manifest, &records)?;
        }
        let mut stale: Vec<String> = Vec::new();
        for ((step, choice), record) in self.steps.iter().zip(&choices).zip(&mut records) {
            if !matches!(choice, Choice::Leave) || step.command.is_some() {
                continue;
            }
            let reason = match (self.check(step, manifest)?, self.reads_from(step, &stale)) {
                (Verdict::Run(reason), _) => reason,
                (_, Some(before)) => format!("{before} is"),
                _ => continue,
            };
            self.say(&step.name, &format_args!("is stale: {reason}"));
            "stale".clone_into(&mut record.status);
            stale.push(step.name.clone());
        }
        if stale.is_empty() {
            self.remove_others(manifest)?;
        }
        self.log(manifest, &records)?;
        Ok(records)
    }

    /// Writes the log. Steps that are still to come keep what is known of them, so that a broken run leaves a whole log;
    /// so do steps of another recipe, while their files are there.
    fn log(&self, manifest: &mut Manifest, records: &[Record]) -> Result<(), Failure> {
        let new = |step: &str| records.iter().any(|record| record.step == step);
        let rest = manifest.steps.iter().filter(|old| !new(&old.step)).cloned();
        let known = records.iter().filter(|record| !record.outputs.is_empty());
        manifest.steps = known.cloned().chain(rest).collect();
        Ok(manifest.write(self.context.dir)?)
    }

    /// Removes what steps of another recipe left behind: it does not belong to this run.
    fn remove_others(&self, manifest: &mut Manifest) -> Result<(), Failure> {
        let ours = |step: &str| self.steps.iter().any(|own| own.name == step);
        for record in manifest.steps.iter().filter(|record| !ours(&record.step)) {
            for file in record.outputs.keys() {
                let path = self.context.dir.join(file);
                if path.exists() && !self.steps.iter().any(|step| self.writes_file(step, &path)) {
                    std::fs::remove_file(&path).map_err(Failure::io("remove", &path))?;
                    self.say(
                        &record.step,
                        &format_args!("removed {file}, which this recipe does not make"),
                    );
                }
            }
        }
        manifest.steps.retain(|record| ours(&record.step));
        Ok(())
    }

    fn carry_out(&self, step: &Step, reason: String, guard: &Guard<'_>) -> Result<Record, Failure> {
        let writes = step.stage.writes(&step.name, &step.table)?;
        let files = self.context.files(step);
        let before = self.written_at(step, &writes);
        let line = step.command.as_deref().unwrap_or_default();
        if let Some(name) = unknown_placeholder(line, step) {
            self.say(
                &step.name,
                &format_args!(
                    "{{{name}}} in its command stands for no file, and is passed on as it is"
                ),
            );
        }
        let (report, usage) = self.context.start(step, guard)?;
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
                return Err(Failure::work(
                    fact,
                    "report this: a step has to write its files",
                    1,
                ));
            }
            // What an earlier run with other options left behind does not belong to this run.
            let of_others = self
                .steps
                .iter()
                .any(|other| other.name != step.name && self.writes_file(other, path));
            if !writes.contains(&file.name) && !of_others && path.exists() {
                std::fs::remove_file(path).map_err(Failure::io("remove", path))?;
                self.say(
                    &step.name,
                    &format_args!("removed {}, which these settings do not make", file.file),
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

    /// Whether another program has written all that it stands in for: Parquet that can be opened, and not what was there
    /// `before`.
    fn check_foreign(
        &self,
        step: &Step,
        writes: &[&str],
        before: &[(PathBuf, Option<SystemTime>)],
    ) -> Result<(), Failure> {
        let line = step.command.as_deref().unwrap_or_default();
        let after = self.written_at(step, writes);
        let old: Vec<String> = after
            .iter()
            .zip(before)
            .filter(|(after, before)| after.1.is_none() || after == before)
            .map(|((path, _), _)| path.display().to_string())
            .collect();
        if !old.is_empty() {
            return Err(Failure::work(
                format_args!(
                    "the command of `{}` ended well, but did not write {}",
                    step.name,
                    old.join(", ")
                ),
                format_args!(
                    "it has to write all files of `{}`; it was: {line}",
                    step.stage.name()
                ),
                1,
            ));
        }
        for (path, _) in after {
            if path.extension().is_some_and(|end| end == "parquet") {
                artifacts::Footer::read(&path).map_err(|error| {
                    let fact =
                        format!("the command of `{}` wrote no such file: {error}", step.name);
                    Failure::work(fact, format_args!("it was: {line}"), 1)
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
    fn say(&self, step: &str, what: &dyn fmt::Display) {
        if !self.context.quiet {
            eprintln!("{step:>8}  {what}");
        }
    }
}
