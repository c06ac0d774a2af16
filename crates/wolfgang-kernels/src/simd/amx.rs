//! Detection of AMX, the matrix unit of Intel's processors. Its kernel is in `gemm/amx.rs`.

#[cfg(target_os = "linux")]
use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};

/// Maximum number of rows of a tile.
pub(crate) const MAX_ROWS: usize = 16;

/// Number of rows from which a product is faster with AMX than with VNNI: weights are converted for
/// it once for all tiles.
pub(crate) const MIN_ROWS: usize = 32;

/// Evidence that the processor has AMX for int8 and AVX-512 F, and that the system lets this
/// process use tiles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amx(());

impl Amx {
    /// Asks the system for the permission to use tiles, which is given to the whole process. `None`
    /// if the processor or the system lacks them, or the system refuses.
    pub(crate) fn request() -> Option<Self> {
        /// AMX-TILE and AMX-INT8, in EDX of leaf 7.
        const FEATURES: u32 = 1 << 24 | 1 << 25;
        /// Configuration and data of tiles, in XCR0.
        const STATES: u64 = 1 << 17 | 1 << 18;
        let is_supported = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("xsave")
            && __cpuid(0).eax >= 7
            && __cpuid_count(7, 0).edx & FEATURES == FEATURES;
        // SAFETY: the processor has XSAVE, which the system has enabled, or AVX-512 would not be
        // reported.
        let is_enabled = is_supported && unsafe { enabled_states() } & STATES == STATES;
        (is_enabled && request_permission()).then_some(Self(()))
    }
}

/// # Safety
/// The processor must have XSAVE, and the system must have enabled it.
#[target_feature(enable = "xsave")]
unsafe fn enabled_states() -> u64 {
    // SAFETY: as required of the caller; register 0 exists.
    unsafe { _xgetbv(0) }
}

/// Whether Linux lets this process use tile data. It refuses if a thread has an alternate signal
/// stack that is too small for it.
#[cfg(target_os = "linux")]
fn request_permission() -> bool {
    const ARCH_PRCTL: usize = 158;
    const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
    const TILE_DATA: usize = 18;
    let result: isize;
    // SAFETY: this call changes no memory; `syscall` overwrites rcx and r11.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => result,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") TILE_DATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack)
        );
    }
    result == 0
}

/// Other systems are not supported: how they give the permission is untested.
#[cfg(not(target_os = "linux"))]
fn request_permission() -> bool {
    false
}
