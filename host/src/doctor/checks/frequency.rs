//! Checks of everything that sets the core's clock or puts the core to sleep.

use super::noise::{CLOCK_UNFIT, CLOCK_WARNING};
use super::{Found, list};
use crate::doctor::Facts;
use crate::doctor::host::cpu::Cpu;

/// Whether Linux controls the clock at all.
pub(super) fn driver(facts: &Facts) -> Found {
    let drivers = distinct(facts, |cpu| cpu.driver.clone());
    match drivers.as_slice() {
        [] if facts.processor.hypervisor.is_none() => {
            hidden(facts, "no frequency driver").fix("sudo modprobe acpi_cpufreq")
        }
        [] => hidden(facts, "no frequency driver"),
        drivers => Found::ok(drivers.join(", ")),
    }
}

/// Whether the clock stays constant while something runs.
pub(super) fn governor(facts: &Facts) -> Found {
    let governors = distinct(facts, |cpu| cpu.governor.clone());
    if governors.is_empty() {
        return hidden(facts, "no governor");
    }
    let what = governors.join(", ");
    let moving: Vec<_> = facts.host.cpus.iter().filter(|cpu| moves(cpu)).collect();
    if moving.is_empty() {
        return Found::ok(what);
    }
    let cpus: Vec<_> = moving.iter().map(|cpu| cpu.cpu).collect();
    let range = moving.iter().find_map(|cpu| cpu.range_khz);
    let range = range.map_or(String::new(), |(low, high)| {
        format!(", between {} and {} MHz", low / 1000, high / 1000)
    });
    let what = format!("{what}: the clock follows the load{range}");
    match effect(facts) {
        Some(moved) => Found::graded(
            moved,
            CLOCK_WARNING,
            CLOCK_UNFIT,
            format!(
                "{what}; during the noise test it moved by {:.2} %",
                1e2 * moved
            ),
        ),
        None => Found::unfit(what),
    }
    .fix(format!("sudo tollgate tune apply --cpus {}", list(&cpus)))
}

/// How far the clock moved while the noise test loaded the CPUs, or from its first milliseconds
/// to the rest; `None` if that is unknown.
fn effect(facts: &Facts) -> Option<f64> {
    let noise = facts.noise.iter().filter(|_| facts.is_this_machine);
    let moved = noise.map(|noise| noise.chain_spread().max(noise.chain_ramp()));
    moved.reduce(f64::max)
}

/// `performance` requests the highest frequency, and `userspace` keeps the one that was set.
/// Any other governor changes the clock, unless there is only one frequency.
fn moves(cpu: &Cpu) -> bool {
    let still = ["performance", "userspace"];
    let free = cpu.range_khz.is_none_or(|(low, high)| low < high);
    let governor = cpu.governor.as_deref();
    free && governor.is_some_and(|governor| !still.contains(&governor))
}

/// Whether the clock depends on temperature and on what other cores do.
pub(super) fn turbo(facts: &Facts) -> Found {
    match facts.host.turbo {
        Some(false) => Found::ok("off"),
        Some(true)
            if facts
                .host
                .cpus
                .iter()
                .all(|cpu| is_out_of_reach(cpu, facts)) =>
        {
            Found::ok("on, but the limit of each measuring CPU is below it")
        }
        Some(true) => {
            Found::warning("on: the clock depends on temperature, power and the other cores' load")
                .fix(format!(
                    "sudo tollgate tune apply --cpus {}",
                    list(&facts.measurement.cpus)
                ))
        }
        None => hidden(facts, "the machine does not have a switch for turbo"),
    }
}

/// Whether turbo's range is above the CPU's limit.
fn is_out_of_reach(cpu: &Cpu, facts: &Facts) -> bool {
    let limit = cpu.range_khz.map(|(_, highest)| highest);
    let limits = limit.zip(cpu.nominal_khz);
    limits.is_some_and(|(limit, nominal)| {
        if boosts_beyond_table(cpu, facts) {
            limit < nominal
        } else {
            limit <= nominal
        }
    })
}

/// AMD's highest P-state is the nominal frequency, and boost continues from there without a
/// state of its own (AMD APM 2, 17.2, "Core Performance Boost"): acpi-cpufreq, which only
/// handles states, cannot forbid it with a limit at that frequency. Intel's tables have a state
/// for turbo.
fn boosts_beyond_table(cpu: &Cpu, facts: &Facts) -> bool {
    let is_amd = ["AuthenticAMD", "HygonGenuine"]
        .map(Some)
        .contains(&facts.host.vendor.as_deref());
    is_amd && cpu.driver.as_deref() == Some("acpi-cpufreq")
}

/// Sleep from which waking takes longer than a few function calls of the kernel.
const DEEP_US: u64 = 10;

/// Whether CPUs fall into deep sleep between boots and while they wait.
pub(super) fn idle_states(facts: &Facts) -> Found {
    let driver = facts.host.idle_driver.as_deref().unwrap_or("none");
    let states = facts
        .host
        .cpus
        .iter()
        .filter_map(|cpu| cpu.deepest_idle.as_ref());
    let Some(deepest) = states.max_by_key(|state| state.latency_us) else {
        return Found::unknown(format!(
            "the kernel does not list idle states (driver: {driver})"
        ));
    };
    let what = format!(
        "driver {driver}, deepest state {} with {} µs to wake up",
        deepest.name, deepest.latency_us
    );
    let limit = facts
        .host
        .latency_limit_us
        .and_then(|us| u64::try_from(us).ok());
    match limit {
        _ if deepest.latency_us <= DEEP_US => Found::ok(what),
        Some(limit) if limit <= DEEP_US => Found::ok(format!(
            "{what}, of which /dev/cpu_dma_latency allows {limit} µs"
        )),
        _ => Found::warning(format!(
            "{what}: a core wakes up with a slow clock and cold caches"
        ))
        .fix("tollgate run --tune, or tollgate tune apply, which allow C1 and nothing deeper"),
    }
}

/// Something about the clock that this machine does not show.
fn hidden(facts: &Facts, what: &str) -> Found {
    Found::unknown(match &facts.processor.hypervisor {
        Some(name) => format!("{what}: the machine underneath ({name}) sets the clock"),
        None => format!("{what}: the firmware sets the clock"),
    })
}

/// Each value that the measuring CPUs have, once.
fn distinct(facts: &Facts, value: impl Fn(&Cpu) -> Option<String>) -> Vec<String> {
    let mut values: Vec<_> = facts.host.cpus.iter().filter_map(value).collect();
    values.sort();
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use eval::verdict::State::{Ok, Unfit, Unknown, Warning};

    use super::super::tests::expect;
    use super::*;
    use crate::doctor::host::cpu::IdleState;

    fn governed(governor: &str, range: (u64, u64)) -> impl FnOnce(&mut Facts) {
        move |facts| {
            facts.host.cpus[0].governor = Some(governor.into());
            facts.host.cpus[0].range_khz = Some(range);
        }
    }

    #[test]
    fn a_governor_is_judged_by_what_it_does() {
        let wide = (800_000, 3_600_000);
        let moved = |spread: f64, ramp: f64| {
            move |facts: &mut Facts| {
                governed("schedutil", wide)(facts);
                let noise = &mut facts.noise[0];
                noise.chain_iqr_ns = spread * noise.chain_median_ns;
                noise.chain_first_ns = (1.0 + ramp) * noise.chain_median_ns;
            }
        };
        expect(governor, moved(0.001, 0.0), Ok, "moved by 0.10 %");
        expect(governor, moved(0.001, 0.3), Unfit, "moved by 30.00 %");
        expect(governor, moved(0.005, 0.0), Warning, "moved by 0.50 %");
        let words = "between 800 and 3600 MHz; during the noise test it moved by 2.00 %";
        expect(governor, moved(0.02, 0.0), Unfit, words);
        expect(governor, moved(0.02, 0.0), Unfit, "tune apply --cpus 3");
        expect(governor, governed("userspace", wide), Ok, "userspace");
        // Nowhere to go: the governor's name does not matter.
        let still = (3_600_000, 3_600_000);
        expect(governor, governed("powersave", still), Ok, "powersave");
    }

    #[test]
    fn a_governor_whose_effect_is_not_known_is_judged_by_its_name() {
        for name in ["powersave", "schedutil", "ondemand", "conservative"] {
            let elsewhere = |facts: &mut Facts| {
                governed(name, (800_000, 3_600_000))(facts);
                facts.is_this_machine = false;
            };
            expect(governor, elsewhere, Unfit, "between 800 and 3600 MHz");
            let unwatched = |facts: &mut Facts| {
                governed(name, (800_000, 3_600_000))(facts);
                facts.noise.clear();
            };
            expect(governor, unwatched, Unfit, "follows the load");
        }
    }

    #[test]
    fn a_machine_without_a_driver_cannot_tell() {
        let spoil = |facts: &mut Facts| {
            facts.host.cpus[0] = Cpu::default();
            facts.host.turbo = None;
            facts.processor.hypervisor = Some("KVMKVMKVM".into());
        };
        for check in [driver, governor, turbo] {
            expect(check, spoil, Unknown, "KVMKVMKVM");
        }
    }

    #[test]
    fn turbo_is_a_warning() {
        expect(
            turbo,
            |facts| facts.host.turbo = Some(true),
            Warning,
            "tune apply",
        );
        let nominal = |driver: &str, khz| {
            let driver = driver.to_owned();
            move |facts: &mut Facts| {
                facts.host.turbo = Some(true);
                facts.host.cpus[0].driver = Some(driver);
                facts.host.cpus[0].nominal_khz = Some(khz);
            }
        };
        expect(turbo, nominal("amd-pstate", 3_600_000), Ok, "is below");
        expect(turbo, nominal("amd-pstate", 3_500_000), Warning, "on: ");
    }

    #[test]
    fn acpi_cpufreq_on_amd_boosts_beyond_its_table() {
        let limit_is_nominal = |vendor: &str| {
            let vendor = Some(vendor.to_owned());
            move |facts: &mut Facts| {
                facts.host.vendor = vendor;
                facts.host.turbo = Some(true);
                facts.host.cpus[0].nominal_khz = Some(3_600_000);
            }
        };
        expect(turbo, limit_is_nominal("AuthenticAMD"), Warning, "on: ");
        expect(turbo, limit_is_nominal("HygonGenuine"), Warning, "on: ");
        expect(turbo, limit_is_nominal("GenuineIntel"), Ok, "is below");
        let a_state_below = |facts: &mut Facts| {
            limit_is_nominal("AuthenticAMD")(facts);
            facts.host.cpus[0].range_khz = Some((1_500_000, 2_800_000));
        };
        expect(turbo, a_state_below, Ok, "is below");
    }

    #[test]
    fn deep_sleep_counts_unless_it_is_forbidden() {
        let sleep = |latency_us, limit| {
            move |facts: &mut Facts| {
                let name = "C6".into();
                facts.host.cpus[0].deepest_idle = Some(IdleState { name, latency_us });
                facts.host.latency_limit_us = Some(limit);
            }
        };
        let unlimited = 2_000_000_000;
        expect(idle_states, sleep(10, unlimited), Ok, "10 µs to wake up");
        expect(
            idle_states,
            sleep(133, unlimited),
            Warning,
            "C6 with 133 µs",
        );
        expect(idle_states, sleep(133, 0), Ok, "allows 0 µs");
    }
}
