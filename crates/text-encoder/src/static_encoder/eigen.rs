//! Eigenvalues and eigenvectors of a symmetric matrix.
//!
//! Householder reflections to tridiagonal form, then QL with implicit shifts (Golub, Van Loan 2013, sections 8.3.1 and 8.3.3;
//! Bowdler, Martin, Reinsch, Wilkinson 1968). Sequential and in `f64`, with square roots as the only function: the same bits on
//! every machine.

/// Steps of QL for one eigenvalue, of which two or three are usual.
const MAX_STEPS: usize = 60;

/// The eigenvalues of the symmetric matrix `a` (n x n, row-major), largest first, and its eigenvectors as rows in that order.
/// O(n^3).
pub(super) fn eigen(a: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut diagonal, mut beside, mut vectors) = tridiagonal(a.to_vec(), n);
    ql(&mut diagonal, &mut beside, &mut vectors, n);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| diagonal[j].total_cmp(&diagonal[i]));
    let rows = order.iter().flat_map(|&i| &vectors[i * n..(i + 1) * n]);
    let rows = rows.copied().collect();
    (order.iter().map(|&i| diagonal[i]).collect(), rows)
}

/// The tridiagonal matrix T = Q' A Q: its diagonal, the elements beside it (n - 1, and a 0), and the columns of Q as rows.
fn tridiagonal(mut a: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let mut beside = vec![0.0; n];
    // The reflection of step k is I - v v' with v of length n - k - 1 and square 2.
    let mut reflections: Vec<Vec<f64>> = Vec::new();
    for k in 0..n.saturating_sub(1) {
        let mut v = a[k * n + k + 1..(k + 1) * n].to_vec();
        let square = dot(&v, &v);
        let length = square.sqrt();
        let image = if v[0] > 0.0 { -length } else { length };
        beside[k] = image;
        v[0] -= image;
        let square = dot(&v, &v);
        if square == 0.0 {
            reflections.push(vec![0.0; v.len()]);
            continue;
        }
        let scale = (2.0 / square).sqrt();
        for value in &mut v {
            *value *= scale;
        }
        // A - v w' - w v' with w = A v - v (v' A v) / 2.
        let first = k + 1;
        let mut w: Vec<f64> = (first..n)
            .map(|i| dot(&a[i * n + first..(i + 1) * n], &v))
            .collect();
        let half = 0.5 * dot(&v, &w);
        for (w, v) in w.iter_mut().zip(&v) {
            *w -= half * v;
        }
        for i in 0..v.len() {
            let row = &mut a[(first + i) * n + first..(first + i + 1) * n];
            for ((value, v_j), w_j) in row.iter_mut().zip(&v).zip(&w) {
                *value -= v[i] * w_j + w[i] * v_j;
            }
        }
        reflections.push(v);
    }
    let diagonal = (0..n).map(|i| a[i * n + i]).collect();
    let mut columns = vec![0.0; n * n];
    for i in 0..n {
        columns[i * n + i] = 1.0;
    }
    // Q is the product of the reflections: its columns, from the last reflection to the first.
    for (k, v) in reflections.iter().enumerate().rev() {
        for column in columns.chunks_exact_mut(n).skip(k + 1) {
            let along = dot(&column[k + 1..], v);
            for (value, v) in column[k + 1..].iter_mut().zip(v) {
                *value -= along * v;
            }
        }
    }
    (diagonal, beside, columns)
}

/// Makes the tridiagonal matrix diagonal, and rotates the rows of `vectors` with it.
fn ql(diagonal: &mut [f64], beside: &mut [f64], vectors: &mut [f64], n: usize) {
    for l in 0..n {
        for _ in 0..MAX_STEPS {
            // The first element beside the diagonal that is 0 beside its neighbors.
            let is_small = |m: usize| {
                let scale = diagonal[m].abs() + diagonal[m + 1].abs();
                beside[m].abs() <= f64::EPSILON * scale
            };
            let m = (l..n - 1).find(|&m| is_small(m)).unwrap_or(n - 1);
            if m == l {
                break;
            }
            let g = (diagonal[l + 1] - diagonal[l]) / (2.0 * beside[l]);
            let r = length(g, 1.0);
            let shift = beside[l] / (g + if g < 0.0 { -r } else { r });
            let mut g = diagonal[m] - diagonal[l] + shift;
            let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
            let mut split = false;
            for i in (l..m).rev() {
                let f = s * beside[i];
                let b = c * beside[i];
                let r = length(f, g);
                beside[i + 1] = r;
                if r == 0.0 {
                    diagonal[i + 1] -= p;
                    beside[m] = 0.0;
                    split = true;
                    break;
                }
                (s, c) = (f / r, g / r);
                g = diagonal[i + 1] - p;
                let r = (diagonal[i] - g) * s + 2.0 * c * b;
                p = s * r;
                diagonal[i + 1] = g + p;
                g = c * r - b;
                let (low, high) = vectors[i * n..(i + 2) * n].split_at_mut(n);
                for (low, high) in low.iter_mut().zip(high) {
                    let f = *high;
                    *high = s * *low + c * f;
                    *low = c * *low - s * f;
                }
            }
            if !split {
                diagonal[l] -= p;
                beside[l] = g;
                beside[m] = 0.0;
            }
        }
    }
}

/// The length of (a, b) without overflow.
fn length(a: f64, b: f64) -> f64 {
    let largest = a.abs().max(b.abs());
    if largest == 0.0 {
        return 0.0;
    }
    let (a, b) = (a / largest, b / largest);
    largest * (a * a + b * b).sqrt()
}

/// The dot product, in four partial sums.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (a, b) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    for (a, b) in a.0.iter().zip(b.0) {
        for lane in 0..4 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a.1.iter().zip(b.1).map(|(a, b)| a * b).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_matrix_by_hand() {
        // Its eigenvectors are along (1, 1, 0), (0, 0, 1) and (1, -1, 0).
        let (values, vectors) = eigen(&[2.0, 1.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 1.5], 3);
        for (found, expected) in values.iter().zip([3.0, 1.5, 1.0]) {
            assert!((found - expected).abs() < 1e-14, "{values:?}");
        }
        assert!((vectors[0] - vectors[1]).abs() < 1e-14 && vectors[2].abs() < 1e-14);
        assert!((vectors[5].abs() - 1.0).abs() < 1e-14);
    }

    #[test]
    fn one_number_and_equal_values() {
        assert_eq!(eigen(&[-2.0], 1), (vec![-2.0], vec![1.0]));
        let (values, vectors) = eigen(&[5.0, 0.0, 0.0, 5.0], 2);
        assert_eq!((values, vectors.len()), (vec![5.0, 5.0], 4));
        assert_eq!(eigen(&[0.0; 9], 3).0, [0.0; 3]);
    }

    proptest! {
        #[test]
        fn vectors_are_orthonormal_and_give_the_matrix_back(
            n in 1_usize..40,
            seed in proptest::collection::vec(-1.0_f64..1.0, 40 * 40),
            rank in 1_usize..40,
        ) {
            // A Gram matrix of `rank` rows, so that some eigenvalues are 0.
            let row = |i: usize| &seed[i * 40..][..n];
            let mut a = vec![0.0; n * n];
            for r in 0..rank.min(n) {
                for i in 0..n {
                    for j in 0..n {
                        a[i * n + j] += row(r)[i] * row(r)[j];
                    }
                }
            }
            let (values, vectors) = eigen(&a, n);
            prop_assert!(values.windows(2).all(|pair| pair[0] >= pair[1]));
            for i in 0..n {
                for j in 0..n {
                    let product = dot(&vectors[i * n..][..n], &vectors[j * n..][..n]);
                    prop_assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12);
                    let back: f64 = (0..n)
                        .map(|k| values[k] * vectors[k * n + i] * vectors[k * n + j])
                        .sum();
                    prop_assert!((back - a[i * n + j]).abs() < 1e-12 * n as f64);
                }
            }
        }
    }
}
