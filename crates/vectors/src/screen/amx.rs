//! Screening with Intel's tile registers (AMX-INT8): 32 rows by 32 columns in four tiles of sums.
//!
//! A column tile is sixteen lines of a panel, just as they are stored. A row tile holds sixteen consecutive lines' worth
//! of one row in each of its own rows, so the rows' panels are transposed, four bytes at a time, when a cell is begun.
//! The compiler does not know the tile registers on its stable channel: they are named in assembly, and since it never
//! uses them itself, they need no declaring.
//!
//! Source: Intel, *Architectures Software Developer's Manual* 1, chapter 18; the permission call is Linux'
//! `Documentation/arch/x86/xstate.rst`. Cost: one instruction for 16,384 multiply-adds.

use super::{Hit, Line, PANEL, Scratch, Side, meets, meets_any, note};

/// Lines that one tile takes.
pub(crate) const DEPTH: usize = 16;
/// Rows, and columns, of one block of sums.
const BLOCK: usize = 2 * PANEL;

/// The sums of one block, row by row, each row in two lines.
type Sums = [Line; 2 * BLOCK];
/// Multiplies two transposed panels of rows by two panels of columns.
type Multiply = fn(rows: &[Line], cols: &[Line], lines: usize, sums: &mut Sums);

/// Whether processor and system let this process use the tiles. Asks the system once, for all threads.
pub(crate) fn is_allowed() -> bool {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    {
        static ALLOWED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
        *ALLOWED.get_or_init(tiles::allow)
    }
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    false
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn screen(
    rows: &Side<'_>,
    cols: &Side<'_>,
    lines: usize,
    live: u64,
    scratch: &mut Scratch,
    hits: &mut Vec<Hit>,
) {
    #[cfg(target_os = "linux")]
    {
        assert!(
            is_allowed(),
            "Kernel::choose lets AMX pass only where it is allowed"
        );
        let _configured = tiles::Configured::new();
        screen_with(tiles::multiply, rows, cols, lines, live, scratch, hits);
    }
    #[cfg(not(target_os = "linux"))]
    screen_with(emulate, rows, cols, lines, live, scratch, hits);
}

#[inline(always)]
fn screen_with(
    multiply: Multiply,
    rows: &Side<'_>,
    cols: &Side<'_>,
    lines: usize,
    live: u64,
    scratch: &mut Scratch,
    hits: &mut Vec<Hit>,
) {
    transpose(rows.codes, &mut scratch.lines);
    let mut sums = [Line([0; PANEL]); 2 * BLOCK];
    for (pair, codes) in cols.codes.chunks_exact(2 * lines).enumerate() {
        let col = pair * BLOCK;
        if !meets_any(live, col) {
            continue;
        }
        for (block, transposed) in scratch.lines.chunks_exact(2 * lines).enumerate() {
            if !meets(live, block * BLOCK, col) {
                continue;
            }
            multiply(transposed, codes, lines, &mut sums);
            for (at, sums) in sums.iter().enumerate() {
                let (row, col) = (block * BLOCK + at / 2, col + at % 2 * PANEL);
                reach(rows, cols, row, col, sums, hits);
            }
        }
    }
}

/// Notes which sums of one row with sixteen columns reach a goal.
#[inline(always)]
fn reach(
    rows: &Side<'_>,
    cols: &Side<'_>,
    row: usize,
    col: usize,
    sums: &Line,
    hits: &mut Vec<Hit>,
) {
    let bias: &[i32; PANEL] = cols.bias[col..]
        .first_chunk()
        .expect("lists are padded to whole panels");
    let goals: &[i32; PANEL] = cols.goals[col..]
        .first_chunk()
        .expect("lists are padded to whole panels");
    let mut scores = [0; PANEL];
    let mut reached = 0u16;
    for at in 0..PANEL {
        scores[at] = sums.0[at] + bias[at] + rows.bias[row];
        reached |= u16::from(scores[at] >= goals[at].min(rows.goals[row])) << at;
    }
    if reached != 0 {
        note(rows, cols, row, col, &scores, reached, hits);
    }
}

/// Panels as row tiles: line `r` of each sixteen holds what lane `r` held in all sixteen lines.
fn transpose(codes: &[Line], transposed: &mut Vec<Line>) {
    transposed.clear();
    for tile in codes.chunks_exact(DEPTH) {
        transposed
            .extend((0..PANEL).map(|lane| Line(std::array::from_fn(|line| tile[line].0[lane]))));
    }
}

/// What the tiles compute, in plain Rust, from the same bytes.
#[cfg(any(test, not(target_os = "linux")))]
fn emulate(rows: &[Line], cols: &[Line], lines: usize, sums: &mut Sums) {
    *sums = [Line([0; PANEL]); 2 * BLOCK];
    let panels = |side: &[Line]| [side[..lines].to_vec(), side[lines..2 * lines].to_vec()];
    for (row_panel, rows) in panels(rows).iter().enumerate() {
        for (col_panel, cols) in panels(cols).iter().enumerate() {
            for (rows, cols) in rows.chunks_exact(DEPTH).zip(cols.chunks_exact(DEPTH)) {
                for (m, row) in rows.iter().enumerate() {
                    for (k, col) in cols.iter().enumerate() {
                        for (n, col) in col.0.iter().enumerate() {
                            let pairs = row.0[k].to_le_bytes().into_iter().zip(col.to_le_bytes());
                            let product: i32 = pairs
                                .map(|(a, b)| i32::from(a as i8) * i32::from(b as i8))
                                .sum();
                            sums[2 * (PANEL * row_panel + m) + col_panel].0[n] += product;
                        }
                    }
                }
            }
        }
    }
}

/// The tile registers themselves.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod tiles {
    use std::arch::asm;
    use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};

    use super::{Line, Sums};

    /// The operand of `ldtilecfg`: eight tiles of sixteen rows of 64 bytes.
    #[repr(C, align(64))]
    struct Config {
        palette: u8,
        start_row: u8,
        reserved: [u8; 14],
        bytes_a_row: [u16; 16],
        rows: [u8; 16],
    }

    static CONFIG: Config = Config {
        palette: 1,
        start_row: 0,
        reserved: [0; 14],
        bytes_a_row: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
        rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
    };

    /// Asks processor and system, strictly: the instructions, the registers saved at a switch, the permission.
    pub(super) fn allow() -> bool {
        const OSXSAVE: u32 = 1 << 27;
        const TILE_AND_INT8: u32 = 1 << 24 | 1 << 25;
        const TILE_STATE: u64 = 1 << 17 | 1 << 18;
        if __cpuid(0).eax < 7 || __cpuid(1).ecx & OSXSAVE == 0 {
            return false;
        }
        if __cpuid_count(7, 0).edx & TILE_AND_INT8 != TILE_AND_INT8 {
            return false;
        }
        #[expect(unsafe_code, reason = "reads a control register")]
        // SAFETY: OSXSAVE says that the instruction is there and that the system allows it.
        let saved = unsafe { enabled_state() };
        saved & TILE_STATE == TILE_STATE && request_permission()
    }

    #[target_feature(enable = "xsave")]
    fn enabled_state() -> u64 {
        #[expect(unsafe_code, reason = "reads a control register")]
        // SAFETY: register 0 exists wherever the instruction does.
        unsafe {
            _xgetbv(0)
        }
    }

    /// `arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)`: Linux wants to be asked, once a process.
    fn request_permission() -> bool {
        const ARCH_PRCTL: i64 = 158;
        const REQUEST: u64 = 0x1023;
        const TILE_DATA: u64 = 18;
        let answer: i64;
        #[expect(
            unsafe_code,
            reason = "a system call that the standard library does not have"
        )]
        // SAFETY: the call takes two numbers, no pointer; `syscall` overwrites rcx and r11 and nothing else.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") ARCH_PRCTL => answer,
                in("rdi") REQUEST,
                in("rsi") TILE_DATA,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack),
            );
        }
        answer == 0
    }

    /// While it lives, the thread's tiles are configured.
    pub(super) struct Configured(());

    impl Configured {
        pub(super) fn new() -> Self {
            #[expect(unsafe_code, reason = "tile registers are reached by assembly only")]
            // SAFETY: the caller has seen `is_allowed`; CONFIG is a valid palette 1 configuration of 64 bytes.
            unsafe {
                asm!("ldtilecfg [{config}]", config = in(reg) &raw const CONFIG, options(nostack, readonly));
            }
            Configured(())
        }
    }

    impl Drop for Configured {
        fn drop(&mut self) {
            #[expect(unsafe_code, reason = "tile registers are reached by assembly only")]
            // SAFETY: `Configured::new` ran on this thread, so the instruction is there.
            unsafe {
                asm!("tilerelease", options(nostack, nomem));
            }
        }
    }

    /// Four tiles of sums, over all lines.
    pub(super) fn multiply(rows: &[Line], cols: &[Line], lines: usize, sums: &mut Sums) {
        assert!(
            lines > 0 && lines.is_multiple_of(super::DEPTH),
            "tiles are sixteen lines deep"
        );
        assert!(
            rows.len() == 2 * lines && cols.len() == 2 * lines,
            "two panels a side"
        );
        #[expect(unsafe_code, reason = "tile registers are reached by assembly only")]
        // SAFETY: `screen` configured the tiles of this thread. Each step loads 1024 bytes from each of four panels
        // and there are as many steps as a panel has sixteens of lines; the stores fill the 4096 bytes of `sums`:
        // sixteen rows of 64 bytes, 128 apart, from each of the offsets 0, 64, 2048 and 2112.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "2:",
                "tileloadd tmm4, [{row0} + {stride}*1]",
                "tileloadd tmm6, [{col0} + {stride}*1]",
                "tdpbssd tmm0, tmm4, tmm6",
                "tileloadd tmm5, [{row1} + {stride}*1]",
                "tdpbssd tmm2, tmm5, tmm6",
                "tileloadd tmm7, [{col1} + {stride}*1]",
                "tdpbssd tmm1, tmm4, tmm7",
                "tdpbssd tmm3, tmm5, tmm7",
                "add {row0}, 1024",
                "add {row1}, 1024",
                "add {col0}, 1024",
                "add {col1}, 1024",
                "dec {steps}",
                "jnz 2b",
                "tilestored [{sums} + {apart}*1], tmm0",
                "tilestored [{sums} + {apart}*1 + 64], tmm1",
                "tilestored [{sums} + {apart}*1 + 2048], tmm2",
                "tilestored [{sums} + {apart}*1 + 2112], tmm3",
                row0 = inout(reg) rows.as_ptr() => _,
                row1 = inout(reg) rows[lines..].as_ptr() => _,
                col0 = inout(reg) cols.as_ptr() => _,
                col1 = inout(reg) cols[lines..].as_ptr() => _,
                steps = inout(reg) lines / super::DEPTH => _,
                stride = in(reg) 64usize,
                apart = in(reg) 128usize,
                sums = in(reg) sums.as_mut_ptr(),
                options(nostack),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cell, sorted};
    use super::*;

    /// The packing of tiles and the addresses of sums, with the tiles' arithmetic in plain Rust.
    #[test]
    fn emulated_tiles_find_what_plain_rust_finds() {
        for (left, right, lines) in [(32, 32, 16), (33, 1, 32), (500, 512, 96), (7, 100, 48)] {
            let (left, right) = (cell(left, lines, 1), cell(right, lines, 2));
            let (mut hits, mut expected) = (Vec::new(), Vec::new());
            let live = 0xf0f1_f3f7_ff1f_3f7f;
            screen_with(
                emulate,
                &left.side(),
                &right.side(),
                lines,
                live,
                &mut Scratch::default(),
                &mut hits,
            );
            super::super::portable::screen(&left.side(), &right.side(), lines, live, &mut expected);
            assert_eq!(sorted(hits), sorted(expected));
        }
    }
}
