//! What an old clustering says of new rows: `predictions.parquet`.

use std::path::Path;
use std::sync::Arc;

use arrow::array::Float32Array;
use arrow::datatypes::{DataType, Field};

use crate::contract::{Artifact, Column};
use crate::table::{Columns, Stored, Table};
use crate::{Error, Footer};

/// The cluster of each new row, by `skerry predict`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Predictions {
    /// The cluster of the old clustering, -1 for noise.
    pub cluster: Vec<i32>,
    /// How firmly the row would belong to it, 0 to 1; 0 for noise.
    pub probability: Vec<f32>,
    /// The old document that the row was attached to: the nearest by mutual reachability; where a layout was clustered,
    /// the nearest.
    pub neighbor: Vec<i64>,
    /// The cluster of the nearest old document that is in one; -1 where there are no clusters.
    pub nearest_cluster: Vec<i32>,
    /// The distance to that document.
    pub nearest_distance: Vec<Option<f32>>,
}

impl Artifact for Predictions {
    const KIND: &'static str = "predictions";
    const VERSION: u32 = 1;
    const FILE: &'static str = "predictions.parquet";
    const ABOUT: &'static str = "the clusters of new rows in an old clustering, each told without regard to the others; \
        `skerry embed --run new` makes the vectors, `skerry predict --run runs/latest new/embeddings.parquet` this file";
    const COLUMNS: &'static [Column] = &[
        Column::new(
            "id",
            "int64",
            "the new row, in the order of its own embeddings",
        ),
        Column::new(
            "cluster",
            "int32",
            "the cluster of the old clustering; -1 is noise",
        ),
        Column::new(
            "probability",
            "float",
            "how firmly it would belong there, 0 to 1; 0 for noise. Where a layout was clustered, the share of its 5 nearest old documents there, each counted by 1 / distance",
        ),
        Column::new(
            "neighbor",
            "int64",
            "the old document it was attached to, the nearest by mutual reachability; where a layout was clustered, the nearest",
        ),
        Column::new(
            "nearest_cluster",
            "int32",
            "the cluster of the nearest old document that is in one, for noise too; -1 where there are no clusters",
        ),
        Column::new(
            "nearest_distance",
            "float",
            "the distance to that document, in the unit of the metric; null where there are no clusters",
        ),
    ];
}

impl Predictions {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.cluster.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cluster.is_empty()
    }

    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Stored<Self>, Error> {
        let table = Table::read(path, Self::KIND, Self::VERSION)?;
        table.check_ids()?;
        let value = Self {
            cluster: table.i32("cluster")?,
            probability: table.f32("probability")?,
            neighbor: table.i64("neighbor")?,
            nearest_cluster: table.i32("nearest_cluster")?,
            nearest_distance: table.f32_or_null("nearest_distance")?,
        };
        Ok(Stored {
            value,
            footer: table.footer,
        })
    }

    /// Writes the file.
    pub fn write(&self, path: &Path, footer: &Footer) -> Result<(), Error> {
        let mut columns = Columns::default();
        columns.ids(self.len());
        columns.i32("cluster", &self.cluster);
        columns.f32("probability", &self.probability);
        columns.i64("neighbor", self.neighbor.clone());
        columns.i32("nearest_cluster", &self.nearest_cluster);
        let distance: Float32Array = self.nearest_distance.iter().copied().collect();
        columns.add_as(
            Field::new("nearest_distance", DataType::Float32, true),
            Arc::new(distance),
        );
        columns.write(path, Self::KIND, Self::VERSION, footer)
    }
}
