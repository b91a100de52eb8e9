//! Progress as people see it: a bar with rate and time left on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Progress;

/// Progress on standard error, under the name of a stage.
pub struct Terminal {
    stage: String,
    quiet: bool,
    bars: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bar: Option<ProgressBar>,
    task: Option<Task>,
    notes: Vec<String>,
    warnings: Vec<String>,
}

struct Task {
    name: String,
    unit: &'static str,
    total: Option<u64>,
    done: u64,
    began: Instant,
    told: Instant,
}

/// Between two plain lines of one task.
const PLAIN_LINES_APART: Duration = Duration::from_secs(10);

impl Terminal {
    /// Progress of `stage`; `quiet` leaves warnings alone.
    pub fn new(stage: &str, quiet: bool) -> Self {
        let bars = !quiet && std::io::stderr().is_terminal();
        Self {
            stage: stage.to_owned(),
            quiet,
            bars,
            state: Mutex::default(),
        }
    }

    /// The notes and the warnings so far.
    pub fn messages(&self) -> (Vec<String>, Vec<String>) {
        let state = self.state();
        (state.notes.clone(), state.warnings.clone())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic elsewhere leaves counters that are merely old.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, state: &State, line: &str) {
        let line = format!("{:>8}  {line}", self.stage);
        match &state.bar {
            Some(bar) => bar.suspend(|| eprint_line(&line)),
            None => eprint_line(&line),
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "this is the place where programs speak"
)]
fn eprint_line(line: &str) {
    eprintln!("{line}");
}

impl Progress for Terminal {
    fn begin(&self, task: &str, total: Option<u64>, unit: &'static str) {
        let mut state = self.state();
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
            told: now,
        });
    }

    fn advance(&self, by: u64) {
        let mut state = self.state();
        if let Some(bar) = &state.bar {
            bar.inc(by);
            return;
        }
        let Some(task) = &mut state.task else { return };
        task.done += by;
        if self.quiet || task.told.elapsed() < PLAIN_LINES_APART {
            return;
        }
        task.told = Instant::now();
        let line = task.line();
        self.say(&state, &line);
    }

    fn end(&self) {
        let mut state = self.state();
        if let Some(bar) = state.bar.take() {
            bar.finish_and_clear();
        }
        state.task = None;
    }

    fn note(&self, message: &str) {
        let mut state = self.state();
        state.notes.push(message.to_owned());
        if !self.quiet {
            self.say(&state, message);
        }
    }

    fn warn(&self, message: &str) {
        let mut state = self.state();
        state.warnings.push(message.to_owned());
        self.say(&state, &format!("warning: {message}"));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.end();
    }
}

impl Task {
    fn line(&self) -> String {
        let seconds = self.began.elapsed().as_secs_f64().max(1e-3);
        let rate = self.done as f64 / seconds;
        match self.total {
            Some(total) if total > 0 => {
                let left = total.saturating_sub(self.done) as f64 / rate.max(1e-9);
                let share = 100.0 * self.done as f64 / total as f64;
                format!(
                    "{}: {}/{total} {} ({share:.0} %), {rate:.0}/s, about {left:.0} s left",
                    self.name, self.done, self.unit
                )
            }
            _ => format!("{}: {} {}, {rate:.0}/s", self.name, self.done, self.unit),
        }
    }
}
