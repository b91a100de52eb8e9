//! An inverted file (IVF): rows in lists, of which each query probes some. Approximate, and much cheaper than all pairs.
//!
//! The caller decides which rows are in which list (usually by k-means) and which query probes which list. Rows are
//! quantized once, with all rows in one list, so that centers can be compared with codes, too; moving rows to other lists
//! moves their codes. A query probes a list by scanning the codes of a batch of queries against those of the list. Each
//! scored pair is offered to the candidates of both rows. The best scores are kept, a few more than k, and re-ranked in
//! `f64` when probing is over: so each pair is re-ranked once, and only if it may be a neighbor. The result does not depend
//! on the order of the probes or on the number of threads.
//!
//! Source: Jégou, Douze, Schmid, *Product quantization for nearest neighbor search*, PAMI 2011 (`IndexIVFScalarQuantizer`
//! of Faiss). Cost: scanning one pair per query and member of a probed list, re-ranking about `1.25 k` pairs per row.
//! Memory: the codes, `d + 40` bytes per row, twice while rows move to other lists, and 8 bytes per candidate.

pub(crate) mod candidates;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use self::candidates::{Candidates, distance_key, score_key, score_threshold};
use crate::codec::Codec;
use crate::distance::sum_f64;
use crate::prepared_points::PreparedPoints;
use crate::progress::{ProgressCallback, ProgressCounter, run_tasks};
use crate::rerank::rerank;
use crate::scalar_quantizer::{PackedCodes, Position};
use crate::scan::block::{BLOCK, Hit, UNREACHABLE};
use crate::scan::{ScanScratch, scan};
use crate::top_k::Candidate;
use crate::validate::{check_ids, check_lengths};
use crate::{Error, Kernel, Knn, Metric, Points, check};

/// Number of rows whose candidates share a lock.
const STRIPE: usize = 32;

/// The rows of a matrix in inverted lists: at first all in one, then as [`InvertedLists::with_lists`] distributes them.
#[derive(Debug)]
pub struct InvertedLists<'a> {
    rows: PreparedPoints<'a>,
    /// `None` where int8 cannot represent the rows: then probes compute distances.
    codes: Option<ListCodes>,
    lists: Vec<Vec<u32>>,
}

#[derive(Debug)]
struct ListCodes {
    codec: Codec,
    /// The codes of each list.
    lists: Vec<PackedCodes>,
    /// The position of each row.
    positions: Vec<Position>,
}

/// Statistics of a round of probes.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeStats {
    /// Rows whose best k candidates changed, ascending.
    pub changed: Vec<u32>,
    /// Number of pairs that were compared.
    pub compared: u64,
}

impl<'a> InvertedLists<'a> {
    /// Checks and quantizes all rows, as one list, with the kernel that the environment variable `SKERRY_KERNEL` names,
    /// else the fastest of this machine.
    ///
    /// # Errors
    ///
    /// Those of [`check`]; [`Error::UnknownKernel`] and [`Error::KernelMissing`].
    pub fn new(points: Points<'a>, metric: Metric) -> Result<Self, Error> {
        Self::with_chosen(points, metric, Kernel::choose(None)?)
    }

    /// [`InvertedLists::new`] with a given kernel.
    ///
    /// # Errors
    ///
    /// Those of [`check`]; [`Error::KernelMissing`].
    pub fn with_kernel(points: Points<'a>, metric: Metric, kernel: Kernel) -> Result<Self, Error> {
        Self::with_chosen(points, metric, Kernel::choose(Some(kernel))?)
    }

    fn with_chosen(points: Points<'a>, metric: Metric, kernel: Kernel) -> Result<Self, Error> {
        check(points, metric)?;
        let all: Vec<u32> = (0..points.n() as u32).collect();
        let rows = PreparedPoints::new(points, metric, &all, kernel);
        let codes = Codec::new(&rows, &all).map(|codec| ListCodes {
            lists: vec![codec.encode(&rows, all.clone())],
            codec,
            positions: all.iter().map(|&row| Position { list: 0, row }).collect(),
        });
        Ok(InvertedLists {
            rows,
            codes,
            lists: vec![all],
        })
    }

    /// Moves the rows to other lists; each row must be in exactly one.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`], [`Error::RepeatedRow`], and [`Error::Length`] where rows are missing.
    pub fn with_lists(self, lists: Vec<Vec<u32>>) -> Result<Self, Error> {
        let n = self.rows.points.n();
        let mut positions = vec![None; n];
        for (list, members) in lists.iter().enumerate() {
            for (row, &id) in members.iter().enumerate() {
                let position = Position {
                    list: list as u32,
                    row: row as u32,
                };
                let before = positions
                    .get_mut(id as usize)
                    .ok_or(Error::NoSuchRow {
                        row: id as usize,
                        n,
                    })?
                    .replace(position);
                if before.is_some() {
                    return Err(Error::RepeatedRow { row: id as usize });
                }
            }
        }
        let positions: Vec<Position> = positions.into_iter().flatten().collect();
        check_lengths(&[("members of inverted lists", positions.len(), n)])?;
        let codes = self.codes.map(|codes| ListCodes {
            lists: lists
                .par_iter()
                .map(|members| codes.gather(members))
                .collect(),
            codec: codes.codec,
            positions,
        });
        Ok(InvertedLists {
            rows: self.rows,
            codes,
            lists,
        })
    }

    /// The `count` of `centers` that are nearest to each of `rows`, nearest first; all centers if there are no more. Shape
    /// (rows, count), row-major. The distance is the squared Euclidean distance between row and center (under cosine, of the
    /// row at unit length) plus the `penalty` of the center; it is estimated from codes, so the order is approximate.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`]; [`Error::Length`] unless centers have as many values as rows and one penalty each.
    pub fn nearest_centers(
        &self,
        rows: &[u32],
        centers: Points<'_>,
        penalty: &[f32],
        count: usize,
    ) -> Result<Vec<u32>, Error> {
        check_ids(rows, self.rows.points.n())?;
        check_lengths(&[
            ("values of a center", centers.d(), self.rows.points.d()),
            ("penalties of centers", penalty.len(), centers.n()),
        ])?;
        let count = count.min(centers.n());
        let mut nearest = vec![0; rows.len() * count];
        if count == 0 {
            return Ok(nearest);
        }
        let ids: Vec<u32> = (0..centers.n() as u32).collect();
        let center_rows = PreparedPoints::new(centers, Metric::L2, &ids, self.rows.kernel);
        let center_codes = self.codes.as_ref().map(|codes| {
            let unit = codes.codec.unit();
            let mut center_codes = codes.codec.encode(&center_rows, ids);
            center_codes.subtract_bias(|c| 0.5 * f64::from(penalty[c]) / unit);
            (codes, center_codes)
        });
        rows.par_chunks(BLOCK)
            .with_max_len(1)
            .zip(nearest.par_chunks_mut(BLOCK * count))
            .for_each_init(ProbeScratch::default, |work, (rows, nearest)| {
                match &center_codes {
                    Some((codes, center_codes)) => {
                        codes.rank_centers(rows, center_codes, count, work);
                    }
                    None => self.rank_centers_by_distance(rows, centers, penalty, work),
                }
                for (keys, nearest) in work.keys_by_row.iter_mut().zip(nearest.chunks_mut(count)) {
                    keys.sort_unstable();
                    for (id, &key) in nearest.iter_mut().zip(keys.iter()) {
                        *id = key as u32;
                    }
                    keys.clear();
                }
            });
        Ok(nearest)
    }

    /// The keys of all centers for each of `rows`, by their distances.
    fn rank_centers_by_distance(
        &self,
        rows: &[u32],
        centers: Points<'_>,
        penalty: &[f32],
        work: &mut ProbeScratch,
    ) {
        work.keys_by_row.resize_with(BLOCK, Vec::new);
        for (&i, keys) in rows.iter().zip(&mut work.keys_by_row) {
            let (row, scale) = (
                self.rows.points.row(i as usize),
                self.rows.inverse_length(i as usize),
            );
            keys.extend((0..centers.n()).map(|c| {
                let squared = sum_f64(row, centers.row(c), |x, y| (x * scale - y).powi(2));
                distance_key(squared + f64::from(penalty[c]), c as u32)
            }));
        }
    }

    /// The rows of each list.
    pub fn lists(&self) -> &[Vec<u32>] {
        &self.lists
    }

    /// Empty candidate lists for the `k` nearest neighbors of each row.
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
        Ok(Candidates::new(n, k))
    }

    /// Compares the rows `queries_by_list[l]` with the members of list `l`, and adds each to the candidates of the other. A
    /// row that has probed a list before finds nothing new there. Progress counts queries.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] unless there are candidates for each row and queries for each list; [`Error::NoSuchRow`].
    pub fn probe(
        &self,
        queries_by_list: &[Vec<u32>],
        candidates: &mut Candidates,
        progress: ProgressCallback<'_>,
    ) -> Result<ProbeStats, Error> {
        let n = self.rows.points.n();
        let capacity = candidates.capacity;
        check_lengths(&[
            ("lists of queries", queries_by_list.len(), self.lists.len()),
            ("candidates", candidates.keys.len(), n * capacity),
        ])?;
        queries_by_list
            .iter()
            .try_for_each(|queries| check_ids(queries, n))?;
        let batches: Vec<(usize, &[u32])> = queries_by_list
            .iter()
            .enumerate()
            .flat_map(|(list, queries)| queries.chunks(BLOCK).map(move |batch| (list, batch)))
            .collect();
        let round = ProbeRound {
            lists: self,
            k: candidates.k,
            capacity,
            stripes: candidates
                .keys
                .chunks_mut(STRIPE * capacity)
                .map(Mutex::new)
                .collect(),
            changed: (0..n).map(|_| AtomicBool::new(false)).collect(),
        };
        let queries = queries_by_list.iter().map(Vec::len).sum();
        let progress = ProgressCounter::new(queries, batches.len(), progress);
        run_tasks(batches.len(), ProbeScratch::default, |work, at| {
            let (list, batch) = batches[at];
            // Where all members probe their own list, each pair is scored from both sides anyway.
            let both_sides = queries_by_list[list] != self.lists[list];
            match &self.codes {
                Some(codes) => round.probe_codes(codes, list, batch, both_sides, work),
                None => round.probe_by_distance(list, batch),
            }
            progress.increment();
        });
        let compared = queries_by_list
            .iter()
            .zip(&self.lists)
            .map(|(queries, members)| (queries.len() * members.len()) as u64)
            .sum();
        let changed = round.changed.iter().zip(0..);
        Ok(ProbeStats {
            changed: changed
                .filter_map(|(changed, row)| changed.load(Ordering::Relaxed).then_some(row))
                .collect(),
            compared,
        })
    }

    /// Re-ranks the candidates of `rows` and returns the `k` nearest of each. Where there are fewer, the other places hold
    /// [`Knn::NO_NEIGHBOR`] at infinity.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRow`].
    pub fn nearest(&self, rows: &[u32], candidates: &Candidates) -> Result<Knn, Error> {
        check_ids(rows, self.rows.points.n())?;
        let k = candidates.k;
        let mut ids = vec![Knn::NO_NEIGHBOR; rows.len() * k];
        let mut distances = vec![f32::INFINITY; rows.len() * k];
        rows.par_iter()
            .with_min_len(STRIPE)
            .zip(ids.par_chunks_mut(k).zip(distances.par_chunks_mut(k)))
            .for_each_init(
                || (Vec::new(), Vec::new(), Vec::new()),
                |(pairs, reduced, sorted), (&i, (ids, distances))| {
                    pairs.clear();
                    pairs.extend(candidates.of(i).map(|id| (i, id)));
                    rerank(&self.rows, pairs, reduced);
                    sorted.clear();
                    let found = pairs.iter().zip(reduced.iter());
                    sorted.extend(found.map(|(&(_, id), &reduced)| Candidate { reduced, id }));
                    sorted.sort_unstable_by(Candidate::order);
                    for ((id, distance), found) in ids.iter_mut().zip(distances).zip(sorted.iter())
                    {
                        *id = found.id;
                        *distance = self.rows.metric.distance(found.reduced);
                    }
                },
            );
        Ok(Knn { k, ids, distances })
    }
}

/// Buffers that a thread reuses.
#[derive(Default)]
struct ProbeScratch {
    scan: ScanScratch,
    thresholds: Vec<i32>,
    member_thresholds: Vec<i32>,
    hits: Vec<Hit>,
    keys_by_row: Vec<Vec<u64>>,
    keys_by_member: Vec<Vec<u64>>,
}

/// The mask of the first subblock of columns, with all subblocks of rows.
const FIRST_COLUMNS: u64 = 0x0101_0101_0101_0101;

impl ListCodes {
    /// Copies the codes of `rows`.
    fn gather(&self, rows: &[u32]) -> PackedCodes {
        let positions: Vec<Position> = rows
            .iter()
            .map(|&row| self.positions[row as usize])
            .collect();
        PackedCodes::gather(&self.lists, &positions, self.codec.lanes)
    }

    /// The keys of the `count` best `centers`, and of some others, for each of up to [`BLOCK`] rows.
    fn rank_centers(
        &self,
        rows: &[u32],
        centers: &PackedCodes,
        count: usize,
        work: &mut ProbeScratch,
    ) {
        let batch = self.gather(rows);
        let batch = batch.block(0);
        work.thresholds.clear();
        work.thresholds.resize(rows.len(), -UNREACHABLE);
        work.thresholds.resize(batch.padded(), UNREACHABLE);
        work.keys_by_row.resize_with(BLOCK, Vec::new);
        for b in 0..centers.blocks() {
            // A few centers set the thresholds for the others.
            let masks: &[u64] = if b == 0 {
                &[FIRST_COLUMNS, !FIRST_COLUMNS]
            } else {
                &[u64::MAX]
            };
            let block = centers.block(b);
            work.member_thresholds.clear();
            work.member_thresholds.resize(block.padded(), UNREACHABLE);
            for &mask in masks {
                work.hits.clear();
                scan(
                    self.codec.kernel,
                    &batch.side(&work.thresholds),
                    &block.side(&work.member_thresholds),
                    self.codec.lanes,
                    mask,
                    &mut work.scan,
                    &mut work.hits,
                );
                for hit in &work.hits {
                    let id = block.ids[usize::from(hit.col)];
                    work.keys_by_row[usize::from(hit.row)].push(score_key(hit.score, id));
                }
                for (keys, threshold) in work
                    .keys_by_row
                    .iter_mut()
                    .zip(&mut work.thresholds)
                    .take(rows.len())
                {
                    if keys.len() > count {
                        keys.select_nth_unstable(count - 1);
                        keys.truncate(count);
                    }
                    if keys.len() == count
                        && let Some(&last) = keys.iter().max()
                    {
                        *threshold = score_threshold(last);
                    }
                }
            }
        }
    }
}

/// A round of probes.
struct ProbeRound<'a, 'l> {
    lists: &'a InvertedLists<'a>,
    k: usize,
    /// Candidates per row.
    capacity: usize,
    /// The candidates of [`STRIPE`] rows each.
    stripes: Vec<Mutex<&'l mut [u64]>>,
    changed: Vec<AtomicBool>,
}

impl ProbeRound<'_, '_> {
    /// Inserts keys, in ascending order, into the candidates of a row, and returns the last candidate.
    fn insert(&self, row: u32, keys: &[u64]) -> u64 {
        let mut stripe = self.stripes[row as usize / STRIPE]
            .lock()
            .expect("no thread panics while it holds a list");
        let list = &mut stripe[row as usize % STRIPE * self.capacity..][..self.capacity];
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

    /// Compares up to [`BLOCK`] queries with a list by their codes; members get candidates, too, if `both_sides`.
    fn probe_codes(
        &self,
        codes: &ListCodes,
        list: usize,
        queries: &[u32],
        both_sides: bool,
        work: &mut ProbeScratch,
    ) {
        let batch = codes.gather(queries);
        let batch = batch.block(0);
        self.read_thresholds(queries, batch.padded(), &mut work.thresholds);
        work.keys_by_row.resize_with(BLOCK, Vec::new);
        work.keys_by_member.resize_with(BLOCK, Vec::new);
        let members = &codes.lists[list];
        for b in 0..members.blocks() {
            let block = members.block(b);
            let members = if both_sides { block.ids } else { &[] };
            self.read_thresholds(members, block.padded(), &mut work.member_thresholds);
            work.hits.clear();
            scan(
                codes.codec.kernel,
                &batch.side(&work.thresholds),
                &block.side(&work.member_thresholds),
                codes.codec.lanes,
                u64::MAX,
                &mut work.scan,
                &mut work.hits,
            );
            for hit in &work.hits {
                let (row, col) = (usize::from(hit.row), usize::from(hit.col));
                let (query, member) = (queries[row], block.ids[col]);
                if query == member {
                    continue;
                }
                if hit.score >= work.thresholds[row] {
                    work.keys_by_row[row].push(score_key(hit.score, member));
                }
                if hit.score >= work.member_thresholds[col] {
                    work.keys_by_member[col].push(score_key(hit.score, query));
                }
            }
            self.insert_all(
                members,
                &mut work.keys_by_member,
                &mut work.member_thresholds,
            );
            self.insert_all(queries, &mut work.keys_by_row, &mut work.thresholds);
        }
    }

    /// The present thresholds of `rows`, with padding that no pair reaches.
    fn read_thresholds(&self, rows: &[u32], padded: usize, thresholds: &mut Vec<i32>) {
        thresholds.clear();
        thresholds.extend(
            rows.iter()
                .map(|&row| score_threshold(self.insert(row, &[]))),
        );
        thresholds.resize(padded, UNREACHABLE);
    }

    /// Inserts the keys found for each of `rows` and updates its threshold.
    fn insert_all(&self, rows: &[u32], found: &mut [Vec<u64>], thresholds: &mut [i32]) {
        for ((&row, keys), threshold) in rows.iter().zip(found).zip(thresholds) {
            if keys.is_empty() {
                continue;
            }
            if keys.len() > self.capacity {
                keys.select_nth_unstable(self.capacity - 1);
                keys.truncate(self.capacity);
            }
            keys.sort_unstable();
            *threshold = score_threshold(self.insert(row, keys));
            keys.clear();
        }
    }

    /// Compares queries with a list by the distances of all pairs.
    fn probe_by_distance(&self, list: usize, queries: &[u32]) {
        let rows = &self.lists.rows;
        for &i in queries {
            let others = self.lists.lists[list].iter().filter(|&&j| j != i);
            let mut keys: Vec<u64> = others
                .map(|&j| {
                    let reduced = rows.reduced_distance(i as usize, j as usize);
                    self.insert(j, &[distance_key(reduced, i)]);
                    distance_key(reduced, j)
                })
                .collect();
            keys.sort_unstable();
            self.insert(i, &keys);
        }
    }
}
