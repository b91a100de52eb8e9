//! A distance below which clusters are not split (Malzer and Baum, "A hybrid approach to hierarchical
//! density-based cluster selection", 2020).

use super::options::SelectionOptions;
use crate::tree::ClusterTree;

/// The selected clusters with those that split off at a distance below epsilon replaced by the first cluster
/// above them that splits off at more, or by the last one below the root.
pub(super) fn merge_close(
    tree: &ClusterTree,
    selected: &[bool],
    options: &SelectionOptions,
) -> Vec<bool> {
    let mut marked = vec![false; tree.len()];
    // Where the climb from a cluster ends; clusters above are settled first, so a climb is one step.
    let mut end = vec![0_u32; tree.len()];
    for cluster in 1..tree.len() {
        let parent = tree.parent[cluster] as usize;
        end[cluster] = if parent == 0 {
            if options.allow_single_cluster {
                0
            } else {
                cluster as u32
            }
        } else if 1.0 / tree.birth[parent] > options.epsilon {
            parent as u32
        } else {
            end[parent]
        };
        if selected[cluster] {
            let close = 1.0 / tree.birth[cluster] < options.epsilon;
            marked[if close {
                end[cluster] as usize
            } else {
                cluster
            }] = true;
        }
    }
    // The root is selected alone or not at all.
    if marked[0] && marked[1..].contains(&true) {
        marked[0] = false;
    }
    marked
}
