//! What is timed, in assembly, so that no compiler's version changes the result.
//!
//! Each function runs `turns` turns of a loop that holds a number of copies of
//! one operation, and returns the TSC ticks that passed. Loops and the called
//! function begin on a cache line. System calls may change RCX, R11, RAX, RFLAGS
//! and XMM registers, hence the counter and the start time live in R12 and R13.

use core::arch::naked_asm;

/// A timed loop: turns (at least 1) to TSC ticks.
pub type TimedLoop = extern "sysv64" fn(turns: u64) -> u64;

/// Fenced on both sides: nothing before the first reading may still run, and
/// nothing after the second may have begun (Intel SDM 2B, RDTSC and RDTSCP).
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

/// The original's way. CPUID serialises, and exits to the hypervisor in a guest.
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

macro_rules! timed_loop {
    ($(#[$doc:meta])* $name:ident, $start:ident, $copies:expr, $operation:literal, $stop:ident) => {
        $(#[$doc])*
        #[unsafe(naked)]
        pub extern "sysv64" fn $name(turns: u64) -> u64 {
            naked_asm!(
                "push rbx",
                "push r12",
                "push r13",
                "mov r12, rdi",
                $start!(),
                ".balign 64",
                "2:",
                ".rept {copies}",
                $operation,
                ".endr",
                "dec r12",
                "jnz 2b",
                $stop!(),
                "cld",
                "pop r13",
                "pop r12",
                "pop rbx",
                "ret",
                copies = const $copies,
                noop = sym noop,
                number = const console_format::NOOP_SYSCALL,
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

/// The function that a function call calls. It returns what the `noop` system
/// call returns, as the original's does.
#[unsafe(naked)]
extern "sysv64" fn noop() -> u64 {
    naked_asm!(
        ".balign 64",
        "mov eax, {answer}",
        "ret",
        answer = const console_format::NOOP_ANSWER,
    )
}

/// Copies in a turn of the smaller loop of the precise method.
pub const COPIES: u64 = 16;

empty_measurement!(
    /// Nothing, measured precisely.
    empty_precise, start_precise, stop_precise
);
empty_measurement!(
    /// Nothing, measured as the original did.
    empty_paper, start_paper, stop_paper
);

// An operand that an operation does not name would be an error, hence the comments.
timed_loop!(
    /// n function calls a turn.
    fcall_n, start_precise, COPIES, "call {noop} # {number}", stop_precise
);
timed_loop!(
    /// 2n function calls a turn.
    fcall_2n, start_precise, 2 * COPIES, "call {noop} # {number}", stop_precise
);
timed_loop!(
    /// One function call a turn, as the original did.
    fcall_paper, start_paper, 1, "call {noop} # {number}", stop_paper
);
timed_loop!(
    /// n system calls a turn.
    scall_n, start_precise, COPIES, "mov eax, {number} # {noop}
    syscall", stop_precise
);
timed_loop!(
    /// 2n system calls a turn.
    scall_2n, start_precise, 2 * COPIES, "mov eax, {number} # {noop}
    syscall", stop_precise
);
timed_loop!(
    /// One system call a turn, as the original did.
    scall_paper, start_paper, 1, "mov eax, {number} # {noop}
    syscall", stop_paper
);

/// Multiplications in the clock chain. Each waits for the one before and takes 3
/// core cycles on every x86-64 core since 2008 (uops.info, IMUL R64, R64).
pub const CHAIN_OPS: u64 = CHAIN_TURNS * CHAIN_COPIES;
const CHAIN_TURNS: u64 = 64;
const CHAIN_COPIES: u64 = 64;

timed_loop!(
    /// 64 dependent multiplications a turn.
    imul_chain, start_precise, CHAIN_COPIES, "imul rax, rax # {noop} {number}", stop_precise
);

/// TSC ticks of [`CHAIN_OPS`] dependent multiplications.
pub fn clock_chain() -> u64 {
    imul_chain(CHAIN_TURNS)
}
