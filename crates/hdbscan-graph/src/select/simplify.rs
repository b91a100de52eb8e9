//! Removal of short-lived clusters from the condensed tree before selection.

use crate::condense::CondensedTree;
use crate::tree::ClusterTree;

/// The condensed tree without the splits in which one side persists for less than `threshold` in lambda.
///
/// From the leaves up: if the shorter-lived side of a split ends less than `threshold` above the split, its points leave the
/// parent at the split, and the parent continues as the other side. If the other side is a leaf as well, both are merged into
/// the parent and their points keep their lambdas. This is the rule of hdbscan 0.8.41 and `fast_hdbscan`. Clusters are
/// renumbered in the same order. Takes O(rows).
pub(crate) fn simplify(tree: &CondensedTree, threshold: f64) -> CondensedTree {
    if threshold <= 0.0 {
        return tree.clone();
    }
    let clusters = ClusterTree::new(tree);
    let count = clusters.len();
    let n = tree.points;
    let mut reach = clusters.max_lambda.clone();
    let mut leaf = clusters.leaf.clone();
    // Into which cluster each one goes, and the lambda at which its own rows then leave, if not their own.
    let mut into: Vec<u32> = (0..count as u32).collect();
    let mut leave_at: Vec<Option<f64>> = vec![None; count];
    // Siblings are numbered in pairs: (1, 2), (3, 4), ...
    for left in (1..count).step_by(2).rev() {
        let right = left + 1;
        let parent = clusters.parent[left] as usize;
        let split = clusters.birth[left];
        let shorter = if reach[left] <= reach[right] {
            left
        } else {
            right
        };
        let longer = left + right - shorter;
        reach[parent] = reach[parent].max(reach[longer]);
        if reach[shorter] - split >= threshold {
            continue;
        }
        if leaf[longer] {
            leaf[parent] = true;
        } else {
            leave_at[shorter] = Some(split);
        }
        into[left] = parent as u32;
        into[right] = parent as u32;
    }
    // What a dissolved cluster goes into may have gone into something itself.
    for cluster in 0..count {
        let above = into[cluster] as usize;
        if above != cluster {
            leave_at[cluster] = leave_at[above].or(leave_at[cluster]);
            into[cluster] = into[above];
        }
    }
    let mut number = vec![0_u32; count];
    let mut next = n as u32;
    for cluster in 0..count {
        if into[cluster] as usize == cluster {
            number[cluster] = next;
            next += 1;
        }
    }
    let mut kept = CondensedTree {
        points: n,
        ..CondensedTree::default()
    };
    for row in 0..tree.len() {
        let parent = tree.parent[row] as usize - n;
        let child = tree.child[row] as usize;
        if child >= n && into[child - n] as usize != child - n {
            continue;
        }
        kept.parent.push(number[into[parent] as usize]);
        kept.child.push(if child < n {
            child as u32
        } else {
            number[child - n]
        });
        kept.lambda
            .push(leave_at[parent].unwrap_or(tree.lambda[row]));
        kept.size.push(tree.size[row]);
    }
    kept
}
