//! Excess of mass (Campello, Moulavi and Sander 2013, section 5).

use super::options::SelectionOptions;
use crate::tree::ClusterTree;

/// Which clusters are selected, and the stability of each with that of the selected ones below it.
///
/// A cluster gives way to those below it when they are more stable together, or when it has more than
/// `max_cluster_size` points; on a tie it is selected. The root can be selected with `allow_single_cluster` only.
pub(super) fn excess_of_mass(
    tree: &ClusterTree,
    options: &SelectionOptions,
) -> (Vec<bool>, Vec<f64>) {
    let count = tree.len();
    let most = if options.max_cluster_size == 0 {
        usize::MAX
    } else {
        options.max_cluster_size
    };
    let mut stability = tree.stability.clone();
    let mut below = vec![0.0; count];
    let mut stays = vec![false; count];
    // Children have larger numbers than their parents, so they are decided first.
    for cluster in (usize::from(!options.allow_single_cluster)..count).rev() {
        if below[cluster] > stability[cluster] || tree.size[cluster] as usize > most {
            stability[cluster] = below[cluster];
        } else {
            stays[cluster] = true;
        }
        if cluster > 0 {
            below[tree.parent[cluster] as usize] += stability[cluster];
        }
    }
    // Of nested candidates the uppermost is selected.
    let mut covered = vec![false; count];
    for cluster in 0..count {
        let above = cluster > 0 && covered[tree.parent[cluster] as usize];
        covered[cluster] = above || stays[cluster];
        stays[cluster] &= !above;
    }
    (stays, stability)
}
