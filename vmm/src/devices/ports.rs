//! The machine's I/O ports. docs/BOOT.md shows the same as a table.

/// First of the serial port's eight registers (16550, COM1).
pub const SERIAL: u16 = 0x3f8;
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
/// Debug exit as QEMU users have it: the value written is the guest's status.
pub const DEBUG_EXIT: u16 = 0xf4;
/// Debug exit as Unikraft has it ([`crate::End::by_unikrafts_port`]).
pub const DEBUG_EXIT_UNIKRAFT: u16 = 0x501;
/// pvpanic, where QEMU has it.
pub const PVPANIC: u16 = 0x505;
/// A byte written here says that the benchmark starts: any value. QEMU has nothing there.
pub const BENCHMARK_START: u16 = 0x5a0;
/// ACPI PM1 event status, two bytes; there are no events.
pub const PM1_STATUS: u16 = 0x600;
/// ACPI PM1 event enable, two bytes.
pub const PM1_ENABLE: u16 = 0x602;
/// ACPI PM1 control register: bit 13 switches off.
pub const PM1_CONTROL: u16 = 0x604;
/// The last byte of ACPI's registers.
pub const PM1_END: u16 = 0x605;
/// Reset control register of PCI chipsets.
pub const RESET_CONTROL: u16 = 0xcf9;
