//! What a layout says of itself.

use std::fmt;

use serde::Serialize;

use crate::options::{Engine, Init};

/// What was done, counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Points laid out.
    pub points: usize,
    /// Dimensions of the layout.
    pub components: usize,
    /// Points in a neighborhood, the point itself counted, as used.
    pub n_neighbors: usize,
    /// Copies that were set on the place of the first of them; 0 on a map.
    pub gathered: usize,
    /// Edges of the fuzzy graph.
    pub edges: usize,
    /// Components of the graph, where the start needed them.
    pub graph_components: Option<usize>,
    /// Passes over the graph.
    pub epochs: usize,
    /// The curve's parameters.
    pub a: f64,
    /// See `a`.
    pub b: f64,
    /// Who laid out.
    pub engine: Engine,
    /// From where.
    pub init: Init,
    /// Whether the same input gives the same bytes.
    pub reproducible: bool,
    /// The instructions used; every kernel gives the same bytes.
    pub kernel: Option<&'static str>,
    /// How far the layout can be trusted.
    pub quality: Quality,
}

/// How far a layout can be trusted; shares from 0 to 1, over neighborhoods of `k`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Quality {
    /// Neighbors that the figures below look at.
    pub k: usize,
    /// The share of true neighbors that are neighbors in the layout too.
    pub preserved: f64,
    /// Rows that `preserved` is taken from.
    pub preserved_rows: usize,
    /// How near in truth the layout's neighbors are: 1 where all are true neighbors, 0.5 by chance. None where the
    /// embeddings or the metric are not known, or there are too few points.
    pub trustworthiness: Option<f64>,
    /// Rows that `trustworthiness` is taken from; all, or a sample.
    pub trustworthiness_rows: usize,
}

impl Quality {
    /// What a reader of the map has to know, if it is not to be trusted.
    pub fn warning(&self) -> Option<String> {
        /// Below this most neighborhoods on the map have strangers in them.
        const TRUSTED: f64 = 0.85;
        let trust = self.trustworthiness.filter(|&trust| trust < TRUSTED)?;
        Some(format!(
            "the layout is not to be trusted: its trustworthiness@{} is {trust:.3} (a good one has above 0.95, chance gives 0.5)",
            self.k
        ))
    }
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
                "the graph has {parts} components: how they lie to each other means nothing"
            )?;
        }
        if self.gathered > 0 {
            writeln!(
                f,
                "{} copies share the place of the first of them",
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
