//! What is going to be measured, and where.

use crate::measuring_cpus::BrokenRule;

/// What is going to be measured, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The CPUs that will measure.
    pub cpus: Vec<usize>,
    /// What will run the guests.
    pub guests: Guests,
    /// Whether programs are also measured on the host.
    pub host: bool,
    /// The rules for measuring CPUs that they violate, most important first.
    pub broken: Vec<BrokenRule>,
    /// Targets that may run on every CPU.
    pub unpinned: Vec<String>,
}

/// What will run the guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guests {
    /// KVM.
    Kvm,
    /// An emulator, although it does not measure time.
    Emulator,
    /// There are no guests: programs run on the host.
    None,
}
