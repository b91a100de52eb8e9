//! Agreement of two partitions of the same rows.

/// The contingency table of two partitions, with its row and column sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contingency {
    cells: Vec<u64>,
    rows: Vec<u64>,
    columns: Vec<u64>,
    n: u64,
}

impl Contingency {
    /// Counts the pairs `(a[i], b[i])`; labels may be any numbers.
    ///
    /// # Panics
    ///
    /// If the two differ in length.
    pub fn new(a: &[i32], b: &[i32]) -> Self {
        assert_eq!(a.len(), b.len(), "both partitions are of the same rows");
        let mut pairs: Vec<(i32, i32)> = a.iter().copied().zip(b.iter().copied()).collect();
        pairs.sort_unstable();
        let cells = runs(&pairs);
        let sizes = |labels: &[i32]| {
            let mut sorted = labels.to_vec();
            sorted.sort_unstable();
            runs(&sorted)
        };
        Self {
            cells,
            rows: sizes(a),
            columns: sizes(b),
            n: a.len() as u64,
        }
    }
}

/// The lengths of the runs of equal values.
fn runs<T: PartialEq>(sorted: &[T]) -> Vec<u64> {
    sorted
        .chunk_by(|a, b| a == b)
        .map(|run| run.len() as u64)
        .collect()
}

/// The adjusted mutual information (Vinh, Epps and Bailey 2010), normalized by the mean of the two entropies.
///
/// 1 for equal partitions, 0 on average for random ones. Takes O(parts of a x parts of b x smaller part), besides sorting.
pub fn ami(a: &[i32], b: &[i32]) -> f64 {
    let counts = Contingency::new(a, b);
    if counts.cells.len() == counts.rows.len() && counts.cells.len() == counts.columns.len() {
        return 1.0;
    }
    let n = counts.n as f64;
    let entropy = |sizes: &[u64]| -> f64 {
        sizes
            .iter()
            .map(|&size| size as f64 / n)
            .map(|p| -p * p.ln())
            .sum()
    };
    let (in_a, in_b) = (entropy(&counts.rows), entropy(&counts.columns));
    // I(a, b) = H(a) + H(b) - H(a, b).
    let mutual = in_a + in_b - entropy(&counts.cells);
    let expected = expected_mutual_information(&counts);
    let span = f64::midpoint(in_a, in_b) - expected;
    if span.abs() < f64::EPSILON {
        0.0
    } else {
        (mutual - expected) / span
    }
}

/// The expected mutual information of random partitions with the same sizes: hypergeometric in each cell.
fn expected_mutual_information(counts: &Contingency) -> f64 {
    let n = counts.n;
    let mut log_factorial = vec![0.0_f64; n as usize + 1];
    for i in 1..log_factorial.len() {
        log_factorial[i] = log_factorial[i - 1] + (i as f64).ln();
    }
    let log_factorial = |i: u64| log_factorial[i as usize];
    let mut expected = 0.0;
    for &a in &counts.rows {
        for &b in &counts.columns {
            let fixed =
                log_factorial(a) + log_factorial(b) + log_factorial(n - a) + log_factorial(n - b)
                    - log_factorial(n);
            for cell in (a + b).saturating_sub(n).max(1)..=a.min(b) {
                let information = cell as f64 / n as f64
                    * ((n as f64 * cell as f64) / (a as f64 * b as f64)).ln();
                let log_probability = fixed
                    - log_factorial(cell)
                    - log_factorial(a - cell)
                    - log_factorial(b - cell)
                    - log_factorial(n + cell - a - b);
                expected += information * log_probability.exp();
            }
        }
    }
    expected
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores by the published formula.
    fn near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
    }

    #[test]
    fn the_same_partition_with_other_numbers_scores_one() {
        near(ami(&[0, 0, 1, 1, 2], &[7, 7, -1, -1, 3]), 1.0);
    }

    #[test]
    fn known_scores() {
        near(
            ami(&[0, 0, 0, 1, 1, 1], &[0, 0, 1, 1, 2, 2]),
            0.298_792_458_170_890_06,
        );
        near(ami(&[0, 0, 1, 1], &[0, 1, 0, 1]), -0.5);
    }

    #[test]
    fn one_part_against_many_scores_zero() {
        near(ami(&[0, 0, 0, 0], &[0, 1, 2, 3]), 0.0);
    }

    #[test]
    fn the_order_of_the_two_does_not_matter() {
        let (a, b) = ([0, 0, 1, 1, 2, 2, 2, 0], [1, 1, 1, 0, 0, 2, 2, 2]);
        near(ami(&a, &b), ami(&b, &a));
    }

    #[test]
    fn empty_partitions_agree() {
        near(ami(&[], &[]), 1.0);
    }
}
