//! The checks: each a function from facts to what it found.

mod engine;
mod frequency;
mod isolation;
mod kernel;
mod neighbours;
mod noise;
#[cfg(test)]
mod tests;
mod tracing;
mod tsc;

use eval::verdict::State;

use super::Facts;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub state: State,
    pub what: String,
    pub mend: Option<String>,
}

type Check = fn(&Facts) -> Found;

/// All checks by their names, in the order in which they are printed.
/// docs/DOCTOR.md describes each under its name.
pub(super) const ALL: &[(&str, Check)] = &[
    ("engine", engine::engine),
    ("pinning", isolation::pinning),
    ("measuring-cpu", isolation::measuring_cpu),
    ("hypervisor", engine::hypervisor),
    ("tsc-invariant", tsc::invariant),
    ("tsc-synchronised", tsc::synchronised),
    ("tsc-step", tsc::step),
    ("tsc-frequency", tsc::frequency),
    ("frequency-driver", frequency::driver),
    ("governor", frequency::governor),
    ("turbo", frequency::turbo),
    ("idle-states", frequency::idle_states),
    ("smt", neighbours::smt),
    ("isolation", isolation::isolation),
    ("interrupts", isolation::interrupts),
    ("load", neighbours::load),
    ("steal", neighbours::steal),
    ("noise", noise::noise),
    ("clock", noise::clock),
    ("system-calls", kernel::system_calls),
    ("tracing", tracing::tracing),
    ("aslr", kernel::aslr),
    ("mitigations", kernel::mitigations),
    ("microcode", kernel::microcode),
];

impl Found {
    fn new(state: State, what: impl Into<String>) -> Self {
        Self {
            state,
            what: what.into(),
            mend: None,
        }
    }

    fn ok(what: impl Into<String>) -> Self {
        Self::new(State::Ok, what)
    }

    fn warning(what: impl Into<String>) -> Self {
        Self::new(State::Warning, what)
    }

    fn unfit(what: impl Into<String>) -> Self {
        Self::new(State::Unfit, what)
    }

    fn unknown(what: impl Into<String>) -> Self {
        Self::new(State::Unknown, what)
    }

    /// What mends it, where anything is to be mended.
    fn mend(self, mend: impl Into<String>) -> Self {
        Self {
            mend: (self.state != State::Ok).then(|| mend.into()),
            ..self
        }
    }

    /// How bad a figure is that should be small: above `warning` it is one, and above
    /// `unfit` it spoils the numbers.
    fn graded(figure: f64, warning: f64, unfit: f64, what: String) -> Self {
        match figure {
            _ if figure > unfit => Self::unfit(what),
            _ if figure > warning => Self::warning(what),
            _ => Self::ok(what),
        }
    }
}

/// CPUs as the kernel lists them: `1,3`.
fn list(cpus: &[usize]) -> String {
    let numbers: Vec<_> = cpus.iter().map(usize::to_string).collect();
    numbers.join(",")
}

/// The CPUs with a word before them, as it stands in a sentence.
fn named(cpus: &[usize]) -> String {
    match cpus {
        [cpu] => format!("CPU {cpu}"),
        _ => format!("CPUs {}", list(cpus)),
    }
}
