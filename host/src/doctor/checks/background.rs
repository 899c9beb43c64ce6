//! Checks of background work: services, audit, patches, the kernel's own work.

use super::{Found, list, named};
use crate::bpf::Hook;
use crate::doctor::Facts;
use crate::doctor::host::services::Does;

/// Whether services move interrupts or change the clock.
pub(super) fn services(facts: &Facts) -> Found {
    let Some(running) = &facts.host.services else {
        return Found::unknown("processes are not visible");
    };
    let running = running.iter().filter(|(_, does)| *does != Does::Audits);
    let (names, effects): (Vec<_>, Vec<_>) = running
        .map(|(process, does)| {
            let effect = match does {
                Does::MovesInterrupts => "moves interrupts between CPUs",
                _ => "changes frequencies and power limits",
            };
            let what = format!("{} ({}) {effect}", process.name, process.id);
            (process.name.clone(), what)
        })
        .unzip();
    match names.as_slice() {
        [] => Found::ok("none of them moves interrupts or changes the clock"),
        names => Found::warning(effects.join("; "))
            .fix(format!("stop {} for the measurement", names.join(", "))),
    }
}

/// Whether system calls are audited.
pub(super) fn audit(facts: &Facts) -> Found {
    const PRICE: &str =
        "the kernel records every call of a process that a rule may match, from its entry on";
    let services = facts.host.services.iter().flatten();
    let has_service = services.into_iter().any(|(_, does)| *does == Does::Audits);
    let cmdline = facts.host.cmdline.as_deref().unwrap_or_default();
    let is_off = cmdline
        .split_whitespace()
        .rfind(|word| word.starts_with("audit="));
    match facts.host.audit {
        Some(audit) if audit.rules > 0 => Found::warning(format!("{} rules: {PRICE}", audit.rules))
            .fix("sudo auditctl -D; sudo auditctl -a never,task"),
        Some(audit) if audit.enabled => Found::warning(format!("on, without rules: {PRICE}"))
            .fix("sudo auditctl -a never,task, or `audit=0` on the kernel's command line"),
        Some(_) => Found::ok("off"),
        None if matches!(is_off, Some("audit=0" | "audit=off")) => Found::ok("off at boot"),
        None if has_service => Found::warning(format!(
            "auditd is running; only root can list its rules: {PRICE}"
        ))
        .fix("sudo auditctl -l (lists them)"),
        None => Found::unknown("only root can see whether calls are audited"),
    }
}

/// Security modules and live patches.
pub(super) fn modules(facts: &Facts) -> Found {
    let security = &facts.host.security;
    let attached = facts.calls.watchers.bpf.iter().flatten();
    let hooks: Vec<_> = attached
        .filter(|one| one.hook == Hook::Lsm)
        .map(|one| format!("{} on {}", one.program.name, one.target))
        .collect();
    let modules = match &security.modules {
        Some(modules) => format!("security modules: {}", modules.join(", ")),
        None => "the kernel does not list its security modules".into(),
    };
    match (security.patches.as_slice(), hooks.as_slice()) {
        ([], []) if security.modules.is_none() => Found::unknown(modules),
        ([], []) => Found::ok(modules),
        (patches, hooks) => {
            let mut found = Vec::new();
            if !patches.is_empty() {
                found.push(format!(
                    "the kernel has live patches ({}), and patched functions take a detour",
                    patches.join(", ")
                ));
            }
            if !hooks.is_empty() {
                found.push(format!("BPF programs on hooks: {}", hooks.join(", ")));
            }
            Found::warning(format!("{}; {modules}", found.join("; "))).fix(
                "reboot into a kernel that has the patches built in; stop the program that \
                    loaded the BPF programs",
            )
        }
    }
}

/// Below this, in seconds, gathering statistics disturbs.
const STAT_INTERVAL: u64 = 10;

/// Whether the kernel's own work comes to CPUs that are isolated otherwise.
pub(super) fn background_work(facts: &Facts) -> Found {
    let host = &facts.host;
    let (Some(workqueue), Some(interval)) = (&host.workqueue, host.stat_interval) else {
        return Found::unknown("the kernel does not show the CPUs for its own work");
    };
    let cpus = &facts.measurement.cpus;
    let hit: Vec<_> = cpus
        .iter()
        .filter(|cpu| workqueue.contains(cpu))
        .copied()
        .collect();
    let what = format!(
        "unbound work may run on {}; statistics are gathered every {interval} s",
        match workqueue.as_slice() {
            [] => "no CPU".to_owned(),
            workqueue => named(workqueue),
        }
    );
    // `isolation` has more to say about CPUs that are not isolated at all.
    let isolated = |cpu: &usize| super::isolation::is_isolated(facts, *cpu);
    if !cpus.iter().all(isolated) || hit.is_empty() && interval >= STAT_INTERVAL {
        return Found::ok(what);
    }
    let mut mends = Vec::new();
    if !hit.is_empty() {
        mends.push(format!(
            "take {} out of /sys/devices/virtual/workqueue/cpumask",
            list(&hit)
        ));
    }
    if interval < STAT_INTERVAL {
        mends.push("sudo sysctl vm.stat_interval=60".into());
    }
    Found::warning(what).fix(mends.join("; "))
}

/// Whether the kernel logged warnings during the noise test.
pub(super) fn messages(facts: &Facts) -> Found {
    let messages = facts
        .activity
        .as_ref()
        .and_then(|activity| activity.messages.as_ref());
    match messages.map(Vec::as_slice) {
        None => Found::unknown("only root can read the kernel's messages"),
        Some([]) => Found::ok("the kernel did not log a warning during the noise test"),
        Some(messages) => Found::warning(format!(
            "the kernel logged during the noise test: {}",
            messages.join("; ")
        ))
        .fix("sudo dmesg -T --level=emerg,alert,crit,err,warn"),
    }
}

#[cfg(test)]
mod tests {
    use eval::verdict::State::{Ok, Unknown, Warning};

    use super::super::tests::expect;
    use super::*;
    use crate::doctor::audit::Audit;
    use crate::holders::Process;

    fn runs(name: &str, does: Does) -> impl FnOnce(&mut Facts) {
        let name = name.to_owned();
        move |facts| facts.host.services = Some(vec![(Process { id: 7, name }, does)])
    }

    #[test]
    fn services_are_named_with_what_they_do() {
        let words = "irqbalance (7) moves interrupts between CPUs stop irqbalance";
        expect(
            services,
            runs("irqbalance", Does::MovesInterrupts),
            Warning,
            words,
        );
        expect(
            services,
            runs("tuned", Does::SetsPower),
            Warning,
            "changes frequencies",
        );
        expect(services, runs("auditd", Does::Audits), Ok, "none");
    }

    #[test]
    fn audit_costs_by_rules_and_by_being_on() {
        let audit_is = |audit| move |facts: &mut Facts| facts.host.audit = audit;
        let state = |enabled, rules| Some(Audit { enabled, rules });
        expect(audit, audit_is(state(true, 12)), Warning, "12 rules");
        expect(
            audit,
            audit_is(state(true, 0)),
            Warning,
            "on, without rules",
        );
        expect(audit, audit_is(state(false, 0)), Ok, "off");
        expect(audit, audit_is(None), Unknown, "only root can");
        let off = |facts: &mut Facts| {
            facts.host.audit = None;
            facts.host.cmdline = Some("audit=1 quiet audit=0".into());
        };
        expect(audit, off, Ok, "off at boot");
        let service = |facts: &mut Facts| {
            runs("auditd", Does::Audits)(facts);
            facts.host.audit = None;
        };
        expect(audit, service, Warning, "auditd is running");
    }

    #[test]
    fn a_patched_kernel_is_a_warning() {
        let patched = |facts: &mut Facts| facts.host.security.patches = vec!["lkp_1".into()];
        expect(modules, patched, Warning, "(lkp_1)");
        let hidden = |facts: &mut Facts| facts.host.security.modules = None;
        expect(modules, hidden, Unknown, "does not list");
    }

    #[test]
    fn the_kernels_own_work_matters_on_isolated_cpus() {
        let works = |workqueue: &[usize], interval| {
            let workqueue = Some(workqueue.to_vec());
            move |facts: &mut Facts| {
                facts.host.workqueue = workqueue;
                facts.host.stat_interval = Some(interval);
            }
        };
        let all = &[0, 1, 2, 3];
        expect(background_work, works(all, 60), Warning, "take 3 out of");
        expect(
            background_work,
            works(&[0, 1], 1),
            Warning,
            "vm.stat_interval=60",
        );
        expect(background_work, works(&[0, 1], 60), Ok, "CPUs 0,1");
        let not_isolated = |facts: &mut Facts| {
            works(all, 1)(facts);
            facts.host.isolated = Some(vec![]);
        };
        expect(background_work, not_isolated, Ok, "every 1 s");
    }

    #[test]
    fn what_the_kernel_said_is_repeated() {
        let said = |messages: Option<&[&str]>| {
            let messages = messages.map(|all| all.iter().map(|one| (*one).to_owned()).collect());
            move |facts: &mut Facts| facts.activity.as_mut().unwrap().messages = messages
        };
        expect(messages, said(Some(&["mce: hot"])), Warning, "mce: hot");
        expect(messages, said(Some(&[])), Ok, "did not log a warning");
        expect(messages, said(None), Unknown, "only root can");
    }
}
