//! The fast local moving phase (Traag, Waltman and van Eck 2019, algorithm A.2, `MoveNodesFast`): nodes move to the best
//! neighboring community until none gains by it; only nodes whose neighborhood changed are visited again.

use std::collections::VecDeque;

use random_streams::Stream;

use crate::Partition;
use crate::level::{Gathered, Level};

/// Moves nodes of `start` until none gains by moving.
pub(crate) fn move_nodes(level: &Level<'_>, start: &Partition, random: &mut Stream) -> Partition {
    let n = level.graph.len();
    let mut labels = start.labels().to_vec();
    let mut mass = vec![0.0; n];
    let mut count = vec![0_usize; n];
    for (v, &label) in labels.iter().enumerate() {
        mass[label as usize] += level.masses[v];
        count[label as usize] += 1;
    }
    let mut vacant: Vec<u32> = (start.count() as u32..n as u32).rev().collect();
    let mut queue = VecDeque::from(shuffled(n, random));
    let mut queued = vec![true; n];
    let mut gathered = Gathered::new(n);

    while let Some(v) = queue.pop_front() {
        let v = v as usize;
        queued[v] = false;
        let old = labels[v];
        count[old as usize] -= 1;
        if count[old as usize] == 0 {
            // Exactly, so that rounding leaves no mass in an empty community.
            mass[old as usize] = 0.0;
            vacant.push(old);
        } else {
            mass[old as usize] -= level.masses[v];
        }

        gathered.gather(&level.graph, v, |u| Some(labels[u as usize]));
        let expected = level.resolution * level.masses[v];
        let gain = |label: u32, weight: f64| weight - expected * mass[label as usize];
        let tolerance = level.tolerance(v);
        let mut best = old;
        let mut best_gain = gain(old, gathered.weight_to(old));
        let alone = vacant.last().map(|&label| (label, 0.0));
        for (label, weight) in gathered.groups().chain(alone) {
            let gain = gain(label, weight);
            if gain > best_gain + tolerance {
                (best, best_gain) = (label, gain);
            }
        }

        if count[best as usize] == 0 {
            // `best` is the last vacant community, or `old`, which became the last one above.
            vacant.pop();
        }
        labels[v] = best;
        mass[best as usize] += level.masses[v];
        count[best as usize] += 1;
        if best != old {
            for &u in level.graph.row(v).0 {
                if labels[u as usize] != best && !queued[u as usize] {
                    queued[u as usize] = true;
                    queue.push_back(u);
                }
            }
        }
    }
    Partition::compact(labels)
}

/// The numbers below `n` in random order (Fisher and Yates).
pub(crate) fn shuffled(n: usize, random: &mut Stream) -> Vec<u32> {
    let mut order: Vec<u32> = (0..n as u32).collect();
    for last in (1..n).rev() {
        order.swap(last, random.below(last + 1));
    }
    order
}
