//! How system calls arrive and what they do.
//!
//! SYSCALL works in ring 0 as in ring 3: it puts the return address into RCX, RFLAGS into R11,
//! and jumps to LSTAR. The way back differs: SYSRET would go to ring 3, so the kernel jumps to
//! RCX instead. Stack and address space stay the program's.

mod answers;
mod bare;
mod full;

use crate::exceptions::CODE_SELECTOR;
use ring0::command_line::Handler;
use x86_64::VirtAddr;
use x86_64::registers::model_specific::{LStar, SFMask, Star};
use x86_64::registers::rflags::RFlags;

/// Sets SYSCALL's target to the handler's entry.
pub fn initialise(handler: Handler) {
    let entry = match handler {
        Handler::Bare => bare::address(),
        Handler::Full => full::address(),
    };
    // EFER.SCE is on since `boot32`. The selectors for SYSRET are never used.
    // SAFETY: the code selector is the GDT's, and the stack's comes right after it.
    unsafe { Star::write_raw(0, CODE_SELECTOR) };
    LStar::write(VirtAddr::new(entry));
    // Interrupts stay off, string instructions go upward, and single steps and alignment
    // checks are off in here.
    SFMask::write(
        RFlags::INTERRUPT_FLAG
            | RFlags::DIRECTION_FLAG
            | RFlags::TRAP_FLAG
            | RFlags::ALIGNMENT_CHECK
            | RFlags::NESTED_TASK,
    );
}
