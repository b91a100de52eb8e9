//! Sharing out work among threads, and telling the caller how far it is.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::{Error, Watch};

/// Tells the watch, in rows, how many of all parts of a search are done.
pub(crate) struct Progress<'a> {
    rows: usize,
    parts: usize,
    done: AtomicUsize,
    stop: AtomicBool,
    watch: Watch<'a>,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(rows: usize, parts: usize, watch: Watch<'a>) -> Self {
        Progress {
            rows,
            parts,
            done: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            watch,
        }
    }

    /// Counts one part; whether to go on.
    pub(crate) fn one_more(&self) -> bool {
        let before = self.done.fetch_add(1, Ordering::Relaxed);
        let rows = |done: usize| (self.rows as u128 * done as u128 / self.parts as u128) as u64;
        if !(self.watch)(rows(before + 1) - rows(before)) {
            self.stop.store(true, Ordering::Relaxed);
        }
        !self.stopped()
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether all went through.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        if self.stopped() {
            Err(Error::Cancelled)
        } else {
            Ok(())
        }
    }
}

/// Runs `work` on every thread of the pool, each taking the next number below `count` until none is left or `stop`.
pub(crate) fn share<W>(
    count: usize,
    init: impl Fn() -> W + Sync,
    work: impl Fn(&mut W, usize) -> bool + Sync,
) {
    let next = AtomicUsize::new(0);
    (0..rayon::current_num_threads())
        .into_par_iter()
        .with_max_len(1)
        .for_each(|_| {
            let mut own = init();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= count || !work(&mut own, at) {
                    return;
                }
            }
        });
}
