//! The part of the plan that gives cores a constant clock.
//!
//! 1. The governor: `userspace` only if the frequency to set is known, because it starts at
//!    the core's current clock (cpufreq_userspace_policy_start); otherwise `performance`,
//!    which requests the highest one.
//! 2. Turbo off, after the governor, because changing it makes drivers recompute the limits:
//!    `no_turbo` of intel_pstate, or the global `boost` and then the policies' own, which go
//!    with it. While the global one is off, nothing can be written to them (EINVAL).
//! 3. `max_perf_pct` to 100, after `no_turbo`.
//! 4. The limits, after turbo, which changes them. `scaling_min_freq` must never be above
//!    `scaling_max_freq`: max comes first unless the frequency is below both.
//! 5. `scaling_setspeed`, if the governor obeys it.
//!
//! The preference (EPP) is never written: under `performance` it is 0 anyway, and other values
//! are refused (EBUSY). It is recorded before the governor, so that `restore`, which works in
//! reverse, writes it afterwards: amd_pstate leaves it at 0 (amd_pstate_epp_update_limit).
//!
//! The switches for turbo affect the whole machine. Their effects on other policies are
//! recorded and restored with them, and so are the settings that a CPU loses when it goes
//! offline.

use std::collections::BTreeSet;

use super::{Clock, Plan, Request};
use crate::core_files;
use crate::tune::TuneError;
use crate::tune::khz::Khz;
use crate::tune::policy::{BOOST, Driver, EPP, GOVERNOR, MAX, MIN, Policy, SETSPEED};
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
    for policy in &seen.policies {
        if let Some(what) = hidden_by(seen, policy) {
            let (max, highest) = (shown(policy.max), shown(highest(policy)));
            plan.remark(format!(
                "{}: {MAX} shows {max}, which {what}; this hides the previous setting, so restore \
                 will write {highest}, which is not a limit",
                policy.name
            ));
        }
    }
    let policies = concerned(seen, request, leaving);
    for policy in &policies {
        check(policy, request.freq)?;
    }
    for policy in &policies {
        governor(plan, policy, request);
    }
    turbo(plan, seen, &policies, request);
    if let Some(old) = &seen.max_perf_pct {
        plan.write(seen::MAX_PERF_PCT, old, "100");
    }
    let mut unknown = Vec::new();
    for policy in &policies {
        let khz = frequency(policy, request);
        match khz {
            Some(khz) => pin(plan, seen, policy, khz),
            None => unknown.push(*policy),
        }
        let measuring = request.measuring(seen, leaving);
        let cpus = policy.cpus.iter().filter(|cpu| measuring.contains(cpu));
        plan.clocks.extend(cpus.map(|&cpu| Clock {
            cpu,
            policy: policy.name.clone(),
            khz,
        }));
    }
    plan.clocks.sort_by_key(|clock| clock.cpu);
    without_a_frequency(plan, seen, &unknown);
    for policy in &policies {
        // Another governor forgets it.
        let set = policy.setspeed.as_ref();
        if let Some(old) = set.filter(|speed| speed.parse::<u64>().is_ok()) {
            plan.remember(&policy.file(SETSPEED), old);
        }
    }
    remember(plan, seen, leaving);
    Ok(())
}

fn shown(khz: Option<Khz>) -> String {
    khz.map_or_else(|| "nothing".into(), |khz| khz.to_string())
}

/// The highest limit that the file can show.
fn highest(policy: &Policy) -> Option<Khz> {
    policy.table_max.or(policy.hardware_max)
}

/// What hides the limit that was set: files show the limit in effect. A value equal to what
/// the firmware or heat allows is probably not a setting.
fn hidden_by(seen: &Seen, policy: &Policy) -> Option<&'static str> {
    const PERCENT_A_STEP: u64 = 20;
    const STEPS: u64 = 3;
    let (max, highest) = (policy.max?, highest(policy)?);
    let top = policy.hardware_max.unwrap_or(highest);
    let by_heat = |&step: &u64| {
        let allowed = top.0 * (100 - PERCENT_A_STEP * step.min(STEPS)) / 100;
        policy.within_table(Khz(allowed)) == max
    };
    // Of the turbo frequency, which is not shown while turbo is off (update_qos_request).
    let is_passive = policy.driver == Driver::IntelPstatePassive;
    let percent = seen.max_perf_pct.as_ref().filter(|_| is_passive);
    let percent = percent.and_then(|percent| percent.parse::<u64>().ok());
    let by_percent = |percent: u64| Khz((top.0 * percent).div_ceil(100)) == max;
    if max >= highest {
        None
    } else if policy.bios_limit == Some(max) {
        Some("the firmware currently allows (bios_limit)")
    } else if seen.cooling_steps.iter().any(by_heat) {
        Some("heat currently allows")
    } else if percent.is_some_and(by_percent) {
        Some("max_perf_pct currently allows")
    } else {
        None
    }
}

/// The limit to restore.
fn old_max(seen: &Seen, policy: &Policy) -> Option<Khz> {
    match hidden_by(seen, policy) {
        Some(_) => highest(policy),
        None => policy.max,
    }
}

/// `performance` holds the highest frequency, and a switch for turbo makes that one which can
/// be held: the driver then lowers `cpuinfo_max_freq` to it (__intel_pstate_update_max_freq,
/// amd_pstate_cpu_boost_update, cppc_cpufreq_set_boost).
fn without_a_frequency(plan: &mut Plan, seen: &Seen, policies: &[&Policy]) {
    let Some(first) = policies.first() else {
        return;
    };
    let names: Vec<_> = policies.iter().map(|policy| policy.name.as_str()).collect();
    let unknown = format!(
        "{}: {} shows neither base_frequency, nor scaling_available_frequencies, nor \
         acpi_cppc/nominal_freq",
        names.join(", "),
        first.driver
    );
    let has_switch = |policy: &Policy| {
        seen.no_turbo.is_some() || seen.boost.is_some() && policy.driver != Driver::AcpiCpufreq
    };
    let is_held =
        |policy: &Policy| has_switch(policy) && chosen_governor(policy, None) == Some(PERFORMANCE);
    if policies.iter().all(|policy| is_held(policy)) {
        plan.remark(format!(
            "{unknown}; the limits stay, and `performance` holds the highest frequency without \
             turbo within them"
        ))
    } else {
        plan.lack(format!(
            "{unknown}, so the highest frequency without turbo is unknown; the limits are left \
             alone (fix: set the frequency with --freq KHZ)"
        ))
    }
}

/// The settings that the switches for turbo change: `min_perf_pct`, and the limits and
/// switches of all policies. The settings that a CPU loses when it goes offline: the governor,
/// the preference, the set speed.
fn remember(plan: &mut Plan, seen: &Seen, leaving: &BTreeSet<usize>) {
    let is_switch = |path: &str| path == core_files::NO_TURBO || path == core_files::BOOST;
    let is_switched = plan.writes.iter().any(|write| is_switch(&write.path));
    if let Some(old) = seen.min_perf_pct.as_ref().filter(|_| is_switched) {
        plan.remember(seen::MIN_PERF_PCT, old);
    }
    for policy in &seen.policies {
        let goes = policy.cpus.iter().all(|cpu| leaving.contains(cpu));
        if goes {
            for (file, old) in [
                (EPP, &policy.epp),
                (GOVERNOR, &policy.governor),
                (SETSPEED, &policy.setspeed),
            ] {
                if let Some(old) = old {
                    plan.remember(&policy.file(file), old);
                }
            }
        }
        if !is_switched && !goes {
            continue;
        }
        if let Some(old) = &policy.boost {
            plan.remember(&policy.file(BOOST), old);
        }
        for (file, limit) in [(MAX, old_max(seen, policy)), (MIN, policy.min)] {
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
        _ => "this machine does not have a cpufreq policy: its hypervisor or firmware sets the \
            clock, and tollgate cannot (virtual machine: tune the host; otherwise: enable \
              P-states, CPPC or \"OS control\" in the firmware's settings)"
            .into(),
    }
}

/// The policies of the measuring CPUs, and of their siblings, because a core runs at the
/// highest clock that any of its threads asks for (intel_pstate.rst, "Coordination of P-State
/// Limits"); without those that vanish with their last CPU.
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
    if (min..=max).contains(&khz) {
        Ok(())
    } else {
        Err(TuneError::OutOfRange {
            khz,
            policy: policy.name.clone(),
            min,
            max,
        })
    }
}

fn frequency(policy: &Policy, request: &Request) -> Option<Khz> {
    request.freq.or(policy.non_turbo.map(|found| found.khz))
}

const USERSPACE: &str = "userspace";
const PERFORMANCE: &str = "performance";

fn chosen_governor(policy: &Policy, khz: Option<Khz>) -> Option<&'static str> {
    let has = |name: &str| policy.governors.iter().any(|governor| governor == name);
    match (has_setspeed(policy) && khz.is_some(), has(PERFORMANCE)) {
        (true, _) => Some(USERSPACE),
        (false, true) => Some(PERFORMANCE),
        (false, false) => None,
    }
}

fn governor(plan: &mut Plan, policy: &Policy, request: &Request) {
    let Some(old) = &policy.governor else {
        return;
    };
    if let Some(epp) = policy.epp.as_ref().filter(|_| policy.driver.is_active()) {
        plan.remember(&policy.file(EPP), epp);
    }
    match chosen_governor(policy, frequency(policy, request)) {
        Some(new) => plan.write(&policy.file(GOVERNOR), old, new),
        None => plan.lack(format!(
            "{}: its driver does not offer a governor that holds a clock, so `{old}` still \
             chooses it within the limits; load one (modprobe cpufreq_performance)",
            policy.name
        )),
    }
}

fn has_setspeed(policy: &Policy) -> bool {
    policy.setspeed.is_some() && policy.governors.iter().any(|name| name == USERSPACE)
}

/// Turbo goes off, unless a frequency above the non-turbo range was requested.
fn turbo(plan: &mut Plan, seen: &Seen, policies: &[&Policy], request: &Request) {
    let is_turbo = |policy: &&Policy| match (request.freq, policy.non_turbo) {
        (Some(khz), Some(top)) => khz > top.khz,
        _ => false,
    };
    if let Some(policy) = policies.iter().copied().find(is_turbo) {
        plan.lack(format!(
            "{}: the frequency is in the turbo range, which cores cannot hold reliably; turbo is \
             left alone",
            policy.name
        ));
        return;
    }
    if let Some(old) = &seen.no_turbo {
        plan.write(core_files::NO_TURBO, old, "1");
    }
    if let Some(old) = &seen.boost {
        plan.write(core_files::BOOST, old, "0");
    }
    if seen.boost.as_deref() == Some("0") {
        return;
    }
    for policy in policies {
        if let Some(old) = &policy.boost {
            plan.write(&policy.file(BOOST), old, "0");
        }
    }
}

fn pin(plan: &mut Plan, seen: &Seen, policy: &Policy, khz: Khz) {
    let new = khz.to_string();
    if let (Some(min), Some(max)) = (policy.min, old_max(seen, policy)) {
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
