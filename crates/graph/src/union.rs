//! The union of the lists: an undirected graph in compressed rows.

use crate::Lists;

/// The undirected graph with an edge where either end lists the other, as compressed sparse rows.
///
/// Row i holds the neighbors of i in ascending order of id; each edge stands in the rows of both its
/// ends with the same distance. Where both ends list each other with different distances (a foreign
/// file) the smaller counts. Takes O(n k) time beside one sort a row, and 8 bytes an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Union {
    offsets: Vec<usize>,
    ids: Vec<u32>,
    distances: Vec<f32>,
}

impl Union {
    /// The union graph of `lists`.
    pub fn new(lists: &Lists<'_>) -> Self {
        let n = lists.n();
        // Both directions of every listed pair; pairs listed from both ends stand twice for now.
        let mut offsets = vec![0_usize; n + 1];
        for i in 0..n {
            offsets[i + 1] += lists.k();
            for &j in lists.row(i).0 {
                offsets[j as usize + 1] += 1;
            }
        }
        for i in 0..n {
            offsets[i + 1] += offsets[i];
        }
        let mut entries = vec![(0_u32, 0.0_f32); offsets[n]];
        let mut at = offsets.clone();
        for i in 0..n {
            let (ids, distances) = lists.row(i);
            for (&j, &distance) in ids.iter().zip(distances) {
                entries[at[i]] = (j, distance);
                at[i] += 1;
                entries[at[j as usize]] = (i as u32, distance);
                at[j as usize] += 1;
            }
        }
        let (mut ids, mut distances) = (
            Vec::with_capacity(entries.len()),
            Vec::with_capacity(entries.len()),
        );
        let mut ends = Vec::with_capacity(n + 1);
        ends.push(0);
        for i in 0..n {
            let row = &mut entries[offsets[i]..offsets[i + 1]];
            row.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            let mut last = None;
            for &(j, distance) in row.iter() {
                if last != Some(j) {
                    ids.push(j);
                    distances.push(distance);
                    last = Some(j);
                }
            }
            ends.push(ids.len());
        }
        ids.shrink_to_fit();
        distances.shrink_to_fit();
        Self {
            offsets: ends,
            ids,
            distances,
        }
    }

    /// The number of points.
    pub fn n(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The number of undirected edges.
    pub fn edges(&self) -> usize {
        self.ids.len() / 2
    }

    /// The neighbors of point `i`, ascending by id, and their distances.
    pub fn row(&self, i: usize) -> (&[u32], &[f32]) {
        let range = self.offsets[i]..self.offsets[i + 1];
        (&self.ids[range.clone()], &self.distances[range])
    }
}
