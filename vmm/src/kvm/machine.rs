//! What the vCPU threads and the caller share while a guest runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vm_superio::Trigger;
use vmm_sys_util::eventfd::EventFd;

use super::console::{Console, ConsoleWriter};
use super::measuring::Measuring;
use super::sleep::RollCall;
use super::wake::Wake;
use crate::End;
use crate::devices::Devices;
use crate::memory::Memory;

/// The serial port's interrupt line.
pub struct Interrupt(pub EventFd);

impl Trigger for Interrupt {
    type E = std::io::Error;

    fn trigger(&self) -> Result<(), Self::E> {
        self.0.write(1)
    }
}

/// How a guest ended, and the vCPU's state at that moment, if it explains something.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How it ended.
    pub end: End,
    /// Registers and code, as lines of text.
    pub diagnosis: Option<String>,
}

/// One running guest.
pub struct Machine {
    /// Guest memory, which stays mapped for as long as a vCPU may run.
    pub memory: Memory,
    /// Bytes to the caller.
    pub console: Arc<Console>,
    /// Whether the benchmark is measuring.
    pub measuring: Measuring,
    /// Asks the vCPUs whether anything can wake them.
    pub roll_call: RollCall,
    devices: Mutex<Devices<Interrupt, ConsoleWriter>>,
    ended: Mutex<Option<Ended>>,
    stopping: AtomicBool,
    wake: Wake,
}

impl Machine {
    /// A guest that has not started.
    pub fn new(
        cpus: u8,
        memory: Memory,
        console: Arc<Console>,
        devices: Devices<Interrupt, ConsoleWriter>,
        wake: Wake,
    ) -> Self {
        Self {
            memory,
            console,
            measuring: Measuring::default(),
            roll_call: RollCall::new(cpus),
            devices: Mutex::new(devices),
            ended: Mutex::new(None),
            stopping: AtomicBool::new(false),
            wake,
        }
    }

    /// The devices, for one access.
    pub fn devices(&self) -> MutexGuard<'_, Devices<Interrupt, ConsoleWriter>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the guest. The first end counts.
    pub fn end(&self, end: End, diagnosis: Option<String>) {
        self.lock_ended().get_or_insert(Ended { end, diagnosis });
        self.stopping.store(true, Ordering::Release);
        self.wake.signal();
    }

    /// Ends the guest because KVM, or this VMM, cannot continue.
    pub fn fail(&self, reason: String, diagnosis: Option<String>) {
        self.end(End::EngineFailed { reason }, diagnosis);
    }

    /// How it ended; to be called after its end.
    pub fn ended(&self) -> Ended {
        self.lock_ended().clone().unwrap_or_else(|| Ended {
            end: End::EngineFailed {
                reason: "the guest has not ended".into(),
            },
            diagnosis: None,
        })
    }

    /// Whether every vCPU has to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    fn lock_ended(&self) -> MutexGuard<'_, Option<Ended>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
