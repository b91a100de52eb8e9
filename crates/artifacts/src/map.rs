//! What the map is made of: `projection.parquet`, `topics.parquet`, `labels.parquet`, `map.parquet`.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float32Array, Int64Array, LargeStringArray, RecordBatch, StringArray,
    StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};

use crate::clusters::{int_lists, list, list_of_ints};
use crate::contract::{Artifact, Column};
use crate::table::{Columns, Stored, Table};
use crate::{Error, Footer, Neighbors};

/// Where each document lies on the map.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Projection {
    /// To the right.
    pub x: Vec<f32>,
    /// Up.
    pub y: Vec<f32>,
    /// The share of a document's true neighbors that are its neighbors on the map too.
    pub preserved: Option<Vec<f32>>,
}

impl Artifact for Projection {
    const KIND: &'static str = "projection";
    const VERSION: u32 = 1;
    const FILE: &'static str = "projection.parquet";
    const ABOUT: &'static str =
        "where each document lies; more than three components are a file of kind embeddings";
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "int64", "the document"),
        Column::new("x", "float", "to the right"),
        Column::new("y", "float", "up"),
        Column::new(
            "preserved",
            "float",
            "share of its true neighbors that are its neighbors on the map too",
        ),
    ];
}

impl Projection {
    /// The number of documents.
    pub fn len(&self) -> usize {
        self.x.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.x.is_empty()
    }

    /// Reads the file at `path`. A foreign file needs `x` and `y`.
    pub fn read(path: &Path) -> Result<Stored<Self>, Error> {
        let table = Table::read(path, Self::KIND, Self::VERSION)?;
        if table.has("id") {
            table.check_ids()?;
        }
        let value = Self {
            x: table.f32("x")?,
            y: table.f32("y")?,
            preserved: if table.has("preserved") {
                Some(table.f32("preserved")?)
            } else {
                None
            },
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
        columns.f32("x", &self.x);
        columns.f32("y", &self.y);
        if let Some(preserved) = &self.preserved {
            columns.f32("preserved", preserved);
        }
        columns.write(path, Self::KIND, Self::VERSION, footer)
    }
}

/// What a cluster is about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Topic {
    /// The layer, as in `cluster_info`.
    pub layer: i32,
    /// The cluster.
    pub cluster: i32,
    /// The cluster of the next coarser layer that holds it, or -1.
    pub parent: i32,
    /// Its name.
    pub label: String,
    /// Its key phrases, weightiest first.
    pub keywords: Vec<String>,
    /// Its documents.
    pub size: i64,
    /// Documents that show what it is about.
    pub exemplar_ids: Vec<i64>,
}

/// What each cluster is about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Topics {
    /// By layer, then by cluster.
    pub rows: Vec<Topic>,
}

impl Artifact for Topics {
    const KIND: &'static str = "topics";
    const VERSION: u32 = 1;
    const FILE: &'static str = "topics.parquet";
    const ABOUT: &'static str = "the name and key phrases of each cluster; no coordinates, so that moving the layout renames nothing";
    const COLUMNS: &'static [Column] = &[
        Column::new("layer", "int32", "as in cluster_info"),
        Column::new("cluster", "int32", "the cluster"),
        Column::new(
            "parent",
            "int32",
            "the cluster of the next coarser layer that holds it, or -1",
        ),
        Column::new("label", "utf8", "its name"),
        Column::new(
            "keywords",
            "list<utf8>",
            "its key phrases, weightiest first",
        ),
        Column::new("size", "int64", "documents in it"),
        Column::new(
            "exemplar_ids",
            "list<int64>",
            "documents that show what it is about",
        ),
    ];
}

impl Topics {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Stored<Self>, Error> {
        let table = Table::read(path, Self::KIND, Self::VERSION)?;
        let (layer, cluster, parent) = (
            table.i32("layer")?,
            table.i32("cluster")?,
            table.i32("parent")?,
        );
        let (label, size) = (table.text("label")?, table.i64("size")?);
        let keywords = table.lists("keywords", &DataType::LargeUtf8)?;
        let rows = int_lists(&table, "exemplar_ids")?
            .into_iter()
            .enumerate()
            .map(|(at, exemplar_ids)| Topic {
                layer: layer[at],
                cluster: cluster[at],
                parent: parent[at],
                label: label.value(at).to_owned(),
                keywords: keywords[at]
                    .as_string::<i64>()
                    .iter()
                    .flatten()
                    .map(str::to_owned)
                    .collect(),
                size: size[at],
                exemplar_ids,
            })
            .collect();
        Ok(Stored {
            value: Self { rows },
            footer: table.footer,
        })
    }

    /// Writes the file.
    pub fn write(&self, path: &Path, footer: &Footer) -> Result<(), Error> {
        let rows = &self.rows;
        let mut columns = Columns::default();
        columns.i32(
            "layer",
            &rows.iter().map(|row| row.layer).collect::<Vec<_>>(),
        );
        columns.i32(
            "cluster",
            &rows.iter().map(|row| row.cluster).collect::<Vec<_>>(),
        );
        columns.i32(
            "parent",
            &rows.iter().map(|row| row.parent).collect::<Vec<_>>(),
        );
        columns.text("label", rows.iter().map(|row| row.label.as_str()));
        let offsets = OffsetBuffer::from_lengths(rows.iter().map(|row| row.keywords.len()));
        let keywords = StringArray::from_iter_values(rows.iter().flat_map(|row| &row.keywords));
        columns.add("keywords", list(offsets, Arc::new(keywords)));
        columns.i64("size", rows.iter().map(|row| row.size).collect::<Vec<_>>());
        columns.add(
            "exemplar_ids",
            list_of_ints(rows.iter().map(|row| row.exemplar_ids.as_slice())),
        );
        columns.write(path, Self::KIND, Self::VERSION, footer)
    }
}

/// A name at its place on the map.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Label {
    /// To the right.
    pub x: f32,
    /// Up.
    pub y: f32,
    /// The name.
    pub text: String,
    /// 0 for the finest.
    pub level: i32,
    /// The larger, the sooner it is shown.
    pub priority: i32,
}

/// Names at their places, in the form Embedding Atlas reads with `--labels`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Labels {
    /// In the order of `topics`.
    pub rows: Vec<Label>,
}

impl Artifact for Labels {
    const KIND: &'static str = "labels";
    const VERSION: u32 = 1;
    const FILE: &'static str = "labels.parquet";
    const ABOUT: &'static str = "names at their places, as Embedding Atlas reads them";
    const COLUMNS: &'static [Column] = &[
        Column::new("x", "float", "to the right"),
        Column::new("y", "float", "up"),
        Column::new("text", "utf8", "the name"),
        Column::new("level", "int32", "0 for the finest"),
        Column::new("priority", "int32", "the larger, the sooner it is shown"),
    ];
}

impl Labels {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Stored<Self>, Error> {
        let table = Table::read(path, Self::KIND, Self::VERSION)?;
        let (x, y, text) = (table.f32("x")?, table.f32("y")?, table.text("text")?);
        let (level, priority) = (table.i32("level")?, table.i32("priority")?);
        let rows = (0..table.rows)
            .map(|at| Label {
                x: x[at],
                y: y[at],
                text: text.value(at).to_owned(),
                level: level[at],
                priority: priority[at],
            })
            .collect();
        Ok(Stored {
            value: Self { rows },
            footer: table.footer,
        })
    }

    /// Writes the file.
    pub fn write(&self, path: &Path, footer: &Footer) -> Result<(), Error> {
        let rows = &self.rows;
        let mut columns = Columns::default();
        columns.f32("x", &rows.iter().map(|row| row.x).collect::<Vec<_>>());
        columns.f32("y", &rows.iter().map(|row| row.y).collect::<Vec<_>>());
        columns.text("text", rows.iter().map(|row| row.text.as_str()));
        columns.i32(
            "level",
            &rows.iter().map(|row| row.level).collect::<Vec<_>>(),
        );
        columns.i32(
            "priority",
            &rows.iter().map(|row| row.priority).collect::<Vec<_>>(),
        );
        columns.write(path, Self::KIND, Self::VERSION, footer)
    }
}

/// Everything of a document in one row: the file people open elsewhere. Written only.
#[derive(Debug)]
pub struct Map<'a> {
    /// To the right.
    pub x: &'a [f32],
    /// Up.
    pub y: &'a [f32],
    /// The text.
    pub text: &'a LargeStringArray,
    /// The cluster.
    pub cluster: &'a [i32],
    /// The name of the cluster, empty for noise.
    pub label: Vec<&'a str>,
    /// How firmly it belongs there.
    pub probability: &'a [f32],
    /// How far out it lies.
    pub outlier_score: &'a [f32],
    /// Its nearest neighbors, where they are known.
    pub neighbors: Option<&'a Neighbors>,
    /// The other columns of the source.
    pub columns: &'a RecordBatch,
}

impl Artifact for Map<'_> {
    const KIND: &'static str = "map";
    const VERSION: u32 = 1;
    const FILE: &'static str = "map.parquet";
    const ABOUT: &'static str = "everything of a document in one row: the file to open elsewhere";
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "int64", "the document"),
        Column::new("x", "float", "to the right"),
        Column::new("y", "float", "up"),
        Column::new("text", "large_utf8", "the text"),
        Column::new("cluster", "int32", "its cluster; -1 is noise"),
        Column::new("label", "utf8", "the name of the cluster; empty for noise"),
        Column::new("probability", "float", "as in clusters"),
        Column::new("outlier_score", "float", "as in clusters"),
        Column::new(
            "neighbors",
            "struct<ids: list<int64>, distances: list<float>>",
            "its nearest neighbors, as Embedding Atlas reads them",
        ),
        Column::new("...", "any", "the other columns of the source"),
    ];
}

impl Map<'_> {
    /// Writes the file.
    pub fn write(&self, path: &Path, footer: &Footer) -> Result<(), Error> {
        let mut columns = Columns::default();
        columns.ids(self.x.len());
        columns.f32("x", self.x);
        columns.f32("y", self.y);
        columns.add("text", Arc::new(self.text.clone()));
        columns.i32("cluster", self.cluster);
        columns.text("label", self.label.iter().copied());
        columns.f32("probability", self.probability);
        columns.f32("outlier_score", self.outlier_score);
        if let Some(neighbors) = self.neighbors {
            columns.add("neighbors", neighbor_struct(neighbors));
        }
        for (field, array) in self
            .columns
            .schema()
            .fields()
            .iter()
            .zip(self.columns.columns())
        {
            columns.add_as(
                Field::new(field.name(), array.data_type().clone(), true),
                Arc::clone(array),
            );
        }
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
