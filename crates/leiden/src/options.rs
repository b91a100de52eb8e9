/// What a partition is judged by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Objective {
    /// Modularity (Newman and Girvan 2004) with a resolution (Reichardt and Bornholdt 2006): the edges inside communities
    /// against those expected from the strengths of the nodes.
    #[default]
    Modularity,
    /// The constant Potts model (Traag, Van Dooren and Nesterov 2011): the density inside communities against the resolution,
    /// by the sizes of the nodes.
    Cpm,
}

/// Settings of the algorithm.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// What is maximized.
    pub objective: Objective,
    /// The resolution gamma: larger values give smaller communities. Without unit for modularity; a weight per pair of points
    /// for the constant Potts model.
    pub resolution: f64,
    /// How often the algorithm runs, each time from the partition found before; igraph and leidenalg run it twice. It ends
    /// earlier if nothing changes.
    pub iterations: usize,
    /// The randomness theta of the refinement, in units of the edge weights: a node joins a community with a probability
    /// proportional to exp(gain / theta). 0: always the best.
    pub randomness: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            objective: Objective::Modularity,
            resolution: 1.0,
            iterations: 2,
            randomness: 0.01,
        }
    }
}
