//! The part of the plan that gives cores a constant clock.
//!
//! 1. The preference (EPP), before the governor: under `performance` both intel_pstate
//!    and amd_pstate refuse (EBUSY) every other preference, so that the way back, in
//!    reverse, puts the governor back first.
//! 2. The governor.
//! 3. Turbo off, after the governor, whose change lets drivers look at the limits anew:
//!    `no_turbo` of intel_pstate, or the global `boost` and then the policies' own, which
//!    go with it. While the global one is off, nothing can be written to them (EINVAL).
//! 4. The limits, after turbo, which changes them. `scaling_min_freq` never stands above
//!    `scaling_max_freq`: max comes first unless the frequency lies below both.
//! 5. `scaling_setspeed`, where there is a governor that obeys it.
//!
//! The switches for turbo are the whole machine's. What they change of other policies is
//! remembered, to be put back with them.

use std::collections::BTreeSet;

use super::{Plan, Request};
use crate::tune::TuneError;
use crate::tune::policy::{Khz, Policy};
use crate::tune::seen::{self, Seen};

/// Adds cpufreq's writes to the plan.
pub fn plan(
    plan: &mut Plan,
    seen: &Seen,
    request: &Request,
    leaving: &BTreeSet<usize>,
) -> Result<(), TuneError> {
    if !seen.has_cpufreq() {
        plan.lack(nothing_to_set(seen));
        return Ok(());
    }
    let policies = concerned(seen, request, leaving);
    for policy in &policies {
        check(policy, request.freq)?;
    }
    for policy in &policies {
        preference(plan, policy);
        governor(plan, policy);
    }
    turbo(plan, seen, &policies, request);
    for policy in &policies {
        match frequency(policy, request) {
            Some(khz) => pin(plan, policy, khz),
            None => plan.lack(format!(
                "{}: cannot tell the maximum non-turbo frequency ({} shows no base_frequency, no \
                 scaling_available_frequencies and no acpi_cppc/nominal_freq here); its limits are \
                 left as they are, or give it by --freq KHZ",
                policy.name, policy.driver
            )),
        }
    }
    remember(plan, seen);
    Ok(())
}

/// The limits and switches of all policies that turbo may change.
fn remember(plan: &mut Plan, seen: &Seen) {
    let is_switch = |path: &str| path == seen::NO_TURBO || path == seen::BOOST;
    if !plan.writes.iter().any(|write| is_switch(&write.path)) {
        return;
    }
    for policy in &seen.policies {
        if let Some(old) = &policy.boost {
            plan.remember(&policy.file(OWN_BOOST), old);
        }
        for (file, limit) in [(MAX, policy.max), (MIN, policy.min)] {
            if let Some(old) = limit {
                plan.remember(&policy.file(file), &old.to_string());
            }
        }
    }
}

fn nothing_to_set(seen: &Seen) -> String {
    match seen.intel_pstate.as_deref() {
        Some("off") => "intel_pstate is off and no other driver has taken over: the firmware sets \
                        the clock; `modprobe acpi-cpufreq`, or write `passive` to \
                        /sys/devices/system/cpu/intel_pstate/status"
            .into(),
        _ => "this machine has no cpufreq policy: its hypervisor or firmware sets the clock, and \
              nothing here can fix it (virtual machine: tune the host; otherwise: enable \
              P-states, CPPC or \"OS control\" in the firmware's settings)"
            .into(),
    }
}

/// The policies of the measuring CPUs, and of their siblings, because a core runs at
/// the highest clock that any of its threads asks for (intel_pstate.rst, "Coordination
/// of P-State Limits"); without those that vanish with their last CPU.
fn concerned<'s>(seen: &'s Seen, request: &Request, leaving: &BTreeSet<usize>) -> Vec<&'s Policy> {
    let mut wanted = request.cpus.clone();
    wanted.extend(seen.siblings_of(&request.cpus));
    let concerns =
        |cpu: &usize| !leaving.contains(cpu) && (request.cpus.is_empty() || wanted.contains(cpu));
    let policies = seen.policies.iter();
    policies
        .filter(|policy| policy.cpus.iter().any(concerns))
        .collect()
}

fn check(policy: &Policy, freq: Option<Khz>) -> Result<(), TuneError> {
    let (Some(khz), Some(min), Some(max)) = (freq, policy.hardware_min, policy.hardware_max) else {
        return Ok(());
    };
    match (min..=max).contains(&khz) {
        true => Ok(()),
        false => Err(TuneError::OutOfRange {
            khz,
            policy: policy.name.clone(),
            min,
            max,
        }),
    }
}

fn frequency(policy: &Policy, request: &Request) -> Option<Khz> {
    request.freq.or(policy.non_turbo.map(|found| found.khz))
}

fn preference(plan: &mut Plan, policy: &Policy) {
    if policy.driver.is_active()
        && let Some(epp) = &policy.epp
    {
        plan.write(&policy.file(EPP), epp, "performance");
    }
}

fn governor(plan: &mut Plan, policy: &Policy) {
    let Some(old) = &policy.governor else {
        return;
    };
    let has = |name: &str| policy.governors.iter().any(|governor| governor == name);
    let new = match (has_setspeed(policy), has("performance")) {
        (true, _) => "userspace",
        (false, true) => "performance",
        (false, false) => {
            plan.lack(format!(
                "{}: its driver offers neither `performance` nor `userspace`, so that `{old}` goes on \
                 choosing the clock within the limits; load one (modprobe cpufreq_performance)",
                policy.name
            ));
            return;
        }
    };
    plan.write(&policy.file(GOVERNOR), old, new);
}

fn has_setspeed(policy: &Policy) -> bool {
    policy.setspeed.is_some() && policy.governors.iter().any(|name| name == "userspace")
}

/// Turbo goes off, unless a frequency beyond the non-turbo range is asked for.
fn turbo(plan: &mut Plan, seen: &Seen, policies: &[&Policy], request: &Request) {
    let is_turbo = |policy: &&Policy| match (request.freq, policy.non_turbo) {
        (Some(khz), Some(top)) => khz > top.khz,
        _ => false,
    };
    if let Some(policy) = policies.iter().copied().find(is_turbo) {
        plan.lack(format!(
            "{}: the frequency lies in the turbo range, which no core can be held to; turbo is left \
             as it is",
            policy.name
        ));
        return;
    }
    if let Some(old) = &seen.no_turbo {
        plan.write(seen::NO_TURBO, old, "1");
    }
    if let Some(old) = &seen.boost {
        plan.write(seen::BOOST, old, "0");
    }
    if seen.boost.as_deref() == Some("0") {
        return;
    }
    for policy in policies {
        if let Some(old) = &policy.boost {
            plan.write(&policy.file(OWN_BOOST), old, "0");
        }
    }
}

fn pin(plan: &mut Plan, policy: &Policy, khz: Khz) {
    let new = khz.to_string();
    if let (Some(min), Some(max)) = (policy.min, policy.max) {
        let mut limits = [(MAX, max), (MIN, min)];
        if khz < min {
            limits.reverse();
        }
        for (file, old) in limits {
            plan.write(&policy.file(file), &old.to_string(), &new);
        }
    }
    if let Some(old) = policy.setspeed.as_ref().filter(|_| has_setspeed(policy)) {
        plan.write(&policy.file(SETSPEED), old, &new);
    }
}

const EPP: &str = "energy_performance_preference";
const GOVERNOR: &str = "scaling_governor";
const OWN_BOOST: &str = "boost";
const MAX: &str = "scaling_max_freq";
const MIN: &str = "scaling_min_freq";
const SETSPEED: &str = "scaling_setspeed";
