//! Intel's tile registers (AMX): configuration and multiplication.
//!
//! Stable Rust has no intrinsics for the tile registers: they are named in assembly, and since the compiler never uses them
//! itself, they need not be declared.
//!
//! Source: Intel, *Architectures Software Developer's Manual* 1, chapter 18.

#[cfg(target_arch = "x86_64")]
use super::block::{PANEL, PackedLane};

/// Number of lanes that one tile takes.
pub(super) const DEPTH: usize = 16;
/// Number of rows, and of columns, of one product of tiles.
#[cfg(target_arch = "x86_64")]
pub(super) const TILE_ROWS: usize = 2 * PANEL;

/// The sums of one product of tiles, row by row, each row in two lanes.
#[cfg(target_arch = "x86_64")]
pub(super) type Sums = [PackedLane; 2 * TILE_ROWS];

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub(super) use self::registers::{Configured, multiply};

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod registers {
    use std::arch::asm;

    use super::{PackedLane, Sums};

    /// The operand of `ldtilecfg`: eight tiles of sixteen rows of 64 bytes.
    #[repr(C, align(64))]
    struct Config {
        palette: u8,
        start_row: u8,
        reserved: [u8; 14],
        bytes_per_row: [u16; 16],
        rows: [u8; 16],
    }

    static CONFIG: Config = Config {
        palette: 1,
        start_row: 0,
        reserved: [0; 14],
        bytes_per_row: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
        rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
    };

    /// The tiles of the thread are configured until this is dropped.
    pub(crate) struct Configured(());

    impl Configured {
        pub(crate) fn new() -> Self {
            #[expect(unsafe_code, reason = "tile registers are reached by assembly only")]
            // SAFETY: the caller has checked `is_available`; CONFIG is a valid palette 1 configuration of 64 bytes.
            unsafe {
                asm!("ldtilecfg [{config}]", config = in(reg) &raw const CONFIG, options(nostack, readonly));
            }
            Configured(())
        }
    }

    impl Drop for Configured {
        fn drop(&mut self) {
            #[expect(unsafe_code, reason = "tile registers are reached by assembly only")]
            // SAFETY: `Configured::new` ran on this thread, so the instruction exists.
            unsafe {
                asm!("tilerelease", options(nostack, nomem));
            }
        }
    }

    /// Four tiles of sums, over all lanes.
    pub(crate) fn multiply(
        rows: &[PackedLane],
        cols: &[PackedLane],
        lanes: usize,
        sums: &mut Sums,
    ) {
        assert!(
            lanes > 0 && lanes.is_multiple_of(super::DEPTH),
            "tiles are sixteen lanes deep"
        );
        assert!(
            rows.len() == 2 * lanes && cols.len() == 2 * lanes,
            "two panels per side"
        );
        #[expect(unsafe_code, reason = "tile registers are reached by assembly only")]
        // SAFETY: `amx::scan` configured the tiles of this thread. Each step loads 1024 bytes from each of four panels
        // and there are as many steps as a panel has sixteens of lanes; the stores fill the 4096 bytes of `sums`:
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
                row1 = inout(reg) rows[lanes..].as_ptr() => _,
                col0 = inout(reg) cols.as_ptr() => _,
                col1 = inout(reg) cols[lanes..].as_ptr() => _,
                steps = inout(reg) lanes / super::DEPTH => _,
                stride = in(reg) 64usize,
                apart = in(reg) 128usize,
                sums = in(reg) sums.as_mut_ptr(),
                options(nostack),
            );
        }
    }
}
