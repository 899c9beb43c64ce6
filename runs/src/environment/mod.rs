//! Where a run was made: the facts of its manifest and of its guests, by side and name, and the
//! differences between two runs.

mod diff;
mod why;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

pub use self::diff::{Comparison, Difference, compare};
pub use self::why::why;
use crate::run::{Guests, Manifest, TargetId};
use host::doctor::Course;
use host::kvm;
use host::machine::Machine;
use host::measuring_cpus::BrokenRule;
use host::tune::By;

/// The subject of the facts, in the order in which they are shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// What was run.
    Experiment,
    /// The machine.
    Host,
    /// How a target was booted.
    Target(String),
    /// What a target's kernel reported about itself.
    Guest(String),
    /// What changes from minute to minute.
    Passing,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Experiment => f.write_str("experiment"),
            Self::Host => f.write_str("host"),
            Self::Target(name) => write!(f, "target {name}"),
            Self::Guest(name) => write!(f, "guest {name}"),
            Self::Passing => f.write_str("passing"),
        }
    }
}

impl Serialize for Side {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Facts by name.
pub type Facts = BTreeMap<String, String>;

/// All facts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// By side.
    pub sides: BTreeMap<Side, Facts>,
    /// Whether the guests' facts are among them.
    pub has_guests: bool,
}

impl Environment {
    /// The facts of a run, with those of its guests if they are known.
    pub fn of(manifest: &Manifest, guests: Option<&Guests>) -> Self {
        let mut sides = BTreeMap::from([
            (Side::Experiment, experiment(manifest)),
            (Side::Host, host_in(manifest)),
            (Side::Passing, passing(manifest)),
        ]);
        for id in &manifest.targets {
            sides.insert(Side::Target(id.name.clone()), target(id));
        }
        for (name, guest) in guests.iter().flat_map(|guests| &guests.targets) {
            let mut facts = guest.same.clone();
            facts.extend(guest.different.iter().map(|(name, values)| {
                let values = values.iter();
                let values: Vec<_> = values
                    .map(|(value, boots)| match boots.len() {
                        1 => format!("{value} in 1 boot"),
                        boots => format!("{value} in {boots} boots"),
                    })
                    .collect();
                (name.clone(), values.join("; "))
            }));
            sides.insert(Side::Guest(name.clone()), facts);
        }
        Self {
            sides,
            has_guests: guests.is_some(),
        }
    }
}

fn experiment(manifest: &Manifest) -> Facts {
    let tuned = match &manifest.tune {
        Some(tuning) if tuning.by == By::Apply => "yes, by tollgate tune apply",
        // As earlier versions did.
        Some(tuning) if tuning.cpu_dma_latency_us == Some(0) => "yes, without idle states",
        Some(_) => "yes",
        None => "no",
    };
    facts([
        ("tuned", tuned.to_owned()),
        ("experiment", manifest.experiment.clone()),
        ("experiment.sha256", manifest.experiment_sha256.clone()),
        ("program.sha256", manifest.program.file.sha256.clone()),
        ("tollgate", manifest.tool.clone()),
    ])
}

/// The machine, and what happened to it while boots were made.
fn host_in(manifest: &Manifest) -> Facts {
    let mut host = host(&manifest.machine);
    host.extend(courses(&manifest.courses));
    host
}

/// In so few steps that two undisturbed runs are alike.
fn courses(courses: &[Course]) -> Facts {
    let sum = |count: fn(&Course) -> Option<u64>| {
        let counts = courses.iter().filter_map(count);
        counts.reduce(u64::saturating_add).map(|all| match all {
            0 => "never".to_owned(),
            all => format!("{all} times"),
        })
    };
    let stolen = courses.iter().filter_map(|course| course.stolen);
    let stolen = stolen.reduce(f64::max).map(|share| match share {
        _ if share < 0.01 => "less than 1 %".to_owned(),
        _ => format!("{:.0} %", 1e2 * share),
    });
    let messages = courses
        .iter()
        .filter_map(|course| course.kernel_messages.as_ref());
    let messages = messages.flatten().cloned().collect::<Vec<_>>().join("; ");
    let facts = [
        ("run.throttled", sum(|course| course.throttled)),
        ("run.group_throttled", sum(|course| course.group_throttled)),
        ("run.stolen", stolen),
        (
            "run.kernel_messages",
            (!messages.is_empty()).then_some(messages),
        ),
    ];
    let facts = facts.into_iter();
    facts
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

fn host(machine: &Machine) -> Facts {
    let mut host = facts([
        ("kvm", kvm::kind(&machine.kvm)),
        // Measurements of the same counter differ by a few millionths.
        ("tsc.mhz", format!("{:.0}", machine.tsc.hz() / 1e6)),
        (
            "hypervisor",
            machine.hypervisor.clone().unwrap_or_else(|| "none".into()),
        ),
    ]);
    host.extend(machine.hardware.clone());
    host.extend(machine.software.clone());
    host.extend(prefixed("cpu", &machine.cpu));
    host.extend(prefixed("vulnerability", &machine.vulnerabilities));
    host.extend(prefixed("setting", &machine.settings));
    host.extend(prefixed("parameter", &machine.kvm_parameters));
    host.extend(prefixed("state", &machine.state));
    // What the kernel calibrates at each start.
    host.remove("cpu.bogomips");
    host
}

fn target(id: &TargetId) -> Facts {
    let image = id.image.as_ref().map(|image| image.sha256.as_str());
    let pin: Vec<_> = id.pin.iter().map(usize::to_string).collect();
    let mut target = facts([
        ("engine", id.engine.name.to_string()),
        ("engine.version", id.engine.version.clone()),
        ("engine.emulated", id.engine.emulated.to_string()),
        ("method", id.method.clone()),
        ("image.sha256", image.unwrap_or("none").to_owned()),
        ("cmdline", id.cmdline.clone()),
        ("memory_mib", id.memory_mib.to_string()),
        ("vcpus", id.cpus.to_string()),
        ("pin", pin.join(",")),
    ]);
    if let Some(by) = id.pinned_by {
        target.insert("pin.by".into(), by.to_string());
    }
    let breaks = |rule: &&BrokenRule| !rule.is_passing();
    let breaks: Vec<_> = id
        .pin_breaks
        .iter()
        .filter(breaks)
        .map(BrokenRule::to_string)
        .collect();
    if !breaks.is_empty() {
        target.insert("pin.breaks".into(), breaks.join("; "));
    }
    if id.missing.is_some() {
        target = facts([("image.sha256", "missing".into())]);
    }
    target
}

fn passing(manifest: &Manifest) -> Facts {
    let machine = &manifest.machine;
    let mut passing = facts([
        ("started", manifest.started.to_string()),
        ("seed", manifest.seed.to_string()),
        ("tsc.measured_hz", machine.tsc.measured_hz.to_string()),
    ]);
    passing.extend(machine.passing.clone());
    for (number, course) in manifest.courses.iter().enumerate() {
        let figures = [("celsius", course.celsius), ("core_mhz", course.core_mhz)];
        for (name, figure) in figures {
            if let Some([before, after]) = figure {
                let value = format!("{before:.1} to {after:.1}");
                passing.insert(format!("course.{number}.{name}"), value);
            }
        }
    }
    for finding in &manifest.doctor.findings {
        passing.insert(
            format!("doctor.{}", finding.check),
            finding.state.to_string(),
        );
    }
    if let Some(noise) = &manifest.doctor.noise {
        passing.insert("doctor.noise.lost".into(), noise.lost.to_string());
    }
    passing
}

fn facts<const N: usize>(facts: [(&str, String); N]) -> Facts {
    facts.map(|(name, value)| (name.to_owned(), value)).into()
}

fn prefixed(prefix: &str, facts: &Facts) -> Facts {
    let facts = facts.iter();
    facts
        .map(|(name, value)| (format!("{prefix}.{name}"), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::tool::Tool;
    use host::tree::Tree;

    #[test]
    fn what_happened_during_a_run_is_told_in_few_steps() {
        let course = |throttled, stolen| Course {
            seconds: 60.0,
            throttled,
            group_throttled: None,
            stolen,
            smis: None,
            celsius: None,
            core_mhz: None,
            kernel_messages: Some(vec![]),
        };
        let facts = courses(&[course(Some(0), Some(0.004)), course(Some(3), Some(0.0))]);
        let expected = [
            ("run.stolen", "less than 1 %"),
            ("run.throttled", "3 times"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(facts, Facts::from(expected.clone()));
        assert!(courses(&[]).is_empty());
        for (name, _) in expected {
            assert!(why(&name).1.is_some(), "{name}");
        }
    }

    #[test]
    fn every_fact_of_this_machine_has_a_reason_to_be_compared() {
        let tool = Tool {
            version: "0.0.0 (test)",
            compiler: "rustc 0.0.0",
        };
        for name in host(&Machine::read(&Tree::default(), tool)).keys() {
            assert!(why(name).1.is_some(), "{name}");
        }
    }
}
