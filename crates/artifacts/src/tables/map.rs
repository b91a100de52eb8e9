//! `map.parquet`: the main columns of all stages, one row per document.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Float32Array, Int64Array, LargeStringArray, RecordBatch, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::Field;

use crate::columns::Columns;
use crate::contract::{Artifact, Column};
use crate::declare::list;
use crate::{Error, Footer, Neighbors};

const X: Column = Column::new("x", "float", "Position, to the right.");
const Y: Column = Column::new("y", "float", "Position, upwards.");
const TEXT: Column = Column::new("text", "large_utf8", "Text.");
const CLUSTER: Column = Column::new("cluster", "int32", "Cluster; -1 for noise.");
const LABEL: Column = Column::new("label", "utf8", "Name of the cluster; empty for noise.");
const PROBABILITY: Column = Column::new("probability", "float", "As in clusters.");
const OUTLIER_SCORE: Column = Column::new("outlier_score", "float", "As in clusters.");
const NEIGHBORS: Column = Column::new(
    "neighbors",
    "struct<ids: list<int64>, distances: list<float>>",
    "Nearest neighbors, as Embedding Atlas reads them (only if they were given).",
);

/// Everything about a document in one row, for other tools. Written only.
#[derive(Debug)]
pub struct Map<'a> {
    /// Position, to the right.
    pub x: &'a [f32],
    /// Position, upwards.
    pub y: &'a [f32],
    /// The text.
    pub text: &'a LargeStringArray,
    /// The cluster.
    pub cluster: &'a [i32],
    /// The name of the cluster, empty for noise.
    pub name: Vec<&'a str>,
    /// Membership probability.
    pub probability: &'a [f32],
    /// GLOSH outlier score.
    pub outlier_score: &'a [f32],
    /// Its nearest neighbors, if they were given.
    pub neighbors: Option<&'a Neighbors>,
    /// The other columns of the source.
    pub columns: &'a RecordBatch,
}

impl Artifact for Map<'_> {
    const KIND: &'static str = "map";
    const VERSION: u32 = 1;
    const FILE: &'static str = "map.parquet";
    const ABOUT: &'static str =
        "the main columns of all stages in one table, one row per document, for other tools";
    const WRITER: &'static str = "viz";
    const COLUMNS: &'static [Column] = &[
        Column::ID,
        X,
        Y,
        TEXT,
        CLUSTER,
        LABEL,
        PROBABILITY,
        OUTLIER_SCORE,
        NEIGHBORS,
        Column::OTHERS,
    ];
}

impl Map<'_> {
    /// Writes the file.
    pub fn write(&self, path: &Path, footer: &Footer) -> Result<(), Error> {
        let mut columns = Columns::default();
        columns.ids(self.x.len());
        columns.f32(X.name, self.x);
        columns.f32(Y.name, self.y);
        columns.add(TEXT.name, Arc::new(self.text.clone()));
        columns.i32(CLUSTER.name, self.cluster);
        columns.text(LABEL.name, self.name.iter().copied());
        columns.f32(PROBABILITY.name, self.probability);
        columns.f32(OUTLIER_SCORE.name, self.outlier_score);
        if let Some(neighbors) = self.neighbors {
            columns.add(NEIGHBORS.name, neighbor_struct(neighbors));
        }
        columns.others(self.columns);
        columns.write(path, Self::KIND, Self::VERSION, footer)
    }
}

fn neighbor_struct(neighbors: &Neighbors) -> ArrayRef {
    let offsets = OffsetBuffer::from_repeated_length(neighbors.k, neighbors.len());
    let ids: Int64Array = neighbors
        .ids
        .iter()
        .map(|&id| i64::from(id))
        .collect::<Vec<_>>()
        .into();
    let ids = list(offsets.clone(), Arc::new(ids));
    let distances = list(
        offsets,
        Arc::new(Float32Array::from(neighbors.distances.clone())),
    );
    let fields = vec![
        Field::new("ids", ids.data_type().clone(), false),
        Field::new("distances", distances.data_type().clone(), false),
    ];
    Arc::new(StructArray::new(fields.into(), vec![ids, distances], None))
}
