//! Anchors of the names, the densest spot of each cluster, and the pairs of clusters that touch, for their colors.
//!
//! Both count points over grids in O(n), independent of the number of threads.

use std::collections::BTreeMap;

/// Two clusters that touch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contact {
    /// The smaller cluster id.
    pub a: usize,
    /// The larger cluster id.
    pub b: usize,
    /// Share of the cluster with fewer points that is at the common border, 0 to 1.
    pub weight: f64,
}

/// A box: left, bottom, right, top.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The smallest x.
    pub left: f32,
    /// The smallest y.
    pub bottom: f32,
    /// The largest x.
    pub right: f32,
    /// The largest y.
    pub top: f32,
}

impl Bounds {
    /// The bounding box of all points; with side 0 if there are none.
    pub fn of(points: impl Iterator<Item = (f32, f32)>) -> Self {
        let nothing = Self {
            left: f32::INFINITY,
            bottom: f32::INFINITY,
            right: f32::NEG_INFINITY,
            top: f32::NEG_INFINITY,
        };
        let all = points.fold(nothing, |all, (x, y)| Self {
            left: all.left.min(x),
            bottom: all.bottom.min(y),
            right: all.right.max(x),
            top: all.top.max(y),
        });
        if all.left <= all.right {
            all
        } else {
            Self {
                left: 0.0,
                bottom: 0.0,
                right: 0.0,
                top: 0.0,
            }
        }
    }

    /// The longer side, never 0.
    pub fn side(&self) -> f32 {
        (self.right - self.left)
            .max(self.top - self.bottom)
            .max(1e-9)
    }
}

/// The rows of each of `k` clusters, ascending; rows of other clusters are left out.
pub fn members(cluster: &[i32], k: usize) -> Vec<Vec<u32>> {
    let mut members = vec![Vec::new(); k];
    for (row, &cluster) in cluster.iter().enumerate() {
        if let Some(list) = usize::try_from(cluster)
            .ok()
            .and_then(|cluster| members.get_mut(cluster))
        {
            list.push(row as u32);
        }
    }
    members
}

/// The densest spot of `rows`: the mean of the points in and around the fullest cell of a grid over them.
pub fn anchor(x: &[f32], y: &[f32], rows: &[u32]) -> (f32, f32) {
    let point = |row: u32| (x[row as usize], y[row as usize]);
    let bounds = Bounds::of(rows.iter().map(|&row| point(row)));
    // About ten points per cell if they are spread evenly: fewer would be too noisy.
    let size = ((rows.len() as f64 / 10.0).sqrt().ceil() as usize).clamp(1, 64);
    let cell = bounds.side() / size as f32 * 1.000_01;
    let cell_of = |row: u32| {
        let (x, y) = point(row);
        let at = |from: f32, to: f32| (((to - from) / cell) as usize).min(size - 1);
        (at(bounds.left, x), at(bounds.bottom, y))
    };
    let mut counts = vec![0u32; size * size];
    for &row in rows {
        let (column, line) = cell_of(row);
        counts[line * size + column] += 1;
    }
    let around = |column: usize, line: usize| -> u32 {
        (line.saturating_sub(1)..=(line + 1).min(size - 1))
            .flat_map(|line| {
                (column.saturating_sub(1)..=(column + 1).min(size - 1))
                    .map(move |column| (line, column))
            })
            .map(|(l, c)| counts[l * size + c] * if (l, c) == (line, column) { 2 } else { 1 })
            .sum()
    };
    let fullest = (0..size * size)
        .max_by_key(|&at| (around(at % size, at / size), std::cmp::Reverse(at)))
        .unwrap_or(0);
    let near = |row: &&u32| {
        let (column, line) = cell_of(**row);
        column.abs_diff(fullest % size) <= 1 && line.abs_diff(fullest / size) <= 1
    };
    let (mut sum_x, mut sum_y, mut count) = (0.0f64, 0.0f64, 0u32);
    for &row in rows.iter().filter(near) {
        let (x, y) = point(row);
        sum_x += f64::from(x);
        sum_y += f64::from(y);
        count += 1;
    }
    if count == 0 {
        (0.0, 0.0)
    } else {
        (
            (sum_x / f64::from(count)) as f32,
            (sum_y / f64::from(count)) as f32,
        )
    }
}

/// The mean distance of `rows` from `from`.
pub fn reach(x: &[f32], y: &[f32], rows: &[u32], from: (f32, f32)) -> f32 {
    let distance =
        |&row: &u32| f64::from((x[row as usize] - from.0).hypot(y[row as usize] - from.1));
    (rows.iter().map(distance).sum::<f64>() / rows.len().max(1) as f64) as f32
}

/// The pairs of clusters with points in the same or in adjacent cells of a grid over the map.
pub fn contacts(x: &[f32], y: &[f32], cluster: &[i32], sizes: &[usize]) -> Vec<Contact> {
    let bounds = Bounds::of(x.iter().copied().zip(y.iter().copied()));
    let cells = 160usize;
    let cell = bounds.side() / cells as f32 * 1.000_01;
    let mut held: BTreeMap<(usize, usize), BTreeMap<usize, u32>> = BTreeMap::new();
    for ((&x, &y), &cluster) in x.iter().zip(y).zip(cluster) {
        let Ok(cluster) = usize::try_from(cluster) else {
            continue;
        };
        let at = (
            ((y - bounds.bottom) / cell) as usize,
            ((x - bounds.left) / cell) as usize,
        );
        *held.entry(at).or_default().entry(cluster).or_default() += 1;
    }
    let mut shared: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for (&(line, column), here) in &held {
        // Half of the eight adjacent cells: the other half count this cell as their neighbor.
        for (l, c) in [(0, 0), (0, 1), (1, 0), (1, 1), (1, usize::MAX)] {
            let Some(there) = held.get(&(line + l, column.wrapping_add(c))) else {
                continue;
            };
            for (&a, &count_a) in here {
                for (&b, &count_b) in there.iter().filter(|&(&b, _)| a != b) {
                    *shared.entry((a.min(b), a.max(b))).or_default() +=
                        f64::from(count_a.min(count_b));
                }
            }
        }
    }
    shared
        .into_iter()
        .map(|((a, b), count)| {
            let smaller = sizes[a].min(sizes[b]).max(1) as f64;
            Contact {
                a,
                b,
                weight: (4.0 * count / smaller).min(1.0),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_anchor_is_the_densest_point_not_the_mean() {
        let mut x = vec![0.0; 90];
        x.extend((0..30).map(|at| 10.0 + at as f32));
        let y = vec![0.0; x.len()];
        let rows: Vec<u32> = (0..x.len() as u32).collect();
        let (at, _) = anchor(&x, &y, &rows);
        assert!(at < 8.0, "{at}");
        assert_eq!(anchor(&x, &y, &[5]), (0.0, 0.0));
        assert_eq!(anchor(&x, &y, &[]), (0.0, 0.0));
    }

    #[test]
    fn adjacent_clusters_are_neighbors_and_distant_ones_are_not() {
        let x = [0.0, 0.01, 0.02, 0.03, 9.0, 9.01];
        let y = [0.0; 6];
        let found = contacts(&x, &y, &[0, 0, 1, 1, 2, -1], &[2, 2, 1]);
        assert_eq!(
            found
                .iter()
                .map(|contact| (contact.a, contact.b))
                .collect::<Vec<_>>(),
            [(0, 1)]
        );
    }

    #[test]
    fn noise_rows_are_not_members() {
        assert_eq!(members(&[1, -1, 0, 1, 7], 2), [vec![2], vec![0, 3]]);
    }
}
