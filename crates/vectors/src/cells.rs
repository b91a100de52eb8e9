//! Rows in cells of the caller's making, for searches that look into some cells only: approximate, and far cheaper than
//! all pairs.
//!
//! Rows are coded once and lie cell by cell. A row looks into a cell when a copy of its codes, together with those of
//! other visitors, meets the cell's. What the codes score best is kept, a few more places than are wanted, and measured
//! when all looks are done: a pair is then measured once, and only if it has a chance. The lists are the same whatever
//! the order of the looks and the number of threads.
//!
//! Cost: screening a pair for each visitor and member, measuring some `1.25 k` a row. Memory: the codes, `d + 40` bytes a
//! row, and 8 bytes a candidate.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::index::{fitting, known};
use crate::nearest::Candidate;
use crate::outside::ordered;
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
    /// Checks all rows and makes them ready; each stands in one of `members`.
    ///
    /// # Errors
    ///
    /// What [`check`] says of the rows; [`Error::NoSuchRow`], [`Error::NamedTwice`], [`Error::Length`] where `members` are
    /// not all rows, each once; [`Error::UnknownKernel`], [`Error::KernelMissing`].
    pub fn new(
        points: Points<'a>,
        members: Vec<Vec<u32>>,
        metric: Metric,
        search: &Search,
    ) -> Result<Self, Error> {
        let kernel = Kernel::choose(search.kernel)?;
        check(points, metric)?;
        let mut places = vec![None; points.n()];
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
                        n: points.n(),
                    })?
                    .replace(place);
                if taken.is_some() {
                    return Err(Error::NamedTwice { row: id as usize });
                }
            }
        }
        let places: Vec<Place> = places.into_iter().flatten().collect();
        if places.len() < points.n() {
            return Err(Error::Length {
                what: "members of cells",
                found: places.len(),
                expected: points.n(),
            });
        }
        let all: Vec<u32> = (0..points.n() as u32).collect();
        let rows = Rows::new(points, metric, &all, kernel, Margin::Guaranteed);
        let coded = Coding::new(&rows, &all).map(|coding| Coded {
            tables: members
                .par_iter()
                .map(|members| coding.table(&rows, members.clone()))
                .collect(),
            coding,
            places,
        });
        Ok(Cells {
            rows,
            coded,
            members,
        })
    }

    /// The members of each cell.
    pub fn members(&self) -> &[Vec<u32>] {
        &self.members
    }

    /// Empty lists for the `k` nearest of each row.
    pub fn candidates(&self, k: usize) -> Candidates {
        let places = places(k);
        Candidates {
            k,
            places,
            keys: vec![FREE; self.rows.points.n() * places],
        }
    }

    /// Offers to each of the rows `visitors[c]` the members of cell `c`. A row that has looked into a cell before finds
    /// nothing new there.
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
            let (cell, visitors) = visits[at];
            match &self.coded {
                Some(coded) => round.screened(coded, cell, visitors, work),
                None => round.plainly(cell, visitors),
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
                    order.extend(found.map(|(&(_, id), &distance)| Candidate { distance, id }));
                    order.sort_unstable_by(Candidate::order);
                    for ((id, distance), found) in ids.iter_mut().zip(distances).zip(order.iter()) {
                        (*id, *distance) = (found.id, found.distance);
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
    nothing: Vec<i32>,
    hits: Vec<Hit>,
    by_row: Vec<Vec<u64>>,
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

    /// Up to [`CELL`] rows look into a cell.
    fn screened(&self, coded: &Coded, cell: usize, visitors: &[u32], work: &mut Work) {
        let Coded {
            coding,
            tables,
            places,
        } = coded;
        let places: Vec<Place> = visitors.iter().map(|&row| places[row as usize]).collect();
        let visiting = Table::gather(tables, &places, coding.lines);
        let visiting = visiting.cell(0);
        work.goals.clear();
        work.goals
            .extend(visitors.iter().map(|&row| goal(self.offer(row, &[]))));
        work.goals.resize(visiting.padded(), UNREACHABLE);
        work.nothing.resize(CELL, UNREACHABLE);
        work.by_row.resize_with(CELL, Vec::new);
        let table = &tables[cell];
        for part in 0..table.cells() {
            let part = table.cell(part);
            work.hits.clear();
            screen(
                coding.kernel,
                &visiting.side(&work.goals),
                &part.side(&work.nothing[..part.padded()]),
                coding.lines,
                u64::MAX,
                &mut work.scratch,
                &mut work.hits,
            );
            for hit in &work.hits {
                let (row, id) = (usize::from(hit.row), part.ids[usize::from(hit.col)]);
                if visitors[row] != id {
                    work.by_row[row].push(key(hit.score, id));
                }
            }
            for (row, &id) in visitors.iter().enumerate() {
                let keys = &mut work.by_row[row];
                if keys.is_empty() {
                    continue;
                }
                if keys.len() > self.places {
                    keys.select_nth_unstable(self.places - 1);
                    keys.truncate(self.places);
                }
                keys.sort_unstable();
                work.goals[row] = goal(self.offer(id, keys));
                keys.clear();
            }
        }
    }

    /// The same by measuring every pair.
    fn plainly(&self, cell: usize, visitors: &[u32]) {
        let rows = &self.cells.rows;
        for &i in visitors {
            let others = self.cells.members[cell].iter().filter(|&&j| j != i);
            let mut keys: Vec<u64> = others
                .map(|&j| {
                    let distance = rows.distance(i as usize, j as usize);
                    u64::from(ordered(distance)) << 32 | u64::from(j)
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
