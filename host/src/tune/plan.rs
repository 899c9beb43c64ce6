//! From what was read to an ordered list of writes. Nothing is touched here.
//!
//! The order, and why (docs/TUNE.md has the sources):
//!
//! 1. perf's sampling and the NMI watchdog: nothing depends on them.
//! 2. Interrupts, before siblings go: the kernel would move a leaving CPU's interrupts
//!    wherever it likes, and could not put them back onto a CPU that is offline.
//! 3. SMT siblings offline, before cpufreq: their policies go with them.
//! 4. cpufreq ([`clock`]).

mod clock;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::policy::Khz;
use super::seen::{self, Seen};
use super::{TuneError, cpus};

/// What the user wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The CPUs that measure; all of them where none is named.
    pub cpus: Vec<usize>,
    /// The frequency; the maximum non-turbo one where none is given.
    pub freq: Option<Khz>,
    /// Whether to take the other threads of their cores offline.
    pub offline_siblings: bool,
}

/// What is done, in this order, and what cannot be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The writes; some may find that the value is there already.
    pub writes: Vec<Write>,
    /// What a reader must know.
    pub remarks: Vec<Remark>,
}

/// One setting. It stands here even if it already is as it should be, because other
/// writes may change it by the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// The file.
    pub path: String,
    /// What stood there.
    pub old: String,
    /// What shall stand there; `None` where it is not our business, but a write to
    /// another file changes it, so that it has to be put back.
    pub new: Option<String>,
}

impl Write {
    /// Whether writing this file may change what another one shows: turbo changes
    /// the limits of all policies and their own boost switches, a governor the
    /// preference and the set speed beside it (intel_pstate.rst, cpufreq.c).
    pub fn touches(&self, other: &Self) -> bool {
        self.path != other.path
            && seen::is_cpufreq(&self.path)
            && seen::is_cpufreq(&other.path)
            && (self.path == seen::NO_TURBO
                || self.path == seen::BOOST
                || folder(&self.path) == folder(&other.path))
    }
}

fn folder(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(folder, _)| folder)
}

/// Something that the plan cannot do, or leaves to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// What, and what to do.
    pub text: String,
    /// Whether the machine is therefore not as it was asked to be.
    pub incomplete: bool,
}

/// The plan for a machine.
pub fn plan(seen: &Seen, request: &Request) -> Result<Plan, TuneError> {
    check(seen, request)?;
    let mut plan = Plan {
        writes: Vec::new(),
        remarks: Vec::new(),
    };
    let leaving = leaving(seen, request, &mut plan);
    plan.limits(seen);
    plan.interrupts(seen, request, &leaving);
    for &cpu in &leaving {
        plan.write(&seen::online_file(cpu), "1", "0");
    }
    clock::plan(&mut plan, seen, request, &leaving)?;
    Ok(plan)
}

fn check(seen: &Seen, request: &Request) -> Result<(), TuneError> {
    match request.cpus.iter().find(|cpu| !seen.online.contains(cpu)) {
        Some(&cpu) => Err(TuneError::NoSuchCpu {
            cpu,
            online: cpus::list(&seen.online),
        }),
        None => Ok(()),
    }
}

/// The siblings to take offline: never one that measures, and never CPU 0, which
/// many kernels cannot do without.
fn leaving(seen: &Seen, request: &Request, plan: &mut Plan) -> BTreeSet<usize> {
    let siblings = seen.siblings_of(&request.cpus);
    if siblings.is_empty() {
        return BTreeSet::new();
    }
    let text = cpus::list(&siblings);
    if !request.offline_siblings {
        plan.remark(format!(
            "CPU {text}: on the same cores as the measuring ones, and whatever runs there slows \
             them; keep it idle, or take it offline by --offline-siblings"
        ));
        return BTreeSet::new();
    }
    let mut leaving: BTreeSet<_> = siblings.into_iter().collect();
    if leaving.remove(&0) {
        plan.lack(
            "CPU 0 shares a core with a measuring CPU, and is never taken offline; \
             measure on another core"
                .into(),
        );
    }
    leaving
}

impl Plan {
    pub(super) fn write(&mut self, path: &str, old: &str, new: &str) {
        self.writes.push(Write {
            path: path.to_owned(),
            old: old.to_owned(),
            new: Some(new.to_owned()),
        });
    }

    /// Remembers what stands there, unless it is written anyway.
    pub(super) fn remember(&mut self, path: &str, old: &str) {
        if !self.writes.iter().any(|write| write.path == path) {
            self.writes.push(Write {
                path: path.to_owned(),
                old: old.to_owned(),
                new: None,
            });
        }
    }

    fn remark(&mut self, text: String) {
        self.remarks.push(Remark {
            text,
            incomplete: false,
        });
    }

    pub(super) fn lack(&mut self, text: String) {
        self.remarks.push(Remark {
            text,
            incomplete: true,
        });
    }

    /// Each sample of perf's, and each look of the watchdog, interrupts what is measured.
    /// The kernel refuses any rate (EINVAL) where it was told not to limit perf's time
    /// (`perf_cpu_time_max_percent` 0 or 100, sysctl/kernel.rst).
    fn limits(&mut self, seen: &Seen) {
        let unlimited = matches!(seen.perf_cpu_percent.as_deref(), Some("0" | "100"));
        match &seen.perf_sample_rate {
            Some(rate) if !unlimited => self.write(seen::PERF_SAMPLE_RATE, rate, "1"),
            Some(_) => self.remark(format!(
                "{} is left alone, because {} lifts the limit on perf; sample nothing meanwhile",
                seen::PERF_SAMPLE_RATE,
                seen::PERF_CPU_PERCENT
            )),
            None => {}
        }
        if let Some(watchdog) = &seen.nmi_watchdog {
            self.write(seen::NMI_WATCHDOG, watchdog, "0");
        }
    }

    /// Moves interrupts to CPUs that neither measure nor leave.
    fn interrupts(&mut self, seen: &Seen, request: &Request, leaving: &BTreeSet<usize>) {
        if request.cpus.is_empty() {
            return;
        }
        let is_busy = |cpu: &usize| request.cpus.contains(cpu) || leaving.contains(cpu);
        let others: Vec<_> = seen
            .online
            .iter()
            .copied()
            .filter(|c| !is_busy(c))
            .collect();
        if others.is_empty() {
            self.lack("every CPU measures, so that none is left for interrupts; name fewer".into());
            return;
        }
        let busy: Vec<_> = seen.online.iter().copied().filter(is_busy).collect();
        if let Some(old) = &seen.default_irq_affinity
            && let Some(new) = cpus::mask_without(old, &busy)
        {
            match new.chars().any(|c| c != '0' && c != ',') {
                true => self.write(seen::DEFAULT_IRQ_AFFINITY, old, &new),
                false => self.lack(format!(
                    "{} names measuring CPUs only; interrupts to come will fall on them",
                    seen::DEFAULT_IRQ_AFFINITY
                )),
            }
        }
        for (&number, irq) in &seen.irqs {
            if !irq.cpus.iter().any(is_busy) {
                continue;
            }
            let left: Vec<_> = irq.cpus.iter().copied().filter(|c| !is_busy(c)).collect();
            let online = left.iter().any(|cpu| others.contains(cpu));
            let new = if online { &left } else { &others };
            self.write(
                &seen::irq_file(number),
                &cpus::list(&irq.cpus),
                &cpus::list(new),
            );
        }
    }
}
