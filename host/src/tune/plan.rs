//! From the machine's state to an ordered list of writes. Changes nothing.
//!
//! The order, and why (docs/TUNE.md has the sources):
//!
//! 1. perf's sampling and the NMI watchdog: nothing depends on them.
//! 2. Interrupts, before siblings go: the kernel would move a leaving CPU's interrupts
//!    wherever it likes, and could not put them back onto a CPU that is offline.
//! 3. Idle states of the measuring CPUs.
//! 4. SMT siblings offline, before cpufreq: their policies answer EBUSY without them.
//! 5. cpufreq ([`clock`]).
//!
//! irqbalance is stopped before all of them.

mod clock;

use std::collections::BTreeSet;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::idle;
use super::khz::Khz;
use super::policy::{DEFAULT_EPP, EPP, MAX, MIN, SETSPEED};
use super::processes::{Activity, Process};
use super::seen::{self, Seen};
use super::sys::{UNREADABLE, unreadable};
use super::{TuneError, cpus};

/// What the user requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The CPUs that measure; all CPUs if none is named.
    pub cpus: Vec<usize>,
    /// The frequency; the maximum non-turbo one if none is given.
    pub freq: Option<Khz>,
    /// Whether to take the other threads of their cores offline.
    pub offline_siblings: bool,
    /// Whether to stop irqbalance while the machine is tuned.
    pub stop_irqbalance: bool,
}

/// The steps in their order, and what is not possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The writes; for some of them, the value may already be right.
    pub writes: Vec<Write>,
    /// Processes that are stopped before.
    pub stops: Vec<Process>,
    /// The clocks that are measured when all is written.
    pub clocks: Vec<Clock>,
    /// Notes for the user.
    pub remarks: Vec<Remark>,
}

/// A core's clock, as it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The CPU.
    pub cpu: usize,
    /// Its policy.
    pub policy: String,
    /// The clock; `None` if it is the policy's highest one when turbo is off.
    pub khz: Option<Khz>,
}

/// One setting. It is listed even if it already has the wanted value, because other writes may
/// change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// The file.
    pub path: String,
    /// The previous value.
    pub old: String,
    /// The value to write; `None` if it is not tuned, but changes with another file, so that it
    /// has to be restored.
    pub new: Option<String>,
}

impl Write {
    /// Whether writing this file may change what another one shows: turbo changes the limits of
    /// all policies, their own boost switches and `min_perf_pct`, a governor changes its
    /// policy's preference and set speed (intel_pstate.rst, cpufreq.c), and a CPU that goes
    /// offline takes its policy with it.
    pub fn touches(&self, other: &Self) -> bool {
        self.path != other.path
            && seen::is_cpufreq(&other.path)
            && match seen::policys_file(&self.path) {
                Some((policy, _)) => {
                    seen::policys_file(&other.path).is_some_and(|(others, _)| others == policy)
                }
                None => seen::is_cpufreq(&self.path) || seen::takes_policy(&self.path, &other.path),
            }
    }

    /// Whether it is a limit, whose file shows the value in effect.
    pub fn is_limit(&self) -> bool {
        seen::policys_file(&self.path).is_some_and(|(_, name)| [MAX, MIN].contains(&name))
    }

    /// Whether a file that shows this is as it was.
    pub fn is_there(&self, now: &str) -> bool {
        self.old == now || self.is_like(&self.old, now)
    }

    /// Whether a file that shows this is as it should be.
    pub fn is_made(&self, now: &str) -> bool {
        let new = self.new.as_deref();
        new.is_some_and(|new| new == now || self.is_like(new, now))
    }

    /// A set speed is shown in the driver's steps (45 of 78741 kHz for 3.5 GHz on a P-core), and
    /// a preference without a name cannot be read.
    fn is_like(&self, value: &str, now: &str) -> bool {
        let khz = |text: &str| text.parse::<u64>().ok().map(Khz);
        match seen::policys_file(&self.path) {
            Some((_, SETSPEED)) => khz(value)
                .zip(khz(now))
                .is_some_and(|(value, now)| value.is_within_a_step_of(now)),
            Some((_, EPP)) => {
                value == DEFAULT_EPP
                    && now.starts_with(UNREADABLE)
                    && now != unreadable(Errno::BUSY)
            }
            _ => false,
        }
    }
}

/// Something that the plan cannot do, or leaves to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// What, and what to do.
    pub text: String,
    /// Whether the machine is therefore not in the requested state.
    pub incomplete: bool,
}

/// The plan for a machine.
pub fn plan(seen: &Seen, request: &Request) -> Result<Plan, TuneError> {
    seen.check_online(&request.cpus)?;
    let mut plan = Plan {
        writes: Vec::new(),
        stops: Vec::new(),
        clocks: Vec::new(),
        remarks: Vec::new(),
    };
    let leaving = leaving(seen, request, &mut plan);
    plan.place(seen);
    plan.limits(seen);
    plan.interrupts(seen, request, &leaving);
    plan.irqbalance(seen, request);
    plan.idle(seen, request, &leaving);
    for &cpu in &leaving {
        plan.write(&seen::online_file(cpu), "1", "0");
    }
    clock::plan(&mut plan, seen, request, &leaving)?;
    Ok(plan)
}

impl Request {
    /// The CPUs that measure: all that stay online, if none is named.
    pub(super) fn measuring(&self, seen: &Seen, leaving: &BTreeSet<usize>) -> Vec<usize> {
        let named = |cpu: &usize| self.cpus.is_empty() || self.cpus.contains(cpu);
        let online = seen.online.iter().copied();
        online
            .filter(|cpu| named(cpu) && !leaving.contains(cpu))
            .collect()
    }
}

/// The siblings to take offline: never one that measures, and never CPU 0, which many kernels
/// need.
fn leaving(seen: &Seen, request: &Request, plan: &mut Plan) -> BTreeSet<usize> {
    let siblings = seen.siblings_of(&request.cpus);
    if siblings.is_empty() {
        return BTreeSet::new();
    }
    let text = cpus::list(&siblings);
    if !request.offline_siblings {
        plan.remark(format!(
            "CPU {text}: on the same cores as the measuring CPUs, which slow down when anything \
             runs there; keep it idle, or take it offline with --offline-siblings"
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

    /// Records the current value, unless the file is written anyway.
    pub(super) fn remember(&mut self, path: &str, old: &str) {
        if !self.writes.iter().any(|write| write.path == path) {
            self.writes.push(Write {
                path: path.to_owned(),
                old: old.to_owned(),
                new: None,
            });
        }
    }

    pub(super) fn remark(&mut self, text: String) {
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

    /// Notes on everything that the machine makes impossible or doubtful.
    fn place(&mut self, seen: &Seen) {
        if !seen.read_only.is_empty() {
            self.lack(format!(
                "{} cannot be written: mounted read-only, as in a container; run on the host, or \
                 in a privileged container",
                seen.read_only.join(", ")
            ));
        }
        if seen.on_battery == Some(true) {
            self.remark(
                "the machine runs on battery: the firmware may lower the clock at any time; \
                 connect the charger"
                    .into(),
            );
        }
    }

    /// irqbalance moves interrupts every ten seconds, wherever they were put.
    fn irqbalance(&mut self, seen: &Seen, request: &Request) {
        let running = seen.irqbalance.iter();
        let running = running.filter(|balancer| balancer.activity == Activity::Runs);
        for balancer in running {
            if request.stop_irqbalance {
                self.stops.push(balancer.process.clone())
            } else {
                self.remark(format!(
                    "{} moves interrupts to any CPU, including the measuring ones; stop it with \
                     --stop-irqbalance",
                    balancer.process
                ))
            }
        }
    }

    /// Keeps the measuring CPUs out of the idle states that are slow to leave.
    fn idle(&mut self, seen: &Seen, request: &Request, leaving: &BTreeSet<usize>) {
        for cpu in request.measuring(seen, leaving) {
            let states = seen.idle.get(&cpu);
            if let Some((old, new)) = states.and_then(|states| states.wish()) {
                self.write(&idle::file(cpu), old, &new.to_string());
            }
        }
    }

    /// Each sample of perf, and each check of the watchdog, interrupts the measurement. The
    /// kernel refuses any rate (EINVAL) if it was configured not to limit perf's time
    /// (`perf_cpu_time_max_percent` 0 or 100, sysctl/kernel.rst).
    fn limits(&mut self, seen: &Seen) {
        let unlimited = matches!(seen.perf_cpu_percent.as_deref(), Some("0" | "100"));
        match &seen.perf_sample_rate {
            Some(rate) if !unlimited => self.write(seen::PERF_SAMPLE_RATE, rate, "1"),
            Some(_) => self.remark(format!(
                "{} is left alone, because {} lifts the limit on perf; do not run perf during the measurement",
                seen::PERF_SAMPLE_RATE,
                seen::PERF_CPU_PERCENT
            )),
            None => {}
        }
        if let Some(watchdog) = &seen.nmi_watchdog {
            self.write(seen::NMI_WATCHDOG, watchdog, "0");
        }
    }

    /// Moves interrupts to CPUs that neither measure nor go offline.
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
            self.lack("every CPU measures, so none is left for interrupts; name fewer CPUs".into());
            return;
        }
        let busy: Vec<_> = seen.online.iter().copied().filter(is_busy).collect();
        if let Some(old) = &seen.default_irq_affinity
            && let Some(new) = cpus::mask_without(old, &busy)
        {
            if new.chars().any(|c| c != '0' && c != ',') {
                self.write(seen::DEFAULT_IRQ_AFFINITY, old, &new)
            } else {
                self.lack(format!(
                    "{} contains only measuring CPUs; future interrupts will go to them",
                    seen::DEFAULT_IRQ_AFFINITY
                ))
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
