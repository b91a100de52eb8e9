//! A summary of the bootstrap stability.

use serde::Serialize;

/// Minimum stability of a stable cluster: noise in two dimensions with `min_samples` 2 reaches 0.76, Gaussian clusters reach
/// 0.9 and more.
const STABLE: f32 = 0.8;

/// Minimum stability of a doubtful cluster; below it, a cluster is unstable.
const DOUBTFUL: f32 = 0.5;

/// Minimum number of subsamples for a verdict.
pub(crate) const MIN_SUBSAMPLES: usize = 20;

/// The stability of the clustering.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Number of subsamples.
    pub subsamples: usize,
    /// Number of clusters with a stability of 0.8 or more.
    pub stable: usize,
    /// Number of clusters with a stability from 0.5 to 0.8.
    pub doubtful: usize,
    /// Number of clusters with a stability below 0.5.
    pub unstable: usize,
    /// The summary as a sentence.
    pub sentence: String,
}

impl Verdict {
    /// The verdict on clusters with these stabilities, from `subsamples` subsamples.
    pub(crate) fn new(stability: &[f32], subsamples: usize) -> Self {
        let stable = stability.iter().filter(|&&of| of >= STABLE).count();
        let unstable = stability.iter().filter(|&&of| of < DOUBTFUL).count();
        let doubtful = stability.len() - stable - unstable;
        let all = stability.len();
        let sentence = if all == 0 {
            "there are no stable clusters: there are no clusters at all".to_owned()
        } else if stable == 0 {
            format!(
                "there are no stable clusters: none of {all} comes back without half of the data"
            )
        } else if stable == all {
            format!("all {all} clusters are stable")
        } else {
            format!(
                "{stable} of {all} clusters are stable, {doubtful} are doubtful, {unstable} should not be trusted"
            )
        };
        Self {
            subsamples,
            stable,
            doubtful,
            unstable,
            sentence,
        }
    }
}
