//! Ends the machine as Unikraft does: without a status.

use crate::serial;
use contract::ports::{DEBUG_EXIT_UNIKRAFT, PM1_CONTROL, PM1_OFF, UNIKRAFT_OFF};
use x86_64::instructions::port::Port;

/// Ends the machine; the program's status is lost.
pub fn exit(_status: u64) -> ! {
    end(0)
}

/// Ends the machine.
pub fn end(_status: u8) -> ! {
    serial::drain();
    // SAFETY: these ports end the machine, or do nothing without a device.
    unsafe {
        Port::new(PM1_CONTROL).write(PM1_OFF);
        // 16 bits, as Unikraft's.
        Port::new(DEBUG_EXIT_UNIKRAFT).write(u16::from(UNIKRAFT_OFF));
    }
    loop {
        x86_64::instructions::interrupts::disable();
        x86_64::instructions::hlt();
    }
}
