//! Rows in cells of the caller's making, for searches that look into some cells only: approximate, and far cheaper than
//! all pairs.
//!
//! Rows are coded once, and cells are made of the codes: by comparing rows with centers, and by moving their codes
//! together. A row looks into a cell when a copy of its codes, together with those of other visitors, meets the cell's;
//! what it finds is offered to it, and it to them. What the codes score best is kept, a few more places than are wanted,
//! and measured when all looks are done: a pair is then measured once, and only if it has a chance. The lists are the
//! same whatever the order of the looks and the number of threads.
//!
//! Cost: screening a pair for each visitor and member, measuring some `1.25 k` a row. Memory: the codes, `d + 40` bytes a
//! row, twice while rows change cells, and 8 bytes a candidate.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::distance::sum_f64;
use crate::index::{fitting, known};
use crate::nearest::Candidate;
use crate::plain::Rows;
use crate::progress::{Progress, share};
use crate::quantize::{Place, Table};
use crate::rerank::measure;
use crate::screen::{CELL, Hit, Scratch, UNREACHABLE, screen};
use crate::space::Coding;
use crate::{Error, Kernel, Knn, Margin, Metric, Points, Search, Watch, check};

/// Rows whose lists share a lock.
const STRIPE: usize = 32;

/// Rows in cells, ready to be looked at.
#[derive(Debug)]
pub struct Cells<'a> {
    rows: Rows<'a>,
    /// `None` where int8 cannot hold the rows.
    coded: Option<Coded>,
    members: Vec<Vec<u32>>,
}

#[derive(Debug)]
struct Coded {
    coding: Coding,
    /// One a cell.
    tables: Vec<Table>,
    /// Where each row stands.
    places: Vec<Place>,
}

/// The best candidates that each row has met.
#[derive(Clone, Debug)]
pub struct Candidates {
    k: usize,
    /// Places a row.
    places: usize,
    /// In order: what looks nearest first, ties by id. The upper half of a key falls with the score, the lower is the id.
    keys: Vec<u64>,
}

/// A place that holds no candidate.
const FREE: u64 = u64::MAX;

/// How many candidates are kept for `k` neighbors: scores are not quite in the order of distances.
pub(crate) fn places(k: usize) -> usize {
    k + k / 4 + 8
}

/// What a round of looks did.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// Rows that found one of their k best, ascending.
    pub changed: Vec<u32>,
    /// Pairs that were compared.
    pub compared: u64,
}

impl<'a> Cells<'a> {
    /// Checks all rows and makes them ready, in one cell.
    ///
    /// # Errors
    ///
    /// What [`check`] says of the rows; [`Error::UnknownKernel`], [`Error::KernelMissing`].
    pub fn new(points: Points<'a>, metric: Metric, search: &Search) -> Result<Self, Error> {
        let kernel = Kernel::choose(search.kernel)?;
        check(points, metric)?;
        let all: Vec<u32> = (0..points.n() as u32).collect();
        let rows = Rows::new(points, metric, &all, kernel, Margin::Guaranteed);
        let coded = Coding::new(&rows, &all).map(|coding| Coded {
            tables: vec![coding.table(&rows, all.clone())],
            coding,
            places: all.iter().map(|&row| Place { table: 0, row }).collect(),
        });
        Ok(Cells {
            rows,
            coded,
            members: vec![all],
        })
    }

    /// The same rows in the cells `members`; each stands in one.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`], [`Error::NamedTwice`], [`Error::Length`] where `members` are not all rows, each once.
    pub fn regroup(self, members: Vec<Vec<u32>>) -> Result<Self, Error> {
        let n = self.rows.points.n();
        let mut places = vec![None; n];
        for (table, members) in members.iter().enumerate() {
            for (row, &id) in members.iter().enumerate() {
                let place = Place {
                    table: table as u32,
                    row: row as u32,
                };
                let taken = places
                    .get_mut(id as usize)
                    .ok_or(Error::NoSuchRow {
                        row: id as usize,
                        n,
                    })?
                    .replace(place);
                if taken.is_some() {
                    return Err(Error::NamedTwice { row: id as usize });
                }
            }
        }
        let places: Vec<Place> = places.into_iter().flatten().collect();
        if places.len() < n {
            return Err(Error::Length {
                what: "members of cells",
                found: places.len(),
                expected: n,
            });
        }
        let coded = self.coded.map(|coded| Coded {
            tables: members
                .par_iter()
                .map(|members| coded.gather(members))
                .collect(),
            coding: coded.coding,
            places,
        });
        Ok(Cells {
            rows: self.rows,
            coded,
            members,
        })
    }

    /// The `count` of `centers` that are nearest to each of `rows`, nearest first; all of them where there are no more.
    /// Nearness is the squared distance to a center (under cosine: of the row at unit length) plus the `spread` of the
    /// center, as far as codes tell.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`], [`Error::Length`] unless centers have the width of rows and one spread each.
    pub fn nearest_centers(
        &self,
        rows: &[u32],
        centers: Points<'_>,
        spread: &[f32],
        count: usize,
    ) -> Result<Vec<u32>, Error> {
        known(rows, self.rows.points.n())?;
        fitting(&[
            ("values of a center", centers.d(), self.rows.points.d()),
            ("spreads of centers", spread.len(), centers.n()),
        ])?;
        let count = count.min(centers.n());
        let mut nearest = vec![0; rows.len() * count];
        if count == 0 {
            return Ok(nearest);
        }
        let ids: Vec<u32> = (0..centers.n() as u32).collect();
        let kernel = self.rows.kernel;
        let center_rows = Rows::new(centers, Metric::L2, &ids, kernel, Margin::Guaranteed);
        let table = self.coded.as_ref().map(|coded| {
            let mut table = coded.coding.table(&center_rows, ids);
            table.lower(|c| 0.5 * f64::from(spread[c]) / coded.coding.unit());
            (coded, table)
        });
        rows.par_chunks(CELL)
            .with_max_len(1)
            .zip(nearest.par_chunks_mut(CELL * count))
            .for_each_init(Work::default, |work, (rows, nearest)| {
                match &table {
                    Some((coded, table)) => coded.rank(rows, table, count, work),
                    None => self.rank_plainly(rows, centers, spread, work),
                }
                for (keys, nearest) in work.by_row.iter_mut().zip(nearest.chunks_mut(count)) {
                    keys.sort_unstable();
                    for (id, &key) in nearest.iter_mut().zip(keys.iter()) {
                        *id = key as u32;
                    }
                    keys.clear();
                }
            });
        Ok(nearest)
    }

    /// The keys of all centers for each of `rows`, by measuring.
    fn rank_plainly(&self, rows: &[u32], centers: Points<'_>, spread: &[f32], work: &mut Work) {
        work.by_row.resize_with(CELL, Vec::new);
        for (&i, keys) in rows.iter().zip(&mut work.by_row) {
            let (row, scale) = (
                self.rows.points.row(i as usize),
                self.rows.inverse(i as usize),
            );
            keys.extend((0..centers.n()).map(|c| {
                let squared = sum_f64(row, centers.row(c), |x, y| (x * scale - y).powi(2));
                measured_key(squared + f64::from(spread[c]), c as u32)
            }));
        }
    }

    /// The members of each cell.
    pub fn members(&self) -> &[Vec<u32>] {
        &self.members
    }

    /// Empty lists for the `k` nearest of each row.
    ///
    /// # Errors
    ///
    /// [`Error::K`] if `k` is 0.
    pub fn candidates(&self, k: usize) -> Result<Candidates, Error> {
        let n = self.rows.points.n();
        if k == 0 {
            return Err(Error::K {
                k,
                others: n.saturating_sub(1),
            });
        }
        let places = places(k);
        Ok(Candidates {
            k,
            places,
            keys: vec![FREE; n * places],
        })
    }

    /// Offers to each of the rows `visitors[c]` the members of cell `c`, and to the members the visitors. A row that has
    /// looked into a cell before finds nothing new there.
    ///
    /// The `watch` is told of visitors.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] unless there is a list for each row and a list of visitors for each cell, [`Error::NoSuchRow`],
    /// [`Error::Cancelled`].
    pub fn look(
        &self,
        visitors: &[Vec<u32>],
        candidates: &mut Candidates,
        watch: Watch<'_>,
    ) -> Result<Looked, Error> {
        let n = self.rows.points.n();
        let places = candidates.places;
        fitting(&[
            ("visitors", visitors.len(), self.members.len()),
            ("candidates", candidates.keys.len(), n * places),
        ])?;
        visitors.iter().try_for_each(|rows| known(rows, n))?;
        let visits: Vec<(usize, &[u32])> = visitors
            .iter()
            .enumerate()
            .flat_map(|(cell, visitors)| visitors.chunks(CELL).map(move |few| (cell, few)))
            .collect();
        let round = Round {
            cells: self,
            k: candidates.k,
            places,
            lists: candidates
                .keys
                .chunks_mut(STRIPE * places)
                .map(Mutex::new)
                .collect(),
            changed: (0..n).map(|_| AtomicBool::new(false)).collect(),
        };
        let total = visitors.iter().map(Vec::len).sum();
        let progress = Progress::new(total, visits.len(), watch);
        share(visits.len(), Work::default, |work, at| {
            let (cell, few) = visits[at];
            // Where all members look into their own cell, each pair is met from both sides anyway.
            let both = visitors[cell] != self.members[cell];
            match &self.coded {
                Some(coded) => round.screened(coded, cell, few, both, work),
                None => round.plainly(cell, few),
            }
            progress.one_more()
        });
        progress.finish()?;
        let compared = visitors
            .iter()
            .zip(&self.members)
            .map(|(visitors, members)| (visitors.len() * members.len()) as u64)
            .sum();
        let changed = round.changed.iter().zip(0..);
        Ok(Looked {
            changed: changed
                .filter_map(|(changed, row)| changed.load(Ordering::Relaxed).then_some(row))
                .collect(),
            compared,
        })
    }

    /// Measures the candidates of `rows`, and gives the `k` nearest of each; where there are fewer, the places left hold
    /// [`u32::MAX`] at infinity.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`].
    pub fn nearest(&self, rows: &[u32], candidates: &Candidates) -> Result<Knn, Error> {
        known(rows, self.rows.points.n())?;
        let (k, places) = (candidates.k, candidates.places);
        let mut ids = vec![u32::MAX; rows.len() * k];
        let mut distances = vec![f32::INFINITY; rows.len() * k];
        rows.par_iter()
            .with_min_len(STRIPE)
            .zip(ids.par_chunks_mut(k).zip(distances.par_chunks_mut(k)))
            .for_each_init(
                || (Vec::new(), Vec::new(), Vec::new()),
                |(pairs, measured, order), (&i, (ids, distances))| {
                    let keys = &candidates.keys[i as usize * places..][..places];
                    pairs.clear();
                    let found = keys.iter().take_while(|&&key| key != FREE);
                    pairs.extend(found.map(|&key| (i, key as u32)));
                    measure(&self.rows, pairs, measured);
                    order.clear();
                    let found = pairs.iter().zip(measured.iter());
                    order.extend(found.map(|(&(_, id), &reduced)| Candidate { reduced, id }));
                    order.sort_unstable_by(Candidate::order);
                    for ((id, distance), found) in ids.iter_mut().zip(distances).zip(order.iter()) {
                        *id = found.id;
                        *distance = self.rows.metric.distance(found.reduced);
                    }
                },
            );
        Ok(Knn { k, ids, distances })
    }
}

/// One thread's working memory.
#[derive(Default)]
struct Work {
    scratch: Scratch,
    goals: Vec<i32>,
    their_goals: Vec<i32>,
    hits: Vec<Hit>,
    by_row: Vec<Vec<u64>>,
    by_member: Vec<Vec<u64>>,
}

/// The patches of all rows with the first patch of columns.
const FIRST: u64 = 0x0101_0101_0101_0101;

impl Coded {
    /// The codes of `rows`, copied together.
    fn gather(&self, rows: &[u32]) -> Table {
        let places: Vec<Place> = rows.iter().map(|&row| self.places[row as usize]).collect();
        Table::gather(&self.tables, &places, self.coding.lines)
    }

    /// The keys of the `count` best `centers`, and of some more, for each of up to [`CELL`] rows.
    fn rank(&self, rows: &[u32], centers: &Table, count: usize, work: &mut Work) {
        let asking = self.gather(rows);
        let asking = asking.cell(0);
        work.goals.clear();
        work.goals.resize(rows.len(), -UNREACHABLE);
        work.goals.resize(asking.padded(), UNREACHABLE);
        work.by_row.resize_with(CELL, Vec::new);
        for part in 0..centers.cells() {
            // A few centers set the goals for the others.
            let turns: &[u64] = if part == 0 {
                &[FIRST, !FIRST]
            } else {
                &[u64::MAX]
            };
            let part = centers.cell(part);
            work.their_goals.clear();
            work.their_goals.resize(part.padded(), UNREACHABLE);
            for &live in turns {
                work.hits.clear();
                screen(
                    self.coding.kernel,
                    &asking.side(&work.goals),
                    &part.side(&work.their_goals),
                    self.coding.lines,
                    live,
                    &mut work.scratch,
                    &mut work.hits,
                );
                for hit in &work.hits {
                    let id = part.ids[usize::from(hit.col)];
                    work.by_row[usize::from(hit.row)].push(key(hit.score, id));
                }
                for (keys, at) in work.by_row.iter_mut().zip(&mut work.goals).take(rows.len()) {
                    if keys.len() > count {
                        keys.select_nth_unstable(count - 1);
                        keys.truncate(count);
                    }
                    if keys.len() == count
                        && let Some(&last) = keys.iter().max()
                    {
                        *at = goal(last);
                    }
                }
            }
        }
    }
}

/// A round of looks under way.
struct Round<'a, 'l> {
    cells: &'a Cells<'a>,
    k: usize,
    places: usize,
    lists: Vec<Mutex<&'l mut [u64]>>,
    changed: Vec<AtomicBool>,
}

impl Round<'_, '_> {
    /// Offers keys in ascending order to the list of a row, and gives its last.
    fn offer(&self, row: u32, keys: &[u64]) -> u64 {
        let mut lists = self.lists[row as usize / STRIPE]
            .lock()
            .expect("no thread panics while it holds a list");
        let list = &mut lists[row as usize % STRIPE * self.places..][..self.places];
        for &key in keys {
            if key >= list[list.len() - 1] {
                break;
            }
            let at = list.partition_point(|&kept| kept < key);
            if list[at] == key {
                continue;
            }
            list.copy_within(at..list.len() - 1, at + 1);
            list[at] = key;
            if at < self.k {
                self.changed[row as usize].store(true, Ordering::Relaxed);
            }
        }
        list[list.len() - 1]
    }

    /// Up to [`CELL`] rows look into a cell, and are looked at if `both`.
    fn screened(&self, coded: &Coded, cell: usize, visitors: &[u32], both: bool, work: &mut Work) {
        let visiting = coded.gather(visitors);
        let visiting = visiting.cell(0);
        self.goals(visitors, visiting.padded(), &mut work.goals);
        work.by_row.resize_with(CELL, Vec::new);
        work.by_member.resize_with(CELL, Vec::new);
        let table = &coded.tables[cell];
        for part in 0..table.cells() {
            let part = table.cell(part);
            let members = if both { part.ids } else { &[] };
            self.goals(members, part.padded(), &mut work.their_goals);
            work.hits.clear();
            screen(
                coded.coding.kernel,
                &visiting.side(&work.goals),
                &part.side(&work.their_goals),
                coded.coding.lines,
                u64::MAX,
                &mut work.scratch,
                &mut work.hits,
            );
            for hit in &work.hits {
                let (row, col) = (usize::from(hit.row), usize::from(hit.col));
                let (visitor, member) = (visitors[row], part.ids[col]);
                if visitor == member {
                    continue;
                }
                if hit.score >= work.goals[row] {
                    work.by_row[row].push(key(hit.score, member));
                }
                if hit.score >= work.their_goals[col] {
                    work.by_member[col].push(key(hit.score, visitor));
                }
            }
            self.offer_all(members, &mut work.by_member, &mut work.their_goals);
            self.offer_all(visitors, &mut work.by_row, &mut work.goals);
        }
    }

    /// The goals of `rows` as their lists are now, with padding that no pair reaches.
    fn goals(&self, rows: &[u32], padded: usize, goals: &mut Vec<i32>) {
        goals.clear();
        goals.extend(rows.iter().map(|&row| goal(self.offer(row, &[]))));
        goals.resize(padded, UNREACHABLE);
    }

    /// Offers to each of `rows` what was found for it.
    fn offer_all(&self, rows: &[u32], found: &mut [Vec<u64>], goals: &mut [i32]) {
        for ((&row, keys), at) in rows.iter().zip(found).zip(goals) {
            if keys.is_empty() {
                continue;
            }
            if keys.len() > self.places {
                keys.select_nth_unstable(self.places - 1);
                keys.truncate(self.places);
            }
            keys.sort_unstable();
            *at = goal(self.offer(row, keys));
            keys.clear();
        }
    }

    /// The same by measuring every pair.
    fn plainly(&self, cell: usize, visitors: &[u32]) {
        let rows = &self.cells.rows;
        for &i in visitors {
            let others = self.cells.members[cell].iter().filter(|&&j| j != i);
            let mut keys: Vec<u64> = others
                .map(|&j| {
                    let reduced = rows.reduced(i as usize, j as usize);
                    self.offer(j, &[measured_key(reduced, i)]);
                    measured_key(reduced, j)
                })
                .collect();
            keys.sort_unstable();
            self.offer(i, &keys);
        }
    }
}

/// The key of a candidate: smaller is better.
fn key(score: i32, id: u32) -> u64 {
    u64::from(!(score as u32 ^ 1 << 31)) << 32 | u64::from(id)
}

/// The key of a candidate that was measured: the upper half of an `f64` tells numbers apart that differ by a millionth,
/// whatever their size.
fn measured_key(reduced: f64, id: u32) -> u64 {
    let bits = reduced.to_bits();
    let ascending = if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    };
    ascending & !u64::from(u32::MAX) | u64::from(id)
}

/// The score that a candidate has to reach to come before a key.
fn goal(last: u64) -> i32 {
    if last == FREE {
        -UNREACHABLE
    } else {
        (!((last >> 32) as u32) ^ 1 << 31) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fall_with_the_score_and_rise_with_the_id() {
        let scores = [i32::MIN + 1, -5, 0, 7, 1 << 30];
        for pair in scores.windows(2) {
            assert!(key(pair[1], 9) < key(pair[0], 3), "{pair:?}");
        }
        assert!(key(7, 3) < key(7, 9));
        assert_eq!(scores.map(|score| goal(key(score, 8))), scores);
        assert_eq!(goal(FREE), -UNREACHABLE);
    }
}
