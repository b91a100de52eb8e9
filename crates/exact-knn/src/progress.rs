//! Distributing work among threads, and reporting progress.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

/// A function that a search calls from its worker threads with the number of rows just finished. The numbers of all calls
/// add up to the number of rows searched.
pub type ProgressCallback<'a> = &'a (dyn Fn(u64) + Sync);

/// Reports the finished tasks of a search as a share of its rows.
pub(crate) struct ProgressCounter<'a> {
    rows: usize,
    tasks: usize,
    done: AtomicUsize,
    callback: ProgressCallback<'a>,
}

impl<'a> ProgressCounter<'a> {
    pub(crate) fn new(rows: usize, tasks: usize, callback: ProgressCallback<'a>) -> Self {
        ProgressCounter {
            rows,
            tasks,
            done: AtomicUsize::new(0),
            callback,
        }
    }

    /// Counts one finished task.
    pub(crate) fn increment(&self) {
        let before = self.done.fetch_add(1, Ordering::Relaxed);
        let rows = |done: usize| (self.rows as u128 * done as u128 / self.tasks as u128) as u64;
        (self.callback)(rows(before + 1) - rows(before));
    }
}

/// Runs the tasks 0 to `count`, in this order, on all threads of the pool: each takes the next number that is left.
pub(crate) fn run_tasks<W>(
    count: usize,
    init: impl Fn() -> W + Sync,
    task: impl Fn(&mut W, usize) + Sync,
) {
    let next = AtomicUsize::new(0);
    (0..rayon::current_num_threads())
        .into_par_iter()
        .with_max_len(1)
        .for_each(|_| {
            let mut scratch = init();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= count {
                    return;
                }
                task(&mut scratch, at);
            }
        });
}
