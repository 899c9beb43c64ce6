//! System calls as an ordinary kernel has to handle them: on its own stack, with all general
//! registers saved, by a dispatcher that looks up the number.
//!
//! What is saved and why: a handler written in a compiled language may change every register
//! that its calling convention lets it change, while a program may rely on all of them except
//! RAX, RCX and R11 (as on Linux). Debuggers, signals, fork and tracing need the others as
//! well, in one place. So Linux (arch/x86/entry/entry_64.S) and Unikraft's system call shim
//! store all of them as a frame; this one has the layout of Linux's `pt_regs`. The program's
//! stack may be full, unmapped or unaligned, hence the other stack.
//!
//! What is left out, because nothing here needs it: SWAPGS (there is one CPU, so its data has a
//! fixed address), the switch of page tables, every mitigation, clearing registers against
//! speculation, work before the return (signals, scheduling), AVX and SSE state (Linux does not
//! save it either). SYSRET, which also restores RFLAGS, would go to ring 3; a jump replaces it.

use super::answers::{ENOSYS, EXIT, EXIT_GROUP, NOOP, TABLE_SIZE, WRITE, exit, unknown, write};
use crate::exceptions::{CODE_SELECTOR, STACK_SELECTOR};
use crate::single_core::SingleCore;
use contract::NOOP_ANSWER;
use core::arch::naked_asm;
use core::mem::offset_of;

/// The program's registers, in the order of Linux's `struct pt_regs`
/// (arch/x86/include/asm/ptrace.h).
#[repr(C)]
struct Registers {
    r15: u64,
    r14: u64,
    r13: u64,
    r12: u64,
    rbp: u64,
    rbx: u64,
    r11: u64,
    r10: u64,
    r9: u64,
    r8: u64,
    /// The answer.
    rax: u64,
    rcx: u64,
    rdx: u64,
    rsi: u64,
    rdi: u64,
    /// RAX as it was: the call's number.
    number: u64,
    rip: u64,
    cs: u64,
    rflags: u64,
    rsp: u64,
    ss: u64,
}

/// A call's first three arguments and its number, to its answer.
type Call = extern "sysv64" fn(u64, u64, u64, u64) -> i64;

static TABLE: [Call; TABLE_SIZE] = {
    let mut table: [Call; TABLE_SIZE] = [unknown; TABLE_SIZE];
    table[WRITE] = write;
    table[EXIT] = exit;
    table[EXIT_GROUP] = exit;
    table[NOOP] = noop;
    table
};

/// RSP of the program while the stack is switched; a kernel for several CPUs has one each.
static PROGRAM_STACK: SingleCore<u64> = SingleCore::new(0);

/// Where SYSCALL is to arrive.
pub fn address() -> u64 {
    entry as *const () as u64
}

#[unsafe(naked)]
unsafe extern "C" fn entry() {
    naked_asm!(
        ".balign 64",
        "mov [rip + {program_stack}], rsp",
        // Eight bytes lower: the frame's 21 words leave the stack aligned for a call.
        "lea rsp, [rip + stack_top - 8]",
        "push {ss}",
        "push qword ptr [rip + {program_stack}]",
        "push r11", // RFLAGS, as SYSCALL left them
        "push {cs}",
        "push rcx", // RIP, as SYSCALL left it
        "push rax",
        "push rdi",
        "push rsi",
        "push rdx",
        "push rcx",
        "push {no_answer}",
        "push r8",
        "push r9",
        "push r10",
        "push r11",
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov rdi, rsp",
        "call {dispatch}",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "pop r11",
        "pop r10",
        "pop r9",
        "pop r8",
        "pop rax",
        "pop rcx",
        "pop rdx",
        "pop rsi",
        "pop rdi",
        "mov rsp, [rsp + {rsp} - {number}]",
        "jmp rcx",
        program_stack = sym PROGRAM_STACK,
        ss = const STACK_SELECTOR,
        cs = const CODE_SELECTOR,
        no_answer = const ENOSYS,
        dispatch = sym dispatch,
        rsp = const offset_of!(Registers, rsp),
        number = const offset_of!(Registers, number),
    )
}

/// Answers the call in the frame.
extern "sysv64" fn dispatch(registers: &mut Registers) {
    let number = registers.number;
    let call = usize::try_from(number).ok().and_then(|n| TABLE.get(n));
    let call = call.unwrap_or(&(unknown as Call));
    let answer = call(registers.rdi, registers.rsi, registers.rdx, number);
    registers.rax = answer.cast_unsigned();
}

/// The call under test.
extern "sysv64" fn noop(_: u64, _: u64, _: u64, _number: u64) -> i64 {
    NOOP_ANSWER.cast_signed()
}
