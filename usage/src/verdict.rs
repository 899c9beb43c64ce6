//! How a program behaves without a system call.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

/// The answer to a call that is not executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// −ENOSYS, as from a kernel without it.
    Stub,
    /// 0, as if it had been executed.
    Fake,
    /// What the program would get had it been done, where that can be made up.
    Plausible,
}

impl Display for Mode {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stub => "stub",
            Self::Fake => "fake",
            Self::Plausible => "plausible",
        })
    }
}

/// When a rule applies.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Until the program is ready.
    Init,
    /// After that.
    Serving,
    /// From its start to its end.
    #[default]
    All,
}

/// How one run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The test passed.
    Works,
    /// The test failed, or the program ended too early.
    Broken,
    /// The time limit passed.
    TimedOut,
    /// The test exited with 200: repeat the run.
    CannotTell,
    /// The test or the sandbox failed, so the run does not count.
    HarnessError,
}

/// How a program behaves without one call, over all runs without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It works only if the call really works.
    Required,
    /// It works if the call fails with ENOSYS, but not if it is faked.
    Stub,
    /// It works if the call pretends to succeed, but not if it fails with ENOSYS.
    Fake,
    /// It works either way.
    Both,
    /// Runs of the same rule had different outcomes.
    Flaky,
    /// The program never made the call while the rule applied.
    Masked,
    /// No filter can remove this call: `rt_sigreturn`, `restart_syscall`.
    Untestable,
    /// The test or the sandbox failed: no verdict.
    HarnessError,
    /// The program made the call, but no run removed it.
    Untested,
}

impl Verdict {
    /// The verdict from the outcome of each mode.
    pub fn of(stub_works: bool, fake_works: bool) -> Self {
        match (stub_works, fake_works) {
            (true, true) => Self::Both,
            (true, false) => Self::Stub,
            (false, true) => Self::Fake,
            (false, false) => Self::Required,
        }
    }

    /// Whether the program works if the call fails with ENOSYS.
    pub fn stub_works(self) -> bool {
        matches!(self, Self::Stub | Self::Both)
    }

    /// Whether the program works if the call pretends to succeed.
    pub fn fake_works(self) -> bool {
        matches!(self, Self::Fake | Self::Both)
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Required => "required",
            Self::Stub => "stub",
            Self::Fake => "fake",
            Self::Both => "both",
            Self::Flaky => "flaky",
            Self::Masked => "masked",
            Self::Untestable => "untestable",
            Self::HarnessError => "harness error",
            Self::Untested => "untested",
        })
    }
}
