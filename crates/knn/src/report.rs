//! What the stage says when it is done: the same figures on the screen, as JSON, and in the footer of the file.

use std::fmt;

use artifacts::NeighborsFacts;
use serde::Serialize;
use serde_json::{Map, Value};
use stage::Bytes;
use vectors::Metric;

use crate::isolate::Faults;
use crate::recall::Recall;
use crate::shape::Shape;

/// What was done, counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Rows.
    pub rows: usize,
    /// Values a row.
    pub dimensions: usize,
    /// Neighbors a row.
    pub k: usize,
    /// What "near" meant.
    pub metric: Metric,
    /// Who searched.
    pub backend: &'static str,
    /// Whether the answer is proven exact.
    pub certified: bool,
    /// Whether the same question gives the same bytes again.
    pub reproducible: bool,
    /// Rows for which the engine found fewer than k, and that exact search filled.
    pub filled: usize,
    /// Rows that cannot be searched and were set apart.
    pub isolated: usize,
    /// Those of them that hold NaN or an infinity; the others are zero, which has no direction.
    pub not_finite: usize,
    /// What was lost, where it was measured.
    pub recall: Option<Recall>,
    /// What the graph of the rows that were searched looks like.
    pub shape: Shape,
    /// What the backend adds.
    pub engine: Map<String, Value>,
    /// Bytes foreseen for the whole stage.
    pub estimated_bytes: u64,
}

impl Report {
    /// What the readers of the file need to know.
    pub fn facts(&self) -> NeighborsFacts {
        let recall = self.recall.map(|recall| artifacts::Recall {
            sample: recall.sample,
            recall: recall.recall,
            low: recall.low,
            high: recall.high,
        });
        NeighborsFacts {
            backend: Some(self.backend.to_owned()),
            certified: Some(self.certified),
            reproducible: Some(self.reproducible),
            isolated: Some(self.isolated),
            recall,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report {
            rows,
            k,
            metric,
            backend,
            shape,
            ..
        } = self;
        writeln!(
            f,
            "{k} nearest of {rows} rows by {metric}, {} dimensions, backend {backend}",
            self.dimensions
        )?;
        match (self.certified, self.recall) {
            (true, None) => writeln!(f, "  exact: proven")?,
            (false, None) => writeln!(f, "  exact: not proven, recall not measured")?,
            (certified, Some(recall)) => {
                let proven = if certified { "; exact: proven" } else { "" };
                writeln!(
                    f,
                    "  recall@{k} {:.4} ({:.4} to {:.4} at 95 %, {} rows searched again{proven})",
                    recall.recall, recall.low, recall.high, recall.sample
                )?;
                writeln!(
                    f,
                    "  distances exceed the true ones by {:.4} %; {:.1} % of lists are whole",
                    100.0 * recall.distance_error,
                    100.0 * recall.whole_rows
                )?;
            }
        }
        if !self.reproducible {
            writeln!(f, "  not reproducible: another run may differ")?;
        }
        if self.filled > 0 {
            writeln!(
                f,
                "  {} rows came back short and were searched exactly",
                self.filled
            )?;
        }
        if self.isolated > 0 {
            let faults = Faults {
                not_finite: self.not_finite,
                zero: self.isolated - self.not_finite,
            };
            writeln!(f, "  {faults}")?;
        }
        for (name, value) in &self.engine {
            writeln!(f, "  {}: {value}", name.replace('_', " "))?;
        }
        writeln!(
            f,
            "  graph: {} components (largest {}), {} rows in no list, {} hubs (most listed {}x, skew {:.2})",
            shape.components,
            shape.largest_component,
            shape.unlisted,
            shape.hubs,
            shape.most_listed,
            shape.listing_skew
        )?;
        if let (Some(duplicates), Some(drowned)) = (shape.duplicates, shape.drowned) {
            write!(f, "  duplicates: {duplicates} rows have a copy")?;
            if drowned > 0 {
                write!(f, ", {drowned} of them see nothing but copies")?;
            }
            writeln!(f)?;
        }
        write!(f, "  memory foreseen: {}", Bytes(self.estimated_bytes))
    }
}
