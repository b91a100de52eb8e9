//! Screening: the products of all pairs of two cells in int8, each compared with what the pair would have to reach.
//!
//! The products are never written out: a block of them is compared while it is still in registers, and only the pairs
//! that may matter leave the kernel, as [`Hit`]s. Every kernel computes the same integers and so finds the same hits.
//!
//! Cost: `depth` multiply-adds a pair.

pub(crate) mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
mod portable;
#[cfg(target_arch = "x86_64")]
mod vnni;

use crate::Kernel;

/// Rows that are stored together, value by value.
pub(crate) const PANEL: usize = 16;
/// Rows that are screened together: their codes stay in the second-level cache.
pub(crate) const CELL: usize = 512;
/// Rows that are skipped together where they are out of reach.
pub(crate) const PATCH: usize = 64;
/// Patches of a cell.
pub(crate) const PATCHES: usize = CELL / PATCH;
/// A goal that no pair reaches, and that sums of other terms do not lift out of an `i32`.
pub(crate) const UNREACHABLE: i32 = 1 << 30;
/// Panels come in pairs.
pub(crate) const PADDING: usize = 2 * PANEL;

/// Four values (int8, the first in the lowest byte) of each row of a panel: what one step of a product takes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [i32; PANEL]);

/// One cell as a side of a product. All lists are padded to whole pairs of panels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side<'a> {
    /// Panel after panel, `lines` lines each.
    pub(crate) codes: &'a [Line],
    /// What each row adds to the score of its pairs.
    pub(crate) bias: &'a [i32],
    /// The sum of each row's codes.
    pub(crate) sums: &'a [i32],
    /// The score that makes a pair matter to the row.
    pub(crate) goals: &'a [i32],
    /// Rows that are not padding.
    pub(crate) len: usize,
}

/// A pair whose score reaches the goal of its row or of its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    pub(crate) row: u16,
    pub(crate) col: u16,
    /// The product of the two codes and both biases.
    pub(crate) score: i32,
}

/// Memory that a thread uses again from cell to cell.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    lines: Vec<Line>,
    #[cfg(target_arch = "x86_64")]
    blocks: Vec<[i32; avx2::ROWS]>,
}

/// Every pair of `rows` and `cols` for which
/// `product + row bias + column bias >= min(row goal, column goal)`, in no particular order.
///
/// `lines` is the number of lines a panel; bit `8 * p + q` of `live` says whether patch `p` of the rows meets patch
/// `q` of the columns at all.
pub(crate) fn screen(
    kernel: Kernel,
    rows: &Side<'_>,
    cols: &Side<'_>,
    lines: usize,
    live: u64,
    scratch: &mut Scratch,
    hits: &mut Vec<Hit>,
) {
    for side in [rows, cols] {
        let padded = side.len.next_multiple_of(PADDING);
        assert!(
            padded <= CELL && side.codes.len() == padded / PANEL * lines,
            "a cell is whole pairs of panels"
        );
        assert!(
            side.bias.len() == padded && side.sums.len() == padded && side.goals.len() == padded,
            "padded lists"
        );
    }
    match kernel {
        #[cfg(target_arch = "x86_64")]
        #[expect(
            unsafe_code,
            reason = "calls a function compiled for more than the baseline"
        )]
        // SAFETY: `Kernel::choose` lets a kernel pass only where the processor has its features.
        Kernel::Vnni => unsafe { vnni::screen(rows, cols, lines, live, scratch, hits) },
        #[cfg(target_arch = "x86_64")]
        #[expect(
            unsafe_code,
            reason = "calls a function compiled for more than the baseline"
        )]
        // SAFETY: as above.
        Kernel::Avx2 => unsafe { avx2::screen(rows, cols, lines, live, scratch, hits) },
        #[cfg(target_arch = "x86_64")]
        #[expect(
            unsafe_code,
            reason = "calls a function compiled for more than the baseline"
        )]
        // SAFETY: as above.
        Kernel::Amx => unsafe { amx::screen(rows, cols, lines, live, scratch, hits) },
        _ => portable::screen(rows, cols, lines, live, hits),
    }
}

/// How many lines a panel of rows of `d` values has for `kernel`.
pub(crate) fn lines(kernel: Kernel, d: usize) -> usize {
    match kernel {
        // A tile takes sixteen lines at once.
        Kernel::Amx => d.div_ceil(4).next_multiple_of(amx::DEPTH),
        _ => d.div_ceil(4),
    }
}

/// Whether a row and a column lie in patches that meet.
#[inline(always)]
fn meets(live: u64, row: usize, col: usize) -> bool {
    live >> (row / PATCH * PATCHES + col / PATCH) & 1 == 1
}

/// Whether any row meets a column.
#[inline(always)]
fn meets_any(live: u64, col: usize) -> bool {
    live & (0x0101_0101_0101_0101 << (col / PATCH)) != 0
}

/// Writes down which of sixteen scores, of one row and sixteen columns from `col` on, reach the goal.
#[inline(never)]
fn note(
    rows: &Side<'_>,
    cols: &Side<'_>,
    row: usize,
    col: usize,
    scores: &[i32; 16],
    mut reached: u16,
    hits: &mut Vec<Hit>,
) {
    if row >= rows.len {
        return;
    }
    while reached != 0 {
        let at = reached.trailing_zeros() as usize;
        reached &= reached - 1;
        if col + at < cols.len {
            hits.push(Hit {
                row: row as u16,
                col: (col + at) as u16,
                score: scores[at],
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cell of codes, biases and goals that look random.
    pub(super) struct Cell {
        codes: Vec<Line>,
        bias: Vec<i32>,
        sums: Vec<i32>,
        goals: Vec<i32>,
        len: usize,
    }

    impl Cell {
        pub(super) fn side(&self) -> Side<'_> {
            Side {
                codes: &self.codes,
                bias: &self.bias,
                sums: &self.sums,
                goals: &self.goals,
                len: self.len,
            }
        }
    }

    pub(super) fn cell(len: usize, lines: usize, seed: u32) -> Cell {
        let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        };
        let padded = len.next_multiple_of(PADDING);
        let mut codes = vec![Line([0; PANEL]); padded / PANEL * lines];
        let mut sums = vec![0; padded];
        let (mut bias, mut goals) = (vec![0; padded], vec![UNREACHABLE; padded]);
        for row in 0..len {
            for line in 0..lines {
                // Both ends of the range occur, so a kernel that saturates is caught.
                let quantized: [i8; 4] = std::array::from_fn(|_| match next() % 8 {
                    0 | 1 => 127,
                    2 => -127,
                    code => (next() % 255) as i8 ^ code as i8,
                });
                let quantized = quantized.map(|code| code.max(-127));
                sums[row] += quantized.iter().map(|&code| i32::from(code)).sum::<i32>();
                codes[row / PANEL * lines + line].0[row % PANEL] =
                    i32::from_le_bytes(quantized.map(|code| code as u8));
            }
            bias[row] = (next() % 20_000) as i32 - 10_000;
            let spread = (lines as f64).sqrt() * 20_000.0;
            goals[row] = (f64::from(lines as u32) * 1_000.0
                + spread * (f64::from(next() % 100) / 30.0)) as i32;
        }
        Cell {
            codes,
            bias,
            sums,
            goals,
            len,
        }
    }

    pub(super) fn sorted(mut hits: Vec<Hit>) -> Vec<Hit> {
        hits.sort_unstable();
        hits
    }

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
                let lines = lines(kernel, d);
                let (left, right) = (cell(left, lines, 3), cell(right, lines, 4));
                let (mut hits, mut expected) = (Vec::new(), Vec::new());
                let live = if d == 384 {
                    u64::MAX
                } else {
                    0x80f1_f3f7_ff1f_3f7f
                };
                screen(
                    kernel,
                    &left.side(),
                    &right.side(),
                    lines,
                    live,
                    &mut Scratch::default(),
                    &mut hits,
                );
                portable::screen(&left.side(), &right.side(), lines, live, &mut expected);
                compared = expected.len();
                assert_eq!(sorted(hits), sorted(expected), "{kernel} {d}");
            }
            assert!(
                d < 64 || compared > 0,
                "the goals are such that something is compared"
            );
        }
    }
}
