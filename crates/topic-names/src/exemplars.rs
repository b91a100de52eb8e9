//! Exemplars: the texts nearest to the core of a cluster.
//!
//! The core is the mean vector of the points that the clustering names as exemplars (the points that stay longest in the
//! cluster), or of all its points where it names none. Points are ranked by their cosine to it. Sums run in row order, in
//! f64. Takes O(size x dimension) per cluster.

use std::cmp::Ordering;

/// The `most` rows of `members` nearest to the mean of `core`, nearest first, ties by the smaller row.
///
/// `row` returns the vector of a row, `same` whether two rows have the same text; of equal texts only the first is kept.
pub fn nearest_to_core<'a>(
    members: &[u32],
    core: &[u32],
    most: usize,
    row: impl Fn(u32) -> &'a [f32],
    same: impl Fn(u32, u32) -> bool,
) -> Vec<i64> {
    let core = if core.is_empty() { members } else { core };
    let Some(&first) = core.first() else {
        return Vec::new();
    };
    let mut center = vec![0.0_f64; row(first).len()];
    for &point in core {
        for (sum, &value) in center.iter_mut().zip(row(point)) {
            *sum += f64::from(value);
        }
    }
    let mut ranked: Vec<(f64, u32)> = members
        .iter()
        .map(|&point| (cosine(&center, row(point)), point))
        .collect();
    ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    distinct(ranked.into_iter().map(|(_, point)| point), most, same)
}

/// The `most` rows of `members` with the highest probability, ties by the smaller row: where there are no vectors.
pub fn most_probable(
    members: &[u32],
    probability: &[f32],
    most: usize,
    same: impl Fn(u32, u32) -> bool,
) -> Vec<i64> {
    let mut ranked = members.to_vec();
    let falling =
        |a: &u32, b: &u32| probability[*b as usize].partial_cmp(&probability[*a as usize]);
    ranked.sort_unstable_by(|a, b| falling(a, b).unwrap_or(Ordering::Equal).then(a.cmp(b)));
    distinct(ranked.into_iter(), most, same)
}

fn distinct(
    ranked: impl Iterator<Item = u32>,
    most: usize,
    same: impl Fn(u32, u32) -> bool,
) -> Vec<i64> {
    let mut kept: Vec<u32> = Vec::with_capacity(most);
    for point in ranked {
        if kept.len() == most {
            break;
        }
        if !kept.iter().any(|&other| same(other, point)) {
            kept.push(point);
        }
    }
    kept.into_iter().map(i64::from).collect()
}

/// The cosine of `a` and `b`; 0 where one has no length.
fn cosine(a: &[f64], b: &[f32]) -> f64 {
    let (mut dot, mut a_square, mut b_square) = (0.0, 0.0, 0.0);
    for (&x, &y) in a.iter().zip(b) {
        let y = f64::from(y);
        dot += x * y;
        a_square += x * x;
        b_square += y * y;
    }
    let length = (a_square * b_square).sqrt();
    if length == 0.0 { 0.0 } else { dot / length }
}
