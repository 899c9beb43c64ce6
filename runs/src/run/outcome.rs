//! How one boot of a run went.

use contract::Fact;
use eval::facts::BootFacts;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use vmm::{End, Exits, GuestPages, Timings};

/// Written next to the boot's console when the boot is finished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootRecord {
    /// The run's ID, as in its manifest.
    pub run: String,
    /// The target's name.
    pub target: String,
    /// Which boot of it, from 0.
    pub boot: u32,
    /// Its place in the run, from 0, in order of time.
    pub position: usize,
    /// When it began.
    pub started: Timestamp,
    /// How it ended.
    pub end: End,
    /// When things happened.
    pub timings: Timings,
    /// How often the guest returned to the engine, if the engine counts that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exits: Option<Exits>,
    /// The host's pages behind guest memory, if the engine reports them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<GuestPages>,
    /// SHA-256 of the console's bytes.
    pub console_sha256: String,
}

impl BootRecord {
    /// Page faults that KVM handled during the measurement, if it counts them. Each counter
    /// that begins with `pf_` has all of them, or those of one kind.
    pub fn kvm_page_faults(&self) -> Option<u64> {
        let counts = self.exits.as_ref()?.measuring_in_kvm.as_ref()?;
        let faults = counts.iter().filter(|(name, _)| name.starts_with("pf_"));
        Some(faults.map(|(_, &count)| count).max().unwrap_or(0))
    }

    /// What to do if the file is damaged.
    pub const REMEDY: &str = "delete it, and resume the run with --resume";
}

/// The state of a planned boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootState {
    /// Its samples count.
    Ok,
    /// It failed, or its log is not complete; its samples do not count.
    Failed,
    /// The run was interrupted before it.
    NotRun,
}

/// One line of `boots.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BootRow {
    /// The target's name.
    pub target: String,
    /// Which boot of it, from 0.
    pub boot: u32,
    /// Its place in the run, from 0, in order of time.
    pub position: usize,
    /// Its state.
    pub state: BootState,
    /// How many samples it gave.
    pub samples: usize,
    /// Which answer system call 500 gave: `noop` or `enosys`.
    pub syscall_500: String,
    /// The facts that have columns of their own ([`Fact::columns`]).
    #[serde(skip_deserializing, serialize_with = "in_columns")]
    pub facts: BootFacts,
    /// The host's pages behind the guest's memory; empty if the engine does not report them.
    #[serde(default)]
    pub guest_pages: String,
    /// Page faults that KVM handled during the measurement, if it counts them.
    #[serde(default)]
    pub kvm_page_faults: Option<u64>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Why it failed; empty otherwise.
    pub reason: String,
}

impl BootRow {
    /// The columns' names.
    pub fn columns() -> Vec<&'static str> {
        let before = [
            "target",
            "boot",
            "position",
            "state",
            "samples",
            "syscall_500",
        ];
        let facts = Fact::columns().map(|(_, column)| column);
        let after = ["guest_pages", "kvm_page_faults", "seconds", "reason"];
        before.into_iter().chain(facts).chain(after).collect()
    }

    /// A boot that has not run.
    pub fn not_run(target: &str, boot: u32, position: usize) -> Self {
        Self {
            target: target.to_owned(),
            boot,
            position,
            state: BootState::NotRun,
            samples: 0,
            syscall_500: String::new(),
            facts: BootFacts::default(),
            guest_pages: String::new(),
            kvm_page_faults: None,
            seconds: 0.0,
            reason: String::new(),
        }
    }
}

fn in_columns<S: Serializer>(facts: &BootFacts, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(Fact::columns().map(|(fact, _)| facts.get(fact)))
}
