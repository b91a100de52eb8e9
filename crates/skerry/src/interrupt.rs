//! Interruption by signals: ends the running step, removes its partial files, and shows how to continue.

use std::io::{self, Read};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Interval for sampling the memory of a step, or for checking whether it has ended after it closed its output.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

enum Event {
    /// The step has closed its standard output, with this content.
    Output(Vec<u8>),
    /// A signal was received.
    Signal(i32),
}

/// How a step ended.
pub(crate) enum Ended {
    /// By itself, with this standard output.
    Itself(ExitStatus, Vec<u8>),
    /// By this signal.
    Interrupted(i32),
}

/// Handler of the signals that end a run.
pub(crate) struct Interrupts {
    step: Arc<Mutex<Option<Sender<Event>>>>,
}

impl Interrupts {
    /// Installs the handler. A signal between two steps calls `clean_up` and ends the program.
    #[cfg(unix)]
    pub(crate) fn watch(clean_up: impl Fn() + Send + 'static) -> io::Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

        let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
        let found = Self {
            step: Arc::default(),
        };
        let step = Arc::clone(&found.step);
        std::thread::spawn(move || {
            for signal in signals.forever() {
                let step = held(&step);
                let sent = step
                    .as_ref()
                    .is_some_and(|step| step.send(Event::Signal(signal)).is_ok());
                if !sent {
                    // Between two steps nothing is under way but reading: what is written is written under the lock, which
                    // is held until the end.
                    clean_up();
                    let _ = stage::Failure::interrupted(signal).report();
                    std::process::exit(128 + signal);
                }
            }
        });
        Ok(found)
    }

    /// On other systems the run is ended by the system, and the next one removes partial files.
    #[cfg(not(unix))]
    pub(crate) fn watch(_clean_up: impl Fn() + Send + 'static) -> io::Result<Self> {
        Ok(Self {
            step: Arc::default(),
        })
    }

    /// Calls `write`, which a signal does not end half way: it takes effect afterwards.
    pub(crate) fn uninterrupted<T>(&self, write: impl FnOnce() -> T) -> T {
        let _step = held(&self.step);
        write()
    }

    /// Waits for a step, calling `look` periodically if it is given; ends the step on a signal.
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
                // An incomplete report is detected when it is parsed.
                let _ = output.read_to_end(&mut bytes);
            }
            // An interrupted run no longer receives events.
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
            (None, Some(_)) => events.recv_timeout(POLL_INTERVAL).ok(),
            (Some(_), _) => events.recv_timeout(POLL_INTERVAL / 25).ok(),
        };
        match event {
            Some(Event::Output(bytes)) => output = Some(bytes),
            Some(Event::Signal(signal)) => {
                // The signal may have ended it already.
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
    // The state is valid even after a panic.
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
