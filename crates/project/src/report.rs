//! The report of the stage.

use std::fmt;

use serde::Serialize;
use umap_layout::Quality;

use crate::options::{Engine, Init};

/// Figures of the layout.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Number of points.
    pub points: usize,
    /// Number of dimensions of the layout.
    pub components: usize,
    /// Number of neighbors used, counting the point itself.
    pub n_neighbors: usize,
    /// Number of copies placed at the position of the first one; 0 on a map.
    pub gathered: usize,
    /// Number of edges of the fuzzy graph.
    pub edges: usize,
    /// Number of components of the graph, with the spectral initialization.
    pub graph_components: Option<usize>,
    /// Number of epochs.
    pub epochs: usize,
    /// Parameter a of the curve.
    pub a: f64,
    /// Parameter b of the curve.
    pub b: f64,
    /// The layout engine.
    pub engine: Engine,
    /// The initialization.
    pub init: Init,
    /// Whether the same input gives the same bytes.
    pub reproducible: bool,
    /// The vector instructions used; all give the same bytes.
    pub kernel: Option<&'static str>,
    /// Quality figures of the layout.
    pub quality: Quality,
}

/// A warning if the trustworthiness is low.
pub(crate) fn warning(quality: &Quality) -> Option<String> {
    /// Below this most neighborhoods on the map contain other points than the true neighbors.
    const TRUSTED: f64 = 0.85;
    let trust = quality.trustworthiness.filter(|&trust| trust < TRUSTED)?;
    Some(format!(
        "the layout is unreliable: its trustworthiness@{} is {trust:.3} (good layouts have above 0.95, random ones 0.5)",
        quality.k
    ))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = match self.engine {
            Engine::Skerry => "",
            Engine::UmapRs => " by umap-rs (not reproducible)",
        };
        writeln!(
            f,
            "laid out {} points in {} dimensions{engine}: n_neighbors {}, {} edges, {} epochs",
            self.points, self.components, self.n_neighbors, self.edges, self.epochs
        )?;
        if let Some(parts) = self.graph_components.filter(|&parts| parts > 1) {
            writeln!(
                f,
                "the graph has {parts} components: their relative positions mean nothing"
            )?;
        }
        if self.gathered > 0 {
            writeln!(
                f,
                "{} copies share the position of the first one",
                self.gathered
            )?;
        }
        write!(
            f,
            "true neighbors kept (of {}): {:.1} %",
            self.quality.k,
            100.0 * self.quality.preserved
        )?;
        if self.quality.preserved_rows < self.points {
            write!(f, " in a sample of {} rows", self.quality.preserved_rows)?;
        }
        match self.quality.trustworthiness {
            Some(trust) => {
                write!(f, "\ntrustworthiness@{}: {trust:.4}", self.quality.k)?;
                if self.quality.trustworthiness_rows < self.points {
                    write!(
                        f,
                        " in a sample of {} rows",
                        self.quality.trustworthiness_rows
                    )?;
                }
                Ok(())
            }
            None => write!(f, "\ntrustworthiness: not measured"),
        }
    }
}
