//! Progress on standard error: a bar with rate and remaining time on a terminal, plain lines elsewhere.

use std::borrow::Cow;
use std::io::{IsTerminal, Write as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{FlagNames, Progress};

/// Progress on standard error, under the name of a stage.
pub struct Terminal {
    stage: String,
    names: FlagNames,
    quiet: bool,
    bars: bool,
    shared: Arc<Shared>,
    /// Prints plain progress lines if there is no bar.
    reporter_thread: Option<JoinHandle<()>>,
}

/// State shared between the reporter thread and the working threads.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Signals the end.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    bar: Option<ProgressBar>,
    task: Option<Task>,
    notes: Vec<String>,
    warnings: Vec<String>,
    over: bool,
}

struct Task {
    name: String,
    unit: &'static str,
    total: Option<u64>,
    done: u64,
    began: Instant,
    reported: Instant,
}

/// Interval between plain lines.
const PLAIN_LINE_INTERVAL: Duration = Duration::from_secs(10);

impl Terminal {
    /// Progress of `stage`; with `quiet`, only warnings are printed.
    pub fn new(stage: &str, quiet: bool) -> Self {
        let bars = !quiet && std::io::stderr().is_terminal();
        let shared = Arc::<Shared>::default();
        let reporter_thread = (!bars && !quiet).then(|| {
            let (stage, shared) = (stage.to_owned(), Arc::clone(&shared));
            std::thread::spawn(move || shared.report_every(PLAIN_LINE_INTERVAL, &stage, say))
        });
        Self {
            stage: stage.to_owned(),
            names: FlagNames::default(),
            quiet,
            bars,
            shared,
            reporter_thread,
        }
    }

    /// Calls flags by the names that they have in a run.
    #[must_use]
    pub fn with_flag_names(mut self, names: &FlagNames) -> Self {
        self.names = names.clone();
        self
    }

    /// The notes and the warnings so far.
    pub fn messages(&self) -> (Vec<String>, Vec<String>) {
        let state = self.shared.state();
        (state.notes.clone(), state.warnings.clone())
    }

    fn say(&self, state: &State, line: &str) {
        let line = one_line(&headed(&self.stage, line));
        match &state.bar {
            Some(bar) => bar.suspend(|| say(&line)),
            None => say(&line),
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // The state is valid even after a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `say` with the progress of a task that has not been reported for `interval`, until the end: a step that cannot count
    /// what it does is alive too.
    fn report_every(&self, interval: Duration, stage: &str, say: impl Fn(&str)) {
        let mut state = self.state();
        while !state.over {
            let due = state.task.as_mut().map_or(interval, |task| {
                if task.reported.elapsed() >= interval {
                    task.reported = Instant::now();
                    say(&headed(stage, &task.line()));
                }
                interval.saturating_sub(task.reported.elapsed())
            });
            // Waits at least a moment, however short the interval.
            let due = due.max(Duration::from_millis(10));
            (state, _) = self
                .ended
                .wait_timeout(state, due)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn headed(stage: &str, line: &str) -> String {
    format!("{stage:>8}  {line}")
}

/// Writes a line to standard error, with control characters escaped. A closed pipe is not an error.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", printable(line));
}

/// Whether `letter` controls a terminal or changes the text direction. Line ends and tabs do not.
fn is_control(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\n' | '\t')
        || matches!(
            letter,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}'
        )
        || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// An untrusted value as one line: line ends and tabs are escaped too, so that it cannot imitate a message.
pub fn one_line(text: &str) -> String {
    let breaks = |letter: char| is_control(letter) || matches!(letter, '\n' | '\t');
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if breaks(letter) {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// JSON with control characters as JSON escapes.
pub(crate) fn printable_json(json: &str) -> Cow<'_, str> {
    if !json.contains(is_control) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for letter in json.chars() {
        if is_control(letter) {
            // All of them are in the Basic Multilingual Plane.
            shown.push_str(&format!("\\u{:04x}", letter as u32));
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// `text` with control characters escaped, because names of files and values of settings are untrusted. Line ends and tabs are
/// kept.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if is_control(letter) {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

impl Progress for Terminal {
    fn begin(&self, task: &str, total: Option<u64>, unit: &'static str) {
        let mut state = self.shared.state();
        let now = Instant::now();
        if let Some(bar) = state.bar.take() {
            bar.finish_and_clear();
        }
        if self.bars {
            let bar = match total {
                Some(total) => ProgressBar::new(total),
                None => ProgressBar::new_spinner(),
            };
            let template = match total {
                Some(_) => {
                    "{prefix:>8}  {msg} [{bar:30}] {human_pos}/{human_len} {per_sec}, {eta} left"
                }
                None => "{prefix:>8}  {msg} {spinner} {human_pos} {per_sec} {elapsed}",
            };
            let style =
                ProgressStyle::with_template(template).expect("the template is fixed and valid");
            bar.set_style(style.progress_chars("=> "));
            bar.set_prefix(self.stage.clone());
            bar.set_message(task.to_owned());
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
            bar.enable_steady_tick(Duration::from_millis(200));
            state.bar = Some(bar);
        }
        state.task = Some(Task {
            name: task.to_owned(),
            unit,
            total,
            done: 0,
            began: now,
            reported: now,
        });
    }

    fn advance(&self, by: u64) {
        let mut state = self.shared.state();
        if let Some(bar) = &state.bar {
            bar.inc(by);
            return;
        }
        if let Some(task) = &mut state.task {
            task.done += by;
        }
    }

    fn end(&self) {
        let mut state = self.shared.state();
        if let Some(bar) = state.bar.take() {
            bar.finish_and_clear();
        }
        state.task = None;
    }

    fn note(&self, message: &str) {
        let message = &*self.names.apply(message);
        let mut state = self.shared.state();
        state.notes.push(message.to_owned());
        if !self.quiet {
            self.say(&state, message);
        }
    }

    fn warn(&self, message: &str) {
        let message = &*self.names.apply(message);
        let mut state = self.shared.state();
        state.warnings.push(message.to_owned());
        self.say(&state, &format!("warning: {message}"));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.end();
        self.shared.state().over = true;
        self.shared.ended.notify_all();
        if let Some(reporter_thread) = self.reporter_thread.take() {
            let _ = reporter_thread.join();
        }
    }
}

impl Task {
    fn line(&self) -> String {
        let seconds = self.began.elapsed().as_secs_f64().max(1e-3);
        let rate = self.done as f64 / seconds;
        match self.total {
            Some(total) if total > 0 && self.done > 0 => {
                let left = total.saturating_sub(self.done) as f64 / rate.max(1e-9);
                let share = 100.0 * self.done as f64 / total as f64;
                format!(
                    "{}: {}/{total} {} ({share:.0} %), {rate:.0}/s, about {left:.0} s left",
                    self.name, self.done, self.unit
                )
            }
            _ if self.done > 0 => {
                format!("{}: {} {}, {rate:.0}/s", self.name, self.done, self.unit)
            }
            _ => format!("{}: {seconds:.0} s so far", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            super::printable("news.csv, line 3\n\thint"),
            "news.csv, line 3\n\thint"
        );
        assert_eq!(
            super::printable("touch x\u{1b}[2K\rharmless \u{202e}gpj"),
            "touch x\\u{1b}[2K\\u{d}harmless \\u{202e}gpj"
        );
    }

    #[test]
    fn tasks_without_a_count_are_reported() {
        let shared = Arc::<Shared>::default();
        let now = Instant::now();
        shared.state().task = Some(Task {
            name: "building the tree".to_owned(),
            unit: "edges",
            total: None,
            done: 0,
            began: now,
            reported: now,
        });
        let (lines, reported) = std::sync::mpsc::channel();
        let reporter_thread = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                shared.report_every(Duration::from_millis(1), "cluster", |line| {
                    let _ = lines.send(line.to_owned());
                });
            })
        };
        // More than once, without anyone counting.
        for _ in 0..2 {
            let line = reported.recv().unwrap();
            assert!(line.starts_with(" cluster  building the tree: "), "{line}");
            assert!(line.ends_with(" s so far"), "{line}");
        }
        shared.state().over = true;
        shared.ended.notify_all();
        reporter_thread.join().unwrap();
    }

    #[test]
    fn a_progress_line_shows_count_and_share() {
        let now = Instant::now();
        let mut task = Task {
            name: "reading".to_owned(),
            unit: "bytes",
            total: Some(200),
            done: 50,
            began: now,
            reported: now,
        };
        assert!(task.line().starts_with("reading: 50/200 bytes (25 %), "));
        task.total = None;
        assert!(task.line().starts_with("reading: 50 bytes, "));
    }
}
