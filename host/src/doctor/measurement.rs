//! What will be measured, and where.

use crate::measuring_cpus::BrokenRule;

/// What will be measured, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// The CPUs that will measure.
    pub cpus: Vec<usize>,
    /// What will run the guests.
    pub guests: GuestEngine,
    /// Whether programs are also measured on the host.
    pub host: bool,
    /// The rules for measuring CPUs that they violate, most important first.
    pub broken: Vec<BrokenRule>,
    /// Targets that may run on every CPU.
    pub unpinned: Vec<String>,
}

/// What will run the guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestEngine {
    /// KVM.
    Kvm,
    /// An emulator, although it does not measure time.
    Emulator,
    /// No guests: programs run on the host.
    None,
}
