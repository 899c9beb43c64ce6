//! What else differs between two runs, apart from what is compared.
//!
//! With another machine, engine, method or program, a ratio says nothing about the targets, so
//! the comparison is refused unless the user names the difference. A different image or command
//! line is what comparisons are made for, and a different setting may be: those are reported as
//! warnings, for the reader to judge.

use eval::Method;
use eval::compare::is_same_frequency;
use eval::units::TscHz;

use crate::environment::{self, Environment, Side};
use crate::run::{Manifest, TargetId};

/// Differences that prevent a comparison unless they are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Despite {
    /// Another processor, or another frequency of the counter.
    Machine,
    /// Another engine.
    Engine,
    /// Another method.
    Method,
    /// Another benchmark program.
    Program,
}

impl Despite {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Engine => "engine",
            Self::Method => "method",
            Self::Program => "program",
        }
    }
}

/// The differences.
pub struct Differences {
    /// Differences for which the comparison is refused, with the reason.
    pub grave: Vec<(Despite, String)>,
    /// Everything else, one line each.
    others: Vec<String>,
}

/// How many differences of the environment are listed; `diff-env` lists all.
const TOLD: usize = 8;

impl Differences {
    pub fn of(before: &Manifest, after: &Manifest) -> Self {
        let mut grave = Vec::new();
        grave.extend(machine(before, after).map(|why| (Despite::Machine, why)));
        if before.program.file.sha256 != after.program.file.sha256 {
            let why = "the benchmark program differs".to_owned();
            grave.push((Despite::Program, why));
        }
        let pairs = || {
            before
                .targets
                .iter()
                .filter_map(|a| Some((a, other(a, after)?)))
        };
        for (what, differs) in [
            (Despite::Engine, engine as Differs),
            (Despite::Method, method),
        ] {
            let targets: Vec<_> = pairs()
                .filter_map(|(a, b)| Some(format!("{} ({})", a.name, differs(a, b)?)))
                .collect();
            if !targets.is_empty() {
                let why = format!("the {} differs on {}", what.name(), targets.join(", "));
                grave.push((what, why));
            }
        }
        Self {
            grave,
            others: others(before, after),
        }
    }

    /// Differences apart from the instructions that two runs counted. Counts are the same on
    /// every machine and with every program, but not on every emulated processor.
    pub fn of_counts(before: &Manifest, after: &Manifest) -> Self {
        let pairs = before.targets.iter();
        let pairs = pairs.filter(|target| target.method == Method::Exact.name());
        let pairs: Vec<_> = pairs.filter_map(|a| Some((a, other(a, after)?))).collect();
        let differing = |differs: Differs| {
            let targets = pairs
                .iter()
                .filter_map(|(a, b)| Some(format!("{} ({})", a.name, differs(a, b)?)));
            targets.collect::<Vec<_>>().join(", ")
        };
        let mut grave = Vec::new();
        let models = differing(model);
        if !models.is_empty() {
            let why = format!("the emulated processor differs on {models}");
            grave.push((Despite::Engine, why));
        }
        let mut others = Vec::new();
        let compared: [(_, Differs); 3] = [
            ("engine's version", version),
            ("image", image),
            ("command line", cmdline),
        ];
        for (what, differs) in compared {
            let targets = differing(differs);
            if !targets.is_empty() {
                others.push(format!("the {what} differs on {targets}"));
            }
        }
        Self { grave, others }
    }

    /// All of it, starting with what was refused but requested.
    pub fn warnings(&self) -> Vec<String> {
        let grave = self.grave.iter().map(|(_, why)| why.clone());
        grave.chain(self.others.clone()).collect()
    }
}

/// The difference between a target's two descriptions, if there is one.
type Differs = fn(&TargetId, &TargetId) -> Option<String>;

fn other<'a>(target: &TargetId, run: &'a Manifest) -> Option<&'a TargetId> {
    run.targets.iter().find(|other| other.name == target.name)
}

fn machine(before: &Manifest, after: &Manifest) -> Option<String> {
    let (a, b) = (&before.machine, &after.machine);
    let identity = ["model name", "cpu family", "model", "stepping"];
    let differs = identity
        .into_iter()
        .find(|name| a.cpu.get(*name) != b.cpu.get(*name));
    if let Some(name) = differs {
        let value = |cpu: &std::collections::BTreeMap<String, String>| {
            cpu.get(name).map_or("unknown".to_owned(), Clone::clone)
        };
        return Some(format!(
            "the machines differ: the processor's {name} is {:?} and {:?}",
            value(&a.cpu),
            value(&b.cpu)
        ));
    }
    let (hz, other) = (a.tsc.hz(), b.tsc.hz());
    (!is_same_frequency(TscHz(hz), TscHz(other))).then(|| {
        format!(
            "the machines differ: the time stamp counter runs at {:.1} and {:.1} MHz",
            hz / 1e6,
            other / 1e6
        )
    })
}

fn engine(a: &TargetId, b: &TargetId) -> Option<String> {
    let name = |target: &TargetId| {
        let emulated = if target.engine.emulated {
            ", emulated"
        } else {
            ""
        };
        format!("{}{emulated}", target.engine.name)
    };
    (name(a) != name(b)).then(|| format!("{} and {}", name(a), name(b)))
}

fn model(a: &TargetId, b: &TargetId) -> Option<String> {
    let name = |target: &TargetId| target.engine.cpu_model.clone();
    let words = |name: Option<String>| name.unwrap_or_else(|| "the host's".into());
    (name(a) != name(b)).then(|| format!("{} and {}", words(name(a)), words(name(b))))
}

fn version(a: &TargetId, b: &TargetId) -> Option<String> {
    let (ours, theirs) = (&a.engine.version, &b.engine.version);
    (ours != theirs).then(|| format!("{ours:?} and {theirs:?}"))
}

fn image(a: &TargetId, b: &TargetId) -> Option<String> {
    let hash = |target: &TargetId| target.image.as_ref().map(|image| image.sha256.clone());
    let short = |hash: Option<String>| {
        hash.unwrap_or_default()
            .chars()
            .take(12)
            .collect::<String>()
    };
    (hash(a) != hash(b)).then(|| format!("{} and {}", short(hash(a)), short(hash(b))))
}

fn cmdline(a: &TargetId, b: &TargetId) -> Option<String> {
    (a.cmdline != b.cmdline).then(|| format!("{:?} and {:?}", a.cmdline, b.cmdline))
}

fn method(a: &TargetId, b: &TargetId) -> Option<String> {
    (a.method != b.method).then(|| format!("{} and {}", a.method, b.method))
}

/// Further differences between the environments. What a kernel reports about itself may differ
/// with every image, and is left to `diff-env`.
fn others(before: &Manifest, after: &Manifest) -> Vec<String> {
    let [a, b] = [before, after].map(|manifest| Environment::of(manifest, None));
    let all = environment::compare(&a, &b).differences;
    let is_known = |name: &str| {
        [
            "engine",
            "method",
            "program.sha256",
            "experiment.sha256",
            "tsc.mhz",
        ]
        .contains(&name)
            || name.starts_with("cpu.model")
    };
    let told = all.iter().filter(|d| !is_known(&d.name));
    let line = |d: &environment::Difference| {
        let side = match &d.side {
            Side::Experiment | Side::Passing => String::new(),
            side => format!("{side}: "),
        };
        format!(
            "{side}{} differs: {:?} and {:?}",
            d.name,
            different_words(d.a.as_deref(), d.b.as_deref()),
            different_words(d.b.as_deref(), d.a.as_deref())
        )
    };
    let mut lines: Vec<_> = told.clone().take(TOLD).map(line).collect();
    let more = told.count().saturating_sub(TOLD);
    if more > 0 {
        lines.push(format!("{more} more differences: run tollgate diff-env"));
    }
    for (when, manifest) in [("first", before), ("second", after)] {
        if !manifest.verdict().fit {
            lines.push(format!(
                "the machine was unfit for measuring in the {when} run"
            ));
        }
    }
    lines
}

/// A value, of which a long one shows only the words that the other one lacks: command lines
/// and lists of features differ in few of theirs.
fn different_words(value: Option<&str>, other: Option<&str>) -> String {
    const LONG: usize = 40;
    let (value, other) = (value.unwrap_or("nothing"), other.unwrap_or("nothing"));
    if value.len() <= LONG {
        return value.to_owned();
    }
    let theirs: Vec<_> = other.split_whitespace().collect();
    let own: Vec<_> = value
        .split_whitespace()
        .filter(|word| !theirs.contains(word))
        .collect();
    if own.is_empty() {
        "…".to_owned()
    } else {
        format!("… {} …", own.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_shows_the_words_that_the_other_lacks() {
        let line = "console=ttyS0 quiet reboot=k panic=-1 -- method=precise rounds=2";
        let off = line.replace("panic=-1", "panic=-1 mitigations=off");
        assert_eq!(
            different_words(Some(&off), Some(line)),
            "… mitigations=off …"
        );
        assert_eq!(different_words(Some(line), Some(&off)), "…");
        assert_eq!(different_words(Some("6.12"), None), "6.12");
        assert_eq!(different_words(None, Some(line)), "nothing");
    }
}
