//! A boot's first state: a virtual machine that is still empty. A thread creates it, and reads
//! the CPUID that KVM supports. Neither depends on what is booted, and together they take
//! longer than everything else before the guest runs.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;

use kvm_ioctls::{Kvm, VmFd};

use super::error::{KvmError, system};
use super::vm;
use crate::cpu;

/// What the thread creates: /dev/kvm, open, and a virtual machine without anything in it.
type Created = Result<(Arc<Kvm>, VmFd), KvmError>;

/// An empty virtual machine, for whatever will be booted. Next is [`super::ReadyVm`].
pub struct NewVm(Result<Receiver<Created>, KvmError>);

impl NewVm {
    /// Begins to create it. The sooner this is called, the sooner the guest starts.
    ///
    /// Errors appear when the machine is used.
    pub fn begin() -> Self {
        let (sender, created) = channel();
        let thread = Builder::new().spawn(move || create_in_thread(&sender));
        Self(thread.map(|_| created).map_err(system("start a thread")))
    }

    /// Waits until it is there.
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
