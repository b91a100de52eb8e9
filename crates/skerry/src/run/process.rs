//! Runs one step as a separate process, which returns its memory to the system; a custom command can replace the stage.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use serde_json::Value;
use stage::{Failure, Hashes, RunLock, Usage};

use super::context::Context;
use crate::arguments::{flag_names, secrets};
use crate::interrupt::{Ended, Interrupts};
use crate::settings::Step;

/// The lock of the directory and the signal handler.
pub(super) struct Guard<'a> {
    pub(super) lock: &'a RunLock,
    pub(super) interrupts: &'a Interrupts,
}

impl Context<'_> {
    /// Runs `step` and returns its report.
    pub(super) fn start(
        &self,
        step: &Step,
        guard: &Guard<'_>,
        hashes: &Hashes,
    ) -> Result<(Value, Usage), Failure> {
        let began = Instant::now();
        let mut command = match &step.command {
            Some(line) => self.foreign(step, line)?,
            None => self.own(step, hashes)?,
        };
        guard.lock.share(&mut command);
        let children = Usage::cpu_of_children();
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| {
                Failure::work(
                    format_args!("cannot start {program}"),
                    "check that it is installed and executable",
                )
                .because(error)
            })?;
        // Our stages report their usage; the usage of custom commands is measured.
        let (id, mut peak) = (child.id(), None);
        let mut look = || peak = peak.max(Usage::peak_memory_of(id));
        let foreign = step.command.is_some();
        let ended = guard
            .interrupts
            .wait(child, foreign.then_some(&mut look as &mut dyn FnMut()))
            .map_err(|error| {
                Failure::work(
                    format_args!("cannot wait for {program}"),
                    "run the same command again",
                )
                .because(error)
            })?;
        let output = match ended {
            Ended::Interrupted(signal) => return Err(Failure::interrupted(signal)),
            Ended::Itself(status, output) if status.success() => output,
            Ended::Itself(status, _) => return Err(failed(step, status)),
        };
        let mut report: Value = serde_json::from_slice(&output).unwrap_or(Value::Null);
        let reported = report
            .as_object_mut()
            .and_then(|report| report.remove("usage"))
            .and_then(|usage| serde_json::from_value(usage).ok());
        let usage = reported.unwrap_or_else(|| Usage {
            seconds: began.elapsed().as_secs_f64(),
            cpu_seconds: children
                .zip(Usage::cpu_of_children())
                .map(|(before, after)| after - before),
            peak_memory: peak,
        });
        Ok((report, usage))
    }

    /// The command of this program for the stage.
    fn own(&self, step: &Step, hashes: &Hashes) -> Result<Command, Failure> {
        let program = std::env::current_exe().map_err(Failure::io("read", Path::new("skerry")))?;
        let mut command = Command::new(program);
        // A value may start with a dash.
        let flag = |name: &str, value: &Path| {
            let mut flag = OsString::from(format!("--{name}="));
            flag.push(value);
            flag
        };
        command.arg(step.stage.name()).arg(flag("run", self.dir));
        command
            .arg(flag("config", self.config))
            .arg(format!("--step={}", step.name));
        command.args(&step.only_now);
        command.args(["--json", "--seed", &self.seed.to_string()]);
        command.args(flag_names(step.stage).arguments());
        if let Some(flags) = self.flags {
            command.envs(secrets(flags, step.stage));
        }
        // The plan has already checked links to files outside.
        command.arg("--allow-external");
        if let Some(threads) = self.threads {
            command.args(["--threads", &threads.to_string()]);
            // Polars creates its thread pool before flags are parsed.
            command.env("POLARS_MAX_THREADS", threads.to_string());
        }
        if self.quiet {
            command.arg("--quiet");
        }
        for (name, path) in &step.files {
            command.arg(flag(&name.replace('_', "-"), &self.dir.join(path)));
        }
        // Known hashes are passed on, so that files are not hashed again.
        let files = self.files(step);
        for file in step.stage.inputs() {
            let known = files
                .optional(file.name)
                .and_then(|path| hashes.known_of(path));
            if let Some(hash) = known {
                command
                    .arg(format!("--{}", stage::cli::INPUT_HASH))
                    .arg(format!("{}={hash}", file.name));
            }
        }
        if step.stage.takes_sources() {
            command.arg("--").args(self.input);
        }
        Ok(command)
    }

    /// A custom command: `{name}` is replaced by the path of a file, `{seed}` and `{threads}` by numbers, and in ingest `{input}` by
    /// the sources, one argument each.
    fn foreign(&self, step: &Step, line: &str) -> Result<Command, Failure> {
        let files = self.files(step);
        let mut words = Vec::new();
        for word in split(line) {
            if word == "{input}" && step.stage.takes_sources() {
                words.extend(self.input.iter().map(OsString::from));
                continue;
            }
            let threads = self
                .threads
                .or_else(|| std::thread::available_parallelism().ok().map(Into::into));
            words.push(filled(&word, &|name| match name {
                "seed" => Some(self.seed.to_string().into()),
                "threads" => Some(threads.unwrap_or(1).to_string().into()),
                _ => {
                    let mut known = step.stage.inputs().iter().chain(step.stage.outputs());
                    let file = known.find(|file| file.name == name)?;
                    Some(files.output(file.name)?.as_os_str().to_owned())
                }
            }));
        }
        let Some((program, arguments)) = words.split_first() else {
            let fact = format!("`command` of `[{}]` is empty", step.name);
            return Err(Failure::usage(fact, "give a program, or omit `command`"));
        };
        let mut command = Command::new(program);
        command.args(arguments);
        Ok(command)
    }
}

/// The error for a failed `step`, from its exit status; the step has already printed the cause.
fn failed(step: &Step, status: ExitStatus) -> Failure {
    const HINT: &str =
        "completed steps are kept: fix the cause, then run the same command to continue";
    if let Some(code) = status.code() {
        let fact = format!("the step `{}` failed (exit status {code})", step.name);
        return Failure::work(fact, HINT).with_status(code.clamp(1, 255) as u8);
    }
    let signal = signal_of(status).unwrap_or_default();
    let fact = format!("the step `{}` was ended by signal {signal}", step.name);
    // The system sends signal 9 when memory runs out.
    let hint = if signal == 9 {
        format!("it may have run out of memory; {HINT}")
    } else {
        HINT.to_owned()
    };
    Failure::work(fact, hint).with_status(stage::signal_status(signal))
}

#[cfg(unix)]
fn signal_of(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal_of(_status: ExitStatus) -> Option<i32> {
    None
}

/// The unknown placeholders in `line`, which are passed on unchanged.
pub(super) fn unknown_placeholder<'a>(line: &'a str, step: &Step) -> Option<&'a str> {
    let known = step.placeholders();
    line.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
        .filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .find(|name| !known.contains(name))
}

/// `word` with each `{name}` replaced by `value(name)`. Paths need not be UTF-8.
fn filled(word: &str, value: &dyn Fn(&str) -> Option<OsString>) -> OsString {
    let mut text = OsString::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('{') {
        text.push(before);
        let filled = after
            .split_once('}')
            .and_then(|(name, next)| Some((value(name)?, next)));
        if let Some((value, next)) = filled {
            text.push(value);
            rest = next;
        } else {
            text.push("{");
            rest = after;
        }
    }
    text.push(rest);
    text
}

/// Splits a command line at blanks outside quotes.
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
    fn placeholders_are_replaced() {
        let value = |name: &str| (name == "seed").then(|| "7".into());
        for (word, expected) in [
            ("{seed}", "7"),
            ("a{seed}{seed}b", "a77b"),
            ("{{seed}}", "{7}"),
            ("{other} {seed}", "{other} 7"),
            ("{seed", "{seed"),
            ("", ""),
        ] {
            assert_eq!(super::filled(word, &value), expected, "{word}");
        }
    }

    #[test]
    fn quotes_keep_words_together() {
        assert_eq!(
            super::split(r#"a  "b c" d'e f' "" "#),
            ["a", "b c", "de f", ""]
        );
    }
}
