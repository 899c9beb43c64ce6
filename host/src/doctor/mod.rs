//! Decides whether this machine is fit for measuring, and if not, why and how to fix it.
//!
//! Facts are gathered first: from Linux (`host`), from the processor and its counter (`counter`),
//! and about what happens while the machine should be idle (`noise`, `activity`). Then each check
//! of `checks::ALL` judges these facts, without reading anything itself. docs/DOCTOR.md gives each
//! check's thresholds and reasons.

mod activity;
mod audit;
mod calls;
mod chain;
mod checks;
mod counter;
mod course;
mod explain;
#[cfg(test)]
mod golden;
mod host;
mod measurement;
mod noise;
#[cfg(test)]
mod quiet;

use std::collections::BTreeMap;
use std::time::Duration;

use eval::verdict::{Finding, Verdict};

pub use self::counter::hypervisor;
pub use self::course::{Beginning, Course, findings};
pub use self::explain::{Explanation, Source, checks, explain};
pub use self::host::vulnerabilities;
pub use self::measurement::{GuestEngine, Measurement};

use self::activity::messages::Messages;
use self::activity::{Activity, Snapshot};
use self::calls::Calls;
use self::counter::{Counter, Processor};
use self::host::Host;
use self::noise::CpuNoise;
use crate::core_clock::{self, Hertz};
use crate::cpus;
use crate::kvm;
use crate::tree::Tree;

/// How long the noise test runs.
const NOISE_TEST: Duration = Duration::from_secs(2);

/// The facts that the checks judge.
#[derive(Clone, Debug)]
struct Facts {
    measurement: Measurement,
    kvm: vmm::probe::KvmKind,
    processor: Processor,
    counter: Counter,
    host: Host,
    activity: Option<Activity>,
    noise: Vec<CpuNoise>,
    /// The clock that each core runs at, or why it is not known.
    clocks: BTreeMap<usize, Result<Hertz, String>>,
    calls: Calls,
    /// Whether the files are those of the machine that was measured.
    is_this_machine: bool,
}

/// Examines the machine for a little more than two seconds.
pub fn examine(tree: &Tree, measurement: &Measurement) -> Verdict {
    judge(&gather(tree, measurement))
}

fn judge(facts: &Facts) -> Verdict {
    let findings = checks::ALL
        .iter()
        .map(|check| {
            let checks::Found { state, what, fix } = (check.judge)(facts);
            Finding {
                check: check.name.to_owned(),
                state,
                what,
                fix,
                read: explain::sources(check, &facts.measurement.cpus),
            }
        })
        .collect();
    let noise = noise::worst(&facts.noise).map(|noise| noise.figures());
    Verdict::new(findings, noise)
}

/// Facts that the checks judge and a manifest keeps: limits of power and of control groups, audit,
/// live patches, the speculation controls.
pub fn state(tree: &Tree) -> impl Iterator<Item = (&'static str, Option<String>)> {
    let host = Host::read(tree, &[]);
    let limits = host.power.limits.iter();
    let limits: Vec<_> = limits
        .map(|limit| format!("{} {} {} µW", limit.zone, limit.name, limit.limit_uw))
        .collect();
    let cpus = host.group.map(|group| match group.cpus {
        Some(cpus) => format!("{cpus:.2} CPUs"),
        None => "none".into(),
    });
    let audit = host.audit.map(|audit| match (audit.enabled, audit.rules) {
        (true, rules) => format!("on, {rules} rules"),
        (false, _) => "off".into(),
    });
    let mains = host.power.on_mains.map(|on| {
        if on {
            "mains".to_owned()
        } else {
            "battery".to_owned()
        }
    });
    let security = host.security;
    [
        ("power_limits", Some(limits.join(", "))),
        ("power_supply", mains),
        ("group_limit", cpus),
        ("audit", audit),
        ("live_patches", Some(security.patches.join(", "))),
        ("speculation.store_bypass", security.store_bypass),
        ("speculation.indirect_branch", security.indirect_branch),
    ]
    .into_iter()
}

fn gather(tree: &Tree, measurement: &Measurement) -> Facts {
    let cpu = measurement.cpus.first().copied();
    let counter = Counter::measure(cpu, &cpus::allowed());
    let calls = cpu.map_or_else(Vec::new, calls::cost::bursts);
    let messages = Messages::listen(tree);
    let before = Snapshot::take(tree, &measurement.cpus);
    let hz = counter.frequency.hz();
    let watched = noise::test(&measurement.cpus, hz, NOISE_TEST);
    let after = Snapshot::take(tree, &measurement.cpus);
    let mut activity = Activity::between(&before, &after);
    if let Some(activity) = &mut activity {
        activity.messages = messages.warnings();
    }
    let calls = Calls::measure(tree, cpu, calls);
    Facts {
        measurement: measurement.clone(),
        // Its guests would be noise, so they run after the test, or long before it.
        kvm: kvm::probe(),
        processor: Processor::ask(),
        counter,
        host: Host::read(tree, &measurement.cpus),
        activity,
        noise: watched.iter().filter_map(|cpu| cpu.noise(hz)).collect(),
        clocks: clocks(&measurement.cpus),
        calls,
        is_this_machine: tree.is_this_machine(),
    }
}

/// How many cores' clocks are measured, one after the other, for 40 ms each.
const MOST_CLOCKS: usize = 16;

fn clocks(cpus: &[usize]) -> BTreeMap<usize, Result<Hertz, String>> {
    let cpus = cpus.iter().take(MOST_CLOCKS);
    cpus.map(|&cpu| {
        let clock = core_clock::measure(cpu).map(|clock| clock.median());
        (cpu, clock.map_err(|error| error.to_string()))
    })
    .collect()
}
