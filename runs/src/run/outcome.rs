//! How one boot of a run went.

use contract::Fact;
use eval::facts::BootFacts;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
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
    /// Page faults that KVM handled while the program measured, where it counts them. Each
    /// counter that begins with `pf_` has all of them, or those of a kind.
    pub fn kvm_page_faults(&self) -> Option<u64> {
        let counts = self.exits.as_ref()?.measuring_in_kvm.as_ref()?;
        let faults = counts.iter().filter(|(name, _)| name.starts_with("pf_"));
        Some(faults.map(|(_, &count)| count).max().unwrap_or(0))
    }

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
    /// The facts that have columns of their own ([`Fact::columns`]).
    #[serde(skip_deserializing, serialize_with = "in_columns")]
    pub facts: BootFacts,
    /// The host's pages behind the guest's memory; empty where the engine does not say.
    #[serde(default)]
    pub guest_pages: String,
    /// Page faults that KVM handled while the program measured, where it counts them.
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
