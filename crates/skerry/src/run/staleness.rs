//! Finds the stale steps: settings, inputs, seed or program have changed, or files are missing or damaged.

use std::path::{Path, PathBuf};

use stage::{Hashes, Manifest, Seed, StageStatus};

use super::context::Context;
use super::selection::Selection;
use crate::settings::Step;

const LOG: &str = Manifest::FILE;

/// Checks the steps of a run against their files.
pub(crate) struct Staleness<'a> {
    pub(crate) steps: &'a [Step],
    pub(crate) context: Context<'a>,
    /// Hashes of files, each computed once in this run.
    pub(crate) hashes: Hashes,
    /// The reason for not reading files outside the run, neither sources nor models.
    pub(crate) unread: Option<&'static str>,
    /// Whether the last run had the same input.
    pub(crate) same_input: bool,
    /// Build id of this program; `None` for a release.
    pub(crate) build: Option<String>,
}

/// The verdict on a step.
pub(super) enum Verdict {
    /// Its outputs are used unchecked.
    Leave,
    /// It runs, for this reason.
    Run(String),
    /// Its outputs are up to date.
    Keep,
    /// Its outputs are up to date, but some inputs could not be checked, for this reason.
    KeepUnchecked(String),
}

impl Staleness<'_> {
    /// The output `name` of the last step of `stage`, if it exists.
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

    /// The verdict on `step`, from its `selection` and its files.
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

    /// Whether the outputs of `step` are up to date and undamaged.
    fn check(&self, step: &Step, manifest: &Manifest) -> Verdict {
        let run = Verdict::Run;
        if step.command.is_some() {
            return run("custom commands always run".to_owned());
        }
        if step.stage.takes_sources() && self.context.input.iter().any(|source| source == "-") {
            return run("standard input has to be read".to_owned());
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
        // A link to a file outside is not even hashed.
        if let Some(link) = step.untrusted.iter().find(|external| external.is_link()) {
            return Verdict::KeepUnchecked(format!(
                "{link} is not looked at without `{}`",
                link.reach.flag()
            ));
        }
        let found = step
            .settings
            .staleness(&files, seed, &self.hashes, unread.as_deref());
        if let StageStatus::Stale(reason) = found {
            return run(reason);
        }
        // Footers give the lineage of a file; damage is detected only by its hash in the log.
        let Some(record) = manifest.record(&step.name) else {
            return run(format!("{LOG} has no hashes of its files"));
        };
        let writes = step.settings.writes();
        for (file, path) in self.context.outputs(step, &writes) {
            match (record.outputs.get(&file), self.hashes.of(&path)) {
                (Some(written), Ok(hash)) if *written == hash => {}
                (Some(_), _) => return run(format!("{file} has changed since it was written")),
                (None, _) => return run(format!("{LOG} has no hash of {file}")),
            }
        }
        if let (Some(build), Some(now)) = (&record.build, &self.build)
            && build != now
        {
            return run("the program was rebuilt from changed code".to_owned());
        }
        match found {
            StageStatus::Unchecked(why) => {
                // With other settings, the unread input may differ.
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

    /// The steps among `looked_at` that the next run would repeat, each with its reason.
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
        files.written_to(path, step.stage.outputs()).is_some()
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
                    flags: None,
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
        let rebuilt = "the program was rebuilt from changed code";
        assert_eq!(run.verdict(42, Some("two")), rebuilt);
        run.settings("limit = 5");
        assert_eq!(run.verdict(42, None), "changed: limit");
    }

    #[test]
    fn missing_or_changed_files_make_it_stale() {
        let mut run = Run::new();
        let path = run.dir.path().join("documents.parquet");
        let hash = run.manifest.steps[0].outputs["documents.parquet"].clone();
        run.manifest.steps[0].outputs.clear();
        assert_eq!(
            run.verdict(42, None),
            "manifest.json has no hash of documents.parquet"
        );
        let other = hash.replace(|letter: char| letter.is_ascii_digit(), "f");
        run.manifest.steps[0]
            .outputs
            .insert("documents.parquet".to_owned(), other);
        assert_eq!(
            run.verdict(42, None),
            "documents.parquet has changed since it was written"
        );
        run.manifest.steps.clear();
        assert_eq!(
            run.verdict(42, None),
            "manifest.json has no hashes of its files"
        );
        std::fs::remove_file(&path).expect("it is there");
        assert_eq!(run.verdict(42, None), "there is no documents.parquet");
    }
}
