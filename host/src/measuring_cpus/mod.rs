//! Which CPUs measure. `run`, `run --tune` and the doctor all use this module:
//! [`HostCpus::read`] reads what Linux shows about each CPU, [`HostCpus::choose`] takes the
//! best, and [`HostCpus::judge`] lists the rules that any choice violates. No machine is
//! refused. docs/METHOD.md gives the rules and their reasons.

mod choice;
mod host_cpus;
mod kind;
mod rule;
#[cfg(test)]
mod tests;

pub use self::choice::Wanted;
pub use self::host_cpus::HostCpus;
pub use self::kind::{CoreKind, by_cpuid, kinds};
pub use self::rule::BrokenRule;
