//! Graphs that several tests use.

use leiden::Graph;
use random_streams::Seed;

/// Zachary's karate club (1977): 34 members, 78 friendships.
pub fn karate() -> Graph {
    let edges: Vec<(u32, u32, f64)> = include_str!("../data/karate.txt")
        .lines()
        .map(|line| {
            let (from, to) = line.split_once(' ').unwrap();
            (from.parse().unwrap(), to.parse().unwrap(), 1.0)
        })
        .collect();
    Graph::from_edges(34, &edges).unwrap()
}

/// `groups` groups of `size` nodes; each node draws `inner` edges into its group and `outer` anywhere, weighted 0.5 to 1.
pub fn planted(
    groups: usize,
    size: usize,
    inner: usize,
    outer: usize,
    seed: u64,
) -> Vec<(u32, u32, f64)> {
    let n = groups * size;
    let mut edges = Vec::new();
    for v in 0..n {
        let mut random = Seed(seed).stream("planted", v as u64);
        for edge in 0..inner + outer {
            let to = if edge < inner {
                v / size * size + random.below(size)
            } else {
                random.below(n)
            };
            let weight = f64::midpoint(1.0, random.next_f64());
            if to != v {
                edges.push((v as u32, to as u32, weight));
            }
        }
    }
    edges
}
