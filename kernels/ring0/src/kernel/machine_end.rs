//! Ends the machine with a status.

use crate::serial::{self, say};
use core::fmt::Display;
use x86_64::instructions::port::Port;

/// The kernel found no program that it can run.
pub const STATUS_REFUSED: u8 = 125;
/// The CPU raised an exception.
pub const STATUS_EXCEPTION: u8 = 126;
/// The kernel itself is at fault.
pub const STATUS_KERNEL_FAULT: u8 = 124;
/// Highest status that debug-exit ports can carry: QEMU ends with
/// `status << 1 | 1`, of which the host sees 8 bits, so 128 would look like 0.
const STATUS_HIGHEST: u8 = 127;

/// QEMU's `isa-debug-exit` as it is usually configured; it ends with the byte written.
const DEBUG_EXIT: u16 = 0xf4;
/// The same device where Unikraft looks for it (and where QEMU puts it by default).
const DEBUG_EXIT_UNIKRAFT: u16 = 0x501;
/// ACPI's PM1a control register on QEMU's Q35 and on many small VMMs.
const ACPI_POWER_OFF: u16 = 0x604;
/// SLP_EN, with SLP_TYP 0: soft off.
const ACPI_SOFT_OFF: u16 = 1 << 13;

/// Ends the machine with the program's status, of which the lowest 8 bits count, as
/// everywhere.
pub fn exit(status: u64) -> ! {
    let [status, ..] = status.to_le_bytes();
    if status > STATUS_HIGHEST {
        say!("the program's status is {status}; reported as {STATUS_HIGHEST}");
    }
    end(status.min(STATUS_HIGHEST))
}

/// Ends the machine because there is nothing that it could run.
pub fn refuse(reason: &impl Display) -> ! {
    say!("{reason}");
    end(STATUS_REFUSED)
}

/// Ends the machine.
pub fn end(status: u8) -> ! {
    serial::drain();
    // SAFETY: these ports end the machine, or do nothing where there is no device.
    unsafe {
        // Ports that carry a status come first: a machine that has one never gets
        // as far as the power-off, which would look like success.
        Port::new(DEBUG_EXIT).write(status);
        Port::new(DEBUG_EXIT_UNIKRAFT).write(status);
        if status != 0 {
            say!("ending with status {status}, which this machine has no port to report by");
            serial::drain();
        }
        Port::new(ACPI_POWER_OFF).write(ACPI_SOFT_OFF);
    }
    loop {
        x86_64::instructions::interrupts::disable();
        x86_64::instructions::hlt();
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    say!("fault in the kernel itself: {info}");
    end(STATUS_KERNEL_FAULT)
}
