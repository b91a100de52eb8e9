//! An order of the rows in which near rows are in the same block.
//!
//! Rows are split in two again and again along the line between two means of a sample, down to [`LEAF`] rows (a two-means
//! tree; compare the trees of Dasgupta and Freund 2008). The rows of a block are then mostly in one cluster, so their
//! thresholds tighten within the first block, and in few dimensions whole blocks exclude each other.
//!
//! Cost: one product per row and level, `n d log2(n / LEAF)` in all.

use crate::prepared_points::PreparedPoints;
use crate::rerank::project;
use crate::scan::block::{BLOCK, SUBBLOCK};

/// Number of rows that are not split.
const LEAF: usize = SUBBLOCK;
/// Number of rows from which the direction of a split is computed.
const SAMPLE: usize = 512;
/// Iterations of two-means.
const ITERATIONS: usize = 4;

/// The rows `members` with near rows in the same block; the same order on any number of threads.
pub(crate) fn block_order(rows: &PreparedPoints<'_>, members: &[u32]) -> Vec<u32> {
    let mut keyed: Vec<(f32, u32)> = members.iter().map(|&id| (0.0, id)).collect();
    split(rows, &mut keyed);
    keyed.into_iter().map(|(_, id)| id).collect()
}

fn split(rows: &PreparedPoints<'_>, keyed: &mut [(f32, u32)]) {
    if keyed.len() <= LEAF {
        // Ties are broken by id, so smaller ids should come first.
        keyed.sort_unstable_by_key(|&(_, id)| id);
        return;
    }
    let direction = direction(rows, keyed);
    project(rows, &direction, keyed);
    // Blocks are filled, so that only the last one is short.
    let unit = if keyed.len() > BLOCK { BLOCK } else { LEAF };
    let middle = (keyed.len() / 2)
        .div_ceil(unit)
        .min((keyed.len() - 1) / unit)
        * unit;
    keyed.select_nth_unstable_by(middle, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (low, high) = keyed.split_at_mut(middle);
    rayon::join(|| split(rows, low), || split(rows, high));
}

/// The difference of two means of a sample.
fn direction(rows: &PreparedPoints<'_>, keyed: &[(f32, u32)]) -> Vec<f32> {
    let d = rows.points.d();
    let count = SAMPLE.min(keyed.len() / 4).max(1);
    let sample: Vec<u32> = (0..count)
        .map(|s| keyed[s * keyed.len() / count].1)
        .collect();
    let farthest = |from: u32| {
        let distance = |&id: &u32| rows.distance(from as usize, id as usize);
        sample
            .iter()
            .copied()
            .max_by(|a, b| distance(a).total_cmp(&distance(b)).then(a.cmp(b)))
            .unwrap_or(from)
    };
    let one = farthest(sample[0]);
    let other = farthest(one);
    let mut direction = vec![0.0; d];
    rows.add_scaled(&mut direction, other as usize, 1.0);
    rows.add_scaled(&mut direction, one as usize, -1.0);
    // Two-means: the halves of the sample on this line, and the line between their means.
    let mut projected: Vec<(f32, u32)> = sample.iter().map(|&id| (0.0, id)).collect();
    for _ in 0..ITERATIONS {
        project(rows, &direction, &mut projected);
        let middle = projected.iter().map(|&(at, _)| at).sum::<f32>() / count as f32;
        let above = projected.iter().filter(|&&(at, _)| at > middle).count();
        if above == 0 || above == count {
            break;
        }
        direction.fill(0.0);
        for &(at, id) in &projected {
            let weight = if at > middle {
                1.0 / above as f32
            } else {
                -1.0 / (count - above) as f32
            };
            rows.add_scaled(&mut direction, id as usize, weight);
        }
    }
    direction
}
