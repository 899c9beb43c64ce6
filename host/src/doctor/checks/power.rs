//! Checks of power, heat and firmware.

use super::{Found, named};
use crate::doctor::Facts;
use crate::doctor::host::power::PowerLimit;

/// So close to the critical temperature, in degrees Celsius, cores soon slow down.
const MARGIN: f64 = 5.0;

/// Whether cores slow themselves down for heat.
pub(super) fn throttling(facts: &Facts) -> Found {
    let heat = facts.host.power.heat;
    let temperature = heat.map(|heat| match heat.critical {
        Some(critical) => format!("{:.0} °C of {critical:.0} °C", heat.celsius),
        None => format!("{:.0} °C", heat.celsius),
    });
    let temperature = temperature.unwrap_or_else(|| "the temperature is unknown".into());
    let throttled = facts
        .activity
        .as_ref()
        .and_then(|activity| activity.throttled);
    let is_hot = heat.is_some_and(|heat| {
        heat.critical
            .is_some_and(|critical| heat.celsius > critical - MARGIN)
    });
    match throttled {
        Some(count @ 1..) => Found::unfit(format!(
            "{} slowed down because of heat {count} times during the noise test; {temperature}",
            named(&facts.measurement.cpus)
        )),
        _ if is_hot => Found::warning(format!(
            "close to the temperature at which cores slow down: \
            {temperature}"
        )),
        Some(0) => Found::ok(format!(
            "no core slowed down because of heat; {temperature}"
        )),
        // AMD's processors have a sensor and no counter.
        None if heat.is_some() => Found::ok(format!(
            "{temperature}; the kernel does not count how often cores slow down"
        )),
        None => {
            return Found::unknown(
                "the kernel shows neither a temperature nor how often cores \
                slow down",
            );
        }
    }
    .fix("let the machine cool down, and check its fans")
}

/// Whether the machine has the power that its maker meant it to have.
pub(super) fn power(facts: &Facts) -> Found {
    let power = &facts.host.power;
    let limits: Vec<_> = power.limits.iter().map(limit).collect();
    let limits = match limits.as_slice() {
        [] => "power limits are unknown".to_owned(),
        limits => limits.join(", "),
    };
    if power.on_mains == Some(false) && power.has_battery == Some(true) {
        return Found::warning(format!("on battery: the firmware saves power; {limits}"))
            .fix("connect the charger");
    }
    if power.limits.iter().any(PowerLimit::is_lowered) {
        return Found::warning(format!("a power limit is below the maker's: {limits}"))
            .fix("raise it in the firmware's settings, or see `ls /sys/class/powercap`");
    }
    match (power.on_mains, power.has_battery) {
        (Some(true), _) => Found::ok(format!("on external power; {limits}")),
        (_, Some(false)) => Found::ok(format!("no battery; {limits}")),
        _ if !power.limits.is_empty() => Found::ok(limits),
        _ => Found::unknown("the kernel shows neither power supplies nor limits"),
    }
}

fn limit(limit: &PowerLimit) -> String {
    let watts = |microwatts: u64| microwatts as f64 / 1e6;
    let most = limit.most_uw.map(|most| format!(" of {:.0}", watts(most)));
    format!(
        "{} {} {:.0}{} W",
        limit.zone,
        limit.name,
        watts(limit.limit_uw),
        most.unwrap_or_default()
    )
}

/// Whether the firmware takes the CPU away, unseen by the kernel.
pub(super) fn smi(facts: &Facts) -> Found {
    let smis = facts.activity.as_ref().and_then(|activity| activity.smis);
    match (smis, &facts.processor.hypervisor) {
        (_, Some(name)) => Found::unknown(format!("{name} hides the firmware underneath")),
        (None, None) => Found::unknown(
            "the firmware's interrupts are not counted (only on Intel, for root, with the module \
             msr)",
        )
        .fix("sudo modprobe msr; sudo tollgate doctor"),
        (Some(0), None) => Found::ok("the firmware did not take a CPU away during the noise test"),
        (Some(count), None) => Found::warning(format!(
            "the firmware took the CPU away {count} times during the noise test (SMI)"
        ))
        .fix("turn off power management and legacy USB in the firmware's settings"),
    }
}

#[cfg(test)]
mod tests {
    use eval::verdict::State::{Ok, Unfit, Unknown, Warning};

    use super::super::tests::expect;
    use super::*;
    use crate::doctor::host::power::Heat;

    #[test]
    fn a_core_that_slows_down_for_heat_is_unfit_and_a_hot_one_a_warning() {
        let throttled =
            |count| move |facts: &mut Facts| facts.activity.as_mut().unwrap().throttled = count;
        expect(
            throttling,
            throttled(Some(2)),
            Unfit,
            "CPU 3 slowed down because of heat 2 times",
        );
        let hot = |celsius| {
            move |facts: &mut Facts| {
                facts.host.power.heat = Some(Heat {
                    celsius,
                    critical: Some(100.0),
                });
            }
        };
        expect(throttling, hot(96.0), Warning, "96 °C of 100 °C");
        expect(throttling, hot(70.0), Ok, "70 °C of 100 °C");
        let nothing = |facts: &mut Facts| {
            throttled(None)(facts);
            facts.host.power.heat = None;
        };
        expect(throttling, nothing, Unknown, "neither");
    }

    #[test]
    fn a_battery_and_a_lowered_limit_are_warnings() {
        let battery = |on_mains| {
            move |facts: &mut Facts| {
                facts.host.power.has_battery = Some(true);
                facts.host.power.on_mains = Some(on_mains);
            }
        };
        expect(power, battery(false), Warning, "connect the charger");
        expect(power, battery(true), Ok, "on external power; ");
        let limit = |watts: u64| {
            move |facts: &mut Facts| {
                facts.host.power.limits = vec![PowerLimit {
                    zone: "package-0".into(),
                    name: "long_term".into(),
                    limit_uw: watts * 1_000_000,
                    most_uw: Some(125_000_000),
                }];
            }
        };
        expect(power, limit(65), Warning, "package-0 long_term 65 of 125 W");
        expect(
            power,
            limit(125),
            Ok,
            "no battery; package-0 long_term 125 of 125 W",
        );
    }

    #[test]
    fn the_firmwares_interrupts_are_counted_on_the_machine_itself() {
        let smis = |count| move |facts: &mut Facts| facts.activity.as_mut().unwrap().smis = count;
        expect(smi, smis(Some(4)), Warning, "4 times");
        expect(smi, smis(None), Unknown, "modprobe msr");
        let guest = |facts: &mut Facts| facts.processor.hypervisor = Some("Xen".into());
        expect(smi, guest, Unknown, "Xen hides");
    }
}
