//! MSRs that firmware would have set before it starts a kernel. Source: Intel SDM vol. 4; vol.
//! 3, 12.11 for the MTRRs.

use kvm_bindings::{Msrs, kvm_msr_entry};
use kvm_ioctls::{Kvm, VcpuFd};

use super::{CpuError, Vendor, refused};

const IA32_ARCH_CAPABILITIES: u32 = 0x10a;
const IA32_MISC_ENABLE: u32 = 0x1a0;
const IA32_MTRR_DEF_TYPE: u32 = 0x2ff;

/// Fast strings, and the two bits that say "no branch trace, no PEBS".
const MISC_ENABLE: u64 = 1 << 0 | 1 << 11 | 1 << 12;
/// MTRRs on; memory is write-back unless an MTRR says otherwise.
const MTRR_WRITE_BACK: u64 = 1 << 11 | 6;

/// Sets all of them, and checks that KVM accepted them all.
pub(super) fn set(kvm: &Kvm, vcpu: &VcpuFd, vendor: Vendor) -> Result<(), CpuError> {
    let entries = entries(arch_capabilities(kvm, vendor));
    let msrs = Msrs::from_entries(&entries).map_err(|_| CpuError::TooManyCpuidEntries)?;
    let taken = vcpu.set_msrs(&msrs).map_err(refused("the MSRs"))?;
    match entries.get(taken) {
        None => Ok(()),
        Some(entry) => Err(CpuError::Msr { index: entry.index }),
    }
}

fn entries(arch_capabilities: Option<u64>) -> Vec<kvm_msr_entry> {
    let always = [
        (IA32_MISC_ENABLE, MISC_ENABLE),
        (IA32_MTRR_DEF_TYPE, MTRR_WRITE_BACK),
    ];
    always
        .into_iter()
        .chain(arch_capabilities.map(|value| (IA32_ARCH_CAPABILITIES, value)))
        .map(|(index, data)| kvm_msr_entry {
            index,
            data,
            ..Default::default()
        })
        .collect()
}

/// What KVM offers, on Intel, where Linux reads from it which flaws the CPU does not have. AMD
/// CPUs do not have this MSR, so KVM's emulation of it stays hidden there.
fn arch_capabilities(kvm: &Kvm, vendor: Vendor) -> Option<u64> {
    if vendor != Vendor::Intel {
        return None;
    }
    let entry = kvm_msr_entry {
        index: IA32_ARCH_CAPABILITIES,
        ..Default::default()
    };
    let mut msrs = Msrs::from_entries(&[entry]).ok()?;
    let read = kvm.get_msrs(&mut msrs).ok()?;
    (read == 1).then(|| msrs.as_slice()[0].data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_write_back_by_default() {
        let entries = entries(None);
        let default_type = entries.iter().find(|e| e.index == 0x2ff).map(|e| e.data);
        assert_eq!(default_type, Some(0x806));
        assert!(!entries.iter().any(|e| e.index == IA32_ARCH_CAPABILITIES));
    }

    #[test]
    fn capabilities_pass_unchanged() {
        let entries = entries(Some(0x1234));
        assert!(entries.iter().any(|e| (e.index, e.data) == (0x10a, 0x1234)));
    }
}
