//! An order of the rows in which near rows stand near each other.
//!
//! Rows are halved again and again along the line between two means of a sample, down to [`LEAF`] rows (a two-means
//! tree; compare the trees of Dasgupta and Freund 2008). Rows of one block then mostly lie in one cluster, so their
//! thresholds tighten within the first block, and in few dimensions whole blocks are out of reach of each other.
//!
//! Cost: one product with a row for each level, `n d log2(n / LEAF)` in all.

use crate::plain::Rows;
use crate::screen::{CELL, PATCH};

/// Rows that are not halved any more.
const LEAF: usize = PATCH;
/// Rows that the direction of a cut is taken from.
const SAMPLE: usize = 512;
/// Steps of two-means.
const STEPS: usize = 4;

/// The rows `members`, near ones near each other; the same order on any number of threads.
pub(crate) fn order(rows: &Rows<'_>, members: &[u32]) -> Vec<u32> {
    let mut keyed: Vec<(f32, u32)> = members.iter().map(|&id| (0.0, id)).collect();
    halve(rows, &mut keyed);
    keyed.into_iter().map(|(_, id)| id).collect()
}

fn halve(rows: &Rows<'_>, keyed: &mut [(f32, u32)]) {
    if keyed.len() <= LEAF {
        // Ties are broken by id, so the smaller ids had better come first.
        keyed.sort_unstable_by_key(|&(_, id)| id);
        return;
    }
    let direction = direction(rows, keyed);
    rows.project(&direction, keyed);
    // Blocks are filled up, so that only the last one is short.
    let unit = if keyed.len() > CELL { CELL } else { LEAF };
    let middle = (keyed.len() / 2)
        .div_ceil(unit)
        .min((keyed.len() - 1) / unit)
        * unit;
    keyed.select_nth_unstable_by(middle, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (low, high) = keyed.split_at_mut(middle);
    rayon::join(|| halve(rows, low), || halve(rows, high));
}

/// From one mean of a sample to the other.
fn direction(rows: &Rows<'_>, keyed: &[(f32, u32)]) -> Vec<f32> {
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
    rows.add_to(&mut direction, other as usize, 1.0);
    rows.add_to(&mut direction, one as usize, -1.0);
    // Two-means: the halves of the sample on this line, and the line between their means.
    let mut along: Vec<(f32, u32)> = sample.iter().map(|&id| (0.0, id)).collect();
    for _ in 0..STEPS {
        rows.project(&direction, &mut along);
        let middle = along.iter().map(|&(at, _)| at).sum::<f32>() / count as f32;
        let above = along.iter().filter(|&&(at, _)| at > middle).count();
        if above == 0 || above == count {
            break;
        }
        direction.fill(0.0);
        for &(at, id) in &along {
            let share = if at > middle {
                1.0 / above as f32
            } else {
                -1.0 / (count - above) as f32
            };
            rows.add_to(&mut direction, id as usize, share);
        }
    }
    direction
}
