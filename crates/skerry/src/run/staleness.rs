//! Which steps are stale: their settings, inputs, seed or program have changed, or their files are not as they were written.

use std::path::{Path, PathBuf};

use stage::{Freshness, Hashes, Manifest, Seed};

use super::context::Context;
use super::selection::Selection;
use crate::settings::Step;

const LOG: &str = Manifest::FILE;

/// The steps of a run beside what is known of their files.
pub(crate) struct Staleness<'a> {
    pub(crate) steps: &'a [Step],
    pub(crate) context: Context<'a>,
    /// Hashes of files, each read once in this run.
    pub(crate) hashes: Hashes,
    /// A reason to look at nothing outside the run, neither sources nor models.
    pub(crate) unread: Option<&'static str>,
    /// Whether the last run had the same input.
    pub(crate) same_input: bool,
    /// What identifies this build of the program; none for a release, whose version does.
    pub(crate) build: Option<String>,
}

/// What is to be done with a step.
pub(super) enum Verdict {
    /// It is taken as it is, without a check.
    Leave,
    /// It has to run, for this reason.
    Run(String),
    /// What is there is what it would write.
    Keep,
    /// The same as far as can be told, which is not all for this reason.
    KeepUnchecked(String),
}

impl Staleness<'_> {
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

    /// What `selection` and the files of `step` call for.
    pub(super) fn verdict(
        &self,
        step: &Step,
        selection: Selection,
        manifest: &Manifest,
    ) -> Verdict {
        match selection {
            Selection::Leave => Verdict::Leave,
            Selection::Force(reason) => Verdict::Run(reason.to_owned()),
            Selection::Check => self.check(step, manifest),
        }
    }

    /// Whether what `step` would write is there, and whole.
    fn check(&self, step: &Step, manifest: &Manifest) -> Verdict {
        let run = Verdict::Run;
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
            return Verdict::KeepUnchecked(format!(
                "{link} is not looked at without `{}`",
                link.reach.flag()
            ));
        }
        let found = step
            .settings
            .freshness(&files, seed, &self.hashes, unread.as_deref());
        if let Freshness::Stale(reason) = found {
            return run(reason);
        }
        // Footers tell what a file was made of; whether it is still whole, only its hash in the log tells.
        let Some(record) = manifest.record(&step.name) else {
            return run(format!("{LOG} does not tell whether its files are whole"));
        };
        let writes = step.settings.writes();
        for (file, path) in self.context.outputs(step, &writes) {
            match (record.outputs.get(&file), self.hashes.of(&path)) {
                (Some(written), Ok(hash)) if *written == hash => {}
                (Some(_), _) => return run(format!("{file} is not as it was written")),
                (None, _) => return run(format!("{LOG} does not tell whether {file} is whole")),
            }
        }
        if let (Some(build), Some(now)) = (&record.build, &self.build)
            && build != now
        {
            return run("the program was built from other code since".to_owned());
        }
        match found {
            Freshness::Unchecked(why) => {
                // The settings name what was read: with others it is not known to be the same.
                let same = step
                    .settings
                    .values()
                    .iter()
                    .all(|(key, value)| record.settings.get(key) == Some(value));
                if self.unread.is_some() || same && (self.same_input || !step.stage.takes_sources())
                {
                    Verdict::KeepUnchecked(why)
                } else {
                    run(why)
                }
            }
            _ => Verdict::Keep,
        }
    }

    /// The step among `rerun` whose output `step` reads.
    pub(super) fn reads_from(&self, step: &Step, rerun: &[String]) -> Option<String> {
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

    /// The steps among `looked_at` that the next run would redo, each with its reason.
    pub(crate) fn stale(
        &self,
        manifest: &Manifest,
        looked_at: &dyn Fn(&Step) -> bool,
    ) -> Vec<(String, String)> {
        let mut stale: Vec<(String, String)> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for step in self.steps.iter().filter(|step| looked_at(step)) {
            let reason = match (self.check(step, manifest), self.reads_from(step, &names)) {
                (Verdict::Run(reason), _) => reason,
                (_, Some(before)) => format!("{before} is stale"),
                _ => continue,
            };
            stale.push((step.name.clone(), reason));
            names.push(step.name.clone());
        }
        stale
    }

    pub(super) fn writes_file(&self, step: &Step, path: &Path) -> bool {
        let files = self.context.files(step);
        step.stage
            .outputs()
            .iter()
            .any(|file| files.output(file.name) == Some(path))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use artifacts::Labels;
    use stage::Record;
    use toml::Table;

    use super::*;
    use crate::settings::StepTable;

    /// A run of one step, ingest, whose file is there; and its log.
    struct Run {
        dir: tempfile::TempDir,
        steps: Vec<Step>,
        manifest: Manifest,
    }

    impl Run {
        fn new() -> Self {
            let dir = tempfile::tempdir().expect("a directory");
            let path = dir.path().join("documents.parquet");
            let options = ingest::Options::default();
            let footer = stage::footer::<ingest::Ingest>(&options, Seed(42));
            // Footers decide: the columns of the file do not matter here.
            let labels = Labels { rows: Vec::new() };
            labels.write(&path, &footer).expect("it can be written");
            let mut run = Self {
                dir,
                steps: Vec::new(),
                manifest: Manifest::default(),
            };
            run.settings("");
            run.manifest.steps = vec![Record {
                step: "ingest".to_owned(),
                settings: run.steps[0].settings.values().iter().cloned().collect(),
                outputs: BTreeMap::from([(
                    "documents.parquet".to_owned(),
                    artifacts::sha256(&path).expect("it reads"),
                )]),
                build: Some("one".to_owned()),
                ..Record::default()
            }];
            run
        }

        fn settings(&mut self, table: &str) {
            let table: Table = table.parse().expect("it is TOML");
            let step = StepTable::new("ingest", table).and_then(|step| step.resolve(&[]));
            self.steps = vec![step.expect("it is a step")];
        }

        fn verdict(&self, seed: u64, build: Option<&str>) -> String {
            let run = Staleness {
                steps: &self.steps,
                context: Context {
                    dir: self.dir.path(),
                    config: Path::new("pipeline.toml"),
                    seed,
                    threads: None,
                    quiet: true,
                    input: &[],
                },
                hashes: Hashes::default(),
                unread: Some("nothing outside is read"),
                same_input: true,
                build: build.map(str::to_owned),
            };
            match run.verdict(&self.steps[0], Selection::Check, &self.manifest) {
                Verdict::Leave => "left".to_owned(),
                Verdict::Keep => "kept".to_owned(),
                Verdict::KeepUnchecked(why) => format!("kept: {why}"),
                Verdict::Run(reason) => reason,
            }
        }
    }

    #[test]
    fn a_step_is_kept_while_nothing_changes() {
        let run = Run::new();
        let kept = "kept: nothing outside is read";
        assert_eq!(run.verdict(42, Some("one")), kept);
        // An installed program goes by its version.
        assert_eq!(run.verdict(42, None), kept);
    }

    #[test]
    fn seed_settings_and_code_make_it_stale() {
        let mut run = Run::new();
        assert_eq!(run.verdict(43, None), "its seed was 42");
        let rebuilt = "the program was built from other code since";
        assert_eq!(run.verdict(42, Some("two")), rebuilt);
        run.settings("limit = 5");
        assert_eq!(run.verdict(42, None), "changed: limit");
    }

    #[test]
    fn files_that_are_gone_or_not_as_written_make_it_stale() {
        let mut run = Run::new();
        let path = run.dir.path().join("documents.parquet");
        let hash = run.manifest.steps[0].outputs["documents.parquet"].clone();
        run.manifest.steps[0].outputs.clear();
        assert_eq!(
            run.verdict(42, None),
            "manifest.json does not tell whether documents.parquet is whole"
        );
        let other = hash.replace(|letter: char| letter.is_ascii_digit(), "f");
        run.manifest.steps[0]
            .outputs
            .insert("documents.parquet".to_owned(), other);
        assert_eq!(
            run.verdict(42, None),
            "documents.parquet is not as it was written"
        );
        run.manifest.steps.clear();
        assert_eq!(
            run.verdict(42, None),
            "manifest.json does not tell whether its files are whole"
        );
        std::fs::remove_file(&path).expect("it is there");
        assert_eq!(run.verdict(42, None), "there is no documents.parquet");
    }
}
