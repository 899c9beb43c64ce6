//! The entry point, and the arguments that the kernel put on the stack.

use core::arch::naked_asm;
use core::slice;

/// The program's entry on every kernel (System V ABI, x86-64, 3.4.1).
///
/// RSP points to `argc`. It may be unaligned, and the direction flag may be set.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "cld",
        "xor ebp, ebp",
        "mov rdi, rsp",
        "and rsp, -16",
        "call {enter}",
        "ud2",
        enter = sym enter,
    )
}

unsafe extern "C" fn enter(stack: *const usize) -> ! {
    // SAFETY: `_start` passes the initial stack pointer, where the kernel put `argc` and so
    // many pointers; nothing else refers to them.
    let args = unsafe {
        Args {
            argv: slice::from_raw_parts(stack.add(1).cast(), *stack),
        }
    };
    crate::run(args)
}

/// The program's arguments.
pub struct Args {
    argv: &'static [*const u8],
}

impl Args {
    /// The program's own name; empty if the kernel did not pass one.
    pub fn program(&self) -> &'static str {
        self.all().next().unwrap_or("")
    }

    /// The arguments after the program's name.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        self.all().skip(1)
    }

    fn all(&self) -> impl Iterator<Item = &'static str> {
        self.argv.iter().map(|&word| {
            // SAFETY: the kernel ends each argument with a zero byte and keeps it in place for
            // as long as the program runs.
            let bytes = unsafe { slice::from_raw_parts(word, length(word)) };
            str::from_utf8(bytes).unwrap_or("(not UTF-8)")
        })
    }
}

/// The number of bytes before the first zero.
///
/// # Safety
///
/// There is a zero byte at or after `text`, and all bytes up to it can be read.
unsafe fn length(text: *const u8) -> usize {
    // Volatile, because the compiler would otherwise call `strlen`: see the ELF's test.
    (0..)
        // SAFETY: the caller guarantees all bytes up to the first zero.
        .take_while(|&i| unsafe { text.add(i).read_volatile() } != 0)
        .count()
}
