//! The context of the steps of a run: shared settings and paths of files.

use std::path::{Path, PathBuf};

use clap::ArgMatches;
use stage::Files;

use crate::settings::Step;

/// The shared settings of all steps of a run.
pub(crate) struct Context<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) config: &'a Path,
    pub(crate) seed: u64,
    pub(crate) threads: Option<usize>,
    pub(crate) quiet: bool,
    /// The sources, in a form that every step can read.
    pub(crate) input: &'a [String],
    /// The command line, for the secrets in it.
    pub(crate) flags: Option<&'a ArgMatches>,
}

impl Context<'_> {
    /// The files of `step`.
    pub(crate) fn files(&self, step: &Step) -> Files {
        let all = step.stage.inputs().iter().chain(step.stage.outputs());
        let mut files = Files::standard(self.dir, all);
        for (name, path) in &step.files {
            files = files.with(name, self.dir.join(path));
        }
        if step.stage.takes_sources() {
            files.with_sources(self.input.to_vec())
        } else {
            files
        }
    }

    /// The paths of the outputs `names` of `step`.
    pub(crate) fn outputs_of(&self, step: &Step, names: &[&str]) -> Vec<PathBuf> {
        let files = self.files(step);
        names
            .iter()
            .filter_map(|name| files.output(name).map(Path::to_owned))
            .collect()
    }

    /// The existing ones, with their names within the run directory.
    pub(crate) fn outputs(&self, step: &Step, names: &[&str]) -> Vec<(String, PathBuf)> {
        self.outputs_of(step, names)
            .into_iter()
            .filter(|path| path.exists())
            .map(|path| {
                let within = path.strip_prefix(self.dir).unwrap_or(&path);
                (within.to_string_lossy().into_owned(), path)
            })
            .collect()
    }
}
