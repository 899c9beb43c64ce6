//! What shall be measured, and where.

use crate::measuring_cpus::BrokenRule;

/// What shall be measured, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The CPUs that will measure.
    pub cpus: Vec<usize>,
    /// What will run the guests.
    pub guests: Guests,
    /// Whether programs are measured on the host, too.
    pub host: bool,
    /// The rules for measuring CPUs that they break, the heaviest first.
    pub broken: Vec<BrokenRule>,
    /// Targets that may run on every CPU.
    pub unpinned: Vec<String>,
}

/// What will run the guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guests {
    /// KVM.
    Kvm,
    /// An emulator, although it measures no time.
    Emulator,
    /// There are none: programs run on the host.
    None,
}
