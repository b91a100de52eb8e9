//! `neighbors.parquet`: the kNN graph of the documents.

use std::path::Path;

use arrow::buffer::ScalarBuffer;
use knn_graph::KnnGraph;

use crate::contract::{Artifact, Column};
use crate::fixed::FixedFile;
use crate::table::{Columns, Stored, Table};
use crate::{Error, Fact, Facts, Footer, NeighborsFacts};

const NEIGHBOR_IDS: Column = Column::new(
    "neighbor_ids",
    "fixed_size_list<uint32>[k]",
    "Nearest first by distances before rounding, ties by the smaller id; the document itself is not listed.",
);
const DISTANCES: Column = Column::new(
    "distances",
    "fixed_size_list<float>[k]",
    "Distances in the unit of the metric: L2 is the Euclidean distance (not squared), cosine is 1 - cos, ip is 1 - inner product.",
);

/// The k nearest neighbors of each of n documents, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbors {
    /// Number of neighbors per row.
    pub k: usize,
    /// n x k ids: nearest first by distances before rounding, ties by the smaller id, without the document itself.
    pub ids: Vec<u32>,
    /// n x k distances in the unit of the metric; no row decreases.
    pub distances: Vec<f32>,
}

impl Artifact for Neighbors {
    const KIND: &'static str = "neighbors";
    const VERSION: u32 = 1;
    const FILE: &'static str = "neighbors.parquet";
    const ABOUT: &'static str =
        "the k nearest other documents of each document; the footer names the metric";
    const WRITER: &'static str = "knn";
    const COLUMNS: &'static [Column] = &[Column::ID, NEIGHBOR_IDS, DISTANCES];
    const FACTS: &'static [Fact] = NeighborsFacts::FIELDS;
}

impl Neighbors {
    /// The number of documents.
    pub fn len(&self) -> usize {
        self.ids.len().checked_div(self.k).unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The neighbors of document `i` and their distances.
    pub fn row(&self, i: usize) -> (&[u32], &[f32]) {
        let range = i * self.k..(i + 1) * self.k;
        (&self.ids[range.clone()], &self.distances[range])
    }

    /// Sets distances between -1e-6 and 0, which rounding of `1 - cos` gives for equal vectors in files of other programs, to
    /// zero; returns their number.
    pub fn clamp_rounding_errors(&mut self) -> usize {
        let mut settled = 0;
        for distance in &mut self.distances {
            if (-1e-6..0.0).contains(distance) {
                *distance = 0.0;
                settled += 1;
            }
        }
        settled
    }

    /// Reads the file at `path` and checks every row: valid and distinct ids, not the row itself, nearest first, finite.
    pub fn read(path: &Path) -> Result<Stored<Self>, Error> {
        let file = FixedFile::open(path, Self::KIND, Self::VERSION)?;
        Table::read_only(path, &[Column::ID.name])?.check_row_numbers(false)?;
        let neighbors = file.lists::<u32>(NEIGHBOR_IDS.name)?;
        let mut distances = file.lists::<f32>(DISTANCES.name)?;
        // Normalize negative zero, because readers may order distances by their bits.
        for distance in &mut distances.values {
            *distance += 0.0;
        }
        if neighbors.values.is_empty() {
            return Err(Error::shape(path, "it holds no rows"));
        }
        if neighbors.width != distances.width || neighbors.width == 0 {
            let fault = format!(
                "{} neighbors but {} distances per row",
                neighbors.width, distances.width
            );
            return Err(Error::shape(path, fault));
        }
        let value = Self {
            k: neighbors.width,
            ids: neighbors.values,
            distances: distances.values,
        };
        value.check(path)?;
        Ok(Stored {
            value,
            footer: file.footer,
        })
    }

    fn check(&self, path: &Path) -> Result<(), Error> {
        let n = self.len();
        // The last row that listed each id, which finds repeated ids without sorting.
        let mut listed_by = vec![u32::MAX; n];
        for i in 0..n {
            let (ids, distances) = self.row(i);
            for (at, (&id, &distance)) in ids.iter().zip(distances).enumerate() {
                let fault = if id as usize >= n {
                    format!("neighbor id {id} is out of range: there are {n} documents")
                } else if id as usize == i {
                    "the document lists itself as a neighbor".to_owned()
                } else if listed_by[id as usize] == i as u32 {
                    format!("neighbor {id} is listed twice")
                } else if !distance.is_finite() {
                    format!("the distance to {id} is {distance}, which is not finite")
                } else if at > 0 && distance < distances[at - 1] {
                    format!(
                        "distance {distance} to {id} follows {}, but the order is nearest first",
                        distances[at - 1]
                    )
                } else {
                    listed_by[id as usize] = i as u32;
                    continue;
                };
                return Err(Error::row(path, i, fault));
            }
        }
        Ok(())
    }

    /// Writes the file; the lists are stored as in memory.
    pub fn write(self, path: &Path, footer: &Footer) -> Result<(), Error> {
        let mut columns = Columns::default();
        columns.ids(self.len());
        columns.fixed_lists(NEIGHBOR_IDS.name, ScalarBuffer::from(self.ids), self.k);
        columns.fixed_lists(DISTANCES.name, ScalarBuffer::from(self.distances), self.k);
        columns.write(path, Self::KIND, Self::VERSION, footer)
    }
}

/// Moves the arrays, which [`Neighbors::read`] has already checked.
impl From<Neighbors> for KnnGraph {
    fn from(neighbors: Neighbors) -> Self {
        Self::from_checked(neighbors.ids, neighbors.distances, neighbors.k)
    }
}
