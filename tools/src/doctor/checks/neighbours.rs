//! Who else uses the measuring CPUs, or the core that they are on.

use std::collections::BTreeSet;

use super::{Found, list, named};
use crate::doctor::Facts;

/// Whether the scheduler may move what is measured.
pub(super) fn pinning(facts: &Facts) -> Found {
    let cpus = named(&facts.plan.cpus);
    match facts.plan.unpinned.as_slice() {
        [] => Found::ok(format!("{cpus} will measure")),
        targets => Found::warning(format!(
            "{} may run on every CPU; the noise test watched {cpus}",
            targets.join(", ")
        ))
        .mend(format!(
            "pin = [{}] in the experiment",
            list(&facts.plan.cpus)
        )),
    }
}

/// A sibling that is busy for longer than this share of the time is used.
const SIBLING_BUSY: f64 = 0.05;

/// Whether other hardware threads share the core.
pub(super) fn smt(facts: &Facts) -> Found {
    let mut siblings = BTreeSet::new();
    for cpu in &facts.host.cpus {
        match &cpu.siblings {
            Some(others) => siblings.extend(others.iter().copied()),
            None => return Found::unknown("the topology of the cores is not told"),
        }
    }
    let siblings: Vec<_> = siblings.into_iter().collect();
    if siblings.is_empty() {
        return match &facts.processor.hypervisor {
            None => Found::ok("the measuring CPUs have their cores to themselves"),
            Some(name) => Found::unknown(format!(
                "{name} shows no siblings, whether the core has any or not"
            )),
        };
    }
    let busy = facts.activity.as_ref().map(|activity| {
        let shares = siblings.iter().filter_map(|cpu| activity.busy.get(cpu));
        shares.copied().fold(0.0, f64::max)
    });
    let mend = format!(
        "sudo tollgate tune apply --cpus {} --offline-siblings",
        list(&facts.plan.cpus)
    );
    match busy {
        Some(busy) if busy > SIBLING_BUSY => Found::unfit(format!(
            "{}: siblings on the same core, busy for {:.0} % of the noise test",
            named(&siblings),
            1e2 * busy
        )),
        _ => Found::warning(format!(
            "{}: siblings on the same core, which slow it down whenever they wake",
            named(&siblings)
        )),
    }
    .mend(mend)
}

/// Whether Linux keeps its scheduler, its tick and its callbacks away.
pub(super) fn isolation(facts: &Facts) -> Found {
    let host = &facts.host;
    let (Some(isolated), Some(_)) = (&host.isolated, &host.cmdline) else {
        return Found::unknown("the kernel does not tell which CPUs are isolated");
    };
    let nohz_full = host.nohz_full.clone().unwrap_or_default();
    // CPUs without a tick have their callbacks taken elsewhere, too (Linux, NO_HZ.rst).
    let offloaded = |cpu: &usize| nohz_full.contains(cpu) || host.cmdline_lists("rcu_nocbs", *cpu);
    let all = |holds: &dyn Fn(&usize) -> bool| facts.plan.cpus.iter().all(holds);
    let no_tick = all(&|cpu| nohz_full.contains(cpu));
    let missing: Vec<_> = [
        ("isolcpus", all(&|cpu| isolated.contains(cpu))),
        ("nohz_full", no_tick || facts.plan.host),
        ("rcu_nocbs", all(&offloaded)),
    ]
    .into_iter()
    .filter(|(_, holds)| !holds)
    .map(|(name, _)| name)
    .collect();
    let cpus = named(&facts.plan.cpus);
    match missing.as_slice() {
        [] if no_tick && facts.plan.host => Found::warning(format!(
            "{cpus} in nohz_full: every system call of the host also tells where time is \
             spent (context tracking)"
        ))
        .mend("take `nohz_full=` off the kernel's command line to measure the host"),
        [] => Found::ok(format!("{cpus}: isolated")),
        missing => {
            let cpu_list = list(&facts.plan.cpus);
            let words = missing.iter().map(|name| format!("{name}={cpu_list}"));
            Found::warning(format!("{cpus} without {}", missing.join(", "))).mend(format!(
                "add `{}` to the kernel's command line (GRUB_CMDLINE_LINUX), and reboot",
                words.collect::<Vec<_>>().join(" ")
            ))
        }
    }
}

/// Fewer interrupts than this a second are not worth moving.
const INTERRUPTS_WARNING: f64 = 1.0;

/// Whether devices interrupt the measuring CPUs.
pub(super) fn interrupts(facts: &Facts) -> Found {
    let Some(activity) = &facts.activity else {
        return Found::unknown("the kernel does not tell its interrupts");
    };
    let measuring = |cpu: &usize| facts.plan.cpus.contains(cpu);
    let bound = facts.host.interrupts.iter();
    let bound = bound
        .filter(|interrupt| interrupt.cpus.iter().any(measuring))
        .count();
    let rates = activity.interrupts.values().flatten();
    let rates = rates
        .filter(|(cpu, _)| measuring(cpu))
        .map(|(_, rate)| rate);
    let total: f64 = rates.sum();
    let what = format!(
        "{total:.0} device interrupts a second; lines bound to {}: {bound}",
        named(&facts.plan.cpus)
    );
    match total > INTERRUPTS_WARNING {
        false => Found::ok(what),
        true => Found::warning(what).mend(format!(
            "sudo tollgate tune apply --cpus {}",
            list(&facts.plan.cpus)
        )),
    }
}

/// Others may use a tenth of a CPU, and not half of the machine.
const LOAD_WARNING: f64 = 0.1;
const LOAD_UNFIT_SHARE: f64 = 0.5;
/// So many busy processes are named.
const NAMED: usize = 3;

/// What other processes do.
pub(super) fn load(facts: &Facts) -> Found {
    let Some(activity) = &facts.activity else {
        return Found::unknown("the kernel does not tell who is busy");
    };
    let cpus = activity.busy.len();
    let busiest: Vec<_> = activity
        .busiest
        .iter()
        .take(NAMED)
        .map(|(name, cpus)| format!("{name} {cpus:.2}"))
        .collect();
    let busiest = match busiest.as_slice() {
        [] => String::new(),
        names => format!(", most of it {}", names.join(", ")),
    };
    let average = facts.host.load;
    let average = average.map_or(String::new(), |load| format!("; load average {load:.2}"));
    let what = format!(
        "other processes keep {:.2} of {cpus} CPUs busy{busiest}{average}",
        activity.others
    );
    let unfit = (LOAD_UNFIT_SHARE * cpus as f64).max(LOAD_WARNING);
    Found::graded(activity.others, LOAD_WARNING, unfit, what)
        .mend("stop them, or wait; `top` shows them")
}

const STEAL_WARNING: f64 = 1e-3;
const STEAL_UNFIT: f64 = 1e-2;

/// What a hypervisor underneath gives to others.
pub(super) fn steal(facts: &Facts) -> Found {
    let Some(activity) = &facts.activity else {
        return Found::unknown("the kernel does not tell stolen time");
    };
    let shares = facts
        .plan
        .cpus
        .iter()
        .filter_map(|cpu| activity.steal.get(cpu));
    let Some(worst) = shares.copied().reduce(f64::max) else {
        return Found::unknown("the kernel does not tell stolen time");
    };
    let what = format!(
        "the hypervisor took {:.2} % of the time of {}",
        1e2 * worst,
        named(&facts.plan.cpus)
    );
    Found::graded(worst, STEAL_WARNING, STEAL_UNFIT, what).mend("measure on a dedicated host")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use eval::verdict::State::{Ok, Unfit, Unknown, Warning};

    use super::super::tests::expect;
    use super::*;
    use crate::doctor::activity::Activity;
    use crate::doctor::host::Interrupt;

    fn activity(facts: &mut Facts) -> &mut Activity {
        facts.activity.as_mut().unwrap()
    }

    #[test]
    fn targets_without_a_cpu_are_named() {
        let spoil = |facts: &mut Facts| facts.plan.unpinned = vec!["linux".into(), "ring0".into()];
        expect(pinning, spoil, Warning, "linux, ring0 may run on every CPU");
    }

    #[test]
    fn a_sibling_is_worse_when_it_works() {
        let sibling = |busy| {
            move |facts: &mut Facts| {
                facts.host.cpus[0].siblings = Some(vec![1]);
                activity(facts).busy.insert(1, busy);
            }
        };
        expect(smt, sibling(0.01), Warning, "--cpus 3 --offline-siblings");
        expect(
            smt,
            sibling(0.4),
            Unfit,
            "CPU 1: siblings on the same core, busy for 40 %",
        );
        let guest = |facts: &mut Facts| facts.processor.hypervisor = Some("Xen".into());
        expect(smt, guest, Unknown, "Xen shows no siblings");
    }

    #[test]
    fn what_isolation_lacks_is_named() {
        let none = |facts: &mut Facts| {
            facts.host.isolated = Some(vec![]);
            facts.host.nohz_full = None;
            facts.host.cmdline = Some("quiet".into());
        };
        let mend = "`isolcpus=3 nohz_full=3 rcu_nocbs=3`";
        expect(isolation, none, Warning, mend);
        let half = |facts: &mut Facts| facts.host.nohz_full = Some(vec![2]);
        expect(isolation, half, Warning, "CPU 3 without nohz_full add");
        let callbacks = |facts: &mut Facts| facts.host.cmdline = Some("rcu_nocbs=0".into());
        // nohz_full takes the callbacks along.
        expect(isolation, callbacks, Ok, "isolated");
        // Not each of the two is isolated.
        expect(
            isolation,
            |facts| facts.plan.cpus = vec![2, 3],
            Warning,
            "CPUs 2,3 without",
        );
    }

    #[test]
    fn a_host_without_ticks_pays_at_every_system_call() {
        let host = |facts: &mut Facts| facts.plan.host = true;
        expect(isolation, host, Warning, "context tracking");
        let with_ticks = |facts: &mut Facts| {
            facts.plan.host = true;
            facts.host.nohz_full = Some(vec![]);
        };
        expect(isolation, with_ticks, Ok, "isolated");
    }

    #[test]
    fn interrupts_are_told_where_to_go() {
        let rate = |rate| {
            move |facts: &mut Facts| {
                facts.host.interrupts = vec![Interrupt {
                    number: 36,
                    cpus: vec![3],
                }];
                let rates = BTreeMap::from([(0, 900.0), (3, rate)]);
                activity(facts).interrupts = BTreeMap::from([(36, rates)]);
            }
        };
        expect(interrupts, rate(0.5), Ok, "lines bound to CPU 3: 1");
        expect(
            interrupts,
            rate(250.0),
            Warning,
            "250 device interrupts a second",
        );
        expect(interrupts, rate(250.0), Warning, "tune apply --cpus 3");
    }

    #[test]
    fn load_is_graded_by_the_machines_size() {
        let load_of = |others| {
            move |facts: &mut Facts| {
                activity(facts).others = others;
                activity(facts).busiest = vec![("cc1".into(), others)];
            }
        };
        expect(load, load_of(0.1), Ok, "0.10 of 4 CPUs");
        expect(load, load_of(1.5), Warning, "cc1 1.50; load average 0.05");
        expect(load, load_of(2.5), Unfit, "2.50 of 4 CPUs");
    }

    #[test]
    fn stolen_time_is_graded() {
        let stolen = |share| {
            move |facts: &mut Facts| activity(facts).steal = BTreeMap::from([(0, 1.0), (3, share)])
        };
        expect(steal, stolen(0.001), Ok, "0.10 % of the time of CPU 3");
        expect(steal, stolen(0.005), Warning, "dedicated");
        expect(steal, stolen(0.05), Unfit, "5.00 %");
        expect(
            steal,
            |facts| activity(facts).steal.clear(),
            Unknown,
            "stolen",
        );
    }
}
