//! `neighbors.parquet`: the kNN graph of the documents.

use std::path::Path;

use arrow::buffer::ScalarBuffer;
use knn_graph::{KnnGraph, KnnView};

use crate::columns::Columns;
use crate::contract::{Artifact, Column};
use crate::fixed::FixedFile;
use crate::table::{Stored, Table};
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
        KnnView::new(&value.ids, &value.distances, value.k).map_err(|error| fault(path, error))?;
        Ok(Stored {
            value,
            footer: file.footer,
        })
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

/// The error for a file whose lists are not a valid kNN graph.
fn fault(path: &Path, error: knn_graph::Error) -> Error {
    use knn_graph::Error as Fault;
    let (row, fault) = match error {
        Fault::UnknownNeighbor { row, neighbor, n } => (
            row,
            format!("neighbor id {neighbor} is out of range: there are {n} documents"),
        ),
        Fault::ListsItself { row } => (row, "the document lists itself as a neighbor".to_owned()),
        Fault::ListedTwice { row, neighbor } => {
            (row, format!("neighbor {neighbor} is listed twice"))
        }
        Fault::BadDistance {
            row,
            neighbor,
            distance,
        } => (
            row,
            format!("the distance to {neighbor} is {distance}, which is not finite"),
        ),
        Fault::NotAscending { row, before, after } => (
            row,
            format!("distance {after} follows {before}, but the order is nearest first"),
        ),
        other => return Error::shape(path, other.to_string()),
    };
    Error::row(path, row, fault)
}

/// Moves the arrays, which [`Neighbors::read`] has already checked.
impl From<Neighbors> for KnnGraph {
    fn from(neighbors: Neighbors) -> Self {
        Self::from_checked(neighbors.ids, neighbors.distances, neighbors.k)
    }
}
