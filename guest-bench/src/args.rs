//! The entry point, and the arguments that the kernel left on the stack.

use core::arch::naked_asm;
use core::slice;

/// Where every kernel enters the program (System V ABI, x86-64, 3.4.1).
///
/// RSP points at `argc`. It may come unaligned and with the direction flag set.
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
    // SAFETY: `_start` passes the initial stack pointer, where the kernel put
    // `argc` and so many pointers; nothing else refers to them.
    let args = unsafe {
        Args {
            argv: slice::from_raw_parts(stack.add(1).cast(), *stack),
        }
    };
    crate::run(args)
}

/// The words that the program was started with.
pub struct Args {
    argv: &'static [*const u8],
}

impl Args {
    /// The program's own name; empty where the kernel gave none.
    pub fn program(&self) -> &'static str {
        self.all().next().unwrap_or("")
    }

    /// The words after the program's name.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        self.all().skip(1)
    }

    fn all(&self) -> impl Iterator<Item = &'static str> {
        self.argv.iter().map(|&word| {
            // SAFETY: the kernel ends each argument with a zero byte and keeps it
            // in place for the program's whole life.
            let bytes = unsafe { slice::from_raw_parts(word, length(word)) };
            str::from_utf8(bytes).unwrap_or("(not UTF-8)")
        })
    }
}

/// How many bytes stand before the first zero.
///
/// # Safety
///
/// There is a zero byte at or after `text`, and all bytes up to it can be read.
unsafe fn length(text: *const u8) -> usize {
    // Volatile, or the compiler would make this a call of `strlen`: see the ELF's test.
    (0..)
        // SAFETY: the caller vouches for all bytes up to the first zero.
        .take_while(|&i| unsafe { text.add(i).read_volatile() } != 0)
        .count()
}
