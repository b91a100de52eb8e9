//! The size of a search, from which memory is estimated.

/// The size of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Number of rows.
    pub n: usize,
    /// Values per row.
    pub d: usize,
    /// Neighbors per row.
    pub k: usize,
}

impl Size {
    /// Bytes of the vectors.
    pub fn vectors(self) -> u64 {
        self.bytes(self.d, 4)
    }

    /// Bytes of the result: ids and distances.
    pub fn result(self) -> u64 {
        self.bytes(self.k, 8)
    }

    /// Bytes of `values` values per row of `bytes` bytes each. Saturates: a damaged file may claim any size.
    fn bytes(self, values: usize, bytes: u64) -> u64 {
        (self.n as u64)
            .saturating_mul(values as u64)
            .saturating_mul(bytes)
    }
}
