//! Work that always takes the same number of core cycles.

use std::arch::asm;

/// A chain of this length takes about 12 µs, half of a batch, and a counter with a step of 10
/// ns still resolves 0.1 % of it.
const TURNS: u64 = 1024;
const UNROLLED: u64 = 16;

/// Its cycles: three for each multiplication, on Intel's cores since 2008, its E-cores, and
/// AMD's Zen (uops.info, IMUL r32, r32; with 64 bits, Gracemont takes 5).
pub const CYCLES: f64 = (3 * TURNS * UNROLLED) as f64;

/// Multiplications that each depend on the previous one.
pub fn run() {
    // SAFETY: only declared registers are changed.
    unsafe {
        asm!(
            "2:",
            ".rept {unrolled}",
            "imul {x:e}, {x:e}",
            ".endr",
            "dec {turns}",
            "jnz 2b",
            unrolled = const UNROLLED,
            x = inout(reg) 3_u32 => _,
            turns = inout(reg) TURNS => _,
            options(nomem, nostack),
        );
    }
}
