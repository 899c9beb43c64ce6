//! The console: the first serial port, with unchanged bytes.

use crate::single_core::SingleCore;
use contract::ports::SERIAL;
use core::fmt;
use uart_16550::backend::PioBackend;
use uart_16550::spec::registers::LSR;
use uart_16550::{Config, Uart16550};

/// How often to poll the port at the end, until it has sent everything: several seconds, but
/// not for ever, because the machine must end even if nobody listens.
const DRAIN_POLLS: u32 = 1 << 24;

struct Console {
    uart: Option<Uart16550<PioBackend>>,
    /// Whether the last byte ended a line.
    at_line_start: bool,
}

static CONSOLE: SingleCore<Console> = SingleCore::new(Console {
    uart: None,
    at_line_start: true,
});

/// Sets up the port. If there is none, everything written later is dropped.
pub fn initialise() {
    // SAFETY: nobody else uses the ports of COM1.
    let uart = unsafe { Uart16550::new_port(SERIAL) };
    let mut uart = uart.ok();
    if let Some(device) = &mut uart
        && device.init(Config::default()).is_err()
    {
        uart = None;
    }
    // SAFETY: the closure only moves a value.
    unsafe { CONSOLE.with(|console| console.uart = uart) };
}

/// Writes `bytes` as they are.
pub fn write(bytes: &[u8]) {
    let Some(last) = bytes.last() else { return };
    // SAFETY: sending bytes does not re-enter this.
    unsafe {
        CONSOLE.with(|console| {
            console.at_line_start = *last == b'\n';
            if let Some(uart) = &mut console.uart {
                uart.send_bytes_exact(bytes);
            }
        });
    }
}

/// Ends the program's current line, if there is one, so that a message of the kernel begins a
/// new line.
pub fn start_line() {
    // SAFETY: the closure only reads a value.
    if !unsafe { CONSOLE.with(|console| console.at_line_start) } {
        write(b"\n");
    }
}

/// Waits until the last byte has left the port.
pub fn drain() {
    // SAFETY: polling the port does not re-enter this.
    unsafe {
        CONSOLE.with(|console| {
            if let Some(uart) = &mut console.uart {
                let _ = (0..DRAIN_POLLS).find(|_| uart.lsr().contains(LSR::TRANSMITTER_EMPTY));
            }
        });
    }
}

/// Formats straight into the port.
pub struct Output;

impl fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write(text.as_bytes());
        Ok(())
    }
}

/// Prints a message of the kernel: one line that begins with the kernel's name.
macro_rules! say {
    ($($argument:tt)*) => {{
        use core::fmt::Write as _;
        $crate::serial::start_line();
        // Writing to the port cannot fail.
        let _ = writeln!(
            $crate::serial::Output,
            "{}: {}",
            env!("CARGO_BIN_NAME"),
            format_args!($($argument)*)
        );
    }};
}
pub(crate) use say;
