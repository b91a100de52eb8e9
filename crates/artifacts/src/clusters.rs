//! What clustering found: `clusters.parquet`, `cluster_info.parquet`, `membership.parquet`, `sweep.parquet`.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Float32Type, Int32Type, Int64Type};

use crate::contract::{Artifact, Column};
use crate::table::{Columns, Stored, Table};
use crate::{Error, Footer};

/// The cluster of each document.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Clusters {
    /// The cluster, counted from 0; -1 for noise.
    pub cluster: Vec<i32>,
    /// How firmly the document belongs to it, 0 to 1; 0 for noise.
    pub probability: Vec<f32>,
    /// GLOSH: how far out the document lies, 0 to 1.
    pub outlier_score: Vec<f32>,
    /// `cluster` with the noise given to clusters, where that was asked for.
    pub assigned: Option<Vec<i32>>,
    /// Coarser granularities of the same tree, finest first.
    pub layers: Vec<Vec<i32>>,
}

impl Artifact for Clusters {
    const KIND: &'static str = "clusters";
    const VERSION: u32 = 1;
    const FILE: &'static str = "clusters.parquet";
    const ABOUT: &'static str = "the cluster of each document";
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "int64", "the document"),
        Column::new("cluster", "int32", "its cluster, from 0; -1 is noise"),
        Column::new(
            "probability",
            "float",
            "how firmly it belongs there, 0 to 1; 0 for noise",
        ),
        Column::new("outlier_score", "float", "GLOSH score, 0 to 1"),
        Column::new(
            "cluster_assigned",
            "int32",
            "`cluster` with noise assigned (only with `--assign-noise`)",
        ),
        Column::new(
            "cluster_l0 ...",
            "int32",
            "coarser layers of the same tree, finest first: each groups the clusters of the one before; noise stays -1",
        ),
    ];
}

impl Clusters {
    /// The number of documents.
    pub fn len(&self) -> usize {
        self.cluster.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cluster.is_empty()
    }

    /// The number of clusters, noise not counted.
    pub fn count(&self) -> usize {
        let last = self.cluster.iter().max();
        last.and_then(|&last| usize::try_from(last).ok())
            .map_or(0, |last| last + 1)
    }

    /// Reads the file at `path`. A foreign file needs `cluster` alone; missing scores are 1 and 0.
    pub fn read(path: &Path) -> Result<Stored<Self>, Error> {
        let table = Table::read(path, Self::KIND, Self::VERSION)?;
        if table.has("id") {
            table.check_ids()?;
        }
        let cluster = table.i32("cluster")?;
        if let Some(row) = cluster.iter().position(|&cluster| cluster < -1) {
            return Err(table.at(row, format!("`cluster` is {}; noise is -1", cluster[row])));
        }
        let or = |name, value| {
            if table.has(name) {
                table.f32(name)
            } else {
                Ok(vec![value; table.rows])
            }
        };
        let mut layers = Vec::new();
        while table.has(&format!("cluster_l{}", layers.len())) {
            layers.push(table.i32(&format!("cluster_l{}", layers.len()))?);
        }
        let value = Self {
            probability: or("probability", 1.0)?,
            outlier_score: or("outlier_score", 0.0)?,
            assigned: if table.has("cluster_assigned") {
                Some(table.i32("cluster_assigned")?)
            } else {
                None
            },
            layers,
            cluster,
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
        columns.f32("outlier_score", &self.outlier_score);
        if let Some(assigned) = &self.assigned {
            columns.i32("cluster_assigned", assigned);
        }
        for (at, layer) in self.layers.iter().enumerate() {
            columns.i32(&format!("cluster_l{at}"), layer);
        }
        columns.write(path, Self::KIND, Self::VERSION, footer)
    }
}

/// What is known of one cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClusterRow {
    /// The layer it belongs to: -1 for `cluster`, else the number of its `cluster_l` column.
    pub layer: i32,
    /// The cluster.
    pub cluster: i32,
    /// The cluster of the next coarser layer that holds it (of layer 0 for layer -1); -1 for the coarsest.
    pub parent: i32,
    /// Its documents.
    pub size: i64,
    /// Its persistence in the tree.
    pub persistence: f32,
    /// Mean Jaccard similarity over random halves, adjusted for chance, where that was asked for.
    pub stability: Option<f32>,
    /// Documents at its core.
    pub exemplar_ids: Vec<i64>,
}

/// What is known of each cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClusterInfo {
    /// By layer, then by cluster.
    pub rows: Vec<ClusterRow>,
}

impl Artifact for ClusterInfo {
    const KIND: &'static str = "cluster_info";
    const VERSION: u32 = 1;
    const FILE: &'static str = "cluster_info.parquet";
    const ABOUT: &'static str = "one row a cluster";
    const COLUMNS: &'static [Column] = &[
        Column::new(
            "layer",
            "int32",
            "-1: the column `cluster`; l: the column `cluster_l<l>`",
        ),
        Column::new("cluster", "int32", "the cluster"),
        Column::new(
            "parent",
            "int32",
            "the cluster of the next coarser layer that holds it (of layer 0 for layer -1); -1 for the coarsest",
        ),
        Column::new("size", "int64", "documents in it"),
        Column::new("persistence", "float", "how long it lasts in the tree"),
        Column::new(
            "stability",
            "float",
            "mean Jaccard similarity over random halves, adjusted for chance; null if not asked for",
        ),
        Column::new("exemplar_ids", "list<int64>", "documents at its core"),
    ];
}

impl ClusterInfo {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Stored<Self>, Error> {
        let table = Table::read(path, Self::KIND, Self::VERSION)?;
        let (layer, cluster, parent) = (
            table.i32("layer")?,
            table.i32("cluster")?,
            table.i32("parent")?,
        );
        let (size, persistence) = (table.i64("size")?, table.f32("persistence")?);
        let stability = table.f32_or_null("stability")?;
        let exemplars = int_lists(&table, "exemplar_ids")?;
        let rows = exemplars
            .into_iter()
            .enumerate()
            .map(|(at, exemplar_ids)| ClusterRow {
                layer: layer[at],
                cluster: cluster[at],
                parent: parent[at],
                size: size[at],
                persistence: persistence[at],
                stability: stability[at],
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
        columns.i64("size", rows.iter().map(|row| row.size).collect::<Vec<_>>());
        columns.f32(
            "persistence",
            &rows.iter().map(|row| row.persistence).collect::<Vec<_>>(),
        );
        let stability: Float32Array = rows.iter().map(|row| row.stability).collect();
        columns.add_as(
            Field::new("stability", DataType::Float32, true),
            Arc::new(stability),
        );
        columns.add(
            "exemplar_ids",
            list_of_ints(rows.iter().map(|row| row.exemplar_ids.as_slice())),
        );
        columns.write(path, Self::KIND, Self::VERSION, footer)
    }
}

/// Soft membership: the clusters each document is likely to belong to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Membership {
    /// At most m clusters a document, likeliest first.
    pub clusters: Vec<Vec<i32>>,
    /// Their shares, which sum to at most 1.
    pub memberships: Vec<Vec<f32>>,
}

impl Artifact for Membership {
    const KIND: &'static str = "membership";
    const VERSION: u32 = 1;
    const FILE: &'static str = "membership.parquet";
    const ABOUT: &'static str =
        "soft membership, the m likeliest clusters of each document (on request)";
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "int64", "the document"),
        Column::new("clusters", "list<int32>", "likeliest first"),
        Column::new(
            "memberships",
            "list<float>",
            "their shares; they sum to at most 1",
        ),
    ];
}

impl Membership {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Stored<Self>, Error> {
        let table = Table::read(path, Self::KIND, Self::VERSION)?;
        table.check_ids()?;
        let clusters = table.lists("clusters", &DataType::Int32)?;
        let memberships = table.lists("memberships", &DataType::Float32)?;
        let value = Self {
            clusters: clusters
                .iter()
                .map(|list| list.as_primitive::<Int32Type>().values().to_vec())
                .collect(),
            memberships: memberships
                .iter()
                .map(|list| list.as_primitive::<Float32Type>().values().to_vec())
                .collect(),
        };
        Ok(Stored {
            value,
            footer: table.footer,
        })
    }

    /// Writes the file.
    pub fn write(&self, path: &Path, footer: &Footer) -> Result<(), Error> {
        let mut columns = Columns::default();
        columns.ids(self.clusters.len());
        let clusters: Vec<i32> = self.clusters.concat();
        let offsets = OffsetBuffer::from_lengths(self.clusters.iter().map(Vec::len));
        columns.add(
            "clusters",
            list(offsets, Arc::new(arrow::array::Int32Array::from(clusters))),
        );
        let shares: Vec<f32> = self.memberships.concat();
        let offsets = OffsetBuffer::from_lengths(self.memberships.iter().map(Vec::len));
        columns.add(
            "memberships",
            list(offsets, Arc::new(Float32Array::from(shares))),
        );
        columns.write(path, Self::KIND, Self::VERSION, footer)
    }
}

/// One setting of a sweep and what it gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SweepRow {
    /// The setting.
    pub min_samples: i32,
    /// The setting.
    pub min_cluster_size: i32,
    /// How many clusters it gives.
    pub clusters: i32,
    /// The share of documents in none.
    pub noise: f64,
    /// The documents of the largest cluster.
    pub largest: i64,
    /// Relative validity (DBCV on the tree), -1 to 1; none where fewer than two clusters are found.
    pub validity: Option<f64>,
    /// Whether the cluster count falls off between the setting before and this one.
    pub cliff: bool,
}

/// Cluster counts over a range of settings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sweep {
    /// By `min_samples`, then by `min_cluster_size`.
    pub rows: Vec<SweepRow>,
}

impl Artifact for Sweep {
    const KIND: &'static str = "sweep";
    const VERSION: u32 = 1;
    const FILE: &'static str = "sweep.parquet";
    const ABOUT: &'static str = "one row a setting of `skerry sweep`";
    const COLUMNS: &'static [Column] = &[
        Column::new("min_samples", "int32", "the setting"),
        Column::new("min_cluster_size", "int32", "the setting"),
        Column::new("clusters", "int32", "clusters found"),
        Column::new("noise", "double", "share of documents in none"),
        Column::new("largest", "int64", "documents of the largest cluster"),
        Column::new(
            "validity",
            "double",
            "relative validity (DBCV on the tree); null below two clusters",
        ),
        Column::new(
            "cliff",
            "int32",
            "1 where the count falls off against the setting before",
        ),
    ];
}

impl Sweep {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Stored<Self>, Error> {
        let table = Table::read(path, Self::KIND, Self::VERSION)?;
        let (min_samples, min_cluster_size) =
            (table.i32("min_samples")?, table.i32("min_cluster_size")?);
        let (clusters, cliff) = (table.i32("clusters")?, table.i32("cliff")?);
        let (noise, largest, validity) = (
            table.f64("noise")?,
            table.i64("largest")?,
            table.f32_or_null("validity")?,
        );
        let raw = arrow::compute::cast(table.raw("validity")?, &DataType::Float64)
            .map_err(Error::parquet(path))?;
        let raw = raw.as_primitive::<arrow::datatypes::Float64Type>();
        let rows = (0..table.rows)
            .map(|at| SweepRow {
                min_samples: min_samples[at],
                min_cluster_size: min_cluster_size[at],
                clusters: clusters[at],
                noise: noise[at],
                largest: largest[at],
                validity: validity[at].map(|_| raw.value(at)),
                cliff: cliff[at] != 0,
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
            "min_samples",
            &rows.iter().map(|row| row.min_samples).collect::<Vec<_>>(),
        );
        columns.i32(
            "min_cluster_size",
            &rows
                .iter()
                .map(|row| row.min_cluster_size)
                .collect::<Vec<_>>(),
        );
        columns.i32(
            "clusters",
            &rows.iter().map(|row| row.clusters).collect::<Vec<_>>(),
        );
        columns.f64(
            "noise",
            &rows.iter().map(|row| row.noise).collect::<Vec<_>>(),
        );
        columns.i64(
            "largest",
            rows.iter().map(|row| row.largest).collect::<Vec<_>>(),
        );
        let validity: Float64Array = rows.iter().map(|row| row.validity).collect();
        columns.add_as(
            Field::new("validity", DataType::Float64, true),
            Arc::new(validity),
        );
        columns.i32(
            "cliff",
            &rows
                .iter()
                .map(|row| i32::from(row.cliff))
                .collect::<Vec<_>>(),
        );
        columns.write(path, Self::KIND, Self::VERSION, footer)
    }
}

pub(crate) fn int_lists(table: &Table, name: &str) -> Result<Vec<Vec<i64>>, Error> {
    let lists = table.lists(name, &DataType::Int64)?;
    Ok(lists
        .iter()
        .map(|list| list.as_primitive::<Int64Type>().values().to_vec())
        .collect())
}

pub(crate) fn list_of_ints<'a>(lists: impl Iterator<Item = &'a [i64]> + Clone) -> ArrayRef {
    let offsets = OffsetBuffer::from_lengths(lists.clone().map(<[i64]>::len));
    let values: Vec<i64> = lists.flatten().copied().collect();
    list(offsets, Arc::new(arrow::array::Int64Array::from(values)))
}

pub(crate) fn list(offsets: OffsetBuffer<i32>, values: ArrayRef) -> ArrayRef {
    let item = Arc::new(Field::new("element", values.data_type().clone(), false));
    Arc::new(ListArray::new(item, offsets, values, None))
}
