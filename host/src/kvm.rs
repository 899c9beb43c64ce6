//! What /dev/kvm is.

use std::sync::OnceLock;

use vmm::probe::{self, KvmKind};

/// What /dev/kvm is. It is examined once: the answer does not change, and takes a while if KVM
/// is slow.
pub fn probe() -> KvmKind {
    static KIND: OnceLock<KvmKind> = OnceLock::new();
    KIND.get_or_init(probe::probe).clone()
}

/// What KVM is, without the measured rate, which differs from run to run.
pub fn kind(kvm: &KvmKind) -> String {
    match kvm {
        KvmKind::Hardware { extension, .. } => format!("on hardware ({extension})"),
        KvmKind::Nested { extension, .. } => {
            format!("nested: {extension} inside a virtual machine")
        }
        KvmKind::SoftwareEmulated { reason, .. } => format!("emulated in software: {reason}"),
        other => other.to_string(),
    }
}
