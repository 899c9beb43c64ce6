//! Services that change the machine by themselves.

use crate::holders::Process;
use crate::tree::Tree;

/// The effect of a service on a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// It moves interrupts between CPUs.
    MovesInterrupts,
    /// It changes frequencies and power limits.
    SetsPower,
    /// It gives the kernel rules for auditing.
    Audits,
}

/// Programs as the kernel names them, in at most 15 letters.
const KNOWN: [(&str, Does); 11] = [
    ("irqbalance", Does::MovesInterrupts),
    ("auto-cpufreq", Does::SetsPower),
    ("cpufreqd", Does::SetsPower),
    ("power-profiles-", Does::SetsPower),
    ("system76-power", Does::SetsPower),
    ("thermald", Does::SetsPower),
    ("tlp", Does::SetsPower),
    ("tuned", Does::SetsPower),
    ("tuned-ppd", Does::SetsPower),
    ("tuxedo-control-", Does::SetsPower),
    ("auditd", Does::Audits),
];

/// The whole name of a program, of which the kernel keeps 15 letters.
fn whole(name: &str) -> &str {
    match name {
        "power-profiles-" => "power-profiles-daemon",
        "tuxedo-control-" => "tuxedo-control-center",
        name => name,
    }
}

/// The running services; `None` if processes are not visible.
pub fn running(tree: &Tree) -> Option<Vec<(Process, Does)>> {
    let ids: Vec<u32> = tree
        .names("/proc")
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect();
    if ids.is_empty() {
        return None;
    }
    let running = ids.into_iter().filter_map(|id| {
        let name = tree.text(&format!("/proc/{id}/comm"))?;
        let (_, does) = KNOWN.iter().find(|(known, _)| *known == name)?;
        let name = whole(&name).to_owned();
        Some((Process { id, name }, *does))
    });
    Some(running.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::laid_out;

    #[test]
    fn services_are_known_by_name() {
        let (_folder, tree) = laid_out(&[
            ("proc/1/comm", "systemd\n"),
            ("proc/700/comm", "irqbalance\n"),
            ("proc/701/comm", "power-profiles-\n"),
        ]);
        let running = running(&tree).unwrap();
        let found: Vec<_> = running
            .iter()
            .map(|(process, does)| (process.id, *does))
            .collect();
        assert_eq!(
            found,
            [(700, Does::MovesInterrupts), (701, Does::SetsPower)]
        );
        assert_eq!(running[1].0.name, "power-profiles-daemon");
        let (_folder, tree) = laid_out::<&str>(&[]);
        assert_eq!(super::running(&tree), None);
    }
}
