//! Ctrl-C and orders to end: the step at work ends first, its half-written files go, and the run says how to go on.

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a step is looked at whose memory is of interest, or that has closed its output without ending.
const LOOKS: Duration = Duration::from_millis(50);

enum Event {
    /// The step has closed its standard output, and this came through it.
    Output(Vec<u8>),
    /// A signal came in.
    Signal(i32),
}

/// What became of a step.
pub(crate) enum Ended {
    /// It ended by itself, with this on its standard output.
    Itself(ExitStatus, Vec<u8>),
    /// It was ended, since this signal came in.
    Interrupted(i32),
}

/// Signals that end a run, from now on.
pub(crate) struct Interrupts {
    step: Arc<Mutex<Option<Sender<Event>>>>,
}

impl Interrupts {
    /// Takes the signals for a run in directory `dir` that writes the files `written`.
    #[cfg(unix)]
    pub(crate) fn watch(dir: PathBuf, written: Vec<PathBuf>) -> io::Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

        let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
        let found = Self {
            step: Arc::default(),
        };
        let step = Arc::clone(&found.step);
        std::thread::spawn(move || {
            for signal in signals.forever() {
                let step = held(&step);
                let told = step
                    .as_ref()
                    .is_some_and(|step| step.send(Event::Signal(signal)).is_ok());
                if !told {
                    // Between two steps nothing is under way but reading: what is written is written under the lock, which
                    // is held until the end.
                    crate::run::clear(&dir, &written);
                    let _ = crate::failure::Failure::interrupted(signal).report();
                    std::process::exit(128 + signal);
                }
            }
        });
        Ok(found)
    }

    /// Elsewhere the system ends the run, and the next one clears away what is half written.
    #[cfg(not(unix))]
    pub(crate) fn watch(_dir: PathBuf, _written: Vec<PathBuf>) -> io::Result<Self> {
        Ok(Self {
            step: Arc::default(),
        })
    }

    /// Calls `write`, which a signal does not end half way: it takes effect afterwards.
    pub(crate) fn uninterrupted<T>(&self, write: impl FnOnce() -> T) -> T {
        let _step = held(&self.step);
        write()
    }

    /// Waits for a step, calling `look` now and then if it is given; ends it when a signal comes in.
    pub(crate) fn wait(
        &self,
        mut child: Child,
        look: Option<&mut dyn FnMut()>,
    ) -> io::Result<Ended> {
        let (sender, events) = channel();
        *held(&self.step) = Some(sender.clone());
        let output = child.stdout.take();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut output) = output {
                // What could not be read is no report, which is found when it is opened.
                let _ = output.read_to_end(&mut bytes);
            }
            // A run that was interrupted does not listen any more.
            let _ = sender.send(Event::Output(bytes));
        });
        let ended = follow(&mut child, &events, look);
        *held(&self.step) = None;
        ended
    }
}

fn follow(
    child: &mut Child,
    events: &Receiver<Event>,
    mut look: Option<&mut dyn FnMut()>,
) -> io::Result<Ended> {
    let mut output = None;
    loop {
        let event = match (&output, &look) {
            (None, None) => events.recv().ok(),
            (None, Some(_)) => events.recv_timeout(LOOKS).ok(),
            (Some(_), _) => events.recv_timeout(LOOKS / 25).ok(),
        };
        match event {
            Some(Event::Output(bytes)) => output = Some(bytes),
            Some(Event::Signal(signal)) => {
                // The same signal may have ended it already.
                let _ = child.kill();
                child.wait()?;
                return Ok(Ended::Interrupted(signal));
            }
            None => {
                if let Some(look) = &mut look {
                    look();
                }
            }
        }
        if output.is_some()
            && let Some(status) = child.try_wait()?
        {
            return Ok(Ended::Itself(status, output.unwrap_or_default()));
        }
    }
}

fn held<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half done under the lock.
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
