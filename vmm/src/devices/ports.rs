//! The machine's I/O ports. docs/BOOT.md shows the same as a table.

// Guests write to these by the same names.
pub use contract::ports::{
    BENCHMARK_START, DEBUG_EXIT, DEBUG_EXIT_UNIKRAFT, PM1_CONTROL, PM1_OFF, SERIAL,
};

/// The serial port's last register.
pub const SERIAL_END: u16 = 0x3ff;
/// The serial port's interrupt.
pub const SERIAL_IRQ: u32 = 4;
/// i8042 keyboard controller: data.
pub const I8042_DATA: u16 = 0x60;
/// i8042 keyboard controller: status and commands.
pub const I8042_COMMAND: u16 = 0x64;
/// The i8042's command that resets the CPU.
pub const I8042_RESET: u8 = 0xfe;
/// CMOS clock: register number.
pub const CMOS_INDEX: u16 = 0x70;
/// CMOS clock: register value.
pub const CMOS_DATA: u16 = 0x71;
/// pvpanic, where QEMU has it.
pub const PVPANIC: u16 = 0x505;
/// ACPI PM1 event status, two bytes; always without events.
pub const PM1_STATUS: u16 = 0x600;
/// ACPI PM1 event enable, two bytes.
pub const PM1_ENABLE: u16 = 0x602;
/// The last byte of ACPI's registers.
pub const PM1_END: u16 = 0x605;
/// Reset control register of PCI chipsets.
pub const RESET_CONTROL: u16 = 0xcf9;
