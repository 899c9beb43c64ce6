//! Records what happened to the machine during a whole run.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use eval::verdict::{Finding, State};

use super::activity::messages::Messages;
use super::activity::{Activity, Snapshot};
use super::host::power::Power;
use crate::core_clock;
use crate::tree::Tree;

/// What happened during the boots. Values that the machine does not show are `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Course {
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How often the measuring CPUs slowed down for heat.
    pub throttled: Option<u64>,
    /// How often this process's control groups had used up their limit.
    pub group_throttled: Option<u64>,
    /// The greatest share of a measuring CPU's time that a hypervisor took, from 0 to 1.
    pub stolen: Option<f64>,
    /// How often the firmware took the first measuring CPU away.
    pub smis: Option<u64>,
    /// The processor's temperature before and after, in degrees Celsius.
    pub celsius: Option<[f64; 2]>,
    /// The first measuring core's clock before and after, in MHz.
    pub core_mhz: Option<[f64; 2]>,
    /// Warnings of the kernel, the first of them.
    pub kernel_messages: Option<Vec<String>>,
}

/// The checks of what happened during a run; docs/DOCTOR.md describes each under its name.
pub const CHECKS: [&str; 7] = [
    "run-throttling",
    "run-temperature",
    "run-core-clock",
    "run-control-group",
    "run-steal",
    "run-smi",
    "run-kernel-messages",
];

/// A processor that became this much warmer, in degrees Celsius, boosts and leaks differently.
const WARMER: f64 = 10.0;
/// A clock that changed by more than this share is another clock.
const CLOCK: f64 = 1e-2;
/// As for the noise test: shares of the time.
const STEAL_WARNING: f64 = 1e-3;
const STEAL_UNFIT: f64 = 1e-2;

/// The findings of these courses that affect a run's numbers, without anything that the machine
/// does not show.
pub fn findings(courses: &[Course]) -> Vec<Finding> {
    let sum = |count: fn(&Course) -> Option<u64>| {
        let counts = courses.iter().filter_map(count);
        counts.reduce(u64::saturating_add)
    };
    let found = [
        sum(|course| course.throttled).map(throttling),
        changed(courses, |course| course.celsius).map(temperature),
        changed(courses, |course| course.core_mhz).map(core_clock),
        sum(|course| course.group_throttled).map(control_group),
        stolen(courses).map(steal),
        sum(|course| course.smis).map(smi),
        messages(courses),
    ];
    let found = CHECKS.into_iter().zip(found);
    found
        .filter_map(|(check, found)| {
            let (state, what) = found?;
            Some(Finding::new(check, state, what))
        })
        .collect()
}

type Found = (State, String);

fn throttling(times: u64) -> Found {
    match times {
        0 => (State::Ok, "no measuring core slowed down for heat".into()),
        _ => (
            State::Unfit,
            format!("measuring cores slowed down for heat {times} times while boots were made"),
        ),
    }
}

/// The pair that differs most.
fn changed(courses: &[Course], pair: fn(&Course) -> Option<[f64; 2]>) -> Option<[f64; 2]> {
    let apart = |[before, after]: &[f64; 2]| (after - before).abs();
    let pairs = courses.iter().filter_map(pair);
    pairs.max_by(|a, b| apart(a).total_cmp(&apart(b)))
}

fn temperature([before, after]: [f64; 2]) -> Found {
    let what = format!("the processor went from {before:.0} °C to {after:.0} °C");
    if (after - before).abs() > WARMER {
        let what = format!("{what}: first and last boots ran under different conditions");
        (State::Warning, what)
    } else {
        (State::Ok, what)
    }
}

fn core_clock([before, after]: [f64; 2]) -> Found {
    let what = format!("the first measuring core went from {before:.0} MHz to {after:.0} MHz");
    if before > 0.0 && (after / before - 1.0).abs() > CLOCK {
        (State::Warning, what)
    } else {
        (State::Ok, what)
    }
}

fn control_group(times: u64) -> Found {
    match times {
        0 => (State::Ok, "no control group had to wait".into()),
        _ => (
            State::Unfit,
            format!("the control group used up its CPU time and had to wait {times} times"),
        ),
    }
}

fn stolen(courses: &[Course]) -> Option<f64> {
    let shares = courses.iter().filter_map(|course| course.stolen);
    shares.reduce(f64::max)
}

fn steal(share: f64) -> Found {
    let state = match share {
        _ if share > STEAL_UNFIT => State::Unfit,
        _ if share > STEAL_WARNING => State::Warning,
        _ => State::Ok,
    };
    let what = format!(
        "the hypervisor took {:.2} % of a measuring CPU's time",
        1e2 * share
    );
    (state, what)
}

fn smi(times: u64) -> Found {
    match times {
        0 => (State::Ok, "the firmware took no CPU away".into()),
        _ => (
            State::Warning,
            format!("the firmware took a CPU away {times} times (SMI)"),
        ),
    }
}

fn messages(courses: &[Course]) -> Option<Found> {
    let all = courses
        .iter()
        .filter_map(|course| course.kernel_messages.as_ref());
    let all = all.cloned().reduce(|all, more| [all, more].concat())?;
    Some(match all.as_slice() {
        [] => (State::Ok, "the kernel had no warning".into()),
        all => (
            State::Warning,
            format!("the kernel said: {}", all.join("; ")),
        ),
    })
}

/// How many warnings are kept.
const MOST: usize = 20;

/// The beginning of a [`Course`].
#[derive(Debug)]
pub struct Beginning {
    tree: Tree,
    cpus: Vec<usize>,
    time: Instant,
    celsius: Option<f64>,
    core_mhz: Option<f64>,
    snapshot: Snapshot,
    messages: Messages,
}

impl Beginning {
    /// Looks at the machine before boots are made on these CPUs.
    pub fn now(tree: &Tree, cpus: &[usize]) -> Self {
        Self {
            celsius: celsius(tree),
            core_mhz: core_mhz(cpus),
            messages: Messages::listen(tree),
            snapshot: Snapshot::take(tree, cpus),
            time: Instant::now(),
            cpus: cpus.to_vec(),
            tree: tree.clone(),
        }
    }

    /// Looks again afterwards.
    pub fn end(self) -> Course {
        let seconds = self.time.elapsed().as_secs_f64();
        let after = Snapshot::take(&self.tree, &self.cpus);
        let activity = Activity::between(&self.snapshot, &after).unwrap_or_default();
        let stolen = self.cpus.iter().filter_map(|cpu| activity.steal.get(cpu));
        let mut messages = self.messages.warnings();
        if let Some(messages) = &mut messages {
            messages.truncate(MOST);
        }
        let pair = |before: Option<f64>, after: Option<f64>| Some([before?, after?]);
        Course {
            seconds,
            throttled: activity.throttled,
            group_throttled: activity.group_throttled,
            stolen: stolen.copied().reduce(f64::max),
            smis: activity.smis,
            celsius: pair(self.celsius, celsius(&self.tree)),
            core_mhz: pair(self.core_mhz, core_mhz(&self.cpus)),
            kernel_messages: messages,
        }
    }
}

fn celsius(tree: &Tree) -> Option<f64> {
    Some(Power::read(tree).heat?.celsius)
}

fn core_mhz(cpus: &[usize]) -> Option<f64> {
    let clock = core_clock::measure(*cpus.first()?).ok()?;
    Some(clock.median().0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpus;

    fn undisturbed() -> Course {
        Course {
            seconds: 60.0,
            throttled: Some(0),
            group_throttled: Some(0),
            stolen: Some(0.0004),
            smis: Some(0),
            celsius: Some([45.0, 52.0]),
            core_mhz: Some([3600.0, 3601.0]),
            kernel_messages: Some(vec![]),
        }
    }

    /// The findings that are not as they should be.
    fn alarms(courses: &[Course]) -> Vec<(String, State)> {
        let findings = findings(courses).into_iter();
        let findings = findings.filter(|finding| finding.state != State::Ok);
        findings.map(|one| (one.check, one.state)).collect()
    }

    #[test]
    fn a_quiet_course_has_a_finding_for_everything_and_no_alarm() {
        let found = findings(&[undisturbed()]);
        let names: Vec<_> = found.iter().map(|one| one.check.as_str()).collect();
        assert_eq!(names, CHECKS);
        assert!(alarms(&[undisturbed()]).is_empty());
        assert!(findings(&[]).is_empty());
    }

    #[test]
    fn what_the_machine_does_not_show_has_no_finding() {
        let silent = Course {
            throttled: None,
            group_throttled: None,
            stolen: None,
            smis: None,
            celsius: None,
            core_mhz: None,
            kernel_messages: None,
            ..undisturbed()
        };
        assert!(findings(&[silent]).is_empty());
    }

    #[test]
    fn everything_that_happened_in_any_course_is_said() {
        type Spoil = fn(&mut Course);
        let cases: [(Spoil, &str, State); 8] = [
            (|c| c.throttled = Some(3), "run-throttling", State::Unfit),
            (
                |c| c.celsius = Some([45.0, 71.0]),
                "run-temperature",
                State::Warning,
            ),
            (
                |c| c.core_mhz = Some([3600.0, 2900.0]),
                "run-core-clock",
                State::Warning,
            ),
            (
                |c| c.group_throttled = Some(1),
                "run-control-group",
                State::Unfit,
            ),
            (|c| c.stolen = Some(0.004), "run-steal", State::Warning),
            (|c| c.stolen = Some(0.04), "run-steal", State::Unfit),
            (|c| c.smis = Some(2), "run-smi", State::Warning),
            (
                |c| c.kernel_messages = Some(vec!["mce: hot".into()]),
                "run-kernel-messages",
                State::Warning,
            ),
        ];
        for (spoil, check, state) in cases {
            let mut course = undisturbed();
            spoil(&mut course);
            let expected = [(check.to_owned(), state)];
            assert_eq!(alarms(&[undisturbed(), course.clone()]), expected);
            assert_eq!(alarms(&[course, undisturbed()]), expected);
        }
    }

    #[test]
    fn every_check_of_a_run_is_described_in_the_documents() {
        let document = include_str!("../../../docs/DOCTOR.md");
        for check in CHECKS {
            assert!(document.contains(&format!("| `{check}` |")), "{check}");
        }
    }

    /// A machine whose counters grow between the two looks.
    #[test]
    fn a_machine_that_throttles_meanwhile_is_seen() {
        let root = crate::fake::tree("intel-pstate-active");
        let tree = Tree::at(root.path());
        let set = |path: &str, text: &str| std::fs::write(tree.place(path), text).unwrap();
        set("/proc/stat", "cpu3 100 0 0 900 0 0 0 0 0 0\n");
        let beginning = Beginning::now(&tree, &[3]);
        set("/proc/stat", "cpu3 180 0 0 1000 0 0 0 20 0 0\n");
        set(
            "/sys/devices/system/cpu/cpu3/thermal_throttle/core_throttle_count",
            "7\n",
        );
        set("/sys/class/hwmon/hwmon1/temp1_input", "83000\n");
        set(
            "/sys/fs/cgroup/user.slice/cpu.stat",
            "nr_periods 9\nnr_throttled 4\n",
        );
        let course = beginning.end();
        assert_eq!(course.throttled, Some(7));
        assert_eq!(course.group_throttled, Some(4));
        assert_eq!(course.stolen, Some(0.1));
        assert_eq!(course.celsius, Some([38.0, 83.0]));
        let alarms = alarms(&[course]);
        for check in [
            "run-throttling",
            "run-temperature",
            "run-control-group",
            "run-steal",
        ] {
            assert!(
                alarms.iter().any(|(name, _)| name == check),
                "{check}: {alarms:?}"
            );
        }
    }

    #[test]
    fn a_course_has_a_beginning_and_an_end() {
        let tree = Tree::default();
        let course = Beginning::now(&tree, &cpus::allowed()[..1]).end();
        assert!(course.seconds >= 0.0);
        if let Some(stolen) = course.stolen {
            assert!((0.0..=1.0).contains(&stolen), "{course:?}");
        }
        let text = serde_json::to_string(&course).unwrap();
        assert_eq!(serde_json::from_str::<Course>(&text).unwrap(), course);
    }
}
