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
    /// /dev/kvm does not exist.
    #[error("/dev/kvm does not exist: this machine or its kernel does not offer KVM")]
    NoDevice,
    /// This user may not open /dev/kvm.
    #[error("no permission for /dev/kvm: {}", permission::fix())]
    NoPermission,
    /// The image is refused.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The host does not have enough memory for the guest.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The guest's parts do not fit into its memory.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A vCPU cannot be set up.
    #[error(transparent)]
    Cpu(#[from] CpuError),
    /// A thread that creates the machine, or one of its vCPUs, panicked.
    #[error("a thread that creates the virtual machine panicked")]
    Lost,
    /// KVM refuses a part of the machine.
    #[error("KVM cannot {what}: {source}")]
    Kvm {
        /// The request to KVM.
        what: &'static str,
        /// KVM's reason.
        source: kvm_ioctls::Error,
    },
    /// More vCPUs than possible.
    #[error("a guest can have 1 to {limit} vCPUs, not {asked}")]
    Cpus {
        /// The requested number.
        asked: u32,
        /// The most that KVM and our tables support.
        limit: u32,
    },
    /// The system refuses something.
    #[error("cannot {what}: {source}")]
    System {
        /// The request to the system.
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
