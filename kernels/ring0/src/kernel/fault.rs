//! Why no program runs, or why it cannot continue: the kernel's message, and its exit status.

use crate::machine_end::end;
use crate::serial::say;
use core::fmt::Display;
use core::panic::PanicInfo;

/// The kernel itself is at fault.
const STATUS_KERNEL_FAULT: u8 = 124;
/// The kernel found no program that it can run.
pub const STATUS_REFUSED: u8 = 125;
/// The CPU raised an exception.
pub const STATUS_EXCEPTION: u8 = 126;

/// Ends the machine because there is nothing that it could run.
pub fn refuse(reason: &impl Display) -> ! {
    say!("{reason}");
    end(STATUS_REFUSED)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    say!("fault in the kernel itself: {info}");
    end(STATUS_KERNEL_FAULT)
}
