//! The steps of a run: which are stale, and carrying them out.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use clap::ArgMatches;
use serde_json::json;
use stage::{External, Freshness, Hashes, Seed, Untrusted, boundary};

use crate::failure::Failure;
use crate::manifest::{FILE, Manifest, Record};
use crate::recipe::Step;
use crate::step::{Context, Guard, unknown_placeholder};

pub(crate) struct Pipeline<'a> {
    pub(crate) matches: &'a ArgMatches,
    pub(crate) steps: &'a [Step],
    pub(crate) context: Context<'a>,
    pub(crate) hashes: Hashes,
    /// A reason to look at nothing outside the run, neither sources nor models.
    pub(crate) unread: Option<&'static str>,
    /// Whether the last run had the same input.
    pub(crate) same_input: bool,
}

/// Whether a step is looked at in this run.
pub(crate) enum Choice {
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
    pub(crate) fn choices(&self) -> Result<Vec<Choice>, Failure> {
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

    /// Refuses before anything is written what would be refused on the way: steps that run in any case, and need what the
    /// settings in the run directory are not trusted with.
    pub(crate) fn check_trust(&self) -> Result<(), Failure> {
        let mut externals = Vec::new();
        for (step, choice) in self.steps.iter().zip(self.choices()?) {
            let runs = match choice {
                Choice::Leave => false,
                Choice::Force(_) => true,
                Choice::Check => step.command.is_some(),
            };
            if runs {
                externals.extend(step.untrusted.iter().cloned());
            }
        }
        self.trusted(externals)
    }

    /// Refuses what the settings in the run directory are not trusted with.
    fn trusted(&self, externals: Vec<External>) -> Result<(), Failure> {
        if externals.is_empty() {
            return Ok(());
        }
        Err(Failure::of(&Untrusted {
            settings: self.context.config.to_owned(),
            externals,
        }))
    }

    /// The file `name` that the last step of `stage` has written, where it is there.
    pub(crate) fn output(&self, stage: &str, name: &str) -> Option<PathBuf> {
        let mut steps = self.steps.iter().rev();
        let step = steps.find(|step| step.stage.name() == stage)?;
        let path = self.context.outputs_of(step, &[name]).pop()?;
        path.exists().then_some(path)
    }

    /// The files that the steps may write.
    pub(crate) fn written(&self) -> Vec<PathBuf> {
        self.steps
            .iter()
            .flat_map(|step| {
                let names: Vec<&str> = step.stage.outputs().iter().map(|file| file.name).collect();
                self.context.outputs_of(step, &names)
            })
            .collect()
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
        let untrusted = step.untrusted.first().map(|external| {
            format!(
                "{external} is not looked at without `{}`",
                external.reach.flag()
            )
        });
        let unread = self.unread.map(str::to_owned).or(untrusted);
        // A link that leads outside is not even hashed.
        if let Some(link) = step.untrusted.iter().find(|external| external.is_link()) {
            return Ok(Verdict::KeepUnchecked(format!(
                "{link} is not looked at without `{}`",
                link.reach.flag()
            )));
        }
        let found = step.stage.freshness(
            &step.name,
            &step.table,
            &files,
            seed,
            &self.hashes,
            unread.as_deref(),
        )?;
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
                if self.unread.is_some() || same && (self.same_input || !step.stage.takes_sources())
                {
                    Ok(Verdict::KeepUnchecked(why))
                } else {
                    run(why)
                }
            }
            _ => Ok(Verdict::Keep),
        }
    }

    pub(crate) fn dry_run(&self, manifest: &Manifest) -> Result<ExitCode, Failure> {
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
            return Ok(stage::cli::print_json(
                &json!({ "steps": steps }).to_string(),
            ));
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

    /// Carries out what is stale. `manifest`, the log of the last run, becomes that of `this_run`.
    pub(crate) fn go(
        &self,
        manifest: &mut Manifest,
        this_run: Manifest,
        guard: &Guard<'_>,
    ) -> Result<Vec<Record>, Failure> {
        let choices = self.choices()?;
        let mut this_run = Some(this_run);
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
                    self.trusted(step.untrusted.clone())?;
                    // Only this: until a step has ended, the rest of the log is that of the last run.
                    manifest.unfinished = Some(step.name.clone());
                    manifest.write(self.context.dir)?;
                    let old = manifest.record(&step.name).cloned();
                    self.carry_out(step, reason, old.as_ref(), guard)?
                }
            };
            records.push(Record {
                step: step.name.clone(),
                stage: step.stage.name().to_owned(),
                ..record
            });
            if let Some(this_run) = this_run.take() {
                *manifest = Manifest {
                    unfinished: manifest.unfinished.take(),
                    steps: std::mem::take(&mut manifest.steps),
                    ..this_run
                };
            }
            self.log(manifest, &records)?;
        }
        let left: Vec<&str> = (self.steps.iter().zip(&choices))
            .filter(|(step, choice)| matches!(choice, Choice::Leave) && step.command.is_none())
            .map(|(step, _)| step.name.as_str())
            .collect();
        let stale = self.stale(manifest, &|step| left.contains(&step.name.as_str()))?;
        for (name, reason) in &stale {
            self.say(name, &format_args!("is stale: {reason}"));
            let record = records.iter_mut().find(|record| record.step == *name);
            if let Some(record) = record {
                "stale".clone_into(&mut record.status);
            }
        }
        if stale.is_empty() {
            self.remove_others(manifest)?;
        }
        manifest.unfinished = None;
        self.log(manifest, &records)?;
        Ok(records)
    }

    /// The steps among `looked_at` that the next run would redo, each with its reason.
    pub(crate) fn stale(
        &self,
        manifest: &Manifest,
        looked_at: &dyn Fn(&Step) -> bool,
    ) -> Result<Vec<(String, String)>, Failure> {
        let mut stale: Vec<(String, String)> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for step in self.steps.iter().filter(|step| looked_at(step)) {
            let reason = match (self.check(step, manifest)?, self.reads_from(step, &names)) {
                (Verdict::Run(reason), _) => reason,
                (_, Some(before)) => format!("{before} is"),
                _ => continue,
            };
            stale.push((step.name.clone(), reason));
            names.push(step.name.clone());
        }
        Ok(stale)
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
            for (file, written) in &record.outputs {
                // The log is data, too: it may name anything.
                let path = match boundary::inside(self.context.dir, file) {
                    Ok(path) => path,
                    Err(error) => {
                        self.say(&record.step, &format_args!("nothing is removed: {error}"));
                        continue;
                    }
                };
                if !self.steps.iter().any(|step| self.writes_file(step, &path)) {
                    let unmade = "which this recipe does not make";
                    self.remove(&record.step, file, &path, Some(written), unmade)?;
                }
            }
        }
        manifest.steps.retain(|record| ours(&record.step));
        Ok(())
    }

    /// Removes the file at `path` that `step` once made, as its footer or its hash in the log tells. What else has its name
    /// is left.
    fn remove(
        &self,
        step: &str,
        name: &str,
        path: &Path,
        written: Option<&String>,
        unmade: &str,
    ) -> Result<(), Failure> {
        let is_file = path
            .symlink_metadata()
            .is_ok_and(|found| found.file_type().is_file());
        if !is_file {
            return Ok(());
        }
        let of_log = written
            .is_some_and(|written| artifacts::sha256(path).is_ok_and(|found| found == *written));
        let of_footer = || {
            let footer = artifacts::Footer::read(path).ok().flatten();
            footer.is_some_and(|footer| footer.producer.starts_with("skerry-"))
        };
        if of_log || of_footer() {
            std::fs::remove_file(path).map_err(Failure::io("remove", path))?;
            self.say(step, &format_args!("removed {name}, {unmade}"));
        } else {
            self.say(
                step,
                &format_args!("left {name}, {unmade}: it is not as a run wrote it"),
            );
        }
        Ok(())
    }

    /// Runs `step`, of which `old` is known.
    fn carry_out(
        &self,
        step: &Step,
        reason: String,
        old: Option<&Record>,
        guard: &Guard<'_>,
    ) -> Result<Record, Failure> {
        let writes = step.stage.writes(&step.name, &step.table)?;
        let files = self.context.files(step);
        let before = self.written_at(step, &writes);
        let line = step.command.as_deref().unwrap_or_default();
        if step.command.is_some() {
            self.say(&step.name, &format_args!("runs {line}"));
        }
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
            let Ok(name) = path.strip_prefix(self.context.dir) else {
                continue;
            };
            let name = name.to_string_lossy();
            if !writes.contains(&file.name)
                && !of_others
                && boundary::inside(self.context.dir, &name).is_ok()
            {
                let written = old.and_then(|record| record.outputs.get(&*name));
                let unmade = "which these settings do not make";
                self.remove(&step.name, &name, path, written, unmade)?;
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
            .into_iter()
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

    fn say(&self, step: &str, what: &dyn fmt::Display) {
        if !self.context.quiet {
            stage::say(&format!("{step:>8}  {what}"));
        }
    }
}
