//! Other users of the core, or of the machine.

use std::collections::BTreeSet;

use super::{Found, list, named};
use crate::doctor::Facts;
use crate::doctor::activity::Activity;

/// A sibling that is busy for more than this share of the time counts as used.
const SIBLING_BUSY: f64 = 0.05;

/// Whether other hardware threads share the core.
pub(super) fn smt(facts: &Facts) -> Found {
    let mut siblings = BTreeSet::new();
    for cpu in &facts.host.cpus {
        match &cpu.siblings {
            Some(others) => siblings.extend(others.iter().copied()),
            None => return Found::unknown("the kernel does not show the topology of the cores"),
        }
    }
    let siblings: Vec<_> = siblings.into_iter().collect();
    if siblings.is_empty() {
        return match &facts.processor.hypervisor {
            None => Found::ok("no other CPU shares a core with the measuring CPUs"),
            Some(name) => Found::unknown(format!(
                "{name} does not show whether the core has siblings"
            )),
        };
    }
    let busy = facts.activity.as_ref().map(|activity| {
        let shares = siblings.iter().filter_map(|cpu| activity.busy.get(cpu));
        shares.copied().fold(0.0, f64::max)
    });
    let fix = format!(
        "sudo tollgate tune apply --cpus {} --offline-siblings",
        list(&facts.measurement.cpus)
    );
    match busy {
        Some(busy) if busy > SIBLING_BUSY => Found::unfit(format!(
            "{}: siblings on the same core, busy for {:.0} % of the noise test",
            named(&siblings),
            1e2 * busy
        )),
        _ => Found::warning(format!(
            "{}: siblings on the same core, which slow it down whenever they wake up",
            named(&siblings)
        )),
    }
    .fix(fix)
}

/// Others may use a tenth of a CPU, but not half of the machine.
const LOAD_WARNING: f64 = 0.1;
const LOAD_UNFIT_SHARE: f64 = 0.5;
/// The number of busy processes that are named.
const NAMED: usize = 3;

/// The load of other processes.
pub(super) fn load(facts: &Facts) -> Found {
    let Some(activity) = &facts.activity else {
        return Found::unknown("the kernel does not show which processes are busy");
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
        .fix("stop them, or wait (`top` lists them)")
}

const STEAL_WARNING: f64 = 1e-3;
const STEAL_UNFIT: f64 = 1e-2;

/// The time that a hypervisor underneath gives to others.
pub(super) fn steal(facts: &Facts) -> Found {
    let Some(activity) = &facts.activity else {
        return Found::unknown("the kernel does not show stolen time");
    };
    let shares = facts
        .measurement
        .cpus
        .iter()
        .filter_map(|cpu| activity.steal.get(cpu));
    let Some(worst) = shares.copied().reduce(f64::max) else {
        return Found::unknown("the kernel does not show stolen time");
    };
    if let Some(name) = &facts.processor.hypervisor
        && !reports_steal(name, facts, activity)
    {
        return Found::unknown(format!(
            "{name} does not report stolen time, so the figure is always 0; see noise"
        ));
    }
    if facts.processor.hypervisor.is_none() && worst <= 0.0 {
        return Found::ok("the machine does not run under a hypervisor");
    }
    let what = format!(
        "the hypervisor took {:.2} % of the time of {}",
        1e2 * worst,
        named(&facts.measurement.cpus)
    );
    Found::graded(worst, STEAL_WARNING, STEAL_UNFIT, what).fix("measure on a dedicated host")
}

/// Whether stolen time can be anything but 0. Linux asks KVM if it offers it, and always Xen;
/// Hyper-V has nothing to ask, and VMware is asked in a way that a program cannot repeat
/// (Linux, arch/x86/kernel/kvm.c, drivers/xen/time.c, arch/x86/kernel/cpu/vmware.c).
fn reports_steal(hypervisor: &str, facts: &Facts, activity: &Activity) -> bool {
    /// KVM_FEATURE_STEAL_TIME.
    const STEAL_TIME: u32 = 1 << 5;
    let cmdline = facts.host.cmdline.as_deref().unwrap_or_default();
    let is_off = cmdline
        .split_whitespace()
        .any(|word| word == "no-steal-acc");
    let offered = facts
        .processor
        .kvm_features
        .is_some_and(|features| features & STEAL_TIME != 0);
    activity.steal_ever || offered && !is_off || hypervisor == "XenVMMXenVMM"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use eval::verdict::State::{Ok, Unfit, Unknown, Warning};

    use super::super::tests::expect;
    use super::*;

    fn activity(facts: &mut Facts) -> &mut Activity {
        facts.activity.as_mut().unwrap()
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
        expect(smt, guest, Unknown, "Xen does not show whether");
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
    fn a_hypervisor_that_cannot_report_steal_is_not_believed() {
        let under = |name: &str, features, ever| {
            let name = Some(name.to_owned());
            move |facts: &mut Facts| {
                facts.processor.hypervisor = name;
                facts.processor.kvm_features = features;
                activity(facts).steal_ever = ever;
            }
        };
        expect(steal, under("KVMKVMKVM", Some(1 << 5), false), Ok, "0.00 %");
        expect(
            steal,
            under("KVMKVMKVM", Some(0), false),
            Unknown,
            "does not report",
        );
        expect(steal, under("KVMKVMKVM", Some(0), true), Ok, "0.00 %");
        expect(steal, under("XenVMMXenVMM", None, false), Ok, "0.00 %");
        expect(
            steal,
            under("Microsoft Hv", None, false),
            Unknown,
            "Microsoft Hv does not",
        );
        let off = |facts: &mut Facts| {
            under("KVMKVMKVM", Some(1 << 5), false)(facts);
            facts.host.cmdline = Some("no-steal-acc".into());
        };
        expect(steal, off, Unknown, "does not report");
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
