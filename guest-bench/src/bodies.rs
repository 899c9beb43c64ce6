//! The timed code, in assembly, so that no compiler version changes the result.
//!
//! Each function runs `turns` turns of a loop with a number of copies of one operation, and
//! returns the TSC ticks that passed. Loops begin at the given alignment, called functions on a
//! cache line. System calls may change RCX, R11, RAX, RFLAGS and XMM registers, so the counter
//! and the start time are in R12 and R13.

use core::arch::naked_asm;

use contract::{Benchmark, NOOP_ANSWER, SystemCall, mark_begin, mark_end};

/// A timed loop: from turns (at least 1) and the offset of its body to TSC ticks.
pub type TimedLoop = extern "sysv64" fn(turns: u64, align: u64) -> u64;

/// Possible offsets of a loop's body from the start of a cache line, in bytes. Front ends fetch
/// and cache code in blocks of 16, 32 or 64 bytes.
pub const ALIGNMENTS: u64 = 4;
/// From one alignment to the next.
pub const ALIGNMENT_STEP: u64 = 16;

/// Fenced on both sides: no earlier instruction may still run at the first reading, and no
/// later one may have started at the second (Intel SDM 2B, RDTSC and RDTSCP).
macro_rules! start_precise {
    () => {
        "lfence
        rdtsc
        lfence
        shl rdx, 32
        lea r13, [rax + rdx]"
    };
}
macro_rules! stop_precise {
    () => {
        "rdtscp
        lfence
        shl rdx, 32
        or rax, rdx
        sub rax, r13"
    };
}

/// The original's way. CPUID serialises, but exits to the hypervisor in a guest.
macro_rules! start_paper {
    () => {
        "xor eax, eax
        cpuid
        rdtsc
        shl rdx, 32
        lea r13, [rax + rdx]"
    };
}
macro_rules! stop_paper {
    () => {
        "rdtscp
        shl rdx, 32
        or rax, rdx
        sub rax, r13
        mov r13, rax
        xor eax, eax
        cpuid
        mov rax, r13"
    };
}

/// A loop of so many copies of an operation, at each alignment, followed by the operation's
/// operands.
macro_rules! timed_loop {
    (
        $(#[$doc:meta])* $name:ident, $start:ident, $stop:ident,
        copies $copies:expr, $operation:literal, $($operands:tt)*
    ) => {
        $(#[$doc])*
        #[unsafe(naked)]
        pub extern "sysv64" fn $name(turns: u64, align: u64) -> u64 {
            naked_asm!(
                "push rbx",
                "push r12",
                "push r13",
                "mov r12, rdi",
                // Chosen by comparison: a table would contain addresses, each of them a
                // relocation in the image.
                ".irp offset, 0, 16, 32, 48",
                "cmp rsi, \\offset",
                "jne 3f",
                $start!(),
                ".balign 64",
                ".skip \\offset, 0x90",
                "2:",
                ".rept {copies}",
                $operation,
                ".endr",
                "dec r12",
                "jnz 2b",
                $stop!(),
                "jmp 4f",
                "3:",
                ".endr",
                "ud2",
                "4:",
                "cld",
                "pop r13",
                "pop r12",
                "pop rbx",
                "ret",
                copies = const $copies,
                $($operands)*
            )
        }
    };
}

macro_rules! empty_measurement {
    ($(#[$doc:meta])* $name:ident, $start:ident, $stop:ident) => {
        $(#[$doc])*
        #[unsafe(naked)]
        pub extern "sysv64" fn $name() -> u64 {
            naked_asm!(
                "push rbx",
                "push r13",
                $start!(),
                $stop!(),
                "pop r13",
                "pop rbx",
                "ret",
            )
        }
    };
}

/// The function that a function call calls. It returns what the `noop` system call returns, as
/// the original's does.
#[unsafe(naked)]
extern "sysv64" fn noop() -> u64 {
    naked_asm!(
        ".balign 64",
        "mov eax, {answer}",
        "ret",
        answer = const NOOP_ANSWER,
    )
}

/// The function that a chain of function calls calls: it passes its argument on.
#[unsafe(naked)]
extern "sysv64" fn successor(_: u64) -> u64 {
    naked_asm!(".balign 64", "lea rax, [rdi + 1]", "ret")
}

/// Copies per turn of the smaller loop of the precise method.
pub const COPIES: u64 = 16;

empty_measurement!(
    /// Nothing, measured precisely.
    empty_precise, start_precise, stop_precise
);
empty_measurement!(
    /// Nothing, measured as by the original.
    empty_paper, start_paper, stop_paper
);

/// Thousands of branches that are randomly taken or not, differently each time: they overwrite
/// everything that the predictors have learned.
#[unsafe(naked)]
pub extern "sysv64" fn shake_predictors() {
    naked_asm!(
        "rdtsc",
        "shl rdx, 32",
        "or rax, rdx",
        // Knuth's linear congruential generator (MMIX); its highest bit decides.
        "mov rcx, 6364136223846793005",
        "mov rdx, 1442695040888963407",
        ".rept {branches}",
        "imul rax, rcx",
        "add rax, rdx",
        "js 2f",
        "nop",
        "2:",
        ".endr",
        "ret",
        branches = const SHAKEN_BRANCHES,
    )
}

/// With 512 of them, boots still differed (docs/METHOD.md).
const SHAKEN_BRANCHES: u64 = 2048;

/// An operation's loops, and the operation between two marks, in a module of its own; then
/// which of these each benchmark runs. (A system call's two benchmarks run the same code: the
/// kernel's answer decides which of them it is.)
///
/// The visitors below get one pointer at a time: a table of pointers would be a table of
/// relocations in the image.
macro_rules! operations {
    ($($module:ident: $($benchmark:ident)|+, $operation:literal, $operand:ident = $kind:tt $value:expr;)+) => {
        $(
            mod $module {
                use super::*;

                timed_loop!(
                    /// n operations per turn.
                    n, start_precise, stop_precise,
                    copies COPIES, $operation, $operand = $kind $value
                );
                timed_loop!(
                    /// 2n operations per turn.
                    twice, start_precise, stop_precise,
                    copies 2 * COPIES, $operation, $operand = $kind $value
                );
                timed_loop!(
                    /// One operation per turn, as in the original.
                    paper, start_paper, stop_paper,
                    copies 1, $operation, $operand = $kind $value
                );

                /// One operation between two marks, for a tracer that records the instructions
                /// in between. A mark is a NOP: it does not ask the kernel for anything, and
                /// leaves nothing behind.
                #[unsafe(naked)]
                pub extern "sysv64" fn marked<const BENCHMARK: usize>() {
                    naked_asm!(
                        "nop dword ptr [rax + rax + {begin}]",
                        $operation,
                        "nop dword ptr [rax + rax + {end}]",
                        "cld",
                        "ret",
                        begin = const mark_begin(Benchmark::ALL[BENCHMARK]),
                        end = const mark_end(Benchmark::ALL[BENCHMARK]),
                        $operand = $kind $value
                    )
                }
            }
        )+

        /// Every benchmark with its loops of n and 2n copies, in the order of a round.
        #[inline(always)]
        pub fn each_precise(mut visit: impl FnMut(Benchmark, TimedLoop, TimedLoop)) {
            $($(visit(Benchmark::$benchmark, $module::n, $module::twice);)+)+
        }

        /// Every benchmark with its loop of one copy, in the order of a round.
        #[inline(always)]
        pub fn each_paper(mut visit: impl FnMut(Benchmark, TimedLoop)) {
            $($(visit(Benchmark::$benchmark, $module::paper);)+)+
        }

        /// Every benchmark with one operation between its marks.
        #[inline(always)]
        pub fn each_marked(mut visit: impl FnMut(Benchmark, extern "sysv64" fn())) {
            $($(visit(Benchmark::$benchmark, $module::marked::<{ Benchmark::$benchmark as usize }>);)+)+
        }
    };
}

operations! {
    scall: Scall | Enosys, "mov eax, {number}
    syscall", number = const SystemCall::Noop.number();
    getppid: Getppid | GetppidEnosys, "mov eax, {number}
    syscall", number = const SystemCall::Getppid.number();
    fcall: Fcall, "call {noop}", noop = sym noop;
    fcall_chain: FcallChain, "mov rdi, rax
    call {successor}", successor = sym successor;
}

const CHAIN_COPIES: u64 = 64;

timed_loop!(
    /// 64 dependent multiplications per turn. Each takes 3 core cycles on every x86-64 core
    /// since 2008 (uops.info, IMUL R64, R64).
    imul_chain, start_precise, stop_precise,
    copies CHAIN_COPIES, "imul rax, rax",
);
timed_loop!(
    /// 192 dependent additions per turn, of 1 core cycle each (uops.info, ADD R64, R64): as
    /// long as a turn of [`imul_chain`], so that the cost of the measurement itself has the
    /// same weight in both. The operands are registers, because some cores add small constants
    /// at no cost while they rename.
    add_chain, start_precise, stop_precise,
    copies 3 * CHAIN_COPIES, "add rax, rdx",
);

/// Ticks from before a few dependent multiplications to a reading that waits for them by
/// LFENCE, or does not wait.
macro_rules! fence_probe {
    ($(#[$doc:meta])* $name:ident, $fence:literal) => {
        $(#[$doc])*
        #[unsafe(naked)]
        pub extern "sysv64" fn $name() -> u64 {
            naked_asm!(
                "push r13",
                start_precise!(),
                ".rept {copies}",
                "imul rcx, rcx",
                ".endr",
                $fence,
                "rdtsc",
                "lfence",
                "shl rdx, 32",
                "or rax, rdx",
                "sub rax, r13",
                "pop r13",
                "ret",
                copies = const CHAIN_COPIES,
            )
        }
    };
}

fence_probe!(
    /// The second reading comes after an LFENCE.
    fenced, "lfence"
);
fence_probe!(
    /// The second reading may come before the multiplications have finished.
    unfenced, ""
);

/// Multiplications in the clock chain.
pub const CHAIN_OPS: u64 = CHAIN_TURNS * CHAIN_COPIES;
/// Multiplications between the readings of [`fenced`].
pub const FENCE_OPS: u64 = CHAIN_COPIES;
const CHAIN_TURNS: u64 = 64;

/// TSC ticks of [`CHAIN_OPS`] dependent multiplications.
pub fn clock_chain() -> u64 {
    imul_chain(CHAIN_TURNS, 0)
}

/// TSC ticks of three times [`CHAIN_OPS`] dependent additions.
pub fn addition_chain() -> u64 {
    add_chain(CHAIN_TURNS, 0)
}
