//! CPU features that an ordinary program expects.

use core::arch::asm;
use core::arch::x86_64::__cpuid_count;
use x86_64::registers::control::{Cr0, Cr0Flags, Cr4, Cr4Flags};

/// CPUID leaf 7, EBX bit 0.
const CPUID_FSGSBASE: u32 = 1 << 0;

/// MXCSR after reset: all exceptions masked, round to nearest.
const MXCSR_DEFAULT: u32 = 0x1f80;

/// Enables caches and SSE, and FSGSBASE if the CPU has it. (SYSCALL and long mode are on since
/// `boot32`; AVX stays off, since XCR0 does not change.)
pub fn enable_features() {
    // SAFETY: the kernel does not use these features itself, and every x86-64 CPU has SSE2.
    // CR0.WP protects what `paging` makes read-only.
    unsafe {
        Cr0::update(|cr0| {
            cr0.remove(Cr0Flags::EMULATE_COPROCESSOR | Cr0Flags::TASK_SWITCHED);
            // Set after reset, and not every loader clears them.
            cr0.remove(Cr0Flags::CACHE_DISABLE | Cr0Flags::NOT_WRITE_THROUGH);
            cr0.insert(
                Cr0Flags::MONITOR_COPROCESSOR | Cr0Flags::NUMERIC_ERROR | Cr0Flags::WRITE_PROTECT,
            );
        });
        Cr4::update(|cr4| {
            cr4.insert(Cr4Flags::OSFXSR | Cr4Flags::OSXMMEXCPT_ENABLE);
            if has_fsgsbase() {
                cr4.insert(Cr4Flags::FSGSBASE);
            }
        });
        asm!("fninit", "ldmxcsr [{}]", in(reg) &MXCSR_DEFAULT, options(nostack));
    }
}

fn has_fsgsbase() -> bool {
    let highest_leaf = __cpuid_count(0, 0).eax;
    highest_leaf >= 7 && __cpuid_count(7, 0).ebx & CPUID_FSGSBASE != 0
}
