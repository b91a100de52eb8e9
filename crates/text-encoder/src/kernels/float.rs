//! The matrices of `f32` products.
//!
//! The right matrix is packed in panels of sixteen columns: for each row of the matrix, the sixteen values of the panel. Cost:
//! one fused multiply-add of eight (AVX2) or sixteen (AVX-512) values per instruction.

/// Columns of a panel.
pub(crate) const PANEL: usize = 16;

/// One row of a panel.
pub(crate) type PanelRow = [f32; PANEL];

/// Rows of a matrix at a constant distance.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// The first value of the first row, and what follows it.
    pub(crate) values: &'a [f32],
    /// Values from the start of one row to that of the next.
    pub(crate) stride: usize,
    /// Number of rows.
    pub(crate) count: usize,
}

/// A matrix of `n_out` columns and `n_in` rows in panels, from its transpose: rows of `n_in` values, one per column.
pub(crate) fn pack(transpose: &[f32], n_in: usize) -> Vec<PanelRow> {
    let n_out = transpose.len() / n_in;
    let mut panels = vec![[0.0; PANEL]; n_out.div_ceil(PANEL) * n_in];
    for (column, values) in transpose.chunks_exact(n_in).enumerate() {
        let panel = &mut panels[column / PANEL * n_in..][..n_in];
        for (row, &value) in panel.iter_mut().zip(values) {
            row[column % PANEL] = value;
        }
    }
    panels
}

/// The transpose that [`pack`] got, of `n_out` rows of `n_in` values.
pub(crate) fn unpack(panels: &[PanelRow], n_in: usize, n_out: usize) -> Vec<f32> {
    (0..n_out)
        .flat_map(|column| {
            let panel = &panels[column / PANEL * n_in..][..n_in];
            panel.iter().map(move |row| row[column % PANEL])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_matrix_is_unpacked_unchanged() {
        for (n_in, n_out) in [(1, 1), (3, 16), (5, 17), (2, 40)] {
            let values: Vec<f32> = (0..n_in * n_out).map(|at| at as f32).collect();
            assert_eq!(unpack(&pack(&values, n_in), n_in, n_out), values);
        }
    }
}
