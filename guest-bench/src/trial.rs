//! One system call, made in a way that neither hangs nor ends the program, if the kernel has
//! processes.

use core::arch::asm;

use contract::{CallTried, EXIT_STATUS, Tried, is_error};

use crate::syscall::{self, call};

const FUTEX: u64 = 202;
const FORK: u64 = 57;
const VFORK: u64 = 58;
const CLONE: u64 = 56;

/// Whether the kernel has processes, so that a child can make the call.
#[derive(Clone, Copy)]
pub enum Processes {
    /// It has.
    Real,
    /// It has not: a program that ends is the end of the machine.
    Missing,
}

impl Processes {
    /// Makes one.
    pub fn find() -> Self {
        match call([FORK, 0, 0, 0, 0, 0]) {
            0 => syscall::exit(0),
            child if is_error(child) || wait(child).is_none() => Self::Missing,
            _ => Self::Real,
        }
    }
}

/// Zeroes that a call may read and change.
pub type Scratch = [u64; 8192];

/// Makes the call, and says what became of it.
pub fn of(number: u64, processes: Processes, scratch: &mut Scratch) -> CallTried {
    let arguments = arguments(number, processes, scratch);
    let (tried, detail) = match processes {
        Processes::Missing => returned(make(number, arguments)),
        Processes::Real => in_child(number, arguments),
    };
    CallTried {
        number,
        tried,
        detail,
    }
}

fn returned(answer: u64) -> (Tried, u64) {
    if is_error(answer) {
        (Tried::Error, answer.wrapping_neg())
    } else {
        (Tried::Value, 0)
    }
}

fn in_child(number: u64, arguments: [u64; 6]) -> (Tried, u64) {
    let child = call([FORK, 0, 0, 0, 0, 0]);
    if child == 0 {
        apart();
        let (_, error) = returned(make(number, arguments));
        syscall::exit(error);
    }
    let status = if is_error(child) { None } else { wait(child) };
    let ends = matches!(number, 60 | 231);
    match status.map(|status| (status & 0x7f, status >> 8 & 0xff)) {
        None => (Tried::Skipped, 0),
        Some((0, EXIT_STATUS)) if ends => (Tried::Ended, 0),
        Some((0, 0)) => (Tried::Value, 0),
        Some((0, error)) => (Tried::Error, error),
        Some((signal, _)) => (Tried::Signal, signal),
    }
}

/// In a session of its own, a child has no terminal that it could hang up, and a call that
/// blocks is ended a second later by SIGALRM.
fn apart() {
    const SETSID: u64 = 112;
    const ALARM: u64 = 37;
    call([SETSID, 0, 0, 0, 0, 0]);
    call([ALARM, 1, 0, 0, 0, 0]);
}

/// A child's end as wait4(2) gives it.
fn wait(child: u64) -> Option<u64> {
    const WAIT4: u64 = 61;
    let mut status = 0u32;
    let waited = call([WAIT4, child, (&raw mut status) as u64, 0, 0, 0]);
    (waited == child).then_some(status.into())
}

/// What the kernel refuses, or takes without an effect that lasts. All ones are neither an
/// address nor an open file. A kernel without processes need not check addresses, so they are
/// valid there, but not aligned. Some calls would answer ENOSYS to these, or do harm.
fn arguments(number: u64, processes: Processes, scratch: &mut Scratch) -> [u64; 6] {
    const FUTEX_WAKE: u64 = 1;
    let zeroes = scratch.as_mut_ptr() as u64;
    match number {
        FUTEX => [zeroes, FUTEX_WAKE, 0, 0, 0, 0],
        // modify_ldt: read nothing.
        154 => [0, zeroes, 0, 0, 0, 0],
        // kill: nobody, with signal 0.
        62 => [i32::MAX as u64, 0, 0, 0, 0, 0],
        // getrandom: no bytes.
        318 => [zeroes, 0, 0, 0, 0, 0],
        // exit, exit_group.
        60 | 231 => [EXIT_STATUS, 0, 0, 0, 0, 0],
        // clone, reboot: flags and magic numbers that do not exist.
        CLONE | 169 => [u64::MAX; 6],
        _ => match processes {
            Processes::Real => [u64::MAX; 6],
            Processes::Missing => [zeroes + 1, zeroes + 1, 0, zeroes + 1, zeroes + 1, 0],
        },
    }
}

/// Makes the call. A child of its own ends at once.
fn make(number: u64, [a, b, c, d, e, f]: [u64; 6]) -> u64 {
    let is_parent = !matches!(number, FORK | VFORK);
    let answer;
    // SAFETY: no argument makes the kernel change memory other than the scratch space; in a
    // child, the memory is a copy. A child of vfork leaves without using the stack that it
    // shares. For the rest, see `syscall::call`.
    unsafe {
        asm!(
            "syscall",
            "cld",
            "test rax, rax",
            "jnz 2f",
            "test {is_parent}, {is_parent}",
            "jnz 2f",
            "mov eax, 231",
            "xor edi, edi",
            "syscall",
            "2:",
            is_parent = in(reg) u64::from(is_parent),
            inlateout("rax") number => answer,
            inlateout("rdi") a => _,
            in("rsi") b,
            in("rdx") c,
            in("r10") d,
            in("r8") e,
            in("r9") f,
            lateout("rcx") _,
            lateout("r11") _,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
            out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
            out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
            out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
        );
    }
    answer
}
