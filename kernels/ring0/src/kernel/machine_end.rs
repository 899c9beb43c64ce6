//! Ends the machine with a status.

use crate::serial::{self, say};
use contract::ports::{DEBUG_EXIT, DEBUG_EXIT_UNIKRAFT, PM1_CONTROL, PM1_OFF};
use x86_64::instructions::port::Port;

/// Highest status that debug-exit ports can carry: QEMU ends with
/// `status << 1 | 1`, of which the host sees 8 bits, so 128 would look like 0.
const STATUS_HIGHEST: u8 = 127;

/// Ends the machine with the program's status, of which the lowest 8 bits count, as on other
/// systems.
pub fn exit(status: u64) -> ! {
    let [status, ..] = status.to_le_bytes();
    if status > STATUS_HIGHEST {
        say!("the program's status is {status}; reported as {STATUS_HIGHEST}");
    }
    end(status.min(STATUS_HIGHEST))
}

/// Ends the machine.
pub fn end(status: u8) -> ! {
    serial::drain();
    // SAFETY: these ports end the machine, or do nothing without a device.
    unsafe {
        // Ports that carry a status come first: a machine that has one never reaches the
        // power-off, which would look like success.
        Port::new(DEBUG_EXIT).write(status);
        Port::new(DEBUG_EXIT_UNIKRAFT).write(status);
        if status != 0 {
            say!("ending with status {status}, which this machine has no port to report");
            serial::drain();
        }
        Port::new(PM1_CONTROL).write(PM1_OFF);
    }
    loop {
        x86_64::instructions::interrupts::disable();
        x86_64::instructions::hlt();
    }
}
