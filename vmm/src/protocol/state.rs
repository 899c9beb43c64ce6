//! The CPU state at a kernel's first instruction.

use kvm_bindings::{kvm_dtable, kvm_regs, kvm_segment, kvm_sregs};
use vm_memory::{Bytes, GuestAddress};

use crate::image::Protocol;
use crate::layout;
use crate::load::LoadError;
use crate::memory::Memory;

/// CR0: protected mode.
pub const CR0_PE: u64 = 1 << 0;
/// CR0: extension type, always 1 since the 80486.
pub const CR0_ET: u64 = 1 << 4;
/// CR0: paging.
pub const CR0_PG: u64 = 1 << 31;
/// CR4: physical address extension, which long mode is built on.
pub const CR4_PAE: u64 = 1 << 5;
/// EFER: long mode enabled.
pub const EFER_LME: u64 = 1 << 8;
/// EFER: long mode active.
pub const EFER_LMA: u64 = 1 << 10;
/// RFLAGS: the bit that is always 1. Interrupts are off.
pub const RFLAGS_RESERVED: u64 = 1 << 1;

/// Linux requires its code segment at selector 0x10 and its data at 0x18; the others do not
/// care.
const CODE: u16 = 0x10;
const DATA: u16 = 0x18;
const TASK: u16 = 0x20;

/// The width of the code at the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// 32-bit protected mode, flat, no paging.
    Protected,
    /// 64-bit long mode.
    Long,
}

/// What a protocol requires of the first vCPU's registers; every register that is not here is
/// zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryState {
    /// The code segment's width.
    pub mode: Mode,
    /// Control register 0.
    pub cr0: u64,
    /// Physical address of the page tables.
    pub cr3: u64,
    /// Control register 4.
    pub cr4: u64,
    /// Extended feature enable register.
    pub efer: u64,
    /// Guest physical (and, with paging, identity-mapped) address.
    pub rip: u64,
    /// Accumulator.
    pub rax: u64,
    /// Base register.
    pub rbx: u64,
    /// Source index.
    pub rsi: u64,
    /// Flags.
    pub rflags: u64,
}

impl EntryState {
    /// The general registers, for KVM.
    pub fn regs(&self) -> kvm_regs {
        kvm_regs {
            rip: self.rip,
            rax: self.rax,
            rbx: self.rbx,
            rsi: self.rsi,
            rflags: self.rflags,
            ..Default::default()
        }
    }

    /// `reset` (the special registers that KVM gave the vCPU) with the entry's own.
    pub fn sregs(&self, reset: kvm_sregs) -> kvm_sregs {
        let data = data_segment();
        kvm_sregs {
            cs: code_segment(self.mode),
            ds: data,
            es: data,
            fs: data,
            gs: data,
            ss: data,
            tr: task_segment(),
            gdt: kvm_dtable {
                base: layout::GDT,
                limit: GDT_LIMIT,
                ..Default::default()
            },
            idt: kvm_dtable::default(),
            cr0: self.cr0,
            cr3: self.cr3,
            cr4: self.cr4,
            efer: self.efer,
            ..reset
        }
    }
}

/// Flat code from 0 to 4 GiB (ignored in long mode), read and execute.
fn code_segment(mode: Mode) -> kvm_segment {
    kvm_segment {
        base: 0,
        limit: 0xffff_ffff,
        selector: CODE,
        type_: 0b1011,
        present: 1,
        s: 1,
        g: 1,
        db: u8::from(mode == Mode::Protected),
        l: u8::from(mode == Mode::Long),
        ..Default::default()
    }
}

/// Flat data from 0 to 4 GiB, read and write.
fn data_segment() -> kvm_segment {
    kvm_segment {
        base: 0,
        limit: 0xffff_ffff,
        selector: DATA,
        type_: 0b0011,
        present: 1,
        s: 1,
        g: 1,
        db: 1,
        ..Default::default()
    }
}

/// PVH requires a busy TSS from 0 to 0x67; VT-x does not enter a guest without one.
fn task_segment() -> kvm_segment {
    kvm_segment {
        base: 0,
        limit: 0x67,
        selector: TASK,
        type_: 0b1011,
        present: 1,
        ..Default::default()
    }
}

const GDT_LIMIT: u16 = 5 * 8 - 1;

/// The table behind the segment registers: two null entries, code, data, task.
pub(super) fn write_gdt(memory: &Memory, protocol: Protocol) -> Result<(), LoadError> {
    let mode = match protocol {
        Protocol::Linux64 => Mode::Long,
        Protocol::Pvh | Protocol::Multiboot => Mode::Protected,
    };
    let segments = [code_segment(mode), data_segment(), task_segment()];
    let entries = [0, 0].into_iter().chain(segments.iter().map(descriptor));
    for (address, entry) in (layout::GDT..).step_by(8).zip(entries) {
        memory.write_obj::<u64>(entry, GuestAddress(address))?;
    }
    Ok(())
}

/// A segment in the form of the descriptor tables (Intel SDM vol. 3, 3.4.5).
fn descriptor(segment: &kvm_segment) -> u64 {
    let limit = u64::from(match segment.g {
        0 => segment.limit,
        _ => segment.limit >> 12,
    });
    let access = u64::from(segment.type_)
        | u64::from(segment.s) << 4
        | u64::from(segment.dpl) << 5
        | u64::from(segment.present) << 7;
    let flags = u64::from(segment.avl)
        | u64::from(segment.l) << 1
        | u64::from(segment.db) << 2
        | u64::from(segment.g) << 3;
    (limit & 0xffff)
        | (segment.base & 0xff_ffff) << 16
        | access << 40
        | (limit >> 16 & 0xf) << 48
        | flags << 52
        | (segment.base >> 24 & 0xff) << 56
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_have_the_well_known_values() {
        assert_eq!(descriptor(&code_segment(Mode::Long)), 0x00af_9b00_0000_ffff);
        assert_eq!(
            descriptor(&code_segment(Mode::Protected)),
            0x00cf_9b00_0000_ffff
        );
        assert_eq!(descriptor(&data_segment()), 0x00cf_9300_0000_ffff);
    }
}
