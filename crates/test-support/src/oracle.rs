//! Naive implementations in `f64`, as oracles for faster code.

/// `<a, b>`.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(&x, &y)| f64::from(x) * f64::from(y))
        .sum()
}

/// `1 - cos(a, b)`.
pub fn cosine_distance(a: &[f32], b: &[f32]) -> f64 {
    1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// `|a - b|`.
pub fn euclidean(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2))
        .sum::<f64>()
        .sqrt()
}

/// `1 - <a, b>`.
pub fn inner_product_distance(a: &[f32], b: &[f32]) -> f64 {
    1.0 - dot(a, b)
}

/// The k nearest of `candidates` to row `i`, without the row itself: distances with ids, nearest first, ties by id. Fewer
/// than k if there are not that many candidates.
pub fn nearest(
    i: u32,
    candidates: impl IntoIterator<Item = u32>,
    k: usize,
    distance: impl Fn(u32, u32) -> f64,
) -> Vec<(f64, u32)> {
    let mut all: Vec<(f64, u32)> = candidates
        .into_iter()
        .filter(|&j| j != i)
        .map(|j| (distance(i, j), j))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    all.truncate(k);
    all
}

/// The ascending weights of the minimum spanning tree of all mutual reachability distances, by Prim's algorithm on the full
/// matrix of Euclidean distances. `values` are rows of `d` values; the core distance of a row is its distance to the
/// `min_samples`-th other row. Takes O(n²) memory and O(n² (d + log n)) time.
///
/// # Panics
///
/// If there are no more than `min_samples` rows.
pub fn mst_weights(values: &[f32], d: usize, min_samples: usize) -> Vec<f64> {
    let rows: Vec<&[f32]> = values.chunks_exact(d).collect();
    let n = rows.len();
    let mut matrix = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..i {
            let distance = euclidean(rows[i], rows[j]);
            matrix[i * n + j] = distance;
            matrix[j * n + i] = distance;
        }
    }
    let core: Vec<f64> = matrix
        .chunks(n)
        .map(|distances| {
            let mut distances = distances.to_vec();
            distances.sort_by(f64::total_cmp);
            // The row itself is the first, at distance 0.
            distances[min_samples]
        })
        .collect();
    let mut in_tree = vec![false; n];
    let mut reach = vec![f64::INFINITY; n];
    let mut weights = Vec::with_capacity(n - 1);
    let mut last = 0;
    for _ in 1..n {
        in_tree[last] = true;
        for (j, reach) in reach.iter_mut().enumerate() {
            *reach = reach.min(matrix[last * n + j].max(core[last]).max(core[j]));
        }
        last = (0..n)
            .filter(|&j| !in_tree[j])
            .min_by(|&a, &b| reach[a].total_cmp(&reach[b]))
            .expect("fewer than n rows are in the tree");
        weights.push(reach[last]);
    }
    weights.sort_by(f64::total_cmp);
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_follow_their_definitions() {
        let (a, b) = ([3.0, 4.0], [4.0, 3.0]);
        assert_eq!(cosine_distance(&a, &b), 1.0 - 24.0 / 25.0);
        assert_eq!(euclidean(&a, &b), 2f64.sqrt());
        assert_eq!(inner_product_distance(&a, &b), -23.0);
    }

    #[test]
    fn ties_are_ordered_by_id() {
        let at = [0.0f64, 1.0, -1.0, 3.0];
        let distance = |i: u32, j: u32| (at[i as usize] - at[j as usize]).abs();
        let found = nearest(0, [3, 2, 1, 0], 3, distance);
        assert_eq!(found, [(1.0, 1), (1.0, 2), (3.0, 3)]);
    }

    #[test]
    fn the_tree_of_points_on_a_line() {
        let at = [0.0, 1.0, 3.0, 7.0];
        // Gaps, as the nearest other row is never farther than the gap.
        assert_eq!(mst_weights(&at, 1, 1), [1.0, 2.0, 4.0]);
        // Core distances 3, 2, 3, 6.
        assert_eq!(mst_weights(&at, 1, 2), [3.0, 3.0, 6.0]);
    }
}
