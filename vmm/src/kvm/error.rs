//! Why a guest could not be started.

use std::io;

use crate::cpu::CpuError;
use crate::image::ImageError;
use crate::load::LoadError;
use crate::memory::MemoryError;
use crate::permission;

/// Why a guest could not be started.
#[derive(Debug, thiserror::Error)]
pub enum KvmError {
    /// There is no /dev/kvm.
    #[error("there is no /dev/kvm: this machine (or its kernel) offers no KVM")]
    NoDevice,
    /// /dev/kvm is there for others.
    #[error("no permission for /dev/kvm: {}", permission::mend())]
    NoPermission,
    /// The image is refused.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// There is no memory for the guest.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The guest does not fit in.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A vCPU cannot be set up.
    #[error(transparent)]
    Cpu(#[from] CpuError),
    /// A thread that makes the machine, or a vCPU of it, panicked.
    #[error("a thread that makes the virtual machine panicked")]
    Lost,
    /// KVM refuses a part of the machine.
    #[error("KVM cannot {what}: {source}")]
    Kvm {
        /// What it was asked for.
        what: &'static str,
        /// KVM's reason.
        source: kvm_ioctls::Error,
    },
    /// More vCPUs than there can be.
    #[error("a guest here has 1 to {limit} vCPUs, not {asked}")]
    Cpus {
        /// The number asked for.
        asked: u32,
        /// The most that KVM and our tables take.
        limit: u32,
    },
    /// The system refuses something.
    #[error("cannot {what}: {source}")]
    System {
        /// What it was asked for.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The seccomp filter cannot be built or installed.
    #[error("cannot install the seccomp filter: {0}")]
    Seccomp(String),
}

/// For `map_err`, around KVM's errors.
pub(super) fn kvm(what: &'static str) -> impl Fn(kvm_ioctls::Error) -> KvmError {
    move |source| KvmError::Kvm { what, source }
}

/// For `map_err`, around the system's errors.
pub(super) fn system<E: Into<io::Error>>(what: &'static str) -> impl Fn(E) -> KvmError {
    move |source| KvmError::System {
        what,
        source: source.into(),
    }
}
