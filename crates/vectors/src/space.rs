//! Rows ready for screening: frame, codes, balls and bounds, and the meeting of two cells.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::certify::{Bounds, Size};
use crate::frame::Frame;
use crate::nearest::Candidate;
use crate::patches::Patches;
use crate::plain::Rows;
use crate::quantize::{Cell, Grid, Table};
use crate::rerank::measure;
use crate::screen::{CELL, Hit, Scratch, UNREACHABLE, lines, screen};
use crate::{Kernel, Margin, Metric};

/// How rows become codes.
#[derive(Debug)]
pub(crate) struct Coding {
    pub(crate) kernel: Kernel,
    frame: Frame,
    grid: Grid,
    pub(crate) lines: usize,
}

impl Coding {
    /// What suits the rows `members`, or `None` where int8 cannot hold them.
    pub(crate) fn new(rows: &Rows<'_>, members: &[u32]) -> Option<Self> {
        let frame = Frame::new(rows, members);
        let grid = Grid::new(rows, members, &frame)?;
        Some(Coding {
            kernel: rows.kernel,
            frame,
            grid,
            lines: lines(rows.kernel, rows.points.d()),
        })
    }

    /// The codes of the rows `order`.
    pub(crate) fn table(&self, rows: &Rows<'_>, order: Vec<u32>) -> Table {
        Table::new(rows, order, &self.frame, self.grid, self.lines)
    }

    /// What 1 in a score stands for.
    pub(crate) fn unit(&self) -> f64 {
        self.grid.unit
    }

    pub(crate) fn bounds(&self, rows: &Rows<'_>, margin: Margin) -> Bounds {
        Bounds::new(rows.metric, margin, self.grid.unit, rows.points.d())
    }
}

/// Rows ready for screening, in one order.
#[derive(Debug)]
pub(crate) struct Space {
    pub(crate) coding: Coding,
    pub(crate) table: Table,
    pub(crate) patches: Patches,
}

/// A list of rows in the frame of a space, in an order of its own.
#[derive(Debug)]
pub(crate) struct Arranged {
    pub(crate) table: Table,
    pub(crate) patches: Patches,
}

impl Space {
    /// `None` where int8 cannot hold the rows.
    pub(crate) fn new(rows: &Rows<'_>, members: &[u32]) -> Option<Self> {
        let coding = Coding::new(rows, members)?;
        let order = crate::order::order(rows, members);
        let patches = Patches::new(rows, &order);
        let table = coding.table(rows, order);
        Some(Space {
            coding,
            table,
            patches,
        })
    }

    /// The rows `order` in the frame of this space.
    pub(crate) fn arrange(&self, rows: &Rows<'_>, order: Vec<u32>) -> Arranged {
        let patches = Patches::new(rows, &order);
        let table = self.coding.table(rows, order);
        Arranged { table, patches }
    }

    /// The cells, those near the first rows of `asked` first.
    pub(crate) fn near_first(&self, asked: &Arranged) -> Vec<usize> {
        let mut cells: Vec<(f64, usize)> = (0..self.table.cells())
            .map(|c| (asked.patches.cell_gap(&self.patches, c), c))
            .collect();
        cells.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        cells.into_iter().map(|(_, c)| c).collect()
    }

    pub(crate) fn bounds(&self, rows: &Rows<'_>, margin: Margin) -> Bounds {
        self.coding.bounds(rows, margin)
    }
}

/// What a search counted, from all threads.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Pairs that were measured.
    measured: AtomicU64,
    /// Those whose score was off by more than the fast margin.
    beyond: AtomicU64,
}

impl Tally {
    pub(crate) fn measured(&self) -> u64 {
        self.measured.load(Ordering::Relaxed)
    }

    /// Whether errors of screening were larger than the margin more often than once in a million pairs. Six standard
    /// deviations of a normal error are passed twice in a billion, so that among very many pairs one means nothing.
    pub(crate) fn doubtful(&self) -> bool {
        self.beyond.load(Ordering::Relaxed) > self.measured() / 1_000_000
    }
}

/// A pair that was measured: rows of the two cells and their reduced distance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) row: usize,
    pub(crate) col: usize,
    pub(crate) reduced: f64,
}

impl Measured {
    /// What the pair offers to one of its rows; `id` is the other.
    pub(crate) fn candidate(&self, id: u32) -> Candidate {
        Candidate {
            reduced: self.reduced,
            id,
        }
    }
}

/// One thread's working memory.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    scratch: Scratch,
    goals: [Vec<i32>; 2],
    pub(crate) hits: Vec<Hit>,
    pairs: Vec<(u32, u32)>,
    kept: Vec<(Hit, f64)>,
    reduced: Vec<f64>,
    pub(crate) measured: Vec<Measured>,
}

impl Desk {
    /// Screens two cells. The floor of a row is the score that makes a pair matter to it: minus infinity where any does,
    /// infinity where none does. A pair is a hit if it matters to its row or to its column.
    #[expect(
        clippy::too_many_arguments,
        reason = "two cells, their floors and what serves all cells"
    )]
    pub(crate) fn meet(
        &mut self,
        kernel: Kernel,
        bounds: &Bounds,
        lines: usize,
        a: &Cell<'_>,
        b: &Cell<'_>,
        floors: [&[f64]; 2],
        live: u64,
    ) {
        self.hits.clear();
        if live == 0 {
            return;
        }
        let [goals_a, goals_b] = &mut self.goals;
        goals(bounds, a, b, floors[0], goals_a);
        goals(bounds, b, a, floors[1], goals_b);
        screen(
            kernel,
            &a.side(goals_a),
            &b.side(goals_b),
            lines,
            live,
            &mut self.scratch,
            &mut self.hits,
        );
    }

    /// Measures those of `hits` that `wanted` and for which the bounds of the pair itself leave a chance.
    #[expect(
        clippy::too_many_arguments,
        reason = "two cells, their floors and what serves all cells"
    )]
    pub(crate) fn measure(
        &mut self,
        rows: &Rows<'_>,
        bounds: &Bounds,
        (a, b): (&Cell<'_>, &Cell<'_>),
        floors: [&[f64]; 2],
        hits: &[Hit],
        wanted: impl Fn(usize, usize) -> bool,
        tally: &Tally,
    ) {
        self.pairs.clear();
        self.kept.clear();
        for &hit in hits {
            let (row, col) = (usize::from(hit.row), usize::from(hit.col));
            let error = bounds.error(size(a, row), size(b, col));
            let most = f64::from(hit.score) * bounds.unit + error;
            if most >= floors[0][row].min(floors[1][col]) && wanted(row, col) {
                self.kept.push((hit, error));
            }
        }
        // One row after another, so that each is read while it is still in the cache.
        self.kept
            .sort_unstable_by_key(|(hit, _)| (hit.row, hit.col));
        self.pairs.extend(
            self.kept
                .iter()
                .map(|(hit, _)| (a.ids[usize::from(hit.row)], b.ids[usize::from(hit.col)])),
        );
        measure(rows, &self.pairs, &mut self.reduced);
        tally
            .measured
            .fetch_add(self.pairs.len() as u64, Ordering::Relaxed);
        self.measured.clear();
        let mut beyond = 0;
        for (&(hit, error), &reduced) in self.kept.iter().zip(&self.reduced) {
            self.measured.push(Measured {
                row: hit.row.into(),
                col: hit.col.into(),
                reduced,
            });
            if rows.margin == Margin::Fast {
                let off = (-reduced - f64::from(hit.score) * bounds.unit).abs() - 4.0 * bounds.unit;
                beyond += u64::from(off > error);
            }
        }
        tally.beyond.fetch_add(beyond, Ordering::Relaxed);
    }
}

fn size(cell: &Cell<'_>, row: usize) -> Size {
    Size {
        norm: cell.norms[row],
        residual: cell.residuals[row],
    }
}

/// The goal of each row of `a` against any row of `b`.
fn goals(bounds: &Bounds, a: &Cell<'_>, b: &Cell<'_>, floors: &[f64], goals: &mut Vec<i32>) {
    let largest = Size {
        norm: b.extremes.0,
        residual: b.extremes.1,
    };
    goals.clear();
    goals.extend(floors.iter().enumerate().map(|(row, &floor)| {
        if floor == f64::INFINITY {
            UNREACHABLE
        } else {
            bounds.goal(floor, bounds.error(size(a, row), largest))
        }
    }));
    goals.resize(a.padded(), UNREACHABLE);
}

/// Whether balls and screening are worth it: below this many rows a plain search is as fast.
pub(crate) const FEWEST: usize = CELL / 2;

/// Distances of a metric are never negative, so that a list of zeros is full for larger ids.
pub(crate) fn never_negative(metric: Metric) -> bool {
    metric != Metric::InnerProduct
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_error_in_a_million_is_no_doubt() {
        for (measured, beyond, doubtful) in [
            (0, 0, false),
            (10, 0, false),
            (999_999, 1, true),
            (1_000_000, 1, false),
            (5_999_999, 6, true),
        ] {
            let tally = Tally {
                measured: AtomicU64::new(measured),
                beyond: AtomicU64::new(beyond),
            };
            assert_eq!(tally.doubtful(), doubtful, "{beyond} of {measured}");
        }
    }
}
