//! The log of a run, for a stage that is run alone in its directory: the hashes of its files, and its record.

use std::collections::BTreeMap;
use std::path::Path;

use artifacts::{Error, Footer};
use serde_json::Value;

use crate::{Files, Manifest, Progress, Record, Seed, Stage, Usage, build_id};

/// The log of the run in whose directory a stage is run alone. In `skerry run`, the run checks its files itself.
pub(crate) struct Log<'a> {
    pub(super) run: &'a Path,
    manifest: Manifest,
}

impl<'a> Log<'a> {
    /// The log in directory `run`, if there is one that can be read.
    pub(crate) fn read(run: &'a Path, progress: &dyn Progress) -> Option<Self> {
        match Manifest::read(run) {
            Ok(manifest) => Some(Self { run, manifest }),
            Err(why) => {
                progress.warn(&format!(
                    "{} cannot be read ({why}): changed inputs are not detected",
                    run.join(Manifest::FILE).display()
                ));
                None
            }
        }
    }

    /// The hashes of `file` recorded by steps; several if a step that is no longer in the recipe wrote it too.
    pub(super) fn hashes_of(&self, file: &str) -> impl Iterator<Item = &String> {
        let steps = self.manifest.steps.iter();
        steps.filter_map(move |record| record.outputs.get(file))
    }

    /// The name of the file at `path`, if it is directly in the directory. Only such names are looked up in the log, whose paths
    /// are untrusted.
    pub(super) fn name_of(&self, path: &Path) -> Option<String> {
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new(".")).canonicalize().ok()?;
        let here = self.run.canonicalize().is_ok_and(|run| run == parent);
        here.then(|| path.file_name()?.to_str().map(str::to_owned))?
    }

    /// Records the outputs of `S` in the log, if it ran in place of a step.
    pub(crate) fn record<S: Stage>(
        &mut self,
        files: &Files,
        (options, local, seed): (&S::Options, &S::Local, Seed),
        (report, usage): (Value, Usage),
        progress: &dyn Progress,
    ) {
        let Some(at) = self.step_of::<S>(files) else {
            return;
        };
        let kept = self.outputs::<S>(files, options).and_then(|outputs| {
            let record = &mut self.manifest.steps[at];
            *record = Record {
                step: std::mem::take(&mut record.step),
                stage: S::NAME.to_owned(),
                status: "done".to_owned(),
                reason: Some("it was run alone".to_owned()),
                producer: S::PRODUCER.to_owned(),
                build: build_id(),
                seed: seed.0,
                settings: crate::settings_of::<S>(options, local)
                    .into_iter()
                    .collect(),
                inputs: primary::<S>(files)
                    .and_then(|path| Footer::read(path).ok().flatten())
                    .unwrap_or_default()
                    .inputs,
                outputs,
                report,
                usage,
            };
            if S::SOURCES.is_some() {
                self.manifest.input = files
                    .sources()
                    .iter()
                    .map(|source| recorded(source))
                    .collect();
            }
            self.manifest.write(self.run)
        });
        if let Err(error) = kept {
            progress.warn(&format!(
                "{} could not be updated, so the files count as changed: {error}",
                Manifest::FILE
            ));
        }
    }

    /// The index of the step that writes the outputs of `S`.
    fn step_of<S: Stage>(&self, files: &Files) -> Option<usize> {
        let file = self.name_of(primary::<S>(files)?)?;
        let mut steps = self.manifest.steps.iter();
        steps.position(|record| record.outputs.contains_key(&file))
    }

    /// The hashes of the outputs of `S` with these options, by file.
    fn outputs<S: Stage>(
        &self,
        files: &Files,
        options: &S::Options,
    ) -> Result<BTreeMap<String, String>, Error> {
        let paths = S::writes(options).into_iter();
        paths
            .filter_map(|name| files.output(name))
            .filter_map(|path| Some((self.name_of(path)?, path)))
            .map(|(file, path)| Ok((file, artifacts::sha256(path)?)))
            .collect()
    }
}

/// The output that is written last.
fn primary<S: Stage>(files: &Files) -> Option<&Path> {
    files.output(S::OUTPUTS.first()?.name)
}

/// `source` in the form of the log.
fn recorded(source: &str) -> String {
    if source == "-" {
        return source.to_owned();
    }
    crate::absolute(source).unwrap_or_else(|_| source.to_owned())
}
