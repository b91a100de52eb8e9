//! The pairs that a spanning tree has overlooked: what turns an approximate minimum spanning tree into the exact one in
//! a single pass.
//!
//! By the cycle property an edge belongs to no minimum spanning tree if it is the heaviest on some cycle. Given any
//! spanning tree, a pair that is not lighter than the heaviest edge on the tree's path between its ends closes such a
//! cycle. So the minimum spanning tree of all n (n - 1) / 2 pairs is that of the given tree's edges and its
//! [shortcuts](crate::Index::shortcuts) alone. The nearer the given tree is to the minimum, the fewer there are.
//!
//! The heaviest edge on a path is a range maximum once the rows stand in the order of the leaves of the tree's single
//! linkage dendrogram: where `height[p]` is the weight at which the leaves `p` and `p + 1` were merged, the heaviest
//! edge between the leaves `p < q` is the maximum of `height[p..q]`.

use std::ops::Range;
use std::sync::Mutex;

use rayon::prelude::*;

use crate::certify::Bounds;
use crate::outside::Edge;
use crate::plain::Rows;
use crate::progress::{Progress, share};
use crate::rerank::measure;
use crate::screen::{CELL, PATCH, PATCHES};
use crate::space::{Arranged, Desk, Space, Tally};
use crate::{Error, Watch};

/// A spanning tree, written as the leaves of its single linkage dendrogram.
#[derive(Clone, Copy, Debug)]
pub struct Leaves<'a> {
    /// All rows, in the order of the dendrogram's leaves.
    pub order: &'a [u32],
    /// The weight at which leaf `p` and leaf `p + 1` were merged; one less than there are rows. Infinity is allowed,
    /// where the rows on both sides are not yet joined, but every pair across it is then a shortcut.
    pub height: &'a [f32],
    /// The core distance of each row, by row; `None` means plain distances.
    pub core: Option<&'a [f32]>,
}

impl Leaves<'_> {
    fn core(&self, row: u32) -> f32 {
        self.core
            .map_or(f32::NEG_INFINITY, |core| core[row as usize])
    }

    /// The heaviest edge between two leaves.
    fn highest(&self, between: Range<usize>) -> f32 {
        self.height[between]
            .iter()
            .copied()
            .fold(f32::NEG_INFINITY, f32::max)
    }
}

/// The shortcuts by measuring every pair.
pub(crate) fn plainly(
    rows: &Rows<'_>,
    leaves: &Leaves<'_>,
    watch: Watch<'_>,
) -> Result<Vec<Edge>, Error> {
    let n = leaves.order.len();
    let of_leaf = |p: usize| {
        let i = leaves.order[p];
        let mut highest = f32::NEG_INFINITY;
        let mut lighter = Vec::new();
        for q in p + 1..n {
            highest = highest.max(leaves.height[q - 1]);
            let j = leaves.order[q];
            let weight = rows
                .distance(i as usize, j as usize)
                .max(leaves.core(i))
                .max(leaves.core(j));
            if weight < highest {
                lighter.push(Edge {
                    from: i.min(j),
                    to: i.max(j),
                    weight,
                });
            }
        }
        if watch(1) {
            Ok(lighter)
        } else {
            Err(Error::Cancelled)
        }
    };
    let mut edges = (0..n)
        .into_par_iter()
        .map(of_leaf)
        .collect::<Result<Vec<_>, _>>()?
        .concat();
    edges.par_sort_unstable_by(Edge::order);
    Ok(edges)
}

/// The shortcuts by screening, in the order of the leaves: what a pair has to undercut is then the larger of one number
/// for its row and one for its column, which is just what a kernel compares with.
pub(crate) fn screened(
    rows: &Rows<'_>,
    space: &Space,
    bounds: &Bounds,
    leaves: &Leaves<'_>,
    tally: &Tally,
    watch: Watch<'_>,
) -> Result<Vec<Edge>, Error> {
    let arranged = space.arrange(rows, leaves.order.to_vec());
    let cells = arranged.table.cells() as u32;
    let queue: Vec<(u32, u32)> = (0..cells)
        .flat_map(|a| (a..cells).map(move |b| (a, b)))
        .collect();
    let pass = Pass {
        rows,
        space,
        bounds,
        leaves,
        arranged,
        tally,
    };
    let edges = Mutex::new(Vec::new());
    let progress = Progress::new(leaves.order.len(), queue.len(), watch);
    share(queue.len(), Work::default, |work, at| {
        let (a, b) = (queue[at].0 as usize, queue[at].1 as usize);
        if a == b {
            pass.within(a, work);
        } else {
            pass.between(a, b, work);
        }
        if !work.edges.is_empty() {
            edges
                .lock()
                .expect("no thread panics while it adds edges")
                .append(&mut work.edges);
        }
        progress.one_more()
    });
    progress.finish()?;
    let mut edges = edges
        .into_inner()
        .expect("no thread panics while it adds edges");
    edges.par_sort_unstable_by(Edge::order);
    Ok(edges)
}

/// One thread's working memory.
#[derive(Default)]
struct Work {
    desk: Desk,
    /// The part of the heaviest edge that a row, and that a column, accounts for.
    parts: [Vec<f32>; 2],
    floors: [Vec<f64>; 2],
    /// Pairs inside of a patch, the heaviest edges between them, and what was measured.
    pairs: Vec<(u32, u32)>,
    own: Vec<f32>,
    reduced: Vec<f64>,
    edges: Vec<Edge>,
}

struct Pass<'a> {
    rows: &'a Rows<'a>,
    space: &'a Space,
    bounds: &'a Bounds,
    leaves: &'a Leaves<'a>,
    arranged: Arranged,
    tally: &'a Tally,
}

impl Pass<'_> {
    /// The leaves of a cell.
    fn span(&self, c: usize) -> Range<usize> {
        c * CELL..self.leaves.order.len().min((c + 1) * CELL)
    }

    fn between(&self, a: usize, b: usize, work: &mut Work) {
        let (rows, cols) = (self.span(a), self.span(b));
        self.part(&rows, &cols, rows.start, cols.start, work);
        self.meet(a, b, u64::MAX, work);
    }

    /// A cell with itself, patch by patch: inside of a patch one number serves all.
    fn within(&self, c: usize, work: &mut Work) {
        let span = self.span(c);
        let patch = |p: usize| span.start + p * PATCH..span.end.min(span.start + (p + 1) * PATCH);
        for p in 0..span.len().div_ceil(PATCH) {
            for q in p + 1..span.len().div_ceil(PATCH) {
                self.part(&patch(p), &patch(q), span.start, span.start, work);
                self.meet(c, c, 1 << (p * PATCHES + q), work);
            }
            let own = patch(p);
            work.own.clear();
            work.pairs.clear();
            for i in own.clone() {
                for j in i + 1..own.end {
                    let highest = self.leaves.highest(i..j);
                    let (i, j) = (self.leaves.order[i], self.leaves.order[j]);
                    if self.leaves.core(i) < highest && self.leaves.core(j) < highest {
                        work.own.push(highest);
                        work.pairs.push((i, j));
                    }
                }
            }
            measure(self.rows, &work.pairs, &mut work.reduced);
            for ((&(i, j), &highest), &reduced) in
                work.pairs.iter().zip(&work.own).zip(&work.reduced)
            {
                self.keep(i, j, reduced, highest, &mut work.edges);
            }
        }
    }

    /// Splits the heaviest edges between the leaves `rows` and the later leaves `cols`, which are counted from
    /// `row_start` and `col_start`; leaves before them get no part.
    fn part(
        &self,
        rows: &Range<usize>,
        cols: &Range<usize>,
        row_start: usize,
        col_start: usize,
        work: &mut Work,
    ) {
        let [of_rows, of_cols] = &mut work.parts;
        let mut highest = self.leaves.highest(rows.end..cols.start);
        of_rows.clear();
        of_rows.resize(rows.end - row_start, f32::NEG_INFINITY);
        for i in rows.clone().rev() {
            highest = highest.max(self.leaves.height[i]);
            of_rows[i - row_start] = highest;
        }
        of_cols.clear();
        of_cols.resize(cols.end - col_start, f32::NEG_INFINITY);
        let mut highest = f32::NEG_INFINITY;
        for j in cols.clone() {
            of_cols[j - col_start] = highest;
            if j + 1 < cols.end {
                highest = highest.max(self.leaves.height[j]);
            }
        }
    }

    fn meet(&self, a: usize, b: usize, live: u64, work: &mut Work) {
        let (cell, other) = (self.arranged.table.cell(a), self.arranged.table.cell(b));
        for ((floors, parts), cell) in work
            .floors
            .iter_mut()
            .zip(&mut work.parts)
            .zip([&cell, &other])
        {
            parts.resize(cell.ids.len(), f32::NEG_INFINITY);
            let floor = |&part: &f32| {
                if part == f32::NEG_INFINITY {
                    f64::INFINITY
                } else {
                    self.bounds.floor_of(part)
                }
            };
            floors.clear();
            floors.extend(parts.iter().map(floor));
        }
        let [floors_a, floors_b] = &work.floors;
        let patches = &self.arranged.patches;
        let live = live & patches.live(a, patches, b, self.bounds, floors_a, floors_b);
        let (kernel, lines) = (self.space.coding.kernel, self.arranged.table.lines);
        let desk = &mut work.desk;
        desk.meet(
            kernel,
            self.bounds,
            lines,
            &cell,
            &other,
            [floors_a, floors_b],
            live,
        );
        let hits = std::mem::take(&mut desk.hits);
        let highest = |row: usize, col: usize| work.parts[0][row].max(work.parts[1][col]);
        for batch in hits.chunks(CELL) {
            let wanted = |row: usize, col: usize| {
                let highest = highest(row, col);
                self.leaves.core(cell.ids[row]) < highest
                    && self.leaves.core(other.ids[col]) < highest
            };
            desk.measure(
                self.rows,
                self.bounds,
                (&cell, &other),
                [floors_a, floors_b],
                batch,
                wanted,
                self.tally,
            );
            for pair in &desk.measured {
                let (i, j) = (cell.ids[pair.row], other.ids[pair.col]);
                self.keep(
                    i,
                    j,
                    pair.reduced,
                    highest(pair.row, pair.col),
                    &mut work.edges,
                );
            }
        }
        desk.hits = hits;
    }

    fn keep(&self, i: u32, j: u32, reduced: f64, highest: f32, edges: &mut Vec<Edge>) {
        let distance = self.rows.metric.distance(reduced);
        let weight = distance.max(self.leaves.core(i)).max(self.leaves.core(j));
        if weight < highest {
            edges.push(Edge {
                from: i.min(j),
                to: i.max(j),
                weight,
            });
        }
    }
}
