//! One step of a run, as a process of its own: its memory goes back to the system, and another program can stand in.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;
use stage::{Files, Usage};

use crate::failure::Failure;
use crate::recipe::Step;

/// What all steps of a run share.
pub(crate) struct Context<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) config: &'a Path,
    pub(crate) seed: u64,
    pub(crate) threads: Option<usize>,
    pub(crate) quiet: bool,
    pub(crate) input: &'a [String],
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

    /// Runs `step`; its report.
    pub(crate) fn start(&self, step: &Step) -> Result<(Value, Usage), Failure> {
        let began = Instant::now();
        let mut command = match &step.command {
            Some(line) => self.foreign(step, line)?,
            None => self.own(step)?,
        };
        let output = command
            .stdin(if step.stage.takes_sources() {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .output()
            .map_err(Failure::io("start", Path::new(command.get_program())))?;
        if !output.status.success() {
            let status = output.status.code().unwrap_or(1).clamp(1, 255) as u8;
            let fact = match output.status.code() {
                Some(code) => format!("the step `{}` failed (exit status {code})", step.name),
                None => format!("the step `{}` was ended by a signal", step.name),
            };
            let kept =
                format!("{fact}; what is done is kept, and the same command goes on from here");
            return Err(Failure::step(kept, status));
        }
        let mut report: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        let usage = report
            .as_object_mut()
            .and_then(|report| report.remove("usage"));
        let usage = usage.and_then(|usage| serde_json::from_value(usage).ok());
        let usage = usage.unwrap_or(Usage {
            seconds: began.elapsed().as_secs_f64(),
            ..Usage::default()
        });
        Ok((report, usage))
    }

    /// This program, as the stage.
    fn own(&self, step: &Step) -> Result<Command, Failure> {
        let program = std::env::current_exe().map_err(Failure::io("find", Path::new("skerry")))?;
        let mut command = Command::new(program);
        command.arg(step.stage.name()).arg("--run").arg(self.dir);
        command
            .arg("--config")
            .arg(self.config)
            .args(["--step", &step.name]);
        command.args(["--json", "--seed", &self.seed.to_string()]);
        if let Some(threads) = self.threads {
            command.args(["--threads", &threads.to_string()]);
            // Polars sizes its own pool, before any flag is read.
            command.env("POLARS_MAX_THREADS", threads.to_string());
        }
        if self.quiet {
            command.arg("--quiet");
        }
        for (name, path) in &step.files {
            command.arg(format!("--{name}")).arg(self.dir.join(path));
        }
        if step.stage.takes_sources() {
            command.arg("--").args(self.input);
        }
        Ok(command)
    }

    /// Another program: `{name}` stands for the path of a file, `{seed}` and `{threads}` for numbers.
    fn foreign(&self, step: &Step, line: &str) -> Result<Command, Failure> {
        let files = self.files(step);
        let mut words = Vec::new();
        for word in split(line) {
            let mut word = word;
            for file in step.stage.inputs().iter().chain(step.stage.outputs()) {
                let path = files
                    .output(file.name)
                    .map(Path::to_string_lossy)
                    .unwrap_or_default();
                word = word.replace(&format!("{{{}}}", file.name), &path);
            }
            word = word.replace("{seed}", &self.seed.to_string());
            let threads = self
                .threads
                .or_else(|| std::thread::available_parallelism().ok().map(Into::into));
            words.push(OsString::from(
                word.replace("{threads}", &threads.unwrap_or(1).to_string()),
            ));
        }
        let Some((program, arguments)) = words.split_first() else {
            let fact = format!("`command` of `[{}]` is empty", step.name);
            return Err(Failure::usage(
                fact,
                "give a program, or leave `command` out",
            ));
        };
        let mut command = Command::new(program);
        command.args(arguments);
        Ok(command)
    }

    /// Where the outputs `names` of `step` lie.
    pub(crate) fn outputs_of(&self, step: &Step, names: &[&str]) -> impl Iterator<Item = PathBuf> {
        let files = self.files(step);
        names
            .iter()
            .filter_map(move |name| files.output(name).map(Path::to_owned))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Those of them that are there, with their paths within the run directory.
    pub(crate) fn outputs(&self, step: &Step, names: &[&str]) -> Vec<(String, PathBuf)> {
        self.outputs_of(step, names)
            .filter(|path| path.exists())
            .map(|path| {
                let within = path.strip_prefix(self.dir).unwrap_or(&path);
                (within.to_string_lossy().into_owned(), path)
            })
            .collect()
    }
}

/// What stands in braces in `line`, looks like a name, and is none of `step`: passed on as it stands.
pub(crate) fn unknown_placeholder<'a>(line: &'a str, step: &Step) -> Option<&'a str> {
    let files = step.stage.inputs().iter().chain(step.stage.outputs());
    let known: Vec<&str> = files
        .map(|file| file.name)
        .chain(["seed", "threads"])
        .collect();
    line.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
        .filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .find(|name| !known.contains(name))
}

/// The words of a command line: blanks part them, quotes keep them together.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match quote {
            Some(mark) if letter == mark => quote = None,
            None if letter == '"' || letter == '\'' => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            None if letter.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    #[test]
    fn quotes_keep_words_together() {
        assert_eq!(
            super::split(r#"a  "b c" d'e f' "" "#),
            ["a", "b c", "de f", ""]
        );
    }
}
