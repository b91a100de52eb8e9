//! Inputs made here.

use exact_knn::{Metric, Points, knn};
use project::layout::{Layout, Lists, Rows, layout};
use project::optimize::Kernel;
use project::quality::{Similarity, nearest_in_plane, preserved, trustworthiness};
use project::{Init, Options};
use stage::{Seed, Silent};

/// Rows of `d` values around `groups` centers, in no order; the last tenth lies anywhere.
pub(crate) fn groups(n: usize, d: usize, groups: usize) -> Vec<f32> {
    // The sum of four is near enough to a normal distribution.
    let normal = |item: u64| {
        let mut stream = Seed(7).stream("test/groups", item);
        (0..4).map(|_| stream.next_f32() - 0.5).sum::<f32>() * 1.7
    };
    let value = |i: usize, at: usize| {
        let own = normal((i * d + at) as u64 + 1_000_000);
        let group = i * 7919 % groups;
        if i % 10 == 9 {
            own
        } else {
            normal((group * d + at) as u64) + 0.35 * own
        }
    };
    (0..n * d).map(|at| value(at / d, at % d)).collect()
}

pub(crate) struct Graph {
    pub(crate) ids: Vec<u32>,
    pub(crate) distances: Vec<f32>,
    pub(crate) k: usize,
}

impl Graph {
    pub(crate) fn of(values: &[f32], d: usize, k: usize) -> Self {
        let points = Points::new(values, d).unwrap();
        let (knn, _) = knn(points, Metric::L2, k, &|_| ()).unwrap();
        Self {
            ids: knn.ids,
            distances: knn.distances,
            k,
        }
    }

    pub(crate) fn lists(&self) -> Lists<'_> {
        Lists {
            ids: &self.ids,
            distances: &self.distances,
            k: self.k,
        }
    }
}

pub(crate) fn lay_out(
    graph: &Graph,
    rows: Option<Rows<'_>>,
    options: &Options,
    kernel: Kernel,
) -> Layout {
    layout(graph.lists(), rows, options, Seed(42), kernel, &Silent).unwrap()
}

pub(crate) fn with_init(init: Init) -> Options {
    Options {
        init,
        ..Options::default()
    }
}

/// Trustworthiness and the share of neighbors kept, at 15, over all rows.
pub(crate) fn figures(positions: &[f32], values: &[f32], d: usize) -> (f64, f64) {
    let nearest = nearest_in_plane(positions.as_chunks().0, 15);
    let all: Vec<u32> = (0..(positions.len() / 2) as u32).collect();
    let trust = trustworthiness(
        Kernel::best(),
        values,
        d,
        Similarity::Euclidean,
        &all,
        &nearest,
        15,
    )
    .unwrap();
    let truth = Graph::of(values, d, 15);
    let shares = preserved(&nearest, 15, &truth.ids, 15);
    (
        trust,
        shares.iter().map(|&share| f64::from(share)).sum::<f64>() / shares.len() as f64,
    )
}
