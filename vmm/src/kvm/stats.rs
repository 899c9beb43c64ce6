//! What `--stats` prints: exits, time in the guest, and when things happened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

/// Distinct unknown addresses that are remembered; a guest can make up more than
/// there is memory.
const MOST_ADDRESSES: usize = 64;

/// Counts of one boot, over all its vCPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Exits to user space by reason.
    pub exits: BTreeMap<&'static str, u64>,
    /// Exits by I/O port: reads and writes together.
    pub ports: BTreeMap<u16, u64>,
    /// Ports among them that no device has; they read as all ones.
    pub unknown_ports: BTreeSet<u16>,
    /// The first addresses outside memory that were accessed; they read as all ones.
    pub unknown_addresses: BTreeSet<u64>,
    /// Time that the vCPUs spent inside `KVM_RUN`, added up.
    pub in_guest: Duration,
    /// When the virtual machine and its vCPUs stood, from the moment the engine was asked.
    pub vm_created: Option<Duration>,
    /// When the guest said that its benchmark starts, from the same moment.
    pub benchmark_started: Option<Duration>,
}

impl Stats {
    /// Counts one exit.
    pub(super) fn count(&mut self, reason: &'static str) {
        *self.exits.entry(reason).or_default() += 1;
    }

    /// Counts one access to a port.
    pub(super) fn count_port(&mut self, port: u16) {
        *self.ports.entry(port).or_default() += 1;
    }

    /// Remembers an address without memory.
    pub(super) fn note_address(&mut self, address: u64) {
        if self.unknown_addresses.len() < MOST_ADDRESSES {
            self.unknown_addresses.insert(address);
        }
    }

    /// Adds another vCPU's counts.
    pub(super) fn add(&mut self, other: Self) {
        for (reason, count) in other.exits {
            *self.exits.entry(reason).or_default() += count;
        }
        for (port, count) in other.ports {
            *self.ports.entry(port).or_default() += count;
        }
        self.unknown_ports.extend(other.unknown_ports);
        for address in other.unknown_addresses {
            self.note_address(address);
        }
        self.in_guest += other.in_guest;
    }
}
