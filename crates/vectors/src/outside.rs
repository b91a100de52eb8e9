//! The nearest row of another group: what joins the components of a graph, and what a round of Boruvka asks for.
//!
//! The weight of a pair is its mutual reachability distance `max(core_i, core_j, d_ij)` (Campello, Moulavi, Sander
//! 2013), or the plain distance where no core distances are given. Pairs are ordered by weight, then by the smaller id
//! of the two, then by the larger: a total order, so the lightest spanning tree is one tree.

use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use crate::certify::Bounds;
use crate::plain::Rows;
use crate::screen::{CELL, Hit, PATCH, PATCHES};
use crate::space::{Arranged, Desk, Space, Tally};
use crate::{Error, Watch};

/// What to look for outside of which group.
#[derive(Clone, Copy, Debug)]
pub struct Outside<'a> {
    /// The group of each of the `n` rows, any numbers.
    pub group: &'a [u32],
    /// The core distance of each of the `n` rows; `None` means plain distances.
    pub core: Option<&'a [f32]>,
    /// The rows to search from.
    pub queries: &'a [u32],
    /// For each query the largest weight that is still of interest (inclusive, infinity allowed). The tighter, the
    /// cheaper.
    pub bound: &'a [f32],
}

/// A pair of rows of two groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// The row searched from.
    pub from: u32,
    /// The row found, of another group.
    pub to: u32,
    /// `max(core_from, core_to, distance)`.
    pub weight: f32,
}

impl Edge {
    /// The order of edges: by weight, then by the smaller id of the two ends, then by the larger.
    pub fn order(&self, other: &Edge) -> std::cmp::Ordering {
        let ends = |edge: &Edge| (edge.from.min(edge.to), edge.from.max(edge.to));
        self.weight
            .total_cmp(&other.weight)
            .then_with(|| ends(self).cmp(&ends(other)))
    }
}

impl Outside<'_> {
    fn core(&self, row: u32) -> f32 {
        self.core
            .map_or(f32::NEG_INFINITY, |core| core[row as usize])
    }
}

/// The answers by measuring every pair.
pub(crate) fn plainly(
    rows: &Rows<'_>,
    members: &[u32],
    ask: &Outside<'_>,
    watch: Watch<'_>,
) -> Result<Vec<Option<Edge>>, Error> {
    let answer = |(&i, &bound): (&u32, &f32)| {
        let mut best: Option<Edge> = None;
        for &j in members {
            if ask.group[i as usize] != ask.group[j as usize] {
                let weight = rows
                    .distance(i as usize, j as usize)
                    .max(ask.core(i))
                    .max(ask.core(j));
                let found = Edge {
                    from: i,
                    to: j,
                    weight,
                };
                if weight <= bound && best.is_none_or(|best| found.order(&best).is_lt()) {
                    best = Some(found);
                }
            }
        }
        if watch(1) {
            Ok(best)
        } else {
            Err(Error::Cancelled)
        }
    };
    ask.queries.par_iter().zip(ask.bound).map(answer).collect()
}

/// The answers by screening; the first edge of each group is among them, other queries may go without. A cell of queries goes through all cells, near ones first, with what it has found so far
/// as its bound; patches that lie in the one group of the queries, or whose core distances are too large, are left out.
///
/// Cost: screening `q n` pairs at most.
pub(crate) fn screened(
    rows: &Rows<'_>,
    space: &Space,
    bounds: &Bounds,
    ask: &Outside<'_>,
    tally: &Tally,
    watch: Watch<'_>,
) -> Result<Vec<Option<Edge>>, Error> {
    // Queries that are near each other search together.
    let mut position = vec![u32::MAX; rows.points.n()];
    for (at, &id) in space.table.order.iter().enumerate() {
        position[id as usize] = at as u32;
    }
    let mut turns: Vec<u32> = (0..ask.queries.len() as u32).collect();
    turns.sort_unstable_by_key(|&q| (position[ask.queries[q as usize] as usize], q));
    drop(position);
    let kinds: Vec<Kind> = kinds(&space.table.order, ask);
    let best_of_groups = BestOfGroups::new(ask);
    let found: Vec<Vec<(u32, Edge)>> = turns
        .par_chunks(CELL)
        .with_max_len(1)
        .map_init(Desk::default, |desk, turns| {
            let ids: Vec<u32> = turns.iter().map(|&q| ask.queries[q as usize]).collect();
            let limits: Vec<f32> = turns.iter().map(|&q| ask.bound[q as usize]).collect();
            let mut chunk = Chunk::new(rows, space, bounds, ask, &best_of_groups, ids, limits);
            for c in space.near_first(&chunk.asked) {
                chunk.visit(c, &kinds, desk, tally);
            }
            let answers = turns
                .iter()
                .zip(chunk.best)
                .filter_map(|(&q, best)| best.map(|best| (q, best)))
                .collect();
            if watch(turns.len() as u64) {
                Ok(answers)
            } else {
                Err(Error::Cancelled)
            }
        })
        .collect::<Result<_, _>>()?;
    let mut answers = vec![None; ask.queries.len()];
    for (q, best) in found.into_iter().flatten() {
        answers[q as usize] = Some(best);
    }
    Ok(answers)
}

/// What the rows of a patch have in common.
#[derive(Clone, Copy, Debug)]
struct Kind {
    /// The group of all of them, if it is one.
    group: Option<u32>,
    least_core: f32,
}

fn kinds(order: &[u32], ask: &Outside<'_>) -> Vec<Kind> {
    order
        .chunks(PATCH)
        .map(|ids| {
            let first = ask.group[ids[0] as usize];
            Kind {
                group: ids
                    .iter()
                    .all(|&id| ask.group[id as usize] == first)
                    .then_some(first),
                least_core: ids
                    .iter()
                    .map(|&id| ask.core(id))
                    .fold(f32::INFINITY, f32::min),
            }
        })
        .collect()
}

/// The least weight that any query of a group has found, for all threads.
struct BestOfGroups {
    groups: Vec<u32>,
    /// Weights as numbers in the same order.
    least: Vec<AtomicU32>,
}

impl BestOfGroups {
    fn new(ask: &Outside<'_>) -> Self {
        let mut groups: Vec<u32> = ask.queries.iter().map(|&i| ask.group[i as usize]).collect();
        groups.sort_unstable();
        groups.dedup();
        let least = groups
            .iter()
            .map(|_| AtomicU32::new(ordered(f32::INFINITY)))
            .collect();
        BestOfGroups { groups, least }
    }

    /// Of a group that has a query.
    fn of(&self, group: u32) -> &AtomicU32 {
        let at = self.groups.partition_point(|&other| other < group);
        &self.least[at]
    }
}

/// A weight as a number that orders like it.
pub(crate) fn ordered(weight: f32) -> u32 {
    let bits = weight.to_bits();
    if bits >> 31 == 1 {
        !bits
    } else {
        bits | 1 << 31
    }
}

fn unordered(number: u32) -> f32 {
    f32::from_bits(if number >> 31 == 1 {
        number & !(1 << 31)
    } else {
        !number
    })
}

/// The queries of one cell on their way through all cells.
struct Chunk<'a> {
    rows: &'a Rows<'a>,
    space: &'a Space,
    bounds: &'a Bounds,
    ask: &'a Outside<'a>,
    asked: Arranged,
    kinds: Vec<Kind>,
    shared: Vec<&'a AtomicU32>,
    /// The largest weight that is still of interest to each query.
    limits: Vec<f32>,
    floors: Vec<f64>,
    best: Vec<Option<Edge>>,
}

impl<'a> Chunk<'a> {
    fn new(
        rows: &'a Rows<'a>,
        space: &'a Space,
        bounds: &'a Bounds,
        ask: &'a Outside<'a>,
        best_of_groups: &'a BestOfGroups,
        ids: Vec<u32>,
        limits: Vec<f32>,
    ) -> Self {
        let kinds = kinds(&ids, ask);
        let shared = ids
            .iter()
            .map(|&i| best_of_groups.of(ask.group[i as usize]))
            .collect();
        let best = vec![None; ids.len()];
        let floors = vec![f64::NEG_INFINITY; ids.len()];
        let asked = space.arrange(rows, ids);
        Chunk {
            rows,
            space,
            bounds,
            ask,
            asked,
            kinds,
            shared,
            limits,
            floors,
            best,
        }
    }

    /// Lowers the limits to what other queries of the group have found, and sets the floors by them.
    fn tighten(&mut self) {
        for (row, &id) in self.asked.table.order.iter().enumerate() {
            let found = unordered(self.shared[row].load(Ordering::Relaxed));
            let limit = self.limits[row].min(found);
            self.limits[row] = limit;
            self.floors[row] = if self.ask.core(id) > limit {
                f64::INFINITY
            } else {
                self.bounds.floor_of(limit)
            };
        }
    }

    fn visit(&mut self, c: usize, kinds: &[Kind], desk: &mut Desk, tally: &Tally) {
        self.tighten();
        let other = self.space.table.cell(c);
        let nothing = vec![f64::INFINITY; other.ids.len()];
        let mut live = self.asked.patches.live(
            0,
            &self.space.patches,
            c,
            self.bounds,
            &self.floors,
            &nothing,
        );
        live &= self.open(&kinds[c * PATCHES..kinds.len().min((c + 1) * PATCHES)]);
        let cell = self.asked.table.cell(0);
        let (kernel, lines) = (self.space.coding.kernel, self.space.table.lines);
        desk.meet(
            kernel,
            self.bounds,
            lines,
            &cell,
            &other,
            [&self.floors, &nothing],
            live,
        );
        let mut hits = std::mem::take(&mut desk.hits);
        if hits.len() > CELL {
            // What looks nearest sets the limits for the rest.
            hits.sort_unstable_by(|a, b| b.score.cmp(&a.score).then(a.cmp(b)));
        }
        let mut rest = &hits[..];
        let mut size = PATCH;
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(size.min(rest.len()));
            (rest, size) = (later, CELL.min(2 * size));
            self.measure(batch, c, desk, tally);
        }
        desk.hits = hits;
    }

    fn measure(&mut self, batch: &[Hit], c: usize, desk: &mut Desk, tally: &Tally) {
        let (cell, other) = (self.asked.table.cell(0), self.space.table.cell(c));
        let nothing = vec![f64::INFINITY; other.ids.len()];
        let wanted = |row: usize, col: usize| {
            let (i, j) = (cell.ids[row], other.ids[col]);
            self.ask.group[i as usize] != self.ask.group[j as usize]
                && self.ask.core(j) <= self.limits[row]
        };
        desk.measure(
            self.rows,
            self.bounds,
            (&cell, &other),
            [&self.floors, &nothing],
            batch,
            wanted,
            tally,
        );
        for pair in &desk.measured {
            let (i, j) = (cell.ids[pair.row], other.ids[pair.col]);
            let distance = self.rows.metric.distance(pair.reduced);
            let weight = distance.max(self.ask.core(i)).max(self.ask.core(j));
            let found = Edge {
                from: i,
                to: j,
                weight,
            };
            if weight > self.limits[pair.row]
                || self.best[pair.row].is_some_and(|best| found.order(&best).is_gt())
            {
                continue;
            }
            self.best[pair.row] = Some(found);
            self.limits[pair.row] = weight;
            self.floors[pair.row] = self.bounds.floor_of(weight);
            self.shared[pair.row].fetch_min(ordered(weight), Ordering::Relaxed);
        }
    }

    /// The patches that may hold an answer for each patch of queries.
    fn open(&self, kinds: &[Kind]) -> u64 {
        let mut open = 0;
        for (p, (own, limits)) in self.kinds.iter().zip(self.limits.chunks(PATCH)).enumerate() {
            let widest = limits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for (q, other) in kinds.iter().enumerate() {
                let same = own.group.is_some() && own.group == other.group;
                if !same && other.least_core <= widest {
                    open |= 1 << (p * PATCHES + q);
                }
            }
        }
        open
    }
}
