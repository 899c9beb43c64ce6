//! The state of a vCPU before its first instruction: CPUID, MSRs, registers, interrupt lines.

pub mod amx;
mod cpuid;
mod lapic;
mod msr;
mod supported;

pub use cpuid::{Topology, Vendor, adapt};
pub use supported::supported_cpuid;

use std::arch::x86_64::__cpuid;

use kvm_bindings::{CpuId, kvm_fpu};
use kvm_ioctls::{Kvm, VcpuFd};

use crate::protocol::EntryState;

/// x87 control word after FINIT: all exceptions masked, 64-bit precision.
const FPU_CONTROL: u16 = 0x37f;
/// MXCSR after reset: all exceptions masked.
const MXCSR: u32 = 0x1f80;

/// Why a vCPU cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum CpuError {
    /// KVM refuses.
    #[error("KVM refuses {what}: {source}")]
    Refused {
        /// The request to KVM.
        what: &'static str,
        /// KVM's reason.
        source: kvm_ioctls::Error,
    },
    /// `KVM_SET_MSRS` stopped in the middle.
    #[error("KVM refuses to set MSR {index:#x}")]
    Msr {
        /// The first MSR that was not set.
        index: u32,
    },
    /// More CPUID entries than KVM's own limit.
    #[error("KVM's CPUID has more entries than it accepts")]
    TooManyCpuidEntries,
}

fn refused(what: &'static str) -> impl Fn(kvm_ioctls::Error) -> CpuError {
    move |source| CpuError::Refused { what, source }
}

/// Turns `vcpu` into the CPU at that place in the guest.
///
/// # Errors
/// KVM refuses a part of it.
pub fn set_up(kvm: &Kvm, vcpu: &VcpuFd, topology: Topology) -> Result<(), CpuError> {
    let supported = supported_cpuid(kvm)?;
    let tsc_khz = vcpu.get_tsc_khz().unwrap_or(0);
    let vendor = Vendor::of(supported.as_slice());
    let entries = adapt(supported.as_slice(), topology, tsc_khz, host_cpuid);
    let cpuid = CpuId::from_entries(&entries).map_err(|_| CpuError::TooManyCpuidEntries)?;
    vcpu.set_cpuid2(&cpuid)
        .map_err(refused("the guest's CPUID"))?;
    msr::set(kvm, vcpu, vendor)?;
    set_fpu(vcpu)?;
    lapic::wire(vcpu)
}

/// Makes the first vCPU begin at `entry`; the others wait until it starts them.
///
/// # Errors
/// KVM refuses the registers.
pub fn enter(vcpu: &VcpuFd, topology: Topology, entry: &EntryState) -> Result<(), CpuError> {
    if topology.id != 0 {
        return Ok(());
    }
    let reset = vcpu
        .get_sregs()
        .map_err(refused("to report the special registers"))?;
    vcpu.set_sregs(&entry.sregs(reset))
        .map_err(refused("the special registers"))?;
    vcpu.set_regs(&entry.regs())
        .map_err(refused("the general registers"))
}

fn host_cpuid(leaf: u32) -> [u32; 4] {
    let r = __cpuid(leaf);
    [r.eax, r.ebx, r.ecx, r.edx]
}

fn set_fpu(vcpu: &VcpuFd) -> Result<(), CpuError> {
    let fpu = kvm_fpu {
        fcw: FPU_CONTROL,
        mxcsr: MXCSR,
        ..Default::default()
    };
    vcpu.set_fpu(&fpu).map_err(refused("the FPU's state"))
}
