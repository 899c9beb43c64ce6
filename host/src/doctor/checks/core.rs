//! Checks of the measuring cores' type and real clock.

use super::{Found, list, named};
use crate::core_clock::Hertz;
use crate::doctor::Facts;
use crate::measuring_cpus::CoreKind;

/// Something slows down a core this far below its nominal frequency.
const SLOW: f64 = 0.97;

/// The clock that the cores really run at.
pub(super) fn core_clock(facts: &Facts) -> Found {
    let mut says = Vec::new();
    let mut slow = Vec::new();
    for (cpu, clock) in &facts.clocks {
        let Hertz(hz) = match clock {
            Ok(clock) => *clock,
            Err(why) => return Found::unknown(why.clone()),
        };
        let host = facts.host.cpus.iter().find(|host| host.cpu == *cpu);
        let nominal = host.and_then(|host| host.nominal_khz);
        let nominal = nominal.filter(|_| facts.is_this_machine);
        let share = nominal.map(|khz| hz / (khz as f64 * 1e3));
        if share.is_some_and(|share| share < SLOW) {
            slow.push(*cpu);
        }
        says.push(match (nominal, share) {
            (Some(khz), Some(share)) => format!(
                "CPU {cpu} runs at {:.0} MHz, {share:.2} times the nominal {:.0} MHz",
                hz / 1e6,
                khz as f64 / 1e3
            ),
            _ => format!("CPU {cpu} runs at {:.0} MHz", hz / 1e6),
        });
    }
    match (says.as_slice(), slow.as_slice()) {
        ([], _) => Found::unknown("the cores' clocks were not measured"),
        (says, []) => Found::ok(says.join("; ")),
        (says, _) => Found::warning(format!("{}: something limits the clock", says.join("; ")))
            .fix("see governor, throttling and power"),
    }
}

/// Whether the cores are of the faster type.
pub(super) fn core_type(facts: &Facts) -> Found {
    let of = |wanted: CoreKind| -> Vec<usize> {
        let kinds = facts.host.kinds.iter();
        kinds
            .filter(|(_, kind)| **kind == wanted)
            .map(|(cpu, _)| *cpu)
            .collect()
    };
    match (
        of(CoreKind::Performance).as_slice(),
        of(CoreKind::Efficiency).as_slice(),
    ) {
        ([], []) => Found::ok("all cores are of one type"),
        (fast, []) => Found::ok(format!("performance cores: {}", named(fast))),
        (_, small) => Found::warning(format!(
            "efficiency cores: {}; their clock, caches and cost of a system call differ from what \
             most programs see",
            list(small)
        ))
        .fix("--cpus with a performance core (listed in /sys/devices/cpu_core/cpus)"),
    }
}

#[cfg(test)]
mod tests {
    use eval::verdict::State::{Ok as Fine, Unknown, Warning};

    use super::super::tests::expect;
    use super::*;

    #[test]
    fn a_core_below_its_nominal_clock_is_held_down() {
        let runs = |mhz: f64| {
            move |facts: &mut Facts| {
                facts.host.cpus[0].nominal_khz = Some(3_600_000);
                facts.clocks = [(3, Ok(Hertz(mhz * 1e6)))].into();
            }
        };
        let words = "CPU 3 runs at 1800 MHz, 0.50 times the nominal 3600 MHz";
        expect(core_clock, runs(1800.0), Warning, words);
        expect(core_clock, runs(3590.0), Fine, "3590 MHz");
        expect(core_clock, runs(5100.0), Fine, "1.42 times");
        let unmeasured =
            |facts: &mut Facts| facts.clocks = [(3, Err("they disagree".into()))].into();
        expect(core_clock, unmeasured, Unknown, "they disagree");
    }

    #[test]
    fn small_cores_are_named() {
        let kind = |kind| move |facts: &mut Facts| facts.host.kinds = [(3, kind)].into();
        expect(
            core_type,
            kind(CoreKind::Efficiency),
            Warning,
            "efficiency cores: 3;",
        );
        expect(
            core_type,
            kind(CoreKind::Performance),
            Fine,
            "performance cores: CPU 3",
        );
    }
}
