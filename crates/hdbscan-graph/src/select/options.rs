//! The settings of the selection.

/// Method for selecting clusters from the condensed tree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SelectionMethod {
    /// Excess of mass: the disjoint clusters with the largest total stability.
    #[default]
    Eom,
    /// The leaves of the condensed tree: the finest clusters.
    Leaf,
}

/// How clusters are selected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SelectionOptions {
    /// The method.
    pub method: SelectionMethod,
    /// Clusters that split off below this distance are merged with their siblings; 0 for none. In the unit of the metric.
    pub epsilon: f64,
    /// Maximum number of points per cluster (excess of mass only): instead of a larger cluster those below it are selected; 0
    /// for no limit.
    pub max_cluster_size: usize,
    /// Whether the root, the cluster of all points, may be selected.
    pub allow_single_cluster: bool,
}

impl Default for SelectionOptions {
    fn default() -> Self {
        Self {
            method: SelectionMethod::Eom,
            epsilon: 0.0,
            max_cluster_size: 0,
            allow_single_cluster: false,
        }
    }
}
