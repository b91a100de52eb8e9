//! How much memory a search takes, said before it starts.

/// Bytes that [`crate::knn`] of `n` rows of `d` values will hold at its peak, the answer included and the rows
/// themselves, which the caller holds, not.
pub fn estimate(n: usize, d: usize, k: usize) -> u64 {
    let (n, d, k) = (n as u64, d as u64, k as u64);
    let answer = n * k * 8;
    let screening = n * (d + 16);
    answer + screening
}
