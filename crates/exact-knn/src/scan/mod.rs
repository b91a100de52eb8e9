//! The quantized scan: the int8 products of all pairs of two blocks, each compared with the thresholds of the pair.
//!
//! The products are never stored: a tile of them is compared while it is in registers, and only the pairs that may matter
//! leave the kernel, as [`Hit`]s. Every kernel computes the same integers and so finds the same hits.
//!
//! Cost: `d` multiply-adds per pair.

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
pub(crate) mod block;
mod portable;
mod tiles;
#[cfg(target_arch = "x86_64")]
mod vnni;

use self::block::{BLOCK, Hit, PADDING, PANEL, ScanSide};
use crate::Kernel;

pub(crate) use self::block::ScanScratch;

/// Appends to `hits`, in no particular order, every pair of `rows` and `cols` for which
/// `product + row bias + column bias >= min(row threshold, column threshold)`.
///
/// `lanes` is the number of lanes per panel. Bit `8 * p + q` of `pair_mask` says whether subblock `p` of the rows is
/// compared with subblock `q` of the columns.
pub(crate) fn scan(
    kernel: Kernel,
    rows: &ScanSide<'_>,
    cols: &ScanSide<'_>,
    lanes: usize,
    pair_mask: u64,
    scratch: &mut ScanScratch,
    hits: &mut Vec<Hit>,
) {
    for side in [rows, cols] {
        let padded = side.len.next_multiple_of(PADDING);
        assert!(
            padded <= BLOCK && side.codes.len() == padded / PANEL * lanes,
            "a block is whole pairs of panels"
        );
        assert!(
            side.bias.len() == padded
                && side.sums.len() == padded
                && side.thresholds.len() == padded,
            "lists are padded"
        );
    }
    match kernel {
        #[cfg(target_arch = "x86_64")]
        #[expect(
            unsafe_code,
            reason = "calls a function compiled for more than the baseline"
        )]
        // SAFETY: `Kernel::choose` returns a kernel only where the processor has its features.
        Kernel::Vnni => unsafe { vnni::scan(rows, cols, lanes, pair_mask, scratch, hits) },
        #[cfg(target_arch = "x86_64")]
        #[expect(
            unsafe_code,
            reason = "calls a function compiled for more than the baseline"
        )]
        // SAFETY: as above.
        Kernel::Avx2 => unsafe { avx2::scan(rows, cols, lanes, pair_mask, scratch, hits) },
        #[cfg(target_arch = "x86_64")]
        #[expect(
            unsafe_code,
            reason = "calls a function compiled for more than the baseline"
        )]
        // SAFETY: as above.
        Kernel::Amx => unsafe { amx::scan(rows, cols, lanes, pair_mask, scratch, hits) },
        _ => portable::scan(rows, cols, lanes, pair_mask, hits),
    }
}

/// The number of lanes per panel of rows of `d` values.
pub(crate) fn lanes(kernel: Kernel, d: usize) -> usize {
    match kernel {
        // A tile takes sixteen lanes at once.
        Kernel::Amx => d.div_ceil(4).next_multiple_of(tiles::DEPTH),
        _ => d.div_ceil(4),
    }
}

#[cfg(test)]
mod tests {
    use super::block::tests::{sorted, test_block};
    use super::*;

    #[test]
    fn every_kernel_of_this_machine_finds_the_same() {
        for (left, right, d) in [
            (1, 1, 1),
            (31, 33, 5),
            (32, 64, 64),
            (65, 512, 384),
            (512, 500, 100),
            (512, 512, 4096),
        ] {
            let mut compared = 0;
            for kernel in Kernel::ALL
                .into_iter()
                .filter(|kernel| kernel.is_available())
            {
                let lanes = lanes(kernel, d);
                let (left, right) = (test_block(left, lanes, 3), test_block(right, lanes, 4));
                let (mut hits, mut expected) = (Vec::new(), Vec::new());
                let mask = if d == 384 {
                    u64::MAX
                } else {
                    0x80f1_f3f7_ff1f_3f7f
                };
                scan(
                    kernel,
                    &left.side(),
                    &right.side(),
                    lanes,
                    mask,
                    &mut ScanScratch::default(),
                    &mut hits,
                );
                portable::scan(&left.side(), &right.side(), lanes, mask, &mut expected);
                compared = expected.len();
                assert_eq!(sorted(hits), sorted(expected), "{kernel} {d}");
            }
            assert!(
                d < 64 || compared > 0,
                "the thresholds are such that there are hits"
            );
        }
    }
}
