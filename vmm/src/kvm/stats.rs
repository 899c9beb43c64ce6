//! What `--stats` prints: exits, time in the guest, and a timeline.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::counters::Counts;
use crate::Exits;

/// The number of distinct unknown addresses that are remembered; a guest can invent more than
/// there is memory.
const MOST_ADDRESSES: usize = 64;

/// Counts of one boot, over all its vCPUs.
///
/// Displayed as `--stats` prints them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Exits to user space by reason.
    pub exits: BTreeMap<&'static str, u64>,
    /// Those that came while the benchmark was measuring.
    pub measuring: BTreeMap<&'static str, u64>,
    /// KVM's own counters that grew during that time; see [`Exits::measuring_in_kvm`].
    pub measuring_in_kvm: Option<Counts>,
    /// Exits by I/O port: reads and writes together.
    pub ports: BTreeMap<u16, u64>,
    /// Ports among them without a device; they read as all ones.
    pub unknown_ports: BTreeSet<u16>,
    /// The first addresses outside memory that were accessed; they read as all ones.
    pub unknown_addresses: BTreeSet<u64>,
    /// Time that the vCPUs spent inside `KVM_RUN`, in total.
    pub in_guest: Duration,
    /// When the virtual machine was complete except for its vCPUs, from the moment the engine
    /// was called.
    pub vm_created: Option<Duration>,
    /// When the guest marked the start of its benchmark, from the same moment.
    pub benchmark_started: Option<Duration>,
}

impl Stats {
    /// Counts one exit.
    pub(super) fn count(&mut self, reason: &'static str, is_measuring: bool) {
        *self.exits.entry(reason).or_default() += 1;
        if is_measuring {
            *self.measuring.entry(reason).or_default() += 1;
        }
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
        for (reason, count) in other.measuring {
            *self.measuring.entry(reason).or_default() += count;
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

    /// The exits, for the outcome of the boot.
    pub(super) fn to_exits(&self) -> Exits {
        let named = |counts: &BTreeMap<&str, u64>| {
            let pairs = counts.iter().map(|(&reason, &n)| (reason.to_owned(), n));
            pairs.collect()
        };
        Exits {
            boot: named(&self.exits),
            measuring: self.benchmark_started.map(|_| named(&self.measuring)),
            measuring_in_kvm: self.measuring_in_kvm.clone(),
        }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "exits to user space:")?;
        for (reason, count) in &self.exits {
            writeln!(f, "  {reason:<14} {count:>10}")?;
        }
        if self.benchmark_started.is_some() {
            let while_measuring: u64 = self.measuring.values().sum();
            writeln!(f, "  {:<14} {while_measuring:>10}", "while measuring")?;
        }
        if let Some(counts) = &self.measuring_in_kvm {
            writeln!(f, "counted by KVM while measuring:")?;
            for (name, count) in counts {
                writeln!(f, "  {name:<24} {count:>10}")?;
            }
        }
        writeln!(f, "by I/O port:")?;
        for (port, count) in &self.ports {
            let is_unknown = self.unknown_ports.contains(port);
            let unknown = if is_unknown { "  no device" } else { "" };
            writeln!(f, "  {port:<#14x} {count:>10}{unknown}")?;
        }
        for address in &self.unknown_addresses {
            writeln!(f, "no memory at {address:#x}")?;
        }
        writeln!(f, "time in guest: {:.3} ms", milliseconds(self.in_guest))?;
        for (event, time) in [
            ("machine created", self.vm_created),
            ("benchmark started", self.benchmark_started),
        ] {
            if let Some(time) = time {
                writeln!(f, "{event}: {:.3} ms", milliseconds(time))?;
            }
        }
        Ok(())
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vcpus_add_up() {
        let mut total = Stats::default();
        for port in [0x3f8, 0x1234] {
            let mut stats = Stats::default();
            stats.count("port write", port == 0x1234);
            stats.count_port(port);
            stats.note_address(0xc000_0000);
            stats.unknown_ports.insert(0x1234);
            stats.in_guest = Duration::from_millis(2);
            total.add(stats);
        }
        assert_eq!(total.measuring["port write"], 1);
        assert_eq!(
            total.to_string(),
            "exits to user space:\n  \
             port write              2\n\
             by I/O port:\n  \
             0x3f8                   1\n  \
             0x1234                  1  no device\n\
             no memory at 0xc0000000\n\
             time in guest: 4.000 ms\n"
        );
    }

    #[test]
    fn a_guest_cannot_make_them_grow_for_ever() {
        let mut stats = Stats::default();
        (0..10_000).for_each(|address| stats.note_address(address));
        assert_eq!(stats.unknown_addresses.len(), MOST_ADDRESSES);
    }
}
