//! The refinement phase (Traag, Waltman and van Eck 2019, algorithm A.2, `RefinePartition`): each community is built up again
//! from single nodes that join neighbors only, so that its parts are connected, and may be taken apart on the next level.

use random_streams::Stream;

use crate::Partition;
use crate::level::{Gathered, Level};
use crate::local_moves::shuffled;

/// Splits the communities of `coarse` into parts that are well connected.
pub(crate) fn refine(
    level: &Level<'_>,
    coarse: &Partition,
    randomness: f64,
    random: &mut Stream,
) -> Partition {
    let graph = &level.graph;
    let n = graph.len();
    let of = coarse.labels();
    let whole = coarse.sizes(&level.masses);
    let mut parts: Vec<u32> = (0..n as u32).collect();
    let mut mass = level.masses.clone();
    let mut count = vec![1_usize; n];
    // The weight from each part to the rest of its community.
    let mut cut: Vec<f64> = (0..n)
        .map(|v| {
            let (neighbors, weights) = graph.row(v);
            let inside = |&(&u, _): &(&u32, &f64)| of[u as usize] == of[v];
            neighbors
                .iter()
                .zip(weights)
                .filter(inside)
                .map(|(_, weight)| weight)
                .sum()
        })
        .collect();
    let mut gathered = Gathered::new(n);
    let mut choices = Vec::new();

    for v in shuffled(n, random) {
        let v = v as usize;
        // Only nodes that are still alone join others.
        if parts[v] as usize != v || count[v] != 1 {
            continue;
        }
        let community = of[v];
        let total = whole[community as usize];
        let tolerance = level.tolerance(v);
        let well_connected = |part: usize| {
            cut[part] + tolerance >= level.resolution * mass[part] * (total - mass[part])
        };
        if !well_connected(v) {
            continue;
        }
        gathered.gather(graph, v, |u| {
            (of[u as usize] == community).then_some(parts[u as usize])
        });
        choices.clear();
        for (part, weight) in gathered.groups() {
            let gain = weight - level.resolution * mass[v] * mass[part as usize];
            if gain >= 0.0 && well_connected(part as usize) {
                choices.push((part, gain));
            }
        }
        let Some(part) = choose(&choices, randomness, random) else {
            continue;
        };
        let joined = part as usize;
        parts[v] = part;
        mass[joined] += mass[v];
        count[joined] += 1;
        count[v] = 0;
        cut[joined] += cut[v] - 2.0 * gathered.weight_to(part);
    }
    Partition::compact(parts)
}

/// One of the choices and staying alone, which gains 0, with a probability proportional to exp(gain / randomness).
fn choose(choices: &[(u32, f64)], randomness: f64, random: &mut Stream) -> Option<u32> {
    let largest = choices.iter().map(|&(_, gain)| gain).fold(0.0, f64::max);
    if randomness <= 0.0 {
        let best = choices.iter().find(|&&(_, gain)| gain == largest);
        return best.map(|&(part, _)| part);
    }
    // `libm` gives the same bits on every machine.
    let likelihood = |gain: f64| libm::exp((gain - largest) / randomness);
    let alone = likelihood(0.0);
    let sum = alone
        + choices
            .iter()
            .map(|&(_, gain)| likelihood(gain))
            .sum::<f64>();
    let mut rest = random.next_f64() * sum - alone;
    if rest < 0.0 {
        return None;
    }
    for &(part, gain) in choices {
        rest -= likelihood(gain);
        if rest < 0.0 {
            return Some(part);
        }
    }
    // Rounding left a little over.
    choices.last().map(|&(part, _)| part)
}
