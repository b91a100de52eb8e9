//! Brute-force search: the reduced distance of every pair, without quantization.
//!
//! All kernels are tested against it, and it searches where quantization does not pay (few rows) or cannot work (values
//! out of the range of int8 codes).
//!
//! Cost: one distance for each pair of a query and a candidate.

use rayon::prelude::*;

use crate::ProgressCallback;
use crate::prepared_points::PreparedPoints;
use crate::rerank::rerank;
use crate::top_k::{Candidate, NeighborLists, ReducedDistance};

/// Queries that share one pass over a block of candidates.
const QUERIES: usize = 16;
/// Candidates of one block: with d = 1024 they fill half of a second-level cache.
const CANDIDATES: usize = 128;

/// The `k` nearest of `candidates` to each of `queries`, without the query itself, as rows of `ids` and `reduced`.
pub(crate) fn search(
    rows: &PreparedPoints<'_>,
    queries: &[u32],
    candidates: &[u32],
    k: usize,
    ids: &mut [u32],
    reduced: &mut [ReducedDistance],
    progress: ProgressCallback<'_>,
) {
    queries
        .par_chunks(QUERIES)
        .zip(
            ids.par_chunks_mut(QUERIES * k)
                .zip(reduced.par_chunks_mut(QUERIES * k)),
        )
        .for_each(|(queries, (ids, reduced))| {
            let mut lists = NeighborLists::new(k, ids, reduced);
            let mut pairs = Vec::with_capacity(CANDIDATES);
            let mut distances = Vec::with_capacity(CANDIDATES);
            for candidates in candidates.chunks(CANDIDATES) {
                for (list, &i) in queries.iter().enumerate() {
                    pairs.clear();
                    pairs.extend(candidates.iter().filter(|&&j| i != j).map(|&j| (i, j)));
                    rerank(rows, &pairs, &mut distances);
                    for (&(_, id), &reduced) in pairs.iter().zip(&distances) {
                        lists.push(list, Candidate { reduced, id });
                    }
                }
            }
            progress(queries.len() as u64);
        });
}
