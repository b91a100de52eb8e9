//! Pi from random points, with one stream per batch of points: the estimate is the same at any number of threads.

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use random_streams::Seed;

const BATCHES: u64 = 1_000;
const POINTS: u64 = 1_000;

/// The number of points of a batch within the unit circle.
fn inside(batch: u64) -> u64 {
    let mut stream = Seed(42).stream("points", batch);
    let mut is_inside = || stream.next_f64().hypot(stream.next_f64()) < 1.0;
    (0..POINTS).filter(|_| is_inside()).count() as u64
}

fn main() {
    for threads in [1, 2, 5] {
        let total: u64 = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|first| {
                    scope.spawn(move || {
                        (first..BATCHES)
                            .step_by(threads as usize)
                            .map(inside)
                            .sum::<u64>()
                    })
                })
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_default())
                .sum()
        });
        let pi = 4.0 * total as f64 / (BATCHES * POINTS) as f64;
        println!("{threads} threads: {pi}");
    }
}
