//! ACPI tables: which CPUs exist, and how the machine is powered off. Source: ACPI
//! Specification 6.5, chapter 5.

use acpi_tables::aml::{Name, Package, Path, ZERO};
use acpi_tables::fadt::{FADTBuilder, Flags};
use acpi_tables::gas::{AccessSize, AddressSpace, GAS};
use acpi_tables::madt::{
    EnabledStatus, IoApic, LocalInterruptController, MADT, ProcessorLocalApic,
};
use acpi_tables::rsdp::Rsdp;
use acpi_tables::sdt::Sdt;
use acpi_tables::xsdt::XSDT;
use acpi_tables::{Aml, AmlSink};
use vm_memory::{Bytes, GuestAddress};

use crate::devices::ports;
use crate::layout;
use crate::load::LoadError;
use crate::memory::Memory;

const OEM: [u8; 6] = *b"TOLLGT";
const OEM_TABLE: [u8; 8] = *b"TOLLGATE";
const OEM_REVISION: u32 = 1;
const DSDT_HEADER: u32 = 36;
/// The interrupt of ACPI events, which do not occur.
const SCI: u16 = 9;
const PM1_EVENT_LENGTH: u8 = 4;
const PM1_CONTROL_LENGTH: u8 = 2;

/// Writes the tables for `cpus` CPUs, the root pointer to [`layout::RSDP`].
///
/// # Errors
/// Guest memory is too small for them.
pub fn write(memory: &Memory, cpus: u8) -> Result<(), LoadError> {
    let mut next = layout::ACPI_TABLES;
    let mut place = |table: Vec<u8>| -> Result<u64, LoadError> {
        let address = next;
        memory.write_slice(&table, GuestAddress(address))?;
        next = (address + table.len() as u64).next_multiple_of(8);
        Ok(address)
    };
    let dsdt = place(bytes(&dsdt()))?;
    let fadt = place(bytes(&fadt(dsdt).finalize()))?;
    let madt = place(bytes(&madt(cpus)))?;
    let mut xsdt = XSDT::new(OEM, OEM_TABLE, OEM_REVISION);
    xsdt.add_entry(fadt);
    xsdt.add_entry(madt);
    let xsdt = place(bytes(&xsdt))?;
    let rsdp = bytes(&Rsdp::new(OEM, xsdt));
    memory.write_slice(&rsdp, GuestAddress(layout::RSDP))?;
    Ok(())
}

/// One object: sleep state 5 is entered with sleep type 0.
fn dsdt() -> Sdt {
    let mut dsdt = Sdt::new(*b"DSDT", DSDT_HEADER, 2, OEM, OEM_TABLE, OEM_REVISION);
    let sleep_types = Package::new(vec![&ZERO, &ZERO, &ZERO, &ZERO]);
    dsdt.append_slice(&bytes(&Name::new(Path::new("_S5_"), &sleep_types)));
    dsdt
}

/// The fixed hardware: PM1 at 0x600 (always in ACPI mode, because the machine does not have an
/// SMI command), no timer, no general events, and the i8042 as the way to reset.
fn fadt(dsdt: u64) -> FADTBuilder {
    let mut fadt = FADTBuilder::new(OEM, OEM_TABLE, OEM_REVISION)
        .dsdt_64(dsdt)
        .flag(Flags::Wbinvd)
        .flag(Flags::ProcC1)
        .flag(Flags::PwrButton)
        .flag(Flags::SlpButton)
        .flag(Flags::FixRtc)
        .flag(Flags::ResetRegSup);
    fadt.sci_int = SCI.into();
    fadt.pm1a_evt_blk = u32::from(ports::PM1_STATUS).into();
    fadt.pm1_evt_len = PM1_EVENT_LENGTH;
    fadt.pm1a_cnt_blk = u32::from(ports::PM1_CONTROL).into();
    fadt.pm1_cnt_len = PM1_CONTROL_LENGTH;
    fadt.reset_reg = GAS::new(
        AddressSpace::SystemIo,
        8,
        0,
        AccessSize::ByteAccess,
        ports::I8042_COMMAND.into(),
    );
    fadt.reset_value = ports::I8042_RESET;
    fadt
}

/// One local APIC for each CPU, with the CPU's number as its ID, and the I/O APIC.
fn madt(cpus: u8) -> MADT {
    let controller = LocalInterruptController::Address(layout::LOCAL_APIC);
    let mut madt = MADT::new(OEM, OEM_TABLE, OEM_REVISION, controller);
    for id in 0..cpus {
        madt.add_structure(ProcessorLocalApic::new(id, id, EnabledStatus::Enabled));
    }
    madt.add_structure(IoApic::new(0, layout::IO_APIC, 0));
    madt
}

fn bytes(table: &dyn Aml) -> Vec<u8> {
    struct Bytes(Vec<u8>);
    impl AmlSink for Bytes {
        fn byte(&mut self, byte: u8) {
            self.0.push(byte);
        }
    }
    let mut sink = Bytes(Vec::new());
    table.to_aml_bytes(&mut sink);
    sink.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_the_largest_guest_end_below_high_memory() {
        assert!(bytes(&madt(u8::MAX)).len() < 0x8000);
    }

    #[test]
    fn every_table_sums_up_to_zero() {
        for table in [
            bytes(&dsdt()),
            bytes(&fadt(0xe0040).finalize()),
            bytes(&madt(4)),
        ] {
            let sum = table.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte));
            assert_eq!(sum, 0, "{}", String::from_utf8_lossy(&table[..4]));
        }
    }
}
