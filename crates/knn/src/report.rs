//! The report of the stage, on the screen and as JSON; the figures that readers of the file need are in its footer too.

use std::fmt;

use artifacts::NeighborsFacts;
use exact_knn::Metric;
use serde::Serialize;
use serde_json::{Map, Value};
use stage::{Bytes, counted};

use crate::graph_stats::GraphStats;
use crate::invalid_rows::InvalidRows;
use crate::recall::Recall;

/// The figures of a search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Number of rows.
    pub rows: usize,
    /// Values per row.
    pub dimensions: usize,
    /// Neighbors per row.
    pub k: usize,
    /// The distance metric.
    pub metric: Metric,
    /// The search backend.
    pub backend: &'static str,
    /// Whether the neighbors are proven exact.
    pub certified: bool,
    /// Whether the same input always gives the same bytes.
    pub reproducible: bool,
    /// Number of rows for which the engine found fewer than k neighbors, and that were searched exactly.
    pub filled: usize,
    /// Number of rows that cannot be searched and were isolated.
    pub isolated: usize,
    /// Number of isolated rows with NaN or an infinity; the others are all zeros.
    pub not_finite: usize,
    /// The recall, where it was measured.
    pub recall: Option<Recall>,
    /// Statistics of the graph of the rows that were searched.
    pub graph: GraphStats,
    /// Figures of the backend.
    pub engine: Map<String, Value>,
    /// Estimated peak memory of the whole stage.
    pub estimated_bytes: u64,
}

impl Report {
    /// The facts for the footer of the file.
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
            graph,
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
                    "  distances exceed the true ones by {:.4} %; {:.1} % of lists are complete",
                    100.0 * recall.distance_error,
                    100.0 * recall.whole_rows
                )?;
            }
        }
        if !self.reproducible {
            writeln!(
                f,
                "  not reproducible: another run may give other neighbors"
            )?;
        }
        if self.filled > 0 {
            writeln!(
                f,
                "  {} rows had fewer than k candidates and were searched exactly",
                self.filled
            )?;
        }
        if self.isolated > 0 {
            let faults = InvalidRows {
                not_finite: self.not_finite,
                zero: self.isolated - self.not_finite,
            };
            writeln!(f, "  {faults}")?;
        }
        for (name, value) in &self.engine {
            let name = name.replace('_', " ");
            match value {
                Value::Array(values) if values.iter().all(Value::is_object) => {
                    writeln!(f, "  {name}:")?;
                    for value in values {
                        writeln!(f, "    {}", Plain(value))?;
                    }
                }
                value => writeln!(f, "  {name}: {}", Plain(value))?,
            }
        }
        writeln!(
            f,
            "  graph: {} (largest {}), {} (in no list), {} (k-occurrence at most {}, skewness {:.2})",
            counted(graph.components, "component"),
            graph.largest_component,
            counted(graph.anti_hubs, "anti-hub"),
            counted(graph.hubs, "hub"),
            graph.max_k_occurrence,
            graph.k_occurrence_skewness
        )?;
        if let (Some(duplicates), Some(saturated)) =
            (graph.duplicates, graph.saturated_by_duplicates)
        {
            let verb = if duplicates == 1 { "has" } else { "have" };
            write!(
                f,
                "  duplicates: {} {verb} a copy",
                counted(duplicates, "row")
            )?;
            if saturated > 0 {
                write!(f, ", {saturated} of them list nothing else")?;
            }
            writeln!(f)?;
        }
        write!(f, "  estimated memory: {}", Bytes(self.estimated_bytes))
    }
}

/// A figure of a backend for display: lists and tables without their brackets, fractions to four places.
struct Plain<'a>(&'a Value);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::String(text) => f.write_str(text),
            Value::Number(number) if number.is_f64() => {
                write!(f, "{:.4}", number.as_f64().unwrap_or(f64::NAN))
            }
            Value::Array(values) => {
                let values: Vec<String> = values.iter().map(|one| Plain(one).to_string()).collect();
                f.write_str(&values.join("; "))
            }
            Value::Object(fields) => {
                let field = |(name, value)| format!("{name} {}", Plain(value));
                let fields: Vec<String> = fields.iter().map(field).collect();
                f.write_str(&fields.join(", "))
            }
            other => write!(f, "{other}"),
        }
    }
}
