//! System calls: the table, and how SYSCALL enters it with the fewest instructions.
//! ([`crate::full_entry`] is the other way.)
//!
//! SYSCALL works in ring 0 as in ring 3: it puts the return address into RCX, RFLAGS into R11,
//! and jumps to LSTAR. The way back differs: SYSRET would go to ring 3, so the kernel jumps to
//! RCX instead. Stack and address space stay the program's.

use crate::exceptions::CODE_SELECTOR;
use crate::full_entry;
use crate::machine_end;
use crate::serial::{self, say};
use crate::single_core::SingleCore;
use contract::{NOOP_ANSWER, SystemCall};
use core::arch::naked_asm;
use ring0::command_line;
use ring0::memory::{AddressRange, MAPPED_END, PAGE_SIZE};
use ring0::seen::{Insert, Seen};
use x86_64::VirtAddr;
use x86_64::registers::model_specific::{LStar, SFMask, Star};
use x86_64::registers::rflags::RFlags;

// Numbers, as in Linux's arch/x86/entry/syscalls/syscall_64.tbl.
pub const WRITE: usize = 1;
pub const EXIT: usize = 60;
pub const EXIT_GROUP: usize = 231;
/// The call under test.
pub const NOOP: usize = SystemCall::Noop.number() as usize;

// Errors, as in Linux's include/uapi/asm-generic/errno-base.h and errno.h.
const EBADF: i64 = -9;
const EFAULT: i64 = -14;
pub const ENOSYS: i64 = contract::ENOSYS.cast_signed();

/// A handler gets the program's registers unchanged except RCX and R11 (RAX is the number),
/// answers in RAX, and changes nothing else except R11.
type Handler = unsafe extern "C" fn();

pub const TABLE_SIZE: usize = 512;

static TABLE: [Handler; TABLE_SIZE] = {
    let mut table: [Handler; TABLE_SIZE] = [unknown_handler; TABLE_SIZE];
    table[WRITE] = write_handler;
    table[EXIT] = exit_handler;
    table[EXIT_GROUP] = exit_handler;
    table[NOOP] = noop_handler;
    table
};

/// Sets SYSCALL's target to the handler's entry.
pub fn initialise(handler: command_line::Handler) {
    let entry = match handler {
        command_line::Handler::Bare => entry as *const () as u64,
        command_line::Handler::Full => full_entry::address(),
    };
    // EFER.SCE is on since `boot32`. The selectors for SYSRET are never used.
    // SAFETY: the code selector is the GDT's, and the stack's comes right after it.
    unsafe { Star::write_raw(0, CODE_SELECTOR) };
    LStar::write(VirtAddr::new(entry));
    // Interrupts stay off, string instructions go upward, and there are no single steps or
    // alignment checks in here.
    SFMask::write(
        RFlags::INTERRUPT_FLAG
            | RFlags::DIRECTION_FLAG
            | RFlags::TRAP_FLAG
            | RFlags::ALIGNMENT_CHECK
            | RFlags::NESTED_TASK,
    );
}

/// Where SYSCALL arrives.
#[unsafe(naked)]
#[unsafe(link_section = ".text.syscall_entry")]
unsafe extern "C" fn entry() {
    naked_asm!(
        "cmp rax, {table_size}",
        "jae 2f",
        "call [{table} + rax * 8]",
        "jmp rcx",
        "2:",
        "call {unknown}",
        "jmp rcx",
        table_size = const TABLE_SIZE,
        table = sym TABLE,
        unknown = sym unknown_handler,
    )
}

#[unsafe(naked)]
unsafe extern "C" fn noop_handler() {
    naked_asm!("mov eax, {answer}", "ret", answer = const NOOP_ANSWER)
}

/// Defines a handler that calls a Rust function with the call's first three arguments and its
/// number. The kernel is compiled without SSE, so Rust code can only change the program's
/// general registers.
macro_rules! handler {
    ($name:ident calls $function:ident) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            naked_asm!(
                "push rbx",
                "push rcx",
                "push rdx",
                "push rsi",
                "push rdi",
                "push r8",
                "push r9",
                "push r10",
                // Programs may leave RSP unaligned.
                "mov rbx, rsp",
                "and rsp, -16",
                "mov rcx, rax",
                "call {function}",
                "mov rsp, rbx",
                "pop r10",
                "pop r9",
                "pop r8",
                "pop rdi",
                "pop rsi",
                "pop rdx",
                "pop rcx",
                "pop rbx",
                "ret",
                function = sym $function,
            )
        }
    };
}

handler!(write_handler calls write);
handler!(exit_handler calls exit);
handler!(unknown_handler calls unknown);

/// write(2), to the console for file descriptors 1 and 2.
pub extern "sysv64" fn write(fd: u64, buffer: u64, size: u64, _number: u64) -> i64 {
    // Linux only uses the descriptor's 32 bits.
    if !matches!(fd as u32, 1 | 2) {
        return EBADF;
    }
    if size == 0 {
        return 0;
    }
    let mapped = AddressRange {
        start: PAGE_SIZE,
        end: MAPPED_END,
    };
    let Some(last) = buffer.checked_add(size - 1) else {
        return EFAULT;
    };
    if !mapped.contains(buffer) || !mapped.contains(last) {
        return EFAULT;
    }
    // SAFETY: these addresses are mapped (a guard page among them faults, and is reported).
    // Only the program could change them, and it waits for the answer.
    serial::write(unsafe { core::slice::from_raw_parts(buffer as *const u8, size as usize) });
    size as i64
}

/// exit(2) and exit_group(2): with one thread they are the same.
pub extern "sysv64" fn exit(status: u64, _: u64, _: u64, _number: u64) -> i64 {
    machine_end::exit(status)
}

/// Any other system call; the console reports each number once.
pub extern "sysv64" fn unknown(_: u64, _: u64, _: u64, number: u64) -> i64 {
    static SEEN: SingleCore<Seen> = SingleCore::new(Seen::new());
    // SAFETY: recording a number does not re-enter this.
    match unsafe { SEEN.with(|seen| seen.insert(number)) } {
        Insert::Old => {}
        Insert::New => say!("system call {number} is not there (ENOSYS)"),
        Insert::Last => say!("system call {number} is not there (ENOSYS); no more are named"),
    }
    ENOSYS
}
