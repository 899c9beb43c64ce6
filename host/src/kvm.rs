//! What /dev/kvm is.

use std::sync::OnceLock;

use vmm::probe::{self, Kvm};

/// What /dev/kvm is. Looked at once: the answer does not change, and takes a while
/// where KVM is slow.
pub fn probe() -> Kvm {
    static KIND: OnceLock<Kvm> = OnceLock::new();
    KIND.get_or_init(probe::probe).clone()
}

/// What KVM is, without the measured rate, which differs from run to run.
pub fn kind(kvm: &Kvm) -> String {
    match kvm {
        Kvm::Hardware { extension, .. } => format!("on hardware ({extension})"),
        Kvm::Nested { extension, .. } => {
            format!("nested: {extension} inside a virtual machine")
        }
        Kvm::SoftwareEmulated { reason, .. } => format!("emulated in software: {reason}"),
        other => other.to_string(),
    }
}
