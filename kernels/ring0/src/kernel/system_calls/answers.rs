//! What each system call does, whichever way it came.

use crate::machine_end;
use crate::serial::{self, say};
use crate::single_core::SingleCore;
use contract::SystemCall;
use ring0::memory::{AddressRange, MAPPED_END, PAGE_SIZE};
use ring0::seen::{Insert, Seen};

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

/// Numbers from here on are unknown.
pub const TABLE_SIZE: usize = 512;

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
