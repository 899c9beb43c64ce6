//! What KVM can show a guest. It is the same for all vCPUs of all guests, and slow to obtain:
//! the kernel executes some 50 CPUID instructions, each of which traps if the host is itself a
//! guest. So a process asks once.

use std::sync::{Mutex, PoisonError};

use kvm_bindings::{CpuId, KVM_MAX_CPUID_ENTRIES};
use kvm_ioctls::Kvm;

use super::{CpuError, refused};

static KNOWN: Mutex<Option<CpuId>> = Mutex::new(None);

/// What KVM can show a guest. Callers that come while KVM is being asked wait for the answer.
///
/// # Errors
/// KVM does not answer.
pub fn supported_cpuid(kvm: &Kvm) -> Result<CpuId, CpuError> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    match &*known {
        Some(cpuid) => Ok(cpuid.clone()),
        None => Ok(known.insert(ask(kvm)?).clone()),
    }
}

fn ask(kvm: &Kvm) -> Result<CpuId, CpuError> {
    kvm.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES)
        .map_err(refused("to report which CPUID it supports"))
}
