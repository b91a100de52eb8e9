//! Rows in cells of the caller's making, for searches that look into some cells only: approximate, and far cheaper than
//! all pairs.
//!
//! Rows are coded once and lie cell by cell. A row looks into a cell when a copy of its codes, together with those of
//! other visitors, meets the cell's: what the codes cannot rule out is measured exactly, best score first, so that the
//! floor of a row rises early. Lists are those of all rows that were looked at, whatever the order of the looks and the
//! number of threads.
//!
//! Cost: screening a pair for each visitor and member. Memory: the codes, `d + 40` bytes a row.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use rayon::prelude::*;

use crate::certify::Bounds;
use crate::lists::Lists;
use crate::nearest::Candidate;
use crate::plain::Rows;
use crate::progress::{Progress, share};
use crate::quantize::{Place, Table};
use crate::screen::{CELL, Hit};
use crate::space::{Coding, Desk, Tally};
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

/// What a round of looks did.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// Rows whose lists are other than before, ascending.
    pub changed: Vec<u32>,
    /// Pairs that were compared.
    pub compared: u64,
    /// Those of them that were measured exactly.
    pub measured: u64,
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
        // Lists are certified against what was looked at: only then are they the same in any order of the looks.
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

    /// Offers to each of the rows `visitors[c]` the members of cell `c`. `lists` has a row for each row, nearest first;
    /// free places hold [`u32::MAX`] at infinity. A row that has looked into a cell before finds nothing new there.
    ///
    /// The `watch` is told of visitors.
    ///
    /// # Errors
    ///
    /// [`Error::K`] for lists without a place, [`Error::Length`] unless there is a list for each row and a list of visitors for each cell, [`Error::NoSuchRow`],
    /// [`Error::Cancelled`].
    pub fn look(
        &self,
        visitors: &[Vec<u32>],
        lists: &mut Knn,
        watch: Watch<'_>,
    ) -> Result<Looked, Error> {
        let n = self.rows.points.n();
        if lists.k == 0 {
            return Err(Error::K {
                k: 0,
                others: n - 1,
            });
        }
        for (what, found, expected) in [
            ("visitors", visitors.len(), self.members.len()),
            ("ids of lists", lists.ids.len(), n * lists.k),
            ("distances of lists", lists.distances.len(), n * lists.k),
        ] {
            if found != expected {
                return Err(Error::Length {
                    what,
                    found,
                    expected,
                });
            }
        }
        if let Some(&row) = visitors.iter().flatten().find(|&&row| row as usize >= n) {
            return Err(Error::NoSuchRow {
                row: row as usize,
                n,
            });
        }
        let k = lists.k;
        let visits = visitors
            .iter()
            .enumerate()
            .flat_map(|(cell, visitors)| visitors.chunks(CELL).map(move |few| (cell, few)))
            .collect::<Vec<_>>();
        let total = visitors.iter().map(Vec::len).sum();
        let round = Round {
            cells: self,
            k,
            lists: lists
                .ids
                .chunks_mut(STRIPE * k)
                .zip(lists.distances.chunks_mut(STRIPE * k))
                .map(|(ids, distances)| Mutex::new(Lists { k, ids, distances }))
                .collect(),
            changed: (0..n).map(|_| AtomicBool::new(false)).collect(),
            tally: Tally::default(),
        };
        let progress = Progress::new(total, visits.len().max(1), watch);
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
            measured: match self.coded {
                Some(_) => round.tally.measured(),
                None => compared,
            },
        })
    }
}

/// One thread's working memory.
#[derive(Default)]
struct Work {
    desk: Desk,
    by_row: Vec<Vec<Hit>>,
    floors: Vec<f64>,
    nothing: Vec<f64>,
}

/// A round of looks under way.
struct Round<'a, 'l> {
    cells: &'a Cells<'a>,
    k: usize,
    lists: Vec<Mutex<Lists<'l>>>,
    changed: Vec<AtomicBool>,
    tally: Tally,
}

impl<'l> Round<'_, 'l> {
    fn lock(&self, row: u32) -> MutexGuard<'_, Lists<'l>> {
        self.lists[row as usize / STRIPE]
            .lock()
            .expect("no thread panics while it holds a list")
    }

    /// The last place of a list, after what was `found` has been offered to it.
    fn offer(&self, row: u32, found: impl Iterator<Item = Candidate>) -> Candidate {
        let mut lists = self.lock(row);
        let at = row as usize % STRIPE;
        for candidate in found {
            if lists.offer(at, candidate.distance, candidate.id) {
                self.changed[row as usize].store(true, Ordering::Relaxed);
            }
        }
        lists.last(at)
    }

    /// Up to [`CELL`] rows look into a cell.
    fn screened(&self, coded: &Coded, cell: usize, visitors: &[u32], work: &mut Work) {
        let Coded {
            coding,
            tables,
            places,
        } = coded;
        let bounds = coding.bounds(&self.cells.rows, Margin::Guaranteed);
        let places: Vec<Place> = visitors.iter().map(|&row| places[row as usize]).collect();
        let visiting = Table::gather(tables, &places, coding.lines);
        let visiting = visiting.cell(0);
        work.floors.clear();
        work.floors.extend(
            visitors
                .iter()
                .map(|&row| bounds.floor(self.offer(row, std::iter::empty()).distance)),
        );
        let table = &tables[cell];
        for part in 0..table.cells() {
            let part = table.cell(part);
            work.nothing.clear();
            work.nothing.resize(part.ids.len(), f64::INFINITY);
            work.desk.meet(
                coding.kernel,
                &bounds,
                coding.lines,
                &visiting,
                &part,
                [&work.floors, &work.nothing],
                u64::MAX,
            );
            work.by_row.resize_with(CELL, Vec::new);
            for &hit in &work.desk.hits {
                work.by_row[usize::from(hit.row)].push(hit);
            }
            self.measure(&bounds, visitors, [&visiting, &part], work);
        }
    }

    /// Measures the hits of each row, those that look nearest first: they raise the floor for the rest.
    fn measure(
        &self,
        bounds: &Bounds,
        visitors: &[u32],
        [visiting, part]: [&crate::quantize::Cell<'_>; 2],
        work: &mut Work,
    ) {
        let k = self.k;
        for (row, &id) in visitors.iter().enumerate() {
            let hits = &mut work.by_row[row];
            if hits.len() > k {
                hits.select_nth_unstable_by(k - 1, |a, b| {
                    b.score.cmp(&a.score).then(a.col.cmp(&b.col))
                });
            }
            let (likely, rest) = hits.split_at(k.min(hits.len()));
            for some in [likely, rest] {
                if some.is_empty() {
                    continue;
                }
                work.desk.measure(
                    &self.cells.rows,
                    bounds,
                    (visiting, part),
                    [&work.floors, &work.nothing],
                    some,
                    |_, col| part.ids[col] != id,
                    &self.tally,
                );
                let found = work.desk.measured.iter().map(|pair| Candidate {
                    distance: pair.distance,
                    id: part.ids[pair.col],
                });
                work.floors[row] = bounds.floor(self.offer(id, found).distance);
            }
            hits.clear();
        }
    }

    /// The same by measuring every pair.
    fn plainly(&self, cell: usize, visitors: &[u32]) {
        let rows = &self.cells.rows;
        for &i in visitors {
            let others = self.cells.members[cell].iter().filter(|&&j| j != i);
            self.offer(
                i,
                others.map(|&j| Candidate {
                    distance: rows.distance(i as usize, j as usize),
                    id: j,
                }),
            );
        }
    }
}
