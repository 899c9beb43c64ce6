//! Ends the machine as Unikraft does: without a status.

use crate::serial::{self, say};
use core::fmt::Display;
use x86_64::instructions::port::Port;

/// What a status would be, were there one.
pub const STATUS_REFUSED: u8 = 125;
/// See [`STATUS_REFUSED`].
pub const STATUS_EXCEPTION: u8 = 126;

/// ACPI's PM1a control register, and "soft off".
const ACPI_POWER_OFF: u16 = 0x604;
const ACPI_SOFT_OFF: u16 = 0x2000;
/// Debug exit, and the value that Unikraft writes there.
const DEBUG_EXIT: u16 = 0x501;
const UNIKRAFT_OFF: u16 = 41;

/// Ends the machine; the program's status is lost.
pub fn exit(_status: u64) -> ! {
    end(0)
}

/// Ends the machine because there is nothing that it could run.
pub fn refuse(reason: &impl Display) -> ! {
    say!("{reason}");
    end(STATUS_REFUSED)
}

/// Ends the machine.
pub fn end(_status: u8) -> ! {
    serial::drain();
    // SAFETY: these ports end the machine, or do nothing where there is no device.
    unsafe {
        Port::new(ACPI_POWER_OFF).write(ACPI_SOFT_OFF);
        Port::new(DEBUG_EXIT).write(UNIKRAFT_OFF);
    }
    loop {
        x86_64::instructions::interrupts::disable();
        x86_64::instructions::hlt();
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    say!("fault in the kernel itself: {info}");
    end(STATUS_REFUSED)
}
