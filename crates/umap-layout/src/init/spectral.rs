//! The spectral initialization: the smoothest functions on the graph, as coordinates.
//!
//! These are the eigenvectors of the smallest eigenvalues of the normalized Laplacian `I - D^-1/2 W D^-1/2`, the
//! constant one left out (Belkin and Niyogi 2003; UMAP, section 4.2), found as the largest of `D^-1/2 W D^-1/2` by
//! subspace iteration with a Chebyshev filter (Zhou, Saad, Tiago and Chelikowsky 2006). The number of steps is bounded for
//! every graph, and the residual is reported. The connected components of a graph are initialized one by one and placed side
//! by side in squares whose areas are their numbers of points.
//!
//! Cost: at most [`ROUNDS`] x [`DEGREE`] products of the graph with a few columns.

use knn_graph::Components;
use rayon::prelude::*;

use super::dense::ritz;
use crate::fuzzy::FuzzyGraph;

/// Filters applied, at most.
const ROUNDS: usize = 8;
/// Products with the graph in each filter.
const DEGREE: usize = 20;
/// A residual `|S x - value x|` that is good enough for a start.
const SETTLED: f64 = 1e-3;
/// Rows per partial sum: fixed, so that sums have one order.
const BLOCK: usize = 2048;

/// Initial positions and how they were found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spectral {
    /// Shape (n, components), row-major.
    pub(crate) positions: Vec<f32>,
    /// Number of connected components of the graph.
    pub(crate) connected_components: usize,
    /// The largest residual of a coordinate in any component, against an eigenvector of length 1.
    pub(crate) residual: f64,
}

/// The spectral initialization of `graph` in `components` dimensions; the iteration begins at `noise(i, component)`.
pub(crate) fn spectral(
    graph: &FuzzyGraph,
    components: usize,
    noise: &(dyn Fn(usize, usize) -> f32 + Sync),
) -> Spectral {
    let parts = connected_components(graph);
    let corners = shelves(&parts);
    let mut start = Spectral {
        positions: vec![0.0; graph.len() * components],
        connected_components: parts.len(),
        residual: 0.0,
    };
    for (members, corner) in parts.iter().zip(corners) {
        let side = (members.len() as f64).sqrt();
        let (coordinates, residual) = if members.len() < 4 * (components + 2) {
            // Too few points for that many eigenvectors: random positions in their square.
            (
                members
                    .iter()
                    .flat_map(|&i| (0..components).map(move |c| f64::from(noise(i as usize, c))))
                    .collect(),
                0.0,
            )
        } else {
            let whole = members.len() == graph.len();
            let part = if whole {
                None
            } else {
                Some(induced(graph, members))
            };
            smoothest(part.as_ref().unwrap_or(graph), components, noise)
        };
        start.residual = start.residual.max(residual);
        let coordinates = unit_square(coordinates, components);
        for (at, &i) in members.iter().enumerate() {
            for component in 0..components {
                let low = if component < 2 {
                    corner[component]
                } else {
                    0.0
                };
                start.positions[i as usize * components + component] =
                    (low + side * coordinates[at * components + component]) as f32;
            }
        }
    }
    start
}

/// The points of each component in ascending order; the largest component first, then by first point.
fn connected_components(graph: &FuzzyGraph) -> Vec<Vec<u32>> {
    let edges = (0..graph.len()).flat_map(|i| graph.row(i).0.iter().map(move |&j| (i as u32, j)));
    Components::of_edges(graph.len(), edges).members()
}

/// Lower left corners of squares of area `parts[i].len()`, in rows as wide as the whole is high.
fn shelves(parts: &[Vec<u32>]) -> Vec<[f64; 2]> {
    /// Distance between squares, as a share of their sides.
    const GAP: f64 = 0.25;
    let side = |part: &Vec<u32>| (part.len() as f64).sqrt() * (1.0 + GAP);
    let width = parts
        .iter()
        .map(|part| side(part).powi(2))
        .sum::<f64>()
        .sqrt();
    let (mut x, mut y, mut height) = (0.0, 0.0, 0.0);
    parts
        .iter()
        .map(|part| {
            let side = side(part);
            if x > 0.0 && x + side > width * (1.0 + GAP) {
                (x, y, height) = (0.0, y + height, 0.0);
            }
            let corner = [x, y];
            x += side;
            height = f64::max(height, side);
            corner
        })
        .collect()
}

/// The part of the graph on `members`, renumbered.
fn induced(graph: &FuzzyGraph, members: &[u32]) -> FuzzyGraph {
    let mut part = FuzzyGraph {
        starts: vec![0],
        neighbors: Vec::new(),
        weights: Vec::new(),
    };
    for &i in members {
        let (neighbors, weights) = graph.row(i as usize);
        part.neighbors.extend(neighbors.iter().map(|j| {
            members
                .binary_search(j)
                .expect("a component holds its neighbors") as u32
        }));
        part.weights.extend_from_slice(weights);
        part.starts.push(part.neighbors.len());
    }
    part
}

/// Each component moved and stretched to 0..1; a component of one value becomes 0.5.
fn unit_square(mut coordinates: Vec<f64>, components: usize) -> Vec<f64> {
    for component in 0..components {
        let values = || {
            coordinates
                .iter()
                .skip(component)
                .step_by(components)
                .copied()
        };
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        let scale = if high > low { 1.0 / (high - low) } else { 0.0 };
        for value in coordinates.iter_mut().skip(component).step_by(components) {
            *value = if scale > 0.0 {
                (*value - low) * scale
            } else {
                0.5
            };
        }
    }
    coordinates
}

/// Columns are handled four at a time: the width of the narrowest vector registers.
type Quad = [f32; 4];

/// The operator `S = D^-1/2 W D^-1/2` with its known largest eigenvector taken out.
struct Smoothing {
    /// `S` in the compressed rows of the graph.
    starts: Vec<usize>,
    neighbors: Vec<u32>,
    weights: Vec<f32>,
    /// The eigenvector of value 1, of length 1.
    constant: Vec<f32>,
}

impl Smoothing {
    fn new(graph: &FuzzyGraph) -> Self {
        let degrees = graph.degrees();
        let total: f64 = degrees.iter().sum();
        let weights = (0..graph.len()).into_par_iter().flat_map_iter(|i| {
            let (neighbors, weights) = graph.row(i);
            let degrees = &degrees;
            neighbors.iter().zip(weights).map(move |(&j, &w)| {
                (f64::from(w) / (degrees[i] * degrees[j as usize]).sqrt()) as f32
            })
        });
        Self {
            weights: weights.collect(),
            starts: graph.starts.clone(),
            neighbors: graph.neighbors.clone(),
            constant: degrees
                .iter()
                .map(|degree| (degree / total).sqrt() as f32)
                .collect(),
        }
    }

    /// `out = scale (S x - shift x) - minus out`, the step of Chebyshev's recursion.
    fn step(&self, x: &[Quad], out: &mut [Quad], quads: usize, scale: f32, shift: f32, minus: f32) {
        out.par_chunks_mut(BLOCK * quads)
            .enumerate()
            .for_each(|(block, out)| {
                for (row, out) in out.chunks_mut(quads).enumerate() {
                    let i = block * BLOCK + row;
                    let edges = self.starts[i]..self.starts[i + 1];
                    for (quad, out) in out.iter_mut().enumerate() {
                        let mut sum = [0.0f32; 4];
                        for (&j, &weight) in self.neighbors[edges.clone()]
                            .iter()
                            .zip(&self.weights[edges.clone()])
                        {
                            let other = x[j as usize * quads + quad];
                            for l in 0..4 {
                                sum[l] += weight * other[l];
                            }
                        }
                        let own = x[i * quads + quad];
                        for l in 0..4 {
                            out[l] = scale * (sum[l] - shift * own[l]) - minus * out[l];
                        }
                    }
                }
            });
    }

    /// Takes the constant eigenvector out of each column.
    fn deflate(&self, x: &mut [Quad], quads: usize) {
        let m = quads * 4;
        let parts: Vec<Vec<f64>> = x
            .par_chunks(BLOCK * quads)
            .zip(self.constant.par_chunks(BLOCK))
            .map(|(rows, constant)| {
                let mut sums = vec![0.0; m];
                for (row, &c) in rows.chunks(quads).zip(constant) {
                    for (sum, &value) in sums.iter_mut().zip(row.as_flattened()) {
                        *sum += f64::from(value) * f64::from(c);
                    }
                }
                sums
            })
            .collect();
        let sums = total(&parts, m);
        x.par_chunks_mut(BLOCK * quads)
            .zip(self.constant.par_chunks(BLOCK))
            .for_each(|(rows, constant)| {
                for (row, &c) in rows.chunks_mut(quads).zip(constant) {
                    for (value, sum) in row.as_flattened_mut().iter_mut().zip(&sums) {
                        *value -= (*sum * f64::from(c)) as f32;
                    }
                }
            });
    }
}

/// The sum of partial sums, in their order.
fn total(parts: &[Vec<f64>], m: usize) -> Vec<f64> {
    let mut sums = vec![0.0; m];
    for part in parts {
        for (sum, value) in sums.iter_mut().zip(part) {
            *sum += value;
        }
    }
    sums
}

/// The products of the columns of `a` with those of `b`: (m, m), row-major.
fn products(a: &[Quad], b: &[Quad], quads: usize) -> Vec<f64> {
    let m = quads * 4;
    let parts: Vec<Vec<f64>> = a
        .par_chunks(BLOCK * quads)
        .zip(b.par_chunks(BLOCK * quads))
        .map(|(a, b)| {
            let mut sums = vec![0.0; m * m];
            for (a, b) in a.chunks(quads).zip(b.chunks(quads)) {
                for (sums, &a) in sums.chunks_mut(m).zip(a.as_flattened()) {
                    for (sum, &b) in sums.iter_mut().zip(b.as_flattened()) {
                        *sum += f64::from(a) * f64::from(b);
                    }
                }
            }
            sums
        })
        .collect();
    total(&parts, m * m)
}

/// `x = x C`, C of shape (m, m).
fn combine(x: &mut [Quad], coefficients: &[f64], quads: usize) {
    let m = quads * 4;
    x.par_chunks_mut(BLOCK * quads).for_each(|rows| {
        let mut sums = vec![0.0; m];
        for row in rows.chunks_mut(quads) {
            sums.fill(0.0);
            for (&value, coefficients) in row.as_flattened().iter().zip(coefficients.chunks(m)) {
                for (sum, coefficient) in sums.iter_mut().zip(coefficients) {
                    *sum += f64::from(value) * coefficient;
                }
            }
            for (value, &sum) in row.as_flattened_mut().iter_mut().zip(&sums) {
                *value = sum as f32;
            }
        }
    });
}

/// The coordinates of a connected graph's points, (n, components), and the largest residual among them.
fn smoothest(
    graph: &FuzzyGraph,
    components: usize,
    noise: &(dyn Fn(usize, usize) -> f32 + Sync),
) -> (Vec<f64>, f64) {
    let n = graph.len();
    // Two more columns than components: the last ones of a block converge last.
    let quads = (components + 2).div_ceil(4);
    let m = quads * 4;
    let smoothing = Smoothing::new(graph);
    let mut x: Vec<Quad> = (0..n * quads)
        .into_par_iter()
        .map(|at| std::array::from_fn(|l| noise(at / quads, at % quads * 4 + l) - 0.5))
        .collect();
    let mut image = vec![[0.0; 4]; n * quads];
    let mut residual = f64::INFINITY;
    // No eigenvalue is below -1; those between -1 and `upper` are damped.
    let mut upper = 0.5;
    for round in 0..=ROUNDS {
        smoothing.deflate(&mut x, quads);
        smoothing.step(&x, &mut image, quads, 1.0, 0.0, 0.0);
        let (values, coefficients) =
            ritz(&products(&x, &x, quads), &products(&x, &image, quads), m);
        combine(&mut x, &coefficients, quads);
        combine(&mut image, &coefficients, quads);
        residual = residuals(&x, &image, &values, quads)[..components]
            .iter()
            .copied()
            .fold(0.0, f64::max);
        if round == ROUNDS || residual < SETTLED {
            break;
        }
        // Not so near to 1 that a filter of this degree could no longer separate the eigenvalues above it.
        upper = values
            .iter()
            .copied()
            .filter(|&v| v > -1.0)
            .fold(1.0, f64::min)
            .clamp(upper, 1.0 - 1e-4);
        filter(&smoothing, &mut x, &mut image, quads, upper);
    }
    (
        x.chunks(quads)
            .flat_map(|row| {
                row.as_flattened()[..components]
                    .iter()
                    .map(|&v| f64::from(v))
            })
            .collect(),
        residual,
    )
}

/// Chebyshev's polynomial of the operator on `-1..upper`: what lies above grows against all below.
fn filter(
    smoothing: &Smoothing,
    x: &mut Vec<Quad>,
    image: &mut Vec<Quad>,
    quads: usize,
    upper: f64,
) {
    let (center, half) = (
        f64::midpoint(upper, -1.0) as f32,
        f64::midpoint(upper, 1.0) as f32,
    );
    smoothing.step(x, image, quads, 1.0 / half, center, 0.0);
    for _ in 1..DEGREE {
        // x, image = image, 2 (S image) - x
        smoothing.step(image, x, quads, 2.0 / half, center, 1.0);
        std::mem::swap(x, image);
    }
    std::mem::swap(x, image);
}

/// `|S x - value x|` of each column.
fn residuals(x: &[Quad], image: &[Quad], values: &[f64], quads: usize) -> Vec<f64> {
    let m = quads * 4;
    let parts: Vec<Vec<f64>> = x
        .par_chunks(BLOCK * quads)
        .zip(image.par_chunks(BLOCK * quads))
        .map(|(x, image)| {
            let mut sums = vec![0.0; m];
            for (x, image) in x.chunks(quads).zip(image.chunks(quads)) {
                let both = x.as_flattened().iter().zip(image.as_flattened());
                for ((sum, value), (&x, &image)) in sums.iter_mut().zip(values).zip(both) {
                    *sum += (f64::from(image) - value * f64::from(x)).powi(2);
                }
            }
            sums
        })
        .collect();
    total(&parts, m).into_iter().map(f64::sqrt).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(i: usize, column: usize) -> f32 {
        ((i * 7919 + column * 104_729) % 1009) as f32 / 1009.0
    }

    /// A ring of `n` points from `first` on, as rows of (neighbors, weights).
    fn ring(n: u32, first: u32, graph: &mut FuzzyGraph) {
        for i in 0..n {
            let mut both = [first + (i + 1) % n, first + (i + n - 1) % n];
            both.sort_unstable();
            graph.neighbors.extend(both);
            graph.weights.extend([1.0, 1.0]);
            graph.starts.push(graph.neighbors.len());
        }
    }

    #[test]
    fn a_ring_is_laid_out_as_a_circle() {
        let mut graph = FuzzyGraph {
            starts: vec![0],
            neighbors: vec![],
            weights: vec![],
        };
        ring(60, 0, &mut graph);
        let start = spectral(&graph, 2, &noise);
        assert_eq!(start.connected_components, 1);
        let side = 60f32.sqrt();
        for point in start.positions.chunks(2) {
            let radius = ((point[0] / side - 0.5).powi(2) + (point[1] / side - 0.5).powi(2)).sqrt();
            assert!((radius - 0.5).abs() < 0.05, "{point:?}");
        }
    }

    #[test]
    fn components_do_not_overlap() {
        let mut graph = FuzzyGraph {
            starts: vec![0],
            neighbors: vec![],
            weights: vec![],
        };
        ring(40, 0, &mut graph);
        ring(3, 40, &mut graph);
        ring(50, 43, &mut graph);
        let start = spectral(&graph, 2, &noise);
        assert_eq!(start.connected_components, 3);
        let boxes: Vec<[f32; 4]> = [0..40, 40..43, 43..93]
            .into_iter()
            .map(|range| {
                start.positions[range.start * 2..range.end * 2]
                    .chunks(2)
                    .fold([f32::MAX, f32::MAX, f32::MIN, f32::MIN], |b, p| {
                        [
                            b[0].min(p[0]),
                            b[1].min(p[1]),
                            b[2].max(p[0]),
                            b[3].max(p[1]),
                        ]
                    })
            })
            .collect();
        for (i, a) in boxes.iter().enumerate() {
            for b in &boxes[..i] {
                assert!(
                    a[2] < b[0] || b[2] < a[0] || a[3] < b[1] || b[3] < a[1],
                    "{a:?} {b:?}"
                );
            }
        }
    }
}
