//! Eigenvectors of small symmetric matrices, and the step that keeps a block of columns apart.

/// A symmetric matrix's eigenvalues, largest first, and its eigenvectors: column j of the second array, row-major,
/// belongs to value j. By cyclic Jacobi rotations; O(m^3) each sweep.
pub(crate) fn eigen(matrix: &[f64], m: usize) -> (Vec<f64>, Vec<f64>) {
    let mut a = matrix.to_vec();
    let mut vectors = vec![0.0; m * m];
    for i in 0..m {
        vectors[i * m + i] = 1.0;
    }
    for _ in 0..60 {
        let off: f64 = (0..m)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| a[i * m + j].powi(2))
            .sum();
        let all: f64 = a.iter().map(|v| v * v).sum();
        if off <= 1e-26 * all {
            break;
        }
        for p in 0..m {
            for q in p + 1..m {
                rotate(&mut a, &mut vectors, m, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..m).collect();
    order.sort_by(|&i, &j| a[j * m + j].total_cmp(&a[i * m + i]));
    let values = order.iter().map(|&i| a[i * m + i]).collect();
    let sorted = (0..m)
        .flat_map(|row| order.iter().map(move |&i| (row, i)))
        .map(|(row, i)| vectors[row * m + i]);
    (values, sorted.collect())
}

/// Makes element (p, q) zero.
fn rotate(a: &mut [f64], vectors: &mut [f64], m: usize, p: usize, q: usize) {
    let apq = a[p * m + q];
    if apq == 0.0 {
        return;
    }
    let theta = (a[q * m + q] - a[p * m + p]) / (2.0 * apq);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for k in 0..m {
        let (kp, kq) = (a[k * m + p], a[k * m + q]);
        a[k * m + p] = c * kp - s * kq;
        a[k * m + q] = s * kp + c * kq;
    }
    for k in 0..m {
        let (pk, qk) = (a[p * m + k], a[q * m + k]);
        a[p * m + k] = c * pk - s * qk;
        a[q * m + k] = s * pk + c * qk;
        let (kp, kq) = (vectors[k * m + p], vectors[k * m + q]);
        vectors[k * m + p] = c * kp - s * kq;
        vectors[k * m + q] = s * kp + c * kq;
    }
}

/// Rayleigh and Ritz: from the products `gram = X'X` and `image = X'SX` of a block X of m columns, the values and the
/// coefficients C (m x m, row-major) by which X C is orthonormal and diagonalizes S in the block's span, largest value
/// first. Directions in which X has lost its rank get coefficients of 0 and the value -1.
pub(crate) fn ritz(gram: &[f64], image: &[f64], m: usize) -> (Vec<f64>, Vec<f64>) {
    let (lengths, axes) = eigen(gram, m);
    let shortest = lengths[0].max(f64::MIN_POSITIVE) * 1e-12;
    let rank = lengths
        .iter()
        .take_while(|&&length| length > shortest)
        .count();
    let whitener: Vec<f64> = (0..m * rank)
        .map(|at| axes[at / rank.max(1) * m + at % rank.max(1)] / lengths[at % rank.max(1)].sqrt())
        .collect();
    let half = product(image, &whitener, m, m, rank);
    let mut inner = vec![0.0; rank * rank];
    for i in 0..rank {
        for j in 0..rank {
            inner[i * rank + j] = (0..m)
                .map(|k| whitener[k * rank + i] * half[k * rank + j])
                .sum();
        }
    }
    for i in 0..rank {
        for j in 0..i {
            let mean = 0.5 * (inner[i * rank + j] + inner[j * rank + i]);
            (inner[i * rank + j], inner[j * rank + i]) = (mean, mean);
        }
    }
    let (mut values, turn) = eigen(&inner, rank);
    values.resize(m, -1.0);
    let narrow = product(&whitener, &turn, m, rank, rank);
    let mut coefficients = vec![0.0; m * m];
    for i in 0..m {
        coefficients[i * m..i * m + rank].copy_from_slice(&narrow[i * rank..(i + 1) * rank]);
    }
    (values, coefficients)
}

/// The product of an (n, k) and a (k, m) matrix, both row-major.
fn product(a: &[f64], b: &[f64], n: usize, k: usize, m: usize) -> Vec<f64> {
    let mut out = vec![0.0; n * m];
    for i in 0..n {
        for l in 0..k {
            for j in 0..m {
                out[i * m + j] += a[i * k + l] * b[l * m + j];
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigen_of_a_known_matrix() {
        let (values, vectors) = eigen(&[2.0, 1.0, 1.0, 2.0], 2);
        assert!((values[0] - 3.0).abs() < 1e-12 && (values[1] - 1.0).abs() < 1e-12);
        assert!(
            (vectors[0] - vectors[2]).abs() < 1e-12,
            "the first is along the diagonal"
        );
    }

    #[test]
    fn ritz_finds_the_values_of_a_diagonal_matrix_in_a_skew_block() {
        // S = diag(3, 2, 1), X = [[1, 1], [0, 1], [0, 0]]: the span of the first two axes.
        let (values, _) = ritz(&[1.0, 1.0, 1.0, 2.0], &[3.0, 3.0, 3.0, 5.0], 2);
        assert!(
            (values[0] - 3.0).abs() < 1e-9 && (values[1] - 2.0).abs() < 1e-9,
            "{values:?}"
        );
    }

    #[test]
    fn ritz_survives_a_block_without_full_rank() {
        let (values, coefficients) = ritz(&[1.0, 1.0, 1.0, 1.0], &[0.5, 0.5, 0.5, 0.5], 2);
        assert!((values[0] - 0.5).abs() < 1e-9);
        assert_eq!(values[1], -1.0);
        assert!(coefficients.iter().all(|c| c.is_finite()));
    }
}
