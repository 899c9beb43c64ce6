//! A boot's first state: an empty virtual machine. A thread creates it, and reads the CPUID
//! that KVM supports. Neither depends on the image, and together they take longer than
//! everything else before the guest runs.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;

use kvm_ioctls::{Kvm, VmFd};

use super::error::{KvmError, system};
use super::vm;
use crate::cpu;

/// What the thread creates: an open /dev/kvm, and an empty virtual machine.
type Created = Result<(Arc<Kvm>, VmFd), KvmError>;

/// An empty virtual machine, for an image that is not known yet. The next state is
/// [`super::ReadyVm`].
pub struct NewVm(Result<Receiver<Created>, KvmError>);

impl NewVm {
    /// Starts to create it. The earlier this is called, the earlier the guest starts.
    ///
    /// Errors appear when the machine is used.
    pub fn begin() -> Self {
        let (sender, created) = channel();
        let thread = Builder::new().spawn(move || create_in_thread(&sender));
        Self(thread.map(|_| created).map_err(system("start a thread")))
    }

    /// Waits until it exists.
    ///
    /// # Errors
    /// /dev/kvm cannot be opened, or KVM refuses.
    pub(super) fn wait(self) -> Created {
        // A thread that is gone has panicked.
        self.0?.recv().unwrap_or(Err(KvmError::Lost))
    }
}

fn create_in_thread(sender: &Sender<Created>) {
    let created = create();
    let kvm = created.as_ref().ok().map(|(kvm, _)| kvm.clone());
    // Nobody receives it if nothing is booted in the end.
    let _ = sender.send(created);
    // The answer is kept for the vCPUs. If KVM refuses, the first vCPU asks again and reports it.
    let _ = kvm.map(|kvm| cpu::supported_cpuid(&kvm));
}

fn create() -> Created {
    let kvm = Arc::new(vm::open()?);
    let vm = vm::create(&kvm)?;
    Ok((kvm, vm))
}
