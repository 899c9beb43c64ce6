//! Loops of one operation, timed with the counter. Watched and unwatched batches run the same
//! loop, so that its own cost cancels in their difference.

use std::arch::asm;

use contract::{Answer, SystemCall, TimedOperation, WatchSite};

use crate::sites;

/// `getpgid` (Linux, arch/x86/entry/syscalls/syscall_64.tbl).
const GETPGID: u64 = 121;

/// What a batch repeats.
#[derive(Clone, Copy)]
pub enum Body {
    /// A system call with one argument, 0.
    SystemCall(u64),
    /// A function of this program.
    Function(sites::Function),
}

impl Body {
    /// The body of an operation at a site.
    pub fn new(operation: TimedOperation, site: WatchSite) -> Self {
        match (operation, sites::function(site)) {
            (TimedOperation::Call, Some(function)) => Self::Function(function),
            (TimedOperation::Getpgid, _) => Self::SystemCall(GETPGID),
            _ => Self::SystemCall(SystemCall::Noop.number()),
        }
    }

    /// Ticks of so many operations; at least one.
    pub fn run(self, operations: u64) -> u64 {
        match self {
            Self::SystemCall(number) => system_calls(number, operations.max(1)),
            Self::Function(function) => calls(function.address(), operations.max(1)),
        }
    }
}

/// How this kernel answers system call 500; `None`: another call has the number.
pub fn noop_answer() -> Option<Answer> {
    let number = SystemCall::Noop.number();
    let returned: u64;
    // SAFETY: the call has no memory arguments. Linux has no call of that number; our patch
    // adds one without effects.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => returned,
            in("rdi") 0_u64,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    SystemCall::Noop.answer(returned)
}

fn system_calls(number: u64, operations: u64) -> u64 {
    let (begin, end): (u64, u64);
    // SAFETY: getpgid(0) and call 500 do not touch the program's memory; the kernel changes
    // RAX, RCX and R11, which are declared.
    unsafe {
        asm!(
            "lfence",
            "rdtsc",
            "shl rdx, 32",
            "lea r8, [rdx + rax]",
            ".p2align 6",
            "2: mov rax, r9",
            "xor edi, edi",
            "syscall",
            "dec r10",
            "jnz 2b",
            "lfence",
            "rdtsc",
            "shl rdx, 32",
            "or rax, rdx",
            in("r9") number,
            inout("r10") operations => _,
            out("r8") begin,
            out("rax") end,
            out("rdx") _,
            out("rcx") _,
            out("r11") _,
            out("rdi") _,
        );
    }
    end.wrapping_sub(begin)
}

fn calls(function: usize, operations: u64) -> u64 {
    let (begin, end): (u64, u64);
    // SAFETY: the function is one of `sites`, which change at most RAX and restore what they
    // push.
    unsafe {
        asm!(
            "lfence",
            "rdtsc",
            "shl rdx, 32",
            "lea r8, [rdx + rax]",
            ".p2align 6",
            "2: call r9",
            "dec r10",
            "jnz 2b",
            "lfence",
            "rdtsc",
            "shl rdx, 32",
            "or rax, rdx",
            in("r9") function,
            inout("r10") operations => _,
            out("r8") begin,
            out("rax") end,
            out("rdx") _,
            clobber_abi("C"),
        );
    }
    end.wrapping_sub(begin)
}
