//! The local APIC's two pins, wired as on a PC.
//! Source: Intel SDM vol. 3, 11.5.1, "Local Vector Table".

use kvm_bindings::kvm_lapic_state;
use kvm_ioctls::VcpuFd;

use super::{CpuError, refused};

const LVT_LINT0: usize = 0x350;
const LVT_LINT1: usize = 0x360;
const DELIVERY_MODE: u32 = 0b111 << 8;
const NMI: u32 = 0b100 << 8;
const EXTINT: u32 = 0b111 << 8;

/// LINT0 takes the interrupts of the 8259s, LINT1 the NMI.
pub(super) fn wire(vcpu: &VcpuFd) -> Result<(), CpuError> {
    let mut lapic = vcpu
        .get_lapic()
        .map_err(refused("to report the local APIC's state"))?;
    set_mode(&mut lapic, LVT_LINT0, EXTINT);
    set_mode(&mut lapic, LVT_LINT1, NMI);
    vcpu.set_lapic(&lapic)
        .map_err(refused("the local APIC's state"))
}

fn set_mode(lapic: &mut kvm_lapic_state, register: usize, mode: u32) {
    let bytes = &mut lapic.regs[register..register + 4];
    let old = bytes
        .iter()
        .rev()
        .fold(0u32, |value, &byte| value << 8 | u32::from(byte as u8));
    let new = old & !DELIVERY_MODE | mode;
    for (byte, new) in bytes.iter_mut().zip(new.to_le_bytes()) {
        *byte = new as _;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_delivery_mode_changes() {
        let mut lapic = kvm_lapic_state::default();
        lapic.regs[LVT_LINT0 + 2] = 1; // masked, as after a reset
        lapic.regs[LVT_LINT0 + 1] = 0b0001; // some other mode
        set_mode(&mut lapic, LVT_LINT0, EXTINT);
        assert_eq!(lapic.regs[LVT_LINT0..LVT_LINT0 + 4], [0, 0b111, 1, 0]);
    }
}
