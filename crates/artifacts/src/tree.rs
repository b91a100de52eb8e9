//! The hierarchy: `condensed_tree.parquet`, `single_linkage.parquet`, `mst.parquet`.

use std::path::Path;

use crate::contract::{Artifact, Column};
use crate::table::{Columns, Stored, Table};
use crate::{Error, Footer};

/// The condensed tree in hdbscan's form: nodes below n are documents, n is the root.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CondensedTree {
    /// The cluster that was left.
    pub parent: Vec<i64>,
    /// The document or cluster that left it.
    pub child: Vec<i64>,
    /// 1 / distance at which it left; finite.
    pub lambda: Vec<f64>,
    /// Documents that left with it.
    pub child_size: Vec<i64>,
}

impl Artifact for CondensedTree {
    const KIND: &'static str = "condensed_tree";
    const VERSION: u32 = 1;
    const FILE: &'static str = "condensed_tree.parquet";
    const ABOUT: &'static str = "the condensed tree, with hdbscan's names";
    const COLUMNS: &'static [Column] = &[
        Column::new(
            "parent",
            "int64",
            "the cluster that was left; the root is n",
        ),
        Column::new(
            "child",
            "int64",
            "who left it: a document below n, a cluster above",
        ),
        Column::new(
            "lambda_val",
            "double",
            "1 / distance at which it left; finite",
        ),
        Column::new("child_size", "int64", "documents that left with it"),
    ];
}

impl CondensedTree {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Stored<Self>, Error> {
        let table = Table::read(path, Self::KIND, Self::VERSION)?;
        let value = Self {
            parent: table.i64("parent")?,
            child: table.i64("child")?,
            lambda: table.f64("lambda_val")?,
            child_size: table.i64("child_size")?,
        };
        Ok(Stored {
            value,
            footer: table.footer,
        })
    }

    /// Writes the file.
    pub fn write(&self, path: &Path, footer: &Footer) -> Result<(), Error> {
        let mut columns = Columns::default();
        columns.i64("parent", self.parent.clone());
        columns.i64("child", self.child.clone());
        columns.f64("lambda_val", &self.lambda);
        columns.i64("child_size", self.child_size.clone());
        columns.write(path, Self::KIND, Self::VERSION, footer)
    }
}

/// The single linkage tree in scipy's form: merge i makes node n + i.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SingleLinkage {
    /// One side of the merge.
    pub left: Vec<i64>,
    /// The other.
    pub right: Vec<i64>,
    /// The mutual reachability distance at which they merge; never decreases.
    pub distance: Vec<f64>,
    /// Documents below the new node.
    pub size: Vec<i64>,
}

impl Artifact for SingleLinkage {
    const KIND: &'static str = "single_linkage";
    const VERSION: u32 = 1;
    const FILE: &'static str = "single_linkage.parquet";
    const ABOUT: &'static str = "the single linkage tree, in the order of scipy's linkage";
    const COLUMNS: &'static [Column] = &[
        Column::new(
            "left",
            "int64",
            "a document below n, or an earlier merge n + i",
        ),
        Column::new("right", "int64", "the other side"),
        Column::new(
            "distance",
            "double",
            "mutual reachability distance of the merge",
        ),
        Column::new("size", "int64", "documents in the merged node"),
    ];
}

impl SingleLinkage {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Stored<Self>, Error> {
        let table = Table::read(path, Self::KIND, Self::VERSION)?;
        let value = Self {
            left: table.i64("left")?,
            right: table.i64("right")?,
            distance: table.f64("distance")?,
            size: table.i64("size")?,
        };
        Ok(Stored {
            value,
            footer: table.footer,
        })
    }

    /// Writes the file.
    pub fn write(&self, path: &Path, footer: &Footer) -> Result<(), Error> {
        let mut columns = Columns::default();
        columns.i64("left", self.left.clone());
        columns.i64("right", self.right.clone());
        columns.f64("distance", &self.distance);
        columns.i64("size", self.size.clone());
        columns.write(path, Self::KIND, Self::VERSION, footer)
    }
}

/// The minimum spanning tree of mutual reachability.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mst {
    /// One end.
    pub from: Vec<i64>,
    /// The other.
    pub to: Vec<i64>,
    /// The mutual reachability distance; never decreases.
    pub distance: Vec<f64>,
}

impl Artifact for Mst {
    const KIND: &'static str = "mst";
    const VERSION: u32 = 1;
    const FILE: &'static str = "mst.parquet";
    const ABOUT: &'static str =
        "the minimum spanning tree of mutual reachability, shortest edge first";
    const COLUMNS: &'static [Column] = &[
        Column::new("from", "int64", "the smaller id of the edge"),
        Column::new("to", "int64", "the larger"),
        Column::new("distance", "double", "mutual reachability distance"),
    ];
}

impl Mst {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Stored<Self>, Error> {
        let table = Table::read(path, Self::KIND, Self::VERSION)?;
        let value = Self {
            from: table.i64("from")?,
            to: table.i64("to")?,
            distance: table.f64("distance")?,
        };
        Ok(Stored {
            value,
            footer: table.footer,
        })
    }

    /// Writes the file.
    pub fn write(&self, path: &Path, footer: &Footer) -> Result<(), Error> {
        let mut columns = Columns::default();
        columns.i64("from", self.from.clone());
        columns.i64("to", self.to.clone());
        columns.f64("distance", &self.distance);
        columns.write(path, Self::KIND, Self::VERSION, footer)
    }
}
