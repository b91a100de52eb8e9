//! One level of the algorithm: a graph, the mass of its nodes in the null model, and what moves on it cost.

use std::borrow::Cow;

use crate::{Graph, Objective, Options, Partition};

/// A graph with the null model of an objective: two nodes of masses a and b are expected to have an edge of weight
/// `resolution * a * b` between them.
pub(crate) struct Level<'a> {
    pub(crate) graph: Cow<'a, Graph>,
    pub(crate) masses: Vec<f64>,
    pub(crate) resolution: f64,
}

impl<'a> Level<'a> {
    pub(crate) fn new(graph: &'a Graph, options: &Options) -> Self {
        let (masses, resolution) = match options.objective {
            Objective::Modularity => {
                let total: f64 = graph.strengths().iter().sum();
                (graph.strengths(), options.resolution / total)
            }
            Objective::Cpm => (graph.sizes(), options.resolution),
        };
        Self {
            graph: Cow::Borrowed(graph),
            masses: masses.to_vec(),
            resolution,
        }
    }

    /// The level whose nodes are the communities of `partition`.
    pub(crate) fn aggregate(&self, partition: &Partition) -> Level<'static> {
        Level {
            graph: Cow::Owned(self.graph.aggregate(partition)),
            masses: partition.sizes(&self.masses),
            resolution: self.resolution,
        }
    }

    /// What rounding may add to a gain of node v: smaller differences are none, so that moves cannot go in circles.
    pub(crate) fn tolerance(&self, v: usize) -> f64 {
        1e-12 * self.graph.strengths()[v]
    }
}

/// The weight of the edges from one node to each group of its neighbors, gathered in the order of the neighbors.
pub(crate) struct Gathered {
    weight_to: Vec<f64>,
    /// The groups met.
    groups: Vec<u32>,
    met: Vec<bool>,
}

impl Gathered {
    pub(crate) fn new(groups: usize) -> Self {
        Self {
            weight_to: vec![0.0; groups],
            groups: Vec::new(),
            met: vec![false; groups],
        }
    }

    /// Gathers the edges of node `v` by the group of their other ends; ends without group are left out.
    pub(crate) fn gather(
        &mut self,
        graph: &Graph,
        v: usize,
        group_of: impl Fn(u32) -> Option<u32>,
    ) {
        for group in self.groups.drain(..) {
            self.weight_to[group as usize] = 0.0;
            self.met[group as usize] = false;
        }
        let (neighbors, weights) = graph.row(v);
        for (&u, &weight) in neighbors.iter().zip(weights) {
            if let Some(group) = group_of(u) {
                if !self.met[group as usize] {
                    self.met[group as usize] = true;
                    self.groups.push(group);
                }
                self.weight_to[group as usize] += weight;
            }
        }
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = (u32, f64)> {
        self.groups
            .iter()
            .map(|&group| (group, self.weight_to[group as usize]))
    }

    pub(crate) fn weight_to(&self, group: u32) -> f64 {
        self.weight_to[group as usize]
    }
}
