//! The neighbors of some rows among all: each cell of queries, or part of one, goes through all cells alone.
//!
//! Cost: screening `q n` pairs. Memory: the codes of the queries of one cell a thread.

use rayon::prelude::*;

use crate::certify::Bounds;
use crate::lists::{Lists, Reduced};
use crate::plain::Rows;
use crate::quantize::Cell;
use crate::screen::{CELL, Hit, PATCH, PATCHES};
use crate::space::{Desk, Space, Tally};
use crate::{Error, Watch};

/// The lists of `queries`, in their order.
#[expect(
    clippy::too_many_arguments,
    reason = "a search is its rows, its settings and its answer"
)]
pub(crate) fn nearest(
    rows: &Rows<'_>,
    space: &Space,
    bounds: &Bounds,
    queries: &[u32],
    k: usize,
    ids: &mut [u32],
    reduced: &mut [Reduced],
    tally: &Tally,
    watch: Watch<'_>,
) -> Result<(), Error> {
    let grain = grain(queries.len());
    queries
        .par_chunks(grain)
        .with_max_len(1)
        .zip(
            ids.par_chunks_mut(grain * k)
                .zip(reduced.par_chunks_mut(grain * k)),
        )
        .try_for_each_init(Work::default, |work, (queries, (ids, reduced))| {
            ids.fill(u32::MAX);
            reduced.fill(Reduced::FREE);
            let mut lists = Lists { k, ids, reduced };
            let asked = space.arrange(rows, queries.to_vec());
            let cell = asked.table.cell(0);
            let mut floors = vec![f64::NEG_INFINITY; queries.len()];
            for (turn, c) in space.near_first(&asked).into_iter().enumerate() {
                let other = space.table.cell(c);
                let nothing = vec![f64::INFINITY; other.ids.len()];
                let live = asked
                    .patches
                    .live(0, &space.patches, c, bounds, &floors, &nothing);
                if turn == 0 {
                    first(
                        rows,
                        space,
                        bounds,
                        &cell,
                        &other,
                        &mut lists,
                        &mut floors,
                        work,
                        tally,
                    );
                    continue;
                }
                work.desk.meet(
                    space.coding.kernel,
                    bounds,
                    space.table.lines,
                    &cell,
                    &other,
                    [&floors, &nothing],
                    live,
                );
                let hits = std::mem::take(&mut work.desk.hits);
                for batch in hits.chunks(CELL) {
                    let new = |row: usize, col: usize| cell.ids[row] != other.ids[col];
                    work.desk.measure(
                        rows,
                        bounds,
                        (&cell, &other),
                        [&floors, &nothing],
                        batch,
                        new,
                        tally,
                    );
                    for pair in &work.desk.measured {
                        if lists.offer(pair.row, pair.candidate(other.ids[pair.col])) {
                            floors[pair.row] = bounds.floor(lists.last(pair.row).reduced);
                        }
                    }
                }
                work.desk.hits = hits;
            }
            if watch(queries.len() as u64) {
                Ok(())
            } else {
                Err(Error::Cancelled)
            }
        })
}

/// How many queries go together: a cell of them, or whole patches where that would leave threads without work.
fn grain(queries: usize) -> usize {
    let share = queries.div_ceil(4 * rayon::current_num_threads());
    share.next_multiple_of(PATCH).clamp(PATCH, CELL)
}

/// One thread's working memory.
#[derive(Default)]
pub(crate) struct Work {
    pub(crate) desk: Desk,
    by_row: Vec<Vec<Hit>>,
    /// One bit for each pair of a cell with itself that was measured.
    seen: Vec<u64>,
}

/// Fills empty lists from a first cell: the `k` that look nearest set the floor of a row, the rest has to reach it.
#[expect(
    clippy::too_many_arguments,
    reason = "a search is its rows, its settings and its answer"
)]
pub(crate) fn first(
    rows: &Rows<'_>,
    space: &Space,
    bounds: &Bounds,
    cell: &Cell<'_>,
    other: &Cell<'_>,
    lists: &mut Lists<'_>,
    floors: &mut [f64],
    work: &mut Work,
    tally: &Tally,
) {
    let k = lists.k;
    let nothing = vec![f64::INFINITY; other.ids.len()];
    work.by_row.resize_with(CELL, Vec::new);
    for patch in 0..PATCHES {
        // Every pair of a patch is a hit; more at once would not fit the cache.
        let live = 0xff << (patch * PATCHES);
        work.desk.meet(
            space.coding.kernel,
            bounds,
            space.table.lines,
            cell,
            other,
            [floors, &nothing],
            live,
        );
        for &hit in &work.desk.hits {
            if cell.ids[usize::from(hit.row)] != other.ids[usize::from(hit.col)] {
                work.by_row[usize::from(hit.row)].push(hit);
            }
        }
    }
    let same = std::ptr::eq(cell.ids, other.ids);
    work.seen.clear();
    work.seen.resize(CELL * CELL / 64, 0);
    for (row, hits) in work.by_row.iter_mut().enumerate().take(cell.ids.len()) {
        if hits.len() > k {
            hits.select_nth_unstable_by(k - 1, |a, b| {
                b.score.cmp(&a.score).then(a.col.cmp(&b.col))
            });
        }
        let (likely, rest) = hits.split_at(k.min(hits.len()));
        for part in [likely, rest] {
            // Within a cell, a pair that was measured for one row was offered to the other as well.
            let seen =
                |row: usize, col: usize| work.seen[(row * CELL + col) / 64] >> (col % 64) & 1 == 1;
            let new = |row: usize, col: usize| !same || !seen(col, row);
            work.desk.measure(
                rows,
                bounds,
                (cell, other),
                [floors, &nothing],
                part,
                new,
                tally,
            );
            for pair in &work.desk.measured {
                lists.offer(row, pair.candidate(other.ids[pair.col]));
                if same {
                    work.seen[(row * CELL + pair.col) / 64] |= 1 << (pair.col % 64);
                    if lists.offer(pair.col, pair.candidate(cell.ids[row])) {
                        floors[pair.col] = bounds.floor(lists.last(pair.col).reduced);
                    }
                }
            }
            floors[row] = bounds.floor(lists.last(row).reduced);
        }
        hits.clear();
    }
}
