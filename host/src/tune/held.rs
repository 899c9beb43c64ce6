//! Measures whether the cores run at the requested clock. Even if all settings have the
//! wanted values, heat, a power limit or the firmware may slow a core down, or it may boost
//! by itself.

use serde::{Deserialize, Serialize};

use super::khz::Khz;
use super::plan::Clock;
use super::policy::POLICIES;
use super::seen;
use super::sys::{Sys, value};
use crate::core_files;

const CPUS: &str = "/sys/devices/system/cpu";

/// Why the clocks of another machine are not measured.
const ELSEWHERE: &str = "--root is not this machine";

/// A core's requested and measured clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// The CPU.
    pub cpu: usize,
    /// The requested clock.
    pub wanted_khz: Khz,
    /// The measured clock; `None` if it could not be measured.
    pub measured_khz: Option<Khz>,
    /// Why it has another, or why it could not be measured.
    pub why: Option<String>,
}

impl Held {
    /// Whether the core is known to run at its clock: the bus clock is spread by up to half a
    /// percent, and P-states are steps.
    pub fn is_right(&self) -> bool {
        self.measured_khz
            .is_some_and(|measured| is_right(self.wanted_khz, measured))
    }

    /// Whether it is this machine's, and could not be measured: success is not assumed.
    pub fn is_unknown(&self) -> bool {
        self.measured_khz.is_none() && self.why.as_deref() != Some(ELSEWHERE)
    }

    /// Whether the core is known to run at another clock.
    pub fn is_wrong(&self) -> bool {
        self.measured_khz.is_some() && !self.is_right()
    }
}

fn is_right(wanted: Khz, measured: Khz) -> bool {
    const SPREAD: f64 = 0.02;
    let apart = measured.0.abs_diff(wanted.0) as f64;
    measured.is_within_a_step_of(wanted) || apart <= SPREAD * wanted.0 as f64
}

/// Measures each clock. A CPU whose policy shows no limit either is left out.
pub fn measure(sys: &dyn Sys, clocks: &[Clock]) -> Vec<Held> {
    let held = clocks.iter().filter_map(|clock| {
        let limit = || {
            let max = value(sys, &policys(&clock.policy, "scaling_max_freq"))?;
            Some(Khz(max.parse().ok()?))
        };
        let wanted_khz = clock.khz.or_else(limit)?;
        let before = Throttled::read(sys, clock.cpu);
        let (measured_khz, why) = match sys.clock(clock.cpu) {
            None => (None, Some(ELSEWHERE.into())),
            Some(Err(why)) => (None, Some(why)),
            Some(Ok(khz)) if is_right(wanted_khz, khz) => (Some(khz), None),
            Some(Ok(khz)) => (
                Some(khz),
                Some(if khz < wanted_khz {
                    why_slow(sys, clock, wanted_khz, &before)
                } else {
                    why_fast(sys, clock)
                }),
            ),
        };
        Some(Held {
            cpu: clock.cpu,
            wanted_khz,
            measured_khz,
            why,
        })
    });
    held.collect()
}

fn policys(policy: &str, file: &str) -> String {
    format!("{POLICIES}/{policy}/{file}")
}

fn number(sys: &dyn Sys, path: &str) -> Option<u64> {
    value(sys, path)?.parse().ok()
}

/// How often heat and power limits have slowed a core and its package
/// (drivers/thermal/intel/therm_throt.c); nothing on AMD.
struct Throttled {
    heat: Option<u64>,
    power: Option<u64>,
}

impl Throttled {
    fn read(sys: &dyn Sys, cpu: usize) -> Self {
        let sum = |what: &str| {
            let count = |whose: &str| {
                let path = format!("{CPUS}/cpu{cpu}/thermal_throttle/{whose}_{what}_count");
                number(sys, &path)
            };
            Some(count("core")? + count("package").unwrap_or(0))
        };
        Self {
            heat: sum("throttle"),
            power: sum("power_limit"),
        }
    }
}

/// The visible reasons for a core to be slow.
fn why_slow(sys: &dyn Sys, clock: &Clock, wanted: Khz, before: &Throttled) -> String {
    let now = Throttled::read(sys, clock.cpu);
    let mut causes = Vec::new();
    let below = |path: &str| number(sys, path).filter(|&khz| khz < wanted.0);
    if let Some(khz) = below(&policys(&clock.policy, "bios_limit")) {
        causes.push(format!(
            "the firmware now allows {khz} kHz (bios_limit, ACPI's _PPC)"
        ));
    } else if let Some(khz) = below(&policys(&clock.policy, "scaling_max_freq")) {
        causes.push(format!(
            "scaling_max_freq shows {khz} kHz: heat, the firmware or another program limits it"
        ));
    }
    if let Some(percent) = number(sys, seen::MAX_PERF_PCT).filter(|&percent| percent < 100) {
        causes.push(format!(
            "max_perf_pct is {percent}: another program lowered it"
        ));
    }
    causes.extend(cooling(sys));
    if now.heat > before.heat {
        causes.push(
            "heat throttled it in the meantime (thermal_throttle): improve the \
            cooling"
                .into(),
        );
    }
    if now.power > before.power {
        causes.push(format!(
            "a power limit throttled it in the meantime (thermal_throttle){}",
            power_limits(sys)
        ));
    }
    if causes.is_empty() {
        format!(
            "the reason is not visible: a power or current limit of the firmware{}, or a \
             hypervisor; turbostat shows more",
            power_limits(sys)
        )
    } else {
        causes.join("; ")
    }
}

/// Processors that are slowed down because of heat (processor_thermal.c).
fn cooling(sys: &dyn Sys) -> Option<String> {
    const DEVICES: &str = "/sys/class/thermal";
    let names = sys.names(DEVICES).into_iter();
    let mut active = names.filter_map(|name| {
        let file = |file: &str| format!("{DEVICES}/{name}/{file}");
        let is_processor = value(sys, &file("type")).as_deref() == Some("Processor");
        let state = number(sys, &file("cur_state")).filter(|&state| is_processor && state > 0)?;
        Some(format!(
            "heat: {name} is in state {state}, where 0 means no cooling"
        ))
    });
    active.next()
}

/// ` (RAPL: 15 W long_term, 25 W short_term)`
fn power_limits(sys: &dyn Sys) -> String {
    const PACKAGE: &str = "/sys/class/powercap/intel-rapl:0";
    let limits = (0..3).filter_map(|n| {
        let file = |name: &str| format!("{PACKAGE}/constraint_{n}_{name}");
        let microwatts = number(sys, &file("power_limit_uw")).filter(|&limit| limit > 0)?;
        let name = value(sys, &file("name"))?;
        Some(format!("{} W {name}", microwatts as f64 / 1e6))
    });
    let limits: Vec<_> = limits.collect();
    if limits.is_empty() {
        String::new()
    } else {
        format!(" (RAPL: {})", limits.join(", "))
    }
}

fn why_fast(sys: &dyn Sys, clock: &Clock) -> String {
    let is = |path: &str, on: &str| value(sys, path).as_deref() == Some(on);
    let switches = [
        (core_files::NO_TURBO.to_owned(), "0"),
        (core_files::BOOST.to_owned(), "1"),
        (policys(&clock.policy, "boost"), "1"),
    ];
    match switches.iter().find(|(path, on)| is(path, on)) {
        Some((path, on)) => format!("turbo is on ({path} is {on})"),
        None => "every switch for turbo is off: the firmware boosts, or another thread of its \
            core requests more"
            .into(),
    }
}
