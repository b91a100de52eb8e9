//! The rule, from the graph to nested layers.

use exact_knn::{Metric, Points};
use knn_graph::KnnView;
use leiden::{Graph, Options, Partition, leiden};
use random_streams::Seed;
use rayon::prelude::*;

use crate::Error;
use crate::graph::{fuzzy, neighbors, search};
use crate::null::{self, NullTest};
use crate::resolution::{self, Agreement};

/// Maximum number of points whose graph is split into halves; of more points a sample of this size is searched.
const SAMPLE: usize = 20_000;

/// The resolution from which on the halves are compared if there are no points for a null model.
const DEFAULT_FLOOR: f64 = 0.4;

/// Below this number of points the resolution is at least [`SMALL_FLOOR`]: their null model divides at low resolutions.
const SMALL: usize = 1_000;
const SMALL_FLOOR: f64 = 0.6;

/// The halves of the finest layer agree at least this share of the best agreement.
const STILL_REPRODUCIBLE: f64 = 0.75;

/// How often the resolution is halved in search of coarser layers.
const MAX_COARSER: usize = 6;

/// Runs of Leiden of which the one of the largest modularity is taken.
const RUNS: u64 = 4;

/// A partition of all points.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// The communities, the largest first.
    pub partition: Partition,
    /// The resolution.
    pub resolution: f64,
    /// How well halves of the edges agree at it, from 0 to 1; `None` below the curve.
    pub agreement: Option<f64>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Communities {
    /// Strictly nested layers, from coarse to fine; at least one.
    pub layers: Vec<Layer>,
    /// The recommended layer: the coarsest whose halves agree nearly as well as those of any.
    pub themes: usize,
    /// The finest layer that is still reproducible.
    pub topics: usize,
    /// For each point the share of the weight of its edges inside its theme; 0 for a point without edges.
    pub shares: Vec<f64>,
    /// The test for structure, if there are points.
    pub null: Option<NullTest>,
    /// The agreement of halves by resolution, smoothed; empty without structure.
    pub curve: Vec<Agreement>,
}

/// The communities of a neighbor graph, told nothing. `points` are the rows that were searched, and their metric; without them
/// there is no test for structure, and no sample if there are more than 20,000 rows.
///
/// # Errors
///
/// If the graph has fewer neighbors than its size needs ([`neighbors`]), or the points are not those of the graph.
pub fn find(
    graph: &KnnView<'_>,
    points: Option<(Points<'_>, Metric)>,
    seed: Seed,
) -> Result<Communities, Error> {
    let n = graph.n();
    let k = neighbors(n);
    if graph.k() < k {
        return Err(Error::Neighbors {
            k: graph.k(),
            least: k,
        });
    }
    if let Some((points, _)) = points
        && points.n() != n
    {
        return Err(Error::Rows {
            nodes: n,
            points: points.n(),
        });
    }
    let whole = fuzzy(graph, k);
    let null = match points {
        Some((points, metric)) => Some(null::test(points.values(), points.d(), metric, seed)?),
        None => None,
    };
    if null.as_ref().is_some_and(|null| !null.structure) {
        let partition = Partition::whole(n);
        return Ok(Communities {
            shares: whole.inner_shares(&partition),
            layers: vec![Layer {
                partition,
                resolution: 0.0,
                agreement: None,
            }],
            themes: 0,
            topics: 0,
            null,
            curve: Vec::new(),
        });
    }
    let floor = null
        .as_ref()
        .map_or(DEFAULT_FLOOR, |null| null.null_divides_at);
    let floor = if n < SMALL {
        floor.max(SMALL_FLOOR)
    } else {
        floor
    };
    let wide = match points {
        Some((points, metric)) if n > SAMPLE => {
            let rows = seed.stream("communities/sample", 0).sample(n, SAMPLE);
            let values: Vec<f32> = rows
                .iter()
                .flat_map(|&row| points.row(row))
                .copied()
                .collect();
            fuzzy(&search(&values, points.d(), metric, 2 * k)?.view(), 2 * k)
        }
        _ => fuzzy(graph, 2 * k),
    };
    let curve = resolution::smoothed(&resolution::curve(&wide, floor, seed));
    drop(wide);
    let chosen = resolution::choose(&curve);
    let themes = best_of_runs(&whole, chosen.resolution, seed);
    let shares = whole.inner_shares(&themes);
    let (layers, themes, topics) = layers(&whole, themes, chosen, &curve, seed);
    Ok(Communities {
        layers,
        themes,
        topics,
        shares,
        null,
        curve,
    })
}

/// The partition of the largest modularity of several runs.
fn best_of_runs(graph: &Graph, resolution: f64, seed: Seed) -> Partition {
    let options = Options {
        resolution,
        ..Options::default()
    };
    let runs: Vec<(f64, Partition)> = (0..RUNS)
        .into_par_iter()
        .map(|run| {
            let seed = Seed(seed.stream("communities/run", run).next_u64());
            let found = leiden(graph, &options, seed);
            (graph.modularity(&found, resolution), found)
        })
        .collect();
    let best = runs
        .into_iter()
        .reduce(|best, run| if run.0 > best.0 { run } else { best });
    best.expect("there are runs").1
}

/// The layers around the themes, coarse to fine, with the places of themes and topics among them.
fn layers(
    graph: &Graph,
    themes: Partition,
    chosen: Agreement,
    curve: &[Agreement],
    seed: Seed,
) -> (Vec<Layer>, usize, usize) {
    let agreement = |resolution: f64| {
        let near = curve.iter().min_by(|a, b| {
            let far = |one: &Agreement| (one.resolution / resolution).ln().abs();
            far(a).total_cmp(&far(b))
        });
        near.filter(|_| resolution >= curve[0].resolution * 0.99)
            .map(|one| one.agreement)
    };
    let layer = |partition: Partition, resolution: f64| Layer {
        partition: partition.by_size(graph.sizes()),
        resolution,
        agreement: agreement(resolution),
    };
    let at = |resolution: f64| Options {
        resolution,
        ..Options::default()
    };

    let mut coarser = Vec::new();
    let (mut partition, mut resolution) = (themes.clone(), chosen.resolution);
    for _ in 0..MAX_COARSER {
        resolution /= 2.0;
        let merged = leiden(&graph.aggregate(&partition), &at(resolution), seed);
        if merged.count() < 2 {
            break;
        }
        if merged.count() < partition.count() {
            partition = partition.then(&merged);
            coarser.push(layer(partition.clone(), resolution));
        }
    }
    let mut layers: Vec<Layer> = coarser.into_iter().rev().collect();
    let place = layers.len();
    layers.push(layer(themes.clone(), chosen.resolution));

    let least = STILL_REPRODUCIBLE * chosen.agreement;
    let (mut partition, mut resolution) = (themes, chosen.resolution);
    loop {
        resolution *= 2.0;
        let reproducible = agreement(resolution).is_some_and(|found| found >= least);
        if !reproducible || resolution > curve[curve.len() - 1].resolution {
            break;
        }
        let split = leiden(&graph.within(&partition), &at(resolution), seed);
        if split.count() > partition.count() {
            partition = split;
            layers.push(layer(partition.clone(), resolution));
        }
    }
    let finest = layers.len() - 1;
    (layers, place, finest)
}
