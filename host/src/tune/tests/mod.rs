//! Machines of `crate::fake` under a kernel of our own.

mod balancer;
mod clocks;
mod foreign;
mod held;
mod kills;
mod offline;
mod plans;
mod refusals;
mod trust;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tempfile::TempDir;

use super::fake::{Fake, Killed, Moment};
use super::journal::JournalFolder;
use super::khz::Khz;
use super::plan::Request;
use super::{Outcome, TuneError, Undone, start, stop};
use crate::tool::Tool;

/// The machines that these tests go through: one for each way in which a kernel behaves.
const TREES: [&str; 13] = [
    "intel-pstate-active",
    "intel-pstate-passive",
    "intel-pstate-without-hwp",
    "intel-pstate-passive-without-hwp",
    "intel-hybrid-passive",
    "acpi-cpufreq-intel",
    "acpi-cpufreq-amd",
    "amd-pstate-active",
    "amd-pstate-passive",
    "amd-pstate-guided",
    "cppc",
    "kvm-guest",
    "laptop",
];

/// Those on which every write is once the last one before a kill.
const KILLED: [&str; 7] = [
    "intel-pstate-active",
    "intel-hybrid-passive",
    "acpi-cpufreq-amd",
    "amd-pstate-active",
    "amd-pstate-guided",
    "cppc",
    "laptop",
];

fn tree(name: &str) -> Fake {
    Fake::new(crate::fake::files(name))
}

/// Asked for on every tree: everything, one CPU, and one CPU with its core to itself.
fn requests() -> [Request; 3] {
    let one = Request {
        cpus: vec![1],
        ..Request::default()
    };
    let alone = Request {
        offline_siblings: true,
        ..one.clone()
    };
    [Request::default(), one, alone]
}

const TOOL: Tool = Tool {
    version: "0.0.0 (test)",
    compiler: "rustc 0.0.0",
};

/// A folder for the journal, and the machine.
struct Bench {
    fake: Fake,
    folder: JournalFolder,
    _temporary: TempDir,
}

impl Bench {
    fn new(fake: Fake) -> Self {
        // In memory if possible, because thousands of journals are flushed.
        let in_memory = TempDir::new_in("/dev/shm");
        let temporary = in_memory.or_else(|_| TempDir::new()).unwrap();
        Self {
            fake,
            folder: JournalFolder::below(temporary.path()),
            _temporary: temporary,
        }
    }

    fn apply(&self, request: &Request) -> Outcome {
        self.start(request).unwrap()
    }

    fn start(&self, request: &Request) -> Result<Outcome, TuneError> {
        self.folder.lock()?;
        start(&self.fake, &self.folder, request, TOOL, &|_| {})
    }

    fn restore(&self) -> Undone {
        stop(&self.fake, &self.folder).unwrap()
    }

    /// Whether that was ended by a kill.
    fn killed(&self, work: impl FnOnce()) -> bool {
        let result = catch_unwind(AssertUnwindSafe(work));
        self.fake.spare();
        match result {
            Ok(()) => false,
            Err(panic) if panic.is::<Killed>() => true,
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// Everything is as it was.
#[track_caller]
fn same(fake: &Fake, before: &BTreeMap<String, String>, context: &str) {
    let after = fake.shown();
    let differs = before
        .iter()
        .filter(|(path, was)| after.get(*path) != Some(was));
    let differs: Vec<_> = differs
        .map(|(path, was)| (path, was, after.get(path)))
        .collect();
    assert!(differs.is_empty(), "{context}: {differs:#?}");
}

#[test]
fn every_setting_can_be_made_and_put_back() {
    for name in TREES {
        for request in requests() {
            let bench = Bench::new(tree(name));
            let before = bench.fake.shown();
            let outcome = bench.apply(&request);
            for setting in &outcome.settings {
                assert!(setting.made, "{name}: {setting:?}");
            }
            assert!(bench.folder.header().unwrap().is_some());
            let undone = bench.restore();
            assert!(undone.is_complete(), "{name}");
            same(&bench.fake, &before, &format!("{name} {request:?}"));
            assert!(bench.folder.header().unwrap().is_none());
        }
    }
}

#[test]
fn limits_never_cross_on_either_way() {
    let bench = Bench::new(tree("intel-pstate-active"));
    let policy = "/sys/devices/system/cpu/cpufreq/policy0";
    bench
        .fake
        .set(&format!("{policy}/scaling_min_freq"), "4000000");
    let before = bench.fake.shown();
    let request = Request {
        freq: Some(Khz(1_000_000)),
        ..Request::default()
    };
    // The fake refuses a minimum above the maximum, as older kernels do.
    assert!(bench.apply(&request).is_complete());
    assert!(bench.restore().is_complete());
    same(&bench.fake, &before, "");
}

#[test]
fn restore_goes_the_way_back() {
    for name in [
        "intel-pstate-active",
        "intel-pstate-passive",
        "acpi-cpufreq-amd",
    ] {
        let bench = Bench::new(tree(name));
        bench.apply(&requests()[2]);
        let there = bench.fake.written();
        bench.restore();
        let back: Vec<_> = bench.fake.written().into_iter().skip(there.len()).collect();
        // The set speed goes with its governor.
        let mut expected: Vec<_> = there
            .into_iter()
            .filter(|p| !p.ends_with("setspeed"))
            .collect();
        expected.reverse();
        // What a CPU has lost that was offline comes last.
        assert!(back.starts_with(&expected), "{name}: {back:#?}");
    }
}
