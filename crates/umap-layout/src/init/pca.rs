//! Initialization by principal components: the two (or more) directions of greatest variance.
//!
//! Directions come from at most [`SAMPLE`] rows, evenly spaced, by subspace iteration on their covariance; then all
//! rows are projected. Cost: [`STEPS`] passes over the sample and two over all rows.

use rayon::prelude::*;

use super::dense::eigen;

/// Rows that the directions are taken from, at most.
const SAMPLE: usize = 5000;
/// Products with the covariance.
const STEPS: usize = 12;
/// Rows per partial sum: fixed, so that sums have one order.
const BLOCK: usize = 1024;
/// Partial sums of a dot product, so that it can be computed in vector registers of any width.
const LANES: usize = 16;

/// The coordinates of each row of `values` (n, d) along its first principal components: (n, components), row-major.
///
/// The iteration begins at `noise(i, component)`. Components past d are 0.
pub(crate) fn pca(
    values: &[f32],
    d: usize,
    components: usize,
    noise: &(dyn Fn(usize, usize) -> f32 + Sync),
) -> Vec<f32> {
    let n = values.len() / d;
    let m = (components + 2).min(d);
    let stride = n.div_ceil(SAMPLE).max(1);
    let sample: Vec<&[f32]> = values.chunks(d).step_by(stride).collect();
    let mean = mean(values, d);
    // Row c is direction c.
    let mut directions: Vec<f32> = (0..m * d).map(|at| noise(at % d, at / d) - 0.5).collect();
    for _ in 0..STEPS {
        let image = covariance(&sample, &mean, &directions, d, m);
        directions = orthonormal(&image, d, m);
    }
    let mut out = vec![0.0; n * components];
    let offsets: Vec<f32> = directions
        .chunks(d)
        .map(|direction| dot(direction, &mean))
        .collect();
    out.par_chunks_mut(components)
        .zip(values.par_chunks(d))
        .with_min_len(256)
        .for_each(|(out, row)| {
            for ((out, direction), offset) in out.iter_mut().zip(directions.chunks(d)).zip(&offsets)
            {
                *out = dot(direction, row) - offset;
            }
        });
    out
}

fn mean(values: &[f32], d: usize) -> Vec<f32> {
    let parts: Vec<Vec<f64>> = values
        .par_chunks(BLOCK * d)
        .map(|rows| {
            let mut sums = vec![0.0; d];
            for row in rows.chunks(d) {
                for (sum, &value) in sums.iter_mut().zip(row) {
                    *sum += f64::from(value);
                }
            }
            sums
        })
        .collect();
    let n = (values.len() / d) as f64;
    (0..d)
        .map(|at| (parts.iter().map(|part| part[at]).sum::<f64>() / n) as f32)
        .collect()
}

/// The covariance of the sample times each direction (rows of length d).
fn covariance(sample: &[&[f32]], mean: &[f32], directions: &[f32], d: usize, m: usize) -> Vec<f32> {
    let parts: Vec<Vec<f32>> = sample
        .par_chunks(BLOCK)
        .map(|rows| {
            let mut sums = vec![0.0; m * d];
            let mut centered = vec![0.0; d];
            for row in rows {
                for ((out, value), mean) in centered.iter_mut().zip(*row).zip(mean) {
                    *out = value - mean;
                }
                for (sums, direction) in sums.chunks_mut(d).zip(directions.chunks(d)) {
                    let along = dot(direction, &centered);
                    for (sum, value) in sums.iter_mut().zip(&centered) {
                        *sum += along * value;
                    }
                }
            }
            sums
        })
        .collect();
    let mut sums = vec![0.0f32; m * d];
    for part in &parts {
        for (sum, value) in sums.iter_mut().zip(part) {
            *sum += value;
        }
    }
    sums
}

/// The rows of `image` turned into orthonormal ones of the same span. Of a symmetric matrix's image of orthonormal
/// rows these are the singular vectors: near the end of the iteration its eigenvectors, greatest value first.
/// Directions without any variance become 0.
fn orthonormal(image: &[f32], d: usize, m: usize) -> Vec<f32> {
    let row = |i: usize| &image[i * d..(i + 1) * d];
    let gram: Vec<f64> = (0..m * m)
        .map(|at| f64::from(dot(row(at / m), row(at % m))))
        .collect();
    let (lengths, axes) = eigen(&gram, m);
    let mut out = vec![0.0; m * d];
    for (j, out) in out.chunks_mut(d).enumerate() {
        if lengths[j] <= lengths[0] * 1e-10 {
            continue;
        }
        for i in 0..m {
            let coefficient = (axes[i * m + j] / lengths[j].sqrt()) as f32;
            for (out, value) in out.iter_mut().zip(row(i)) {
                *out += coefficient * value;
            }
        }
    }
    out
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for l in 0..LANES {
            sums[l] += a[l] * b[l];
        }
    }
    for (l, (a, b)) in rest_a.iter().zip(rest_b).enumerate() {
        sums[l] += a * b;
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_axes_come_first() {
        // 200 points in three dimensions with spreads 1, 10 and 3.
        let noise = |i: usize, c: usize| {
            random_streams::Seed(3)
                .stream("test", (i * 4 + c) as u64)
                .next_f32()
        };
        let values: Vec<f32> = (0..200)
            .flat_map(|i| [noise(i, 0), 10.0 * noise(i, 1), 5.0 + 3.0 * noise(i, 2)])
            .collect();
        let positions = pca(&values, 3, 2, &noise);
        let spread = |of: &dyn Fn(usize) -> f32| {
            let mean = (0..200).map(of).sum::<f32>() / 200.0;
            (0..200).map(|i| (of(i) - mean).powi(2)).sum::<f32>() / 200.0
        };
        let (first, second) = (
            spread(&|i| positions[2 * i]),
            spread(&|i| positions[2 * i + 1]),
        );
        assert!((first / spread(&|i| values[3 * i + 1]) - 1.0).abs() < 0.05);
        assert!((second / spread(&|i| values[3 * i + 2]) - 1.0).abs() < 0.05);
    }

    #[test]
    fn constant_rows_and_too_few_dimensions_give_finite_positions() {
        let noise = |i: usize, c: usize| ((i * 31 + c * 17) % 13) as f32 / 13.0;
        assert!(pca(&[1.0; 30], 3, 2, &noise).iter().all(|v| v.abs() < 1e-5));
        assert!(
            pca(&[0.0, 1.0, 2.0, 3.0], 1, 2, &noise)
                .iter()
                .all(|v| v.is_finite())
        );
    }
}
