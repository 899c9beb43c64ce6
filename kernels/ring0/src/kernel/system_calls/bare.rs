//! System calls with the fewest instructions: on the program's stack, and the handler saves only
//! what it changes.

use super::answers::{EXIT, EXIT_GROUP, NOOP, TABLE_SIZE, WRITE, exit, unknown, write};
use contract::NOOP_ANSWER;
use core::arch::naked_asm;

/// A handler gets the program's registers unchanged except RCX and R11 (RAX is the number),
/// answers in RAX, and changes nothing else except R11.
type Handler = unsafe extern "C" fn();

static TABLE: [Handler; TABLE_SIZE] = {
    let mut table: [Handler; TABLE_SIZE] = [unknown_handler; TABLE_SIZE];
    table[WRITE] = write_handler;
    table[EXIT] = exit_handler;
    table[EXIT_GROUP] = exit_handler;
    table[NOOP] = noop_handler;
    table
};

/// Where SYSCALL is to arrive.
pub fn address() -> u64 {
    entry as *const () as u64
}

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
