//! The rules that measuring CPUs should follow.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A rule that measuring CPUs violate. The most important come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "kebab-case", deny_unknown_fields)]
pub enum BrokenRule {
    /// Two measuring CPUs are cores of different types.
    MixedCores {
        /// One of them.
        cpu: usize,
        /// The other.
        with: usize,
    },
    /// The core is an efficiency core of a hybrid processor.
    EfficiencyCore {
        /// The CPU.
        cpu: usize,
    },
    /// There are more vCPUs than CPUs for them.
    TooFewCpus {
        /// The number of vCPUs.
        vcpus: usize,
        /// The number of CPUs.
        cpus: usize,
    },
    /// Two measuring CPUs are threads of one core.
    SharedCore {
        /// One of them.
        cpu: usize,
        /// The other.
        with: usize,
    },
    /// Another thread of the core was busy before the measurement.
    BusySibling {
        /// The measuring CPU.
        cpu: usize,
        /// The other thread of its core.
        sibling: usize,
    },
    /// CPU 0 measures.
    FirstCpu,
    /// The CPU was busy before the measurement.
    Busy {
        /// The CPU.
        cpu: usize,
    },
    /// No other CPU is available for tollgate's own threads.
    OwnThreadsOnCpu,
    /// Only other threads of the measuring cores are available for tollgate's own threads.
    OwnThreadsOnCore,
}

impl BrokenRule {
    /// The cost of violating it: more than that of violating all less important rules together.
    pub(super) fn weight(self) -> u32 {
        let lighter = match self {
            Self::MixedCores { .. } => 8,
            Self::EfficiencyCore { .. } => 7,
            Self::TooFewCpus { .. } => 6,
            Self::SharedCore { .. } => 5,
            Self::BusySibling { .. } => 4,
            Self::FirstCpu => 3,
            Self::Busy { .. } => 2,
            Self::OwnThreadsOnCpu => 1,
            Self::OwnThreadsOnCore => 0,
        };
        1 << lighter
    }

    /// Whether it only describes the moment: at another time, the rule may be followed.
    pub fn is_passing(self) -> bool {
        matches!(self, Self::BusySibling { .. } | Self::Busy { .. })
    }

    /// How to fix it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::MixedCores { .. } | Self::EfficiencyCore { .. } => {
                "choose performance cores with `pin` or --cpus, and allow this process to use them"
            }
            Self::TooFewCpus { .. } | Self::SharedCore { .. } => {
                "measure with fewer vCPUs, or allow this process to use more cores"
            }
            Self::BusySibling { .. } | Self::Busy { .. } => {
                "stop the programs that run there, or \
                wait"
            }
            Self::FirstCpu | Self::OwnThreadsOnCpu | Self::OwnThreadsOnCore => {
                "let this process use more cores"
            }
        }
    }
}

impl fmt::Display for BrokenRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MixedCores { cpu, with } => {
                write!(f, "CPU {cpu} and CPU {with} are cores of different types")
            }
            Self::EfficiencyCore { cpu } => write!(f, "CPU {cpu} is an efficiency core"),
            Self::TooFewCpus { vcpus, cpus } => {
                write!(f, "{vcpus} vCPUs share CPUs: {cpus} in all")
            }
            Self::SharedCore { cpu, with } => {
                write!(f, "CPU {cpu} and CPU {with} are threads of one core")
            }
            Self::BusySibling { cpu, sibling } => {
                write!(f, "CPU {sibling}, on the same core as CPU {cpu}, was busy")
            }
            Self::FirstCpu => f.write_str("CPU 0 runs more of the kernel's own work than others"),
            Self::Busy { cpu } => write!(f, "CPU {cpu} was busy"),
            Self::OwnThreadsOnCpu => f.write_str("no other CPU is left for tollgate's own threads"),
            Self::OwnThreadsOnCore => {
                f.write_str("tollgate's own threads run on the measuring cores' other threads")
            }
        }
    }
}
