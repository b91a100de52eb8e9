//! Snapshot tests: the output of programs compared with reviewed files. `UPDATE_SNAPSHOTS=1` writes these files.
//!
//! They hold the output of a build with the default cargo features, which [`program`](crate::program) builds, and do not depend
//! on the machine: the kernel of the neighbor search and the number of threads are set, and measured values (time, memory,
//! sizes, the quality of a layout), hashes and versions are replaced by `#`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::command;

/// Whether `found` differs from the snapshot `name`.
///
/// # Panics
///
/// If the file is to be written and cannot be.
pub fn differs_from_snapshot(name: &str, found: &str) -> bool {
    let path = path(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_none() {
        return std::fs::read_to_string(path).ok().as_deref() != Some(found);
    }
    std::fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
    std::fs::write(path, found).expect("it can be written");
    false
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("snapshots")
        .join(format!("{name}.txt"))
}

/// A record of command lines and their output.
pub struct Transcript<'a> {
    dir: &'a Path,
    text: String,
}

impl<'a> Transcript<'a> {
    /// An empty record of commands that run in `dir`.
    pub fn new(dir: &'a Path) -> Self {
        let text = String::new();
        Self { dir, text }
    }

    /// Runs a command that succeeds, and records its output.
    ///
    /// # Panics
    ///
    /// If it fails.
    pub fn report(&mut self, line: &str) {
        let output = self.run(line);
        assert!(output.status.success(), "{line} failed:\n{}", self.text);
    }

    /// Runs a command that fails, and records what it printed: a message with a remedy.
    ///
    /// # Panics
    ///
    /// If it succeeds, or names no remedy.
    pub fn mistake(&mut self, line: &str) {
        let output = self.run(line);
        let message = String::from_utf8_lossy(&output.stderr);
        let status = output.status.code();
        assert!(matches!(status, Some(1 | 2)), "{line}: {status:?}");
        // clap names no remedy where it lists the values or shows the usage.
        let remedies = ["\n  hint: ", "\nFor more information, try '--help'."];
        let ends = message.trim_end().lines().next_back().unwrap_or_default();
        assert!(
            remedies
                .iter()
                .any(|remedy| format!("\n{ends}").starts_with(remedy)),
            "{line} ends without a remedy:\n{message}"
        );
    }

    /// Runs a command line, and records it. Single quotes hold a word with spaces together; `NAME=VALUE` before the program
    /// sets a variable of the environment.
    fn run(&mut self, line: &str) -> Output {
        let output = self.command(line).output().expect("the program starts");
        let _ = writeln!(self.text, "$ {line}");
        let report = String::from_utf8_lossy(&output.stdout);
        let report = match serde_json::from_str::<Value>(&report) {
            Ok(value) => {
                let value = self.comparable_json("", value);
                serde_json::to_string_pretty(&value).expect("it is JSON")
            }
            Err(_) => self.comparable(&report),
        };
        let messages = self.comparable(&String::from_utf8_lossy(&output.stderr));
        for (name, text) in [("standard output", report), ("standard error", messages)] {
            if !text.is_empty() {
                let _ = writeln!(self.text, "[{name}]\n{}", text.trim_end());
            }
        }
        let status = output.status.code().unwrap_or(-1);
        let _ = writeln!(self.text, "[exit status {status}]\n");
        output
    }

    fn command(&self, line: &str) -> Command {
        // Every other part of the line is in quotes.
        let mut words: Vec<&str> = Vec::new();
        for (at, part) in line.split('\'').enumerate() {
            match at % 2 {
                0 => words.extend(part.split_whitespace()),
                _ => words.push(part),
            }
        }
        let program = words.iter().position(|word| !word.contains('='));
        let program = program.expect("a line names a program");
        let mut command = command(self.dir, words[program], &words[program + 1..]);
        command
            .env("SKERRY_KERNEL", "portable")
            .env("RAYON_NUM_THREADS", "1")
            .env_remove("ORT_DYLIB_PATH");
        for setting in &words[..program] {
            let (name, value) = setting.split_once('=').expect("it has one");
            command.env(name, value);
        }
        command
    }

    /// `text` without what differs between machines and runs.
    fn comparable(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let resolved = self.dir.canonicalize().expect("it is there");
        for dir in [&resolved, self.dir] {
            text = text.replace(&dir.display().to_string(), "DIR");
        }
        for measured in MEASURED {
            text = masked(&text, measured);
        }
        let lines = text.lines().map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                [step, "done", _, _, _, "MiB"] => {
                    format!(
                        "{step:<12} {:>8} {:>10} {:>10} {:>8} MiB\n",
                        "done", "#", "#", "#"
                    )
                }
                _ => format!("{line}\n"),
            }
        });
        lines.collect()
    }

    /// The same of the value at `key` of a report.
    fn comparable_json(&self, key: &str, value: Value) -> Value {
        match value {
            _ if VARYING_KEYS.contains(&key) => "#".into(),
            Value::Number(number) if number.is_f64() => {
                // The last digits depend on the mathematical functions of the system.
                let number = number.as_f64().expect("it is one");
                ((number * 1e4).round() / 1e4).into()
            }
            Value::String(text) if text.len() == 64 && is_hex(&text) => "#".into(),
            Value::String(text) => self.comparable(&text).trim_end().into(),
            Value::Array(values) => values
                .into_iter()
                .map(|value| self.comparable_json(key, value))
                .collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(key, value)| {
                    let value = self.comparable_json(&key, value);
                    (key, value)
                })
                .collect(),
            value => value,
        }
    }

    /// Asserts that the record is the reviewed file `name`.
    ///
    /// # Panics
    ///
    /// If it is not.
    pub fn assert_snapshot(&self, name: &str) {
        if !differs_from_snapshot(name, &self.text) {
            return;
        }
        let reviewed = std::fs::read_to_string(path(name)).unwrap_or_default();
        let (mut before, mut now) = (reviewed.lines(), self.text.lines());
        let mut command = "";
        let (before, now) = loop {
            let (before, now) = (before.next(), now.next());
            if before != now || now.is_none() {
                break (before, now);
            }
            command = now.filter(|line| line.starts_with("$ ")).unwrap_or(command);
        };
        panic!(
            "{name} has changed: review it, then run this test with UPDATE_SNAPSHOTS=1\n{command}\nbefore: {before:?}\nnow:    {now:?}"
        );
    }
}

/// Phrases with measured values as `#`.
const MEASURED: [&str; 10] = [
    "true neighbors kept (of 15): # %",
    "trustworthiness@15: #",
    "in none; # topics are named in the picture",
    "map.html (# MB)",
    "time      # s",
    "memory    # MiB peak",
    "records SHA-256 #..., that file has #...",
    "records SHA-256 #..., the file has #...",
    "record SHA-256 #... and #...",
    "bytes # to # fail their checksum",
];

/// Keys of measurements, and of the version and the build of the programs.
const VARYING_KEYS: [&str; 11] = [
    "skerry",
    "producer",
    "build",
    "seconds",
    "cpu_seconds",
    "peak_memory",
    "kernel",
    "preserved",
    "trustworthiness",
    "names_in_picture",
    "page_bytes",
];

fn is_hex(text: &str) -> bool {
    text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// `text` with `#` in place of each number or hash that corresponds to a `#` of `phrase`.
fn masked(text: &str, phrase: &str) -> String {
    let (begin, parts) = phrase.split_once('#').expect("something is measured");
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(begin) {
        let (before, found) = rest.split_at(at);
        shown += before;
        let mut after = &found[begin.len()..];
        let fits = parts.split('#').all(|part| {
            let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '.';
            let tail = after.trim_start_matches(|letter| word(letter) && !part.starts_with(letter));
            let found = tail.len() < after.len();
            match tail.strip_prefix(part) {
                Some(tail) if found => {
                    after = tail;
                    true
                }
                _ => false,
            }
        });
        shown += if fits { phrase } else { begin };
        rest = if fits { after } else { &found[begin.len()..] };
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn only_measurements_are_masked() {
        for (text, phrase, expected) in [
            (
                "time      0.9 s\nend",
                "time      # s",
                "time      # s\nend",
            ),
            ("kept: 75.6 %", "kept: # %", "kept: # %"),
            ("trust: 0.9475", "trust: #", "trust: #"),
            (
                "records SHA-256 5bdf..., that file has ae10...\n",
                "SHA-256 #..., that file has #...",
                "records SHA-256 #..., that file has #...\n",
            ),
            (
                "2 topics, 3 topics",
                "topics, # topics",
                "2 topics, # topics",
            ),
            ("time      none s", "time      # ms", "time      none s"),
        ] {
            assert_eq!(masked(text, phrase), expected);
        }
    }
}
