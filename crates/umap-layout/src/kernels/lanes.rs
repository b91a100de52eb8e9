//! Sixteen numbers at a time: the operations of the optimizer and of the quality figures.
//!
//! IEEE 754 or integer arithmetic defines the result of every operation to the bit, products and sums are never fused, and no
//! operation mixes lanes. So every implementation gives the same bits, and code that is written over this trait is its own
//! portable twin: the same source over [`super::portable::Portable`].

/// Numbers per step.
pub(crate) const LANES: usize = 16;

/// Sixteen lanes of f32 and of 32-bit integers; a value of this type is the proof that the machine has them.
pub(crate) trait Lanes: Copy + Send + Sync {
    /// Sixteen f32.
    type F: Copy;
    /// Sixteen u32.
    type I: Copy;

    fn splat(self, value: f32) -> Self::F;
    fn load(self, values: &[f32; LANES]) -> Self::F;
    fn store(self, a: Self::F, values: &mut [f32; LANES]);
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// The larger; no lane is ever NaN.
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    /// The smaller; no lane is ever NaN.
    fn min(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a` where `b` and `c` differ, 0 elsewhere.
    fn unless_equal(self, a: Self::F, b: Self::I, c: Self::I) -> Self::F;

    fn splat_int(self, value: u32) -> Self::I;
    fn load_int(self, values: &[u32; LANES]) -> Self::I;
    fn store_int(self, a: Self::I, values: &mut [u32; LANES]);
    fn add_int(self, a: Self::I, b: Self::I) -> Self::I;
    fn sub_int(self, a: Self::I, b: Self::I) -> Self::I;
    /// The low half of the product.
    fn mul_int(self, a: Self::I, b: Self::I) -> Self::I;
    /// The high half of the product.
    fn mul_high(self, a: Self::I, b: Self::I) -> Self::I;
    fn xor(self, a: Self::I, b: Self::I) -> Self::I;
    fn shift_left<const BY: u32>(self, a: Self::I) -> Self::I;
    fn shift_right<const BY: u32>(self, a: Self::I) -> Self::I;
    /// Arithmetic: shifts in copies of the sign bit.
    fn shift_signed<const BY: u32>(self, a: Self::I) -> Self::I;

    fn bits(self, a: Self::F) -> Self::I;
    fn of_bits(self, a: Self::I) -> Self::F;
    /// The nearest f32 of each signed integer.
    fn to_float(self, a: Self::I) -> Self::F;

    /// Bit l is set where `floor(rates[l] * before) < floor(rates[l] * after)`; all are 0 or more and below 2^31.
    fn passed(self, rates: &[f32; LANES], before: f32, after: f32) -> u16;
    /// `ids[l]` for each bit l of `mask`, in order, into the front of `room`; returns their number.
    fn select(self, ids: &[u32; LANES], mask: u16, room: &mut [u32; LANES]) -> usize;
    /// Columns 0 and 1 of the rows `ids` of a row-major matrix of two columns.
    ///
    /// # Panics
    ///
    /// If a row is beyond the matrix.
    fn gather_pairs(self, matrix: &[[f32; 2]], ids: Self::I) -> (Self::F, Self::F);
    /// The values at `ids * stride + column`.
    ///
    /// # Panics
    ///
    /// If one is beyond the matrix.
    fn gather(self, matrix: &[f32], ids: Self::I, stride: usize, column: usize) -> Self::F;
}

/// A computation over any [`Lanes`]. `run` and what it calls have to be inlined, so that they are compiled for the
/// instructions of the kernel.
pub(crate) trait Task {
    /// Runs on these lanes.
    fn run<L: Lanes>(self, lanes: L);
}
