//! What every boot begins with: a machine that is still empty, and the CPUID that KVM
//! supports. Neither depends on what is booted, and together they take longer than
//! everything else before the guest runs, so a thread of their own does them.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;

use kvm_ioctls::{Kvm, VmFd};

use super::error::{KvmError, system};
use super::vm;
use crate::cpu;

/// /dev/kvm, and a machine without anything in it.
pub(super) struct Empty {
    pub kvm: Arc<Kvm>,
    pub vm: VmFd,
}

/// A boot that has begun, of whatever it will be.
pub struct Begun(Result<Receiver<Result<Empty, KvmError>>, KvmError>);

/// Begins to boot. The sooner, the sooner the guest starts.
///
/// If something is wrong, then [`super::prepare`] will say so.
pub fn begin() -> Begun {
    let (say, empty) = channel();
    let thread = Builder::new().spawn(move || work(&say));
    Begun(thread.map(|_| empty).map_err(system("start a thread")))
}

fn work(say: &Sender<Result<Empty, KvmError>>) {
    let empty = create();
    let kvm = empty.as_ref().ok().map(|empty| empty.kvm.clone());
    // Nobody listens where nothing is booted after all.
    let _ = say.send(empty);
    // If KVM does not say, the first vCPU asks again, and is told why.
    let _ = kvm.map(|kvm| cpu::supported_cpuid(&kvm));
}

fn create() -> Result<Empty, KvmError> {
    let kvm = Arc::new(vm::open()?);
    let vm = vm::create(&kvm)?;
    Ok(Empty { kvm, vm })
}

impl Begun {
    /// Waits for the machine.
    pub(super) fn empty(self) -> Result<Empty, KvmError> {
        // A thread that is gone has panicked.
        self.0?.recv().unwrap_or(Err(KvmError::Lost))
    }
}
