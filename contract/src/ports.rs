//! I/O ports that guests and the VMM agree on. `docs/BOOT.md` has all ports of the machine.

/// First of the serial port's eight registers (16550, COM1 of a PC): the console.
pub const SERIAL: u16 = 0x3f8;
/// Debug exit at the address that QEMU's users choose (`isa-debug-exit`): the value written is
/// the guest's status.
pub const DEBUG_EXIT: u16 = 0xf4;
/// Debug exit at Unikraft's address, which is QEMU's default.
pub const DEBUG_EXIT_UNIKRAFT: u16 = 0x501;
/// What Unikraft writes to [`DEBUG_EXIT_UNIKRAFT`] when it powers off, whatever the program's
/// status was (Unikraft 0.5, plat/kvm/x86).
pub const UNIKRAFT_OFF: u8 = 41;
/// A byte written here, of any value, marks the start of the benchmark. QEMU has no device
/// here.
pub const BENCHMARK_START: u16 = 0x5a0;
/// ACPI PM1a control register, at the address of QEMU's Q35 and of many small VMMs.
pub const PM1_CONTROL: u16 = 0x604;
/// SLP_EN (bit 13) with SLP_TYP 0, written to [`PM1_CONTROL`]: off (ACPI 6.5, 4.8.3.2.1).
pub const PM1_OFF: u16 = 1 << 13;
