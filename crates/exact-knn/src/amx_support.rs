//! Whether this process may use Intel's tile registers (AMX).
//!
//! Source: Intel, *Architectures Software Developer's Manual* 1, chapter 18; for the permission,
//! `Documentation/arch/x86/xstate.rst` of Linux.

/// Whether processor and system let this process use the tiles. The system is asked once, for all threads.
#[cfg(target_arch = "x86_64")]
pub(crate) fn is_available() -> bool {
    #[cfg(target_os = "linux")]
    {
        static AVAILABLE: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
        *AVAILABLE.get_or_init(linux::request)
    }
    #[cfg(not(target_os = "linux"))]
    false
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod linux {
    use std::arch::asm;
    use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};

    /// Checks that the processor has the instructions, and that the system saves the registers and permits their use.
    pub(super) fn request() -> bool {
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
        // SAFETY: OSXSAVE says that the instruction exists and that the system permits it.
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

    /// `arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)`: Linux requires it once per process.
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
}
