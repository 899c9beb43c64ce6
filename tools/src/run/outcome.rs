//! How one boot of a run went.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vmm::{End, Exits, GuestPages, Timings};

/// Written beside the boot's console when the boot is finished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootRecord {
    /// The run's number, as its manifest has it.
    pub run: String,
    /// The target's name.
    pub target: String,
    /// Which boot of it, from 0.
    pub boot: u32,
    /// Which boot of the run, from 0, in the order of time.
    pub position: usize,
    /// When it began.
    pub started: Timestamp,
    /// How it ended.
    pub end: End,
    /// When what happened.
    pub timings: Timings,
    /// How often the guest came back to the engine, where it knows that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exits: Option<Exits>,
    /// The host's pages behind guest memory, where the engine knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<GuestPages>,
    /// SHA-256 of the console's bytes.
    pub console_sha256: String,
}

impl BootRecord {
    /// What to do where the file is damaged.
    pub const REMEDY: &str = "delete it and --resume the run";
}

/// What became of a planned boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootState {
    /// Its samples count.
    Ok,
    /// It ended badly, or its log is not complete; its samples do not count.
    Failed,
    /// The run was interrupted before.
    NotRun,
}

/// One line of `boots.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootRow {
    /// The target's name.
    pub target: String,
    /// Which boot of it, from 0.
    pub boot: u32,
    /// Which boot of the run, from 0, in the order of time.
    pub position: usize,
    /// What became of it.
    pub state: BootState,
    /// How many samples it gave.
    pub samples: usize,
    /// Which answer system call 500 gave: `noop` or `enosys`.
    pub syscall_500: String,
    /// The counter's step as the program found it, in ticks.
    pub tsc_step_ticks: Option<u64>,
    /// How many ticks the smaller batch of a sample was to take.
    pub batch_ticks: Option<u64>,
    /// Dependent multiplications in a clock chain.
    pub chain_ops: Option<u64>,
    /// Dependent multiplications between the readings of the next two.
    pub fence_ops: Option<u64>,
    /// Least ticks from before them to a reading after an LFENCE.
    pub fenced_ticks: Option<u64>,
    /// Least ticks to a reading that need not wait.
    pub unfenced_ticks: Option<u64>,
    /// The counter's frequency by the guest's CPUID.
    pub tsc_khz: Option<u64>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Why it failed; empty otherwise.
    pub reason: String,
}
