//! The neighbors of all rows, each pair of cells looked at once for the sake of both.
//!
//! First every cell meets itself: its rows are near each other, so their lists fill with near rows and the floors rise
//! at once. Then the pairs of cells, near ones first. A floor that another thread is about to raise is merely too low:
//! more is measured, and the lists come out the same, for any number of threads.
//!
//! Cost: screening `n^2 / 2` pairs, measuring some hundred a row. Memory: the codes and the lists.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};

use rayon::prelude::*;

use crate::certify::Bounds;
use crate::lists::{Lists, Reduced};
use crate::nearest::Candidate;
use crate::outside::ordered;
use crate::plain::Rows;
use crate::progress::{Progress, share};
use crate::queries::{self, first};
use crate::screen::CELL;
use crate::space::{Space, Tally, never_negative};
use crate::{Error, Watch};

/// Hits that are measured before the floors are looked at again.
const BATCH: usize = 1024;

/// The lists of all rows of the space, in its order.
pub(crate) fn all_pairs(
    rows: &Rows<'_>,
    space: &Space,
    bounds: &Bounds,
    k: usize,
    tally: &Tally,
    watch: Watch<'_>,
) -> Result<(Vec<u32>, Vec<Reduced>), Error> {
    let n = space.table.order.len();
    let (mut ids, mut reduced) = (vec![u32::MAX; n * k], vec![Reduced::FREE; n * k]);
    let lists: Vec<Mutex<Lists<'_>>> = ids
        .chunks_mut(CELL * k)
        .zip(reduced.chunks_mut(CELL * k))
        .map(|(ids, reduced)| Mutex::new(Lists { k, ids, reduced }))
        .collect();
    let sweep = Sweep {
        rows,
        space,
        bounds,
        lists: &lists,
        floors: (0..n)
            .map(|_| AtomicU32::new(f32::NEG_INFINITY.to_bits()))
            .collect(),
        tally,
        progress: Progress::new(n, pairs(lists.len()), watch),
    };
    (0..lists.len())
        .into_par_iter()
        .with_max_len(1)
        .for_each_init(Work::default, |work, c| sweep.within(c, work));
    // Where cells among themselves leave doubt of the fast margin, the caller starts again, the sooner the better.
    if tally.doubtful() {
        sweep.progress.finish()?;
        drop(lists);
        return Ok((ids, reduced));
    }
    // What is far apart comes last, when floors are high.
    let mut queue: Vec<(u32, u32)> = (0..lists.len() as u32)
        .flat_map(|a| (a + 1..lists.len() as u32).map(move |b| (a, b)))
        .collect();
    let centers = space.patches.cells();
    queue.par_sort_by_cached_key(|&(a, b)| ordered(centers.gap(a as usize, b as usize)));
    share(queue.len(), Work::default, |work, at| {
        let (a, b) = queue[at];
        sweep.between(a as usize, b as usize, work);
        sweep.progress.one_more()
    });
    sweep.progress.finish()?;
    drop(lists);
    Ok((ids, reduced))
}

/// How many meetings there are of `cells`, each with itself and with each other.
fn pairs(cells: usize) -> usize {
    cells * (cells + 1) / 2
}

/// One thread's working memory.
#[derive(Default)]
struct Work {
    first: queries::Work,
    floors: [Vec<f64>; 2],
    /// The last place of each list, as it was when the floors were read.
    last: [Vec<Candidate>; 2],
}

struct Sweep<'a, 'l> {
    rows: &'a Rows<'a>,
    space: &'a Space,
    bounds: &'a Bounds,
    lists: &'a [Mutex<Lists<'l>>],
    /// The floor of each position, rounded down, as bits of an `f32`; it only rises.
    floors: Vec<AtomicU32>,
    tally: &'a Tally,
    progress: Progress<'a>,
}

impl<'l> Sweep<'_, 'l> {
    /// Fills the lists of a cell with the nearest of the cell itself.
    fn within(&self, c: usize, work: &mut Work) {
        if self.progress.stopped() {
            return;
        }
        let cell = self.space.table.cell(c);
        let mut floors = vec![f64::NEG_INFINITY; cell.ids.len()];
        let mut lists = self.lock(c);
        let (rows, space, bounds) = (self.rows, self.space, self.bounds);
        first(
            rows,
            space,
            bounds,
            &cell,
            &cell,
            &mut lists,
            &mut floors,
            &mut work.first,
            self.tally,
        );
        for (row, &floor) in floors.iter().enumerate() {
            self.raise(c, row, floor);
        }
        drop(lists);
        self.progress.one_more();
    }

    /// Offers the rows of two cells to each other.
    fn between(&self, a: usize, b: usize, work: &mut Work) {
        let cells = [self.space.table.cell(a), self.space.table.cell(b)];
        for (side, c) in [a, b].into_iter().enumerate() {
            let floors = &self.floors[c * CELL..][..cells[side].ids.len()];
            work.floors[side].clear();
            work.floors[side].extend(
                floors
                    .iter()
                    .map(|floor| f64::from(f32::from_bits(floor.load(Ordering::Relaxed)))),
            );
        }
        let [floors_a, floors_b] = &mut work.floors;
        let live =
            self.space
                .patches
                .live(a, &self.space.patches, b, self.bounds, floors_a, floors_b);
        work.first.desk.meet(
            self.space.coding.kernel,
            self.bounds,
            self.space.table.lines,
            &cells[0],
            &cells[1],
            [floors_a, floors_b],
            live,
        );
        if !work.first.desk.hits.is_empty() {
            for (side, c) in [a, b].into_iter().enumerate() {
                let lists = self.lock(c);
                work.last[side].clear();
                work.last[side].extend((0..cells[side].ids.len()).map(|row| lists.last(row)));
            }
        }
        let mut hits = std::mem::take(&mut work.first.desk.hits);
        if hits.len() > BATCH {
            // What looks nearest raises the floors for the rest.
            let best = hits.len() / 8;
            hits.select_nth_unstable_by(best, |a, b| b.score.cmp(&a.score).then(a.cmp(b)));
        }
        for batch in hits.chunks(BATCH) {
            let [last_a, last_b] = &work.last;
            let can_be_zero = never_negative(self.rows.metric);
            // A list of zeros takes smaller ids only: no need to measure for it.
            let open =
                |last: &Candidate, id: u32| !(can_be_zero && last.reduced == 0.0 && id > last.id);
            work.first.desk.measure(
                self.rows,
                self.bounds,
                (&cells[0], &cells[1]),
                [floors_a, floors_b],
                batch,
                |row, col| {
                    open(&last_a[row], cells[1].ids[col]) || open(&last_b[col], cells[0].ids[row])
                },
                self.tally,
            );
            for (side, c) in [a, b].into_iter().enumerate() {
                let floors = if side == 0 {
                    &mut *floors_a
                } else {
                    &mut *floors_b
                };
                let last = &mut work.last[side];
                let mut lists = None;
                for pair in &work.first.desk.measured {
                    let (row, other) = if side == 0 {
                        (pair.row, pair.col)
                    } else {
                        (pair.col, pair.row)
                    };
                    let candidate = pair.candidate(cells[1 - side].ids[other]);
                    if candidate.order(&last[row]).is_ge() {
                        continue;
                    }
                    let lists = lists.get_or_insert_with(|| self.lock(c));
                    if lists.offer(row, candidate) {
                        last[row] = lists.last(row);
                        floors[row] = self.bounds.floor(last[row].reduced);
                        self.raise(c, row, floors[row]);
                    }
                }
            }
        }
        work.first.desk.hits = hits;
    }

    fn raise(&self, c: usize, row: usize, floor: f64) {
        // The lock of the cell is held, so no one else writes; readers may see the old floor, which is safe.
        let below = (floor as f32).next_down();
        self.floors[c * CELL + row].store(below.to_bits(), Ordering::Relaxed);
    }

    fn lock(&self, c: usize) -> MutexGuard<'_, Lists<'l>> {
        self.lists[c]
            .lock()
            .expect("no thread panics while it holds a list")
    }
}

/// Moves each list to its place, in the memory it is in.
pub(crate) fn rearrange(ids: &mut [u32], reduced: &mut [Reduced], places: &mut [u32], k: usize) {
    for at in 0..places.len() {
        while places[at] as usize != at {
            let to = places[at] as usize;
            swap(ids, at, to, k);
            swap(reduced, at, to, k);
            places.swap(at, to);
        }
    }
}

fn swap<T>(lists: &mut [T], a: usize, b: usize, k: usize) {
    let (first, last) = (a.min(b), a.max(b));
    let (head, tail) = lists.split_at_mut(last * k);
    head[first * k..(first + 1) * k].swap_with_slice(&mut tail[..k]);
}
