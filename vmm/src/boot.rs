//! What an engine receives, and what it returns.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::GuestPages;

/// Bytes that a guest may write to its console before it is stopped, with every engine: ten
/// times the longest log.
pub const CONSOLE_LIMIT: usize = 64 << 20;

/// The description of one boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootSpec {
    /// The kernel image; for the host engine, the program itself.
    pub kernel: PathBuf,
    /// The initial ramdisk, or the program for kernels that load an ELF file in its place.
    pub initrd: Option<PathBuf>,
    /// The kernel's command line.
    pub cmdline: String,
    /// Guest memory in MiB.
    pub memory_mib: u32,
    /// Number of vCPUs.
    pub cpus: u32,
    /// Host CPUs that the boot may use; if empty, any.
    pub pin: Vec<usize>,
    /// How long the boot may take before it is killed.
    pub timeout: Duration,
}

/// The outcome of one boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootOutcome {
    /// Everything that the guest wrote to its serial port, unchanged.
    pub console: Vec<u8>,
    /// How the guest ended.
    pub end: End,
    /// When things happened.
    pub timings: Timings,
    /// How often the guest's vCPUs returned to the engine, if the engine counts that.
    pub exits: Option<Exits>,
    /// The host's pages behind guest memory, if they were requested and the engine can find
    /// out.
    pub pages: Option<GuestPages>,
}

/// Exits of all vCPUs to the VMM, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exits {
    /// Over the whole boot.
    pub boot: BTreeMap<String, u64>,
    /// During the measurement, from the benchmark's mark to its next byte on the console: each
    /// of them disturbed the measurement. `None` if the benchmark did not set the mark.
    pub measuring: Option<BTreeMap<String, u64>>,
    /// KVM's own counters that grew during the measurement. They count every exit, including
    /// those that KVM handles itself, and the console's first exit. `None` if the host's kernel
    /// does not have such counters (before Linux 5.14), or if the boot ended earlier.
    pub measuring_in_kvm: Option<BTreeMap<String, u64>>,
}

/// How a guest ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum End {
    /// The guest passed a status, through a debug-exit port or as a process.
    Exited {
        /// The status that the guest wrote.
        status: u32,
    },
    /// The guest powered the machine off.
    PoweredOff,
    /// The guest requested a reset.
    Rebooted,
    /// The guest's kernel panicked.
    Panicked {
        /// `exitcode=` of "Attempted to kill init!", a wait status: with 0, the original
        /// benchmark has ended successfully.
        exitcode: Option<u32>,
        /// The kernel's message.
        message: String,
    },
    /// The guest's CPU shut down on a triple fault.
    TripleFault,
    /// Every vCPU halted with interrupts off: nothing could wake the guest.
    Halted,
    /// The guest was killed at its timeout.
    TimedOut,
    /// The user stopped it.
    Interrupted,
    /// The engine could not start the guest, or could not continue.
    EngineFailed {
        /// What went wrong, and what to do about it.
        reason: String,
    },
}

const UNIKRAFT_OFF: u32 = contract::ports::UNIKRAFT_OFF as u32;

impl End {
    /// The end that it means when the guest writes `value` to Unikraft's debug-exit port,
    /// 0x501.
    pub fn by_unikrafts_port(value: u32) -> Self {
        match value {
            UNIKRAFT_OFF => Self::PoweredOff,
            status => Self::Exited { status },
        }
    }

    /// Whether this end is a sign that something went wrong. Any other end is fine for a guest
    /// whose log is complete and closed: the program has finished by then, and the way in which
    /// the kernel stops the machine does not matter. docs/BOOT.md gives the reasons.
    pub fn is_fault(&self) -> bool {
        match self {
            Self::PoweredOff | Self::Rebooted | Self::Halted => false,
            Self::Exited { status } => *status != 0,
            Self::Panicked { exitcode, .. } => *exitcode != Some(0),
            Self::TripleFault | Self::TimedOut | Self::Interrupted | Self::EngineFailed { .. } => {
                true
            }
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { status } => write!(f, "the guest exited with status {status}"),
            Self::PoweredOff => f.write_str("the guest powered off"),
            Self::Rebooted => f.write_str("the guest rebooted"),
            Self::Panicked { message, .. } => write!(f, "the guest's kernel panicked: {message}"),
            Self::TripleFault => f.write_str("the guest's CPU stopped on a triple fault"),
            Self::Halted => f.write_str("the guest halted permanently, with interrupts off"),
            Self::TimedOut => f.write_str("the guest was killed at its timeout"),
            Self::Interrupted => f.write_str("interrupted"),
            Self::EngineFailed { reason } => f.write_str(reason),
        }
    }
}

/// When things happened, counted from the moment the engine was called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// The guest was started.
    pub guest_started: Option<Duration>,
    /// The guest's first console byte.
    pub first_byte: Option<Duration>,
    /// The guest's end.
    pub ended: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_is_or_is_not_a_fault() {
        let panicked = |exitcode| End::Panicked {
            exitcode,
            message: String::new(),
        };
        let failed = End::EngineFailed {
            reason: String::new(),
        };
        for (end, is_fault) in [
            (End::Exited { status: 0 }, false),
            (End::Exited { status: 1 }, true),
            (End::Exited { status: 41 }, true),
            (End::Exited { status: 256 }, true),
            (End::PoweredOff, false),
            (End::Rebooted, false),
            (panicked(Some(0)), false),
            (panicked(Some(0x100)), true),
            (panicked(None), true),
            (End::TripleFault, true),
            (End::Halted, false),
            (End::TimedOut, true),
            (End::Interrupted, true),
            (failed, true),
        ] {
            assert_eq!(end.is_fault(), is_fault, "{end:?}");
        }
    }

    #[test]
    fn unikraft_powers_off_with_status_41() {
        assert_eq!(End::by_unikrafts_port(41), End::PoweredOff);
        for status in [0, 1, 40, 42, 83, 41 << 8, 256 + 41] {
            assert_eq!(End::by_unikrafts_port(status), End::Exited { status });
        }
    }
}
