//! Runs the stale steps and keeps the log.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use stage::{External, Failure, Manifest, Record, Untrusted, boundary};

use super::process::{Guard, unknown_placeholder};
use super::selection::Selection;
use super::staleness::{Staleness, Verdict};
use crate::settings::Step;

/// Runs the steps of a run.
pub(super) struct Executor<'a> {
    pub(super) run: Staleness<'a>,
    pub(super) selection: Vec<Selection>,
    /// Whether to print why a step runs.
    pub(super) verbose: bool,
}

/// Rejects, before anything is written, steps that will run and need untrusted settings of the run directory.
pub(super) fn check_trust(run: &Staleness<'_>, selection: &[Selection]) -> Result<(), Failure> {
    trusted(run, needs_consent(run, selection))
}

/// The untrusted settings of steps that run in any case.
pub(super) fn needs_consent(run: &Staleness<'_>, selection: &[Selection]) -> Vec<External> {
    let mut externals = Vec::new();
    for (step, selection) in run.steps.iter().zip(selection) {
        let runs = match selection {
            Selection::Leave => false,
            Selection::Force(_) => true,
            Selection::Check => step.command.is_some(),
        };
        if runs {
            externals.extend(step.untrusted.iter().cloned());
        }
    }
    externals
}

/// Rejects untrusted settings of the run directory.
fn trusted(run: &Staleness<'_>, externals: Vec<External>) -> Result<(), Failure> {
    if externals.is_empty() {
        return Ok(());
    }
    Err(Failure::from(Untrusted {
        settings: run.context.config.to_owned(),
        externals,
    }))
}

impl Executor<'_> {
    /// Runs the stale steps. `manifest`, the log of the last run, becomes the log of `this_run`.
    pub(super) fn go(
        &self,
        manifest: &mut Manifest,
        this_run: Manifest,
        guard: &Guard<'_>,
    ) -> Result<Vec<Record>, Failure> {
        let mut this_run = Some(this_run);
        let stopped_before = manifest.unfinished.clone();
        let mut records: Vec<Record> = Vec::new();
        for (step, &selection) in self.run.steps.iter().zip(&self.selection) {
            let kept = |what: &dyn fmt::Display| {
                self.say(&step.name, what);
                // A step without a record gets none.
                Record {
                    status: "kept".to_owned(),
                    ..manifest.record(&step.name).cloned().unwrap_or_default()
                }
            };
            let record = match self.run.verdict(step, selection, manifest) {
                Verdict::Leave => kept(&"taken as it is"),
                Verdict::Keep => kept(&"up to date"),
                Verdict::KeepUnchecked(why) => {
                    kept(&format_args!("kept as it was last made, though {why}"))
                }
                Verdict::Run(reason) => {
                    if self.verbose {
                        self.say(&step.name, &reason);
                    }
                    // Until a step has ended, the rest of the log is that of the last run.
                    manifest.unfinished = Some(step.name.clone());
                    self.write(manifest, guard)?;
                    trusted(&self.run, step.untrusted.clone())?;
                    let old = manifest.record(&step.name).cloned();
                    self.run_step(step, reason, old.as_ref(), guard)?
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
            self.log(manifest, &records, guard)?;
        }
        let left: Vec<&str> = (self.run.steps.iter().zip(&self.selection))
            .filter(|(step, selection)| **selection == Selection::Leave && step.command.is_none())
            .map(|(step, _)| step.name.as_str())
            .collect();
        let stale = (self.run).stale(manifest, &|step| left.contains(&step.name.as_str()));
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
        // Running one step does not complete an interrupted run.
        manifest.unfinished = stopped_before.filter(|_| !stale.is_empty());
        self.log(manifest, &records, guard)?;
        Ok(records)
    }

    /// Writes the log. Steps that have not run yet keep their records, so that an interrupted run leaves a complete log; so do
    /// steps of another recipe while their files exist.
    fn log(
        &self,
        manifest: &mut Manifest,
        records: &[Record],
        guard: &Guard<'_>,
    ) -> Result<(), Failure> {
        let new = |step: &str| records.iter().any(|record| record.step == step);
        let rest = manifest.steps.iter().filter(|old| !new(&old.step)).cloned();
        let known = records.iter().filter(|record| !record.outputs.is_empty());
        manifest.steps = known.cloned().chain(rest).collect();
        self.write(manifest, guard)
    }

    fn write(&self, manifest: &Manifest, guard: &Guard<'_>) -> Result<(), Failure> {
        let write = || manifest.write(self.run.context.dir);
        Ok(guard.interrupts.uninterrupted(write)?)
    }

    /// Removes files of steps of another recipe, which do not belong to this run.
    fn remove_others(&self, manifest: &mut Manifest) -> Result<(), Failure> {
        let ours = |step: &str| self.run.steps.iter().any(|own| own.name == step);
        for record in manifest.steps.iter().filter(|record| !ours(&record.step)) {
            for (file, written) in &record.outputs {
                // The log is untrusted too: it may name any file.
                let path = match boundary::inside(self.run.context.dir, file) {
                    Ok(path) => path,
                    Err(error) => {
                        self.say(&record.step, &format_args!("nothing is removed: {error}"));
                        continue;
                    }
                };
                if !self
                    .run
                    .steps
                    .iter()
                    .any(|step| self.run.writes_file(step, &path))
                {
                    let unmade = "which this recipe does not make";
                    self.remove(&record.step, file, &path, Some(written), unmade)?;
                }
            }
        }
        manifest.steps.retain(|record| ours(&record.step));
        Ok(())
    }

    /// Removes the file at `path` if it was written by `step`, by its footer or its hash in the log.
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

    /// Runs `step`, whose last record is `old`.
    fn run_step(
        &self,
        step: &Step,
        reason: String,
        old: Option<&Record>,
        guard: &Guard<'_>,
    ) -> Result<Record, Failure> {
        let writes = step.settings.writes();
        let files = self.run.context.files(step);
        let before = self.written_at(step, &writes);
        let line = step.command.as_deref().unwrap_or_default();
        if step.command.is_some() {
            self.say(&step.name, &format_args!("runs {line}"));
        }
        if let Some(name) = unknown_placeholder(line, step) {
            self.say(
                &step.name,
                &format_args!(
                    "{{{name}}} in its command is not a known placeholder and is passed on unchanged"
                ),
            );
        }
        let (report, usage) = self.run.context.start(step, guard, &self.run.hashes)?;
        if step.command.is_some() {
            self.check_foreign(step, &writes, &before)?;
        }
        for file in step.stage.outputs() {
            let Some(path) = files.output(file.name) else {
                continue;
            };
            self.run.hashes.forget(path);
            if writes.contains(&file.name) && !path.exists() {
                let fact = format!(
                    "the step `{}` succeeded, but did not write {}",
                    step.name,
                    path.display()
                );
                return Err(Failure::work(
                    fact,
                    "report this: a step has to write its files",
                ));
            }
            // Files of an earlier run with other options do not belong to this run.
            let of_others = self
                .run
                .steps
                .iter()
                .any(|other| other.name != step.name && self.run.writes_file(other, path));
            let Ok(name) = path.strip_prefix(self.run.context.dir) else {
                continue;
            };
            let name = name.to_string_lossy();
            if !writes.contains(&file.name)
                && !of_others
                && boundary::inside(self.run.context.dir, &name).is_ok()
            {
                let written = old.and_then(|record| record.outputs.get(&*name));
                let unmade = "which these settings do not make";
                self.remove(&step.name, &name, path, written, unmade)?;
            }
        }
        let mut outputs = BTreeMap::new();
        for (name, path) in self.run.context.outputs(step, &writes) {
            outputs.insert(name, self.run.hashes.of(&path)?);
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
            build: self.run.build.clone(),
            seed: self.run.context.seed,
            settings: step.settings.values().iter().cloned().collect(),
            inputs: footer.inputs,
            outputs,
            report,
            usage,
            ..Record::default()
        })
    }

    /// The modification time of each output of `step`.
    fn written_at(&self, step: &Step, writes: &[&str]) -> Vec<(PathBuf, Option<SystemTime>)> {
        self.run
            .context
            .outputs_of(step, writes)
            .into_iter()
            .map(|path| {
                let time = path.metadata().and_then(|data| data.modified()).ok();
                (path, time)
            })
            .collect()
    }

    /// Checks that a custom command has written all outputs: readable Parquet files that differ from those `before`.
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
                    "the command of `{}` succeeded, but did not write {}",
                    step.name,
                    old.join(", ")
                ),
                format_args!(
                    "it has to write all files of `{}`; it was: {line}",
                    step.stage.name()
                ),
            ));
        }
        for (path, _) in after {
            if path.extension().is_some_and(|end| end == "parquet") {
                artifacts::Footer::read(&path).map_err(|error| {
                    let fact =
                        format!("the command of `{}` wrote no such file: {error}", step.name);
                    Failure::work(fact, format_args!("it was: {line}"))
                })?;
            }
        }
        Ok(())
    }

    fn say(&self, step: &str, what: &dyn fmt::Display) {
        if !self.run.context.quiet {
            stage::say(&stage::one_line(&format!("{step:>8}  {what}")));
        }
    }
}
