//! The emulated machine except CPU, memory and interrupt controllers: I/O ports.

mod cmos;
pub mod ports;

use std::io::Write;
use std::slice;

use vm_superio::{Serial, Trigger};

use crate::End;
use cmos::Cmos;

/// ACPI's SCI_EN: the machine is in ACPI mode.
const PM1_SCI_ENABLED: u32 = 1 << 0;
/// ACPI's SLP_EN: enter the sleep state in the bits below; there is only one, off.
const PM1_SLEEP: u32 = ports::PM1_OFF as u32;
const RESET_CPU: u32 = 1 << 2;
const PVPANIC_PANICKED: u32 = 1 << 0;
/// What an open bus reads as.
const NOTHING: u8 = 0xff;

/// What a write to a port means beyond the device itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// No device has this port.
    Unknown,
    /// The benchmark starts.
    BenchmarkStart,
    /// The guest has ended.
    End(End),
}

/// All devices with ports.
pub struct Devices<T: Trigger, W: Write> {
    serial: Serial<T, vm_superio::serial::NoEvents, W>,
    cmos: Cmos,
    /// Reads return what the guest wrote; ACPI's drivers need no more.
    pm1_enable: u16,
    /// In addition to Unikraft's.
    debug_exits: Vec<u16>,
}

impl<T: Trigger, W: Write> Devices<T, W> {
    /// A serial port that raises `interrupt` and writes to `console`, and the ports by which a
    /// guest exits: 0xf4, 0x501 and `more_exits`.
    pub fn new(interrupt: T, console: W, more_exits: &[u16]) -> Self {
        Self {
            serial: Serial::new(interrupt, console),
            cmos: Cmos::default(),
            pm1_enable: 0,
            debug_exits: [&[ports::DEBUG_EXIT], more_exits].concat(),
        }
    }

    /// The guest writes `data` to `port`: elements of `width` bytes in little-endian order, one
    /// after the other. String instructions have several elements.
    pub fn write(&mut self, port: u16, width: usize, data: &[u8]) -> Effect {
        each_part(data.chunks(width.max(1)), |element| {
            if is_byte_wide(port) {
                each_part(element.iter().enumerate(), |(index, byte)| {
                    self.write_register(port_after(port, index), &[*byte])
                })
            } else {
                self.write_register(port, element)
            }
        })
    }

    fn write_register(&mut self, port: u16, data: &[u8]) -> Effect {
        let value = little_endian(data);
        match port {
            ports::SERIAL..=ports::SERIAL_END => {
                // A lost byte or interrupt is not a reason to stop the guest. A console that
                // accepts no more bytes reports that itself.
                let _ = self.serial.write((port - ports::SERIAL) as u8, value as u8);
                Effect::None
            }
            ports::CMOS_INDEX => {
                self.cmos.select(value as u8);
                Effect::None
            }
            ports::PM1_ENABLE => {
                self.pm1_enable = value as u16;
                Effect::None
            }
            ports::I8042_COMMAND if value as u8 == ports::I8042_RESET => Effect::End(End::Rebooted),
            ports::RESET_CONTROL if value & RESET_CPU != 0 => Effect::End(End::Rebooted),
            ports::PM1_CONTROL if value & PM1_SLEEP != 0 => Effect::End(End::PoweredOff),
            ports::PVPANIC if value & PVPANIC_PANICKED != 0 => Effect::End(pvpanic()),
            ports::BENCHMARK_START => Effect::BenchmarkStart,
            ports::DEBUG_EXIT_UNIKRAFT => Effect::End(End::by_unikrafts_port(value)),
            _ if self.debug_exits.contains(&port) => Effect::End(End::Exited { status: value }),
            _ if is_known(port) => Effect::None,
            _ => Effect::Unknown,
        }
    }

    /// The guest reads `data` from `port`, in elements as [`Self::write`] has them.
    pub fn read(&mut self, port: u16, width: usize, data: &mut [u8]) -> Effect {
        each_part(data.chunks_mut(width.max(1)), |element| {
            if is_byte_wide(port) {
                each_part(element.iter_mut().enumerate(), |(index, byte)| {
                    self.read_register(port_after(port, index), slice::from_mut(byte))
                })
            } else {
                self.read_register(port, element)
            }
        })
    }

    fn read_register(&mut self, port: u16, data: &mut [u8]) -> Effect {
        let value: u32 = match port {
            ports::SERIAL..=ports::SERIAL_END => {
                self.serial.read((port - ports::SERIAL) as u8).into()
            }
            ports::CMOS_DATA => self.cmos.read().into(),
            ports::PM1_ENABLE => self.pm1_enable.into(),
            ports::PM1_CONTROL => PM1_SCI_ENABLED,
            ports::PVPANIC => PVPANIC_PANICKED,
            _ if is_known(port) => 0,
            _ => {
                data.fill(NOTHING);
                return Effect::Unknown;
            }
        };
        let bytes = value.to_le_bytes().into_iter().chain(std::iter::repeat(0));
        data.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
        Effect::None
    }

    /// Passes typed bytes to the serial port, and returns how many it accepted.
    pub fn type_in(&mut self, bytes: &[u8]) -> usize {
        // A full port accepts nothing now.
        self.serial.enqueue_raw_bytes(bytes).unwrap_or(0)
    }
}

/// Whether a register here is one byte wide, so that a wider access goes to this one and the
/// next ones, as a PC's bus splits it.
fn is_byte_wide(port: u16) -> bool {
    matches!(
        port,
        ports::SERIAL
            ..=ports::SERIAL_END
                | ports::I8042_DATA
                | ports::I8042_COMMAND
                | ports::CMOS_INDEX
                | ports::CMOS_DATA
    )
}

fn port_after(port: u16, index: usize) -> u16 {
    port.wrapping_add(index as u16)
}

/// Performs the parts of an access one after the other, up to the guest's end. The result is
/// the end, or else the meaning of the first part.
fn each_part<P>(parts: impl Iterator<Item = P>, mut access: impl FnMut(P) -> Effect) -> Effect {
    let mut first = None;
    for part in parts {
        let effect = access(part);
        if let Effect::End(_) = effect {
            return effect;
        }
        first.get_or_insert(effect);
    }
    first.unwrap_or(Effect::None)
}

fn is_known(port: u16) -> bool {
    matches!(
        port,
        ports::I8042_DATA
            | ports::I8042_COMMAND
            | ports::CMOS_INDEX
            | ports::CMOS_DATA
            | ports::RESET_CONTROL
            | ports::PVPANIC
            | ports::PM1_STATUS..=ports::PM1_END
    )
}

fn pvpanic() -> End {
    End::Panicked {
        exitcode: None,
        message: "reported by pvpanic".into(),
    }
}

fn little_endian(data: &[u8]) -> u32 {
    data.iter()
        .take(4)
        .rev()
        .fold(0, |value, &byte| value << 8 | u32::from(byte))
}

#[cfg(test)]
mod tests;
