//! The cost of a program's system calls on another kernel: its crossings, as an exploration
//! counted them, times the cost of a crossing on each target of a run.
//!
//! The prediction covers the way into the kernel and back, not the work that a call does
//! inside.

use std::fmt::{self, Display, Formatter};
use std::num::NonZeroU64;

use eval::summary::{Line, Platform, Summary};
use eval::units::{Instructions, Nanoseconds};
use serde::Serialize;

use crate::Call;
use crate::lines::table;
use crate::result::Usage;

/// The cost of a program's crossings.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Budget {
    /// The number of requests that the test makes; `null`: all figures are for one run of the
    /// test.
    pub requests: Option<NonZeroU64>,
    /// Crossings for one request, or for one run of the test.
    pub crossings: f64,
    /// The same by call, the most frequent first.
    pub calls: Vec<Share>,
    /// Their cost on each target.
    pub targets: Vec<TargetBudget>,
}

/// One call's part.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// The call.
    pub call: Call,
    /// Crossings for one request, or for one run of the test.
    pub crossings: f64,
}

/// The cost of crossings on one target.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetBudget {
    /// The run, as named on the command line.
    pub run: String,
    /// The target's title.
    pub target: String,
    /// The benchmark that measured a crossing: `scall`, or `enosys` if the kernel lacks call
    /// 500; if the run did not measure that call, one of another call, which also does some work.
    pub benchmark: String,
    /// Nanoseconds for one crossing; `null` if it was not timed, or only on an emulator.
    pub crossing_ns: Option<f64>,
    /// Instructions for one crossing; `null` if they were not counted.
    pub crossing_instructions: Option<u64>,
    /// Nanoseconds for the crossings of one request, or of one run of the test.
    pub ns: Option<f64>,
    /// Instructions for the same.
    pub instructions: Option<f64>,
}

/// Computes the budget. Without `requests`, it is for one run of the test. Crossings are the
/// calls that the program made when it was ready, or all of them if it is not a server.
pub fn budget(usage: &Usage, requests: Option<NonZeroU64>, runs: &[(String, Summary)]) -> Budget {
    let serving = usage.calls.iter().any(|used| used.serving > 0);
    let divisor = requests.map_or(1.0, |requests| requests.get() as f64);
    let made = usage.calls.iter().map(|used| {
        let made = if serving { used.serving } else { used.init };
        (used.call, made)
    });
    let mut made: Vec<(Call, u64)> = made.filter(|(_, made)| *made > 0).collect();
    made.sort_by_key(|(call, made)| (std::cmp::Reverse(*made), *call));
    let total: u64 = made.iter().map(|(_, made)| made).sum();
    let crossings = total as f64 / divisor;
    let targets = runs.iter().flat_map(|(run, summary)| {
        let platforms = summary.platforms();
        platforms.filter_map(move |platform| target(run, &platform, crossings))
    });
    Budget {
        requests,
        crossings,
        calls: made
            .into_iter()
            .map(|(call, made)| Share {
                call,
                crossings: made as f64 / divisor,
            })
            .collect(),
        targets: targets.collect(),
    }
}

fn target(run: &str, platform: &Platform<'_>, crossings: f64) -> Option<TargetBudget> {
    let lines = platform.lines();
    let line = crossing(&lines)?;
    let timed = line.row.filter(|_| !platform.is_emulated());
    let ns = timed.and_then(|row| row.ns.as_ref());
    let ns = ns.map(|figures| figures.median_of_boot_medians);
    let ns = ns.map(|Nanoseconds(ns)| ns);
    let counted = line.count.and_then(|count| count.instructions);
    let counted = counted.map(|Instructions(count)| count);
    Some(TargetBudget {
        run: run.to_owned(),
        target: platform.target.info.title(),
        benchmark: line.benchmark.name().to_owned(),
        crossing_ns: ns,
        crossing_instructions: counted,
        ns: ns.map(|ns| ns * crossings),
        instructions: counted.map(|count| count as f64 * crossings),
    })
}

/// The system call that stands for a crossing: the first one in contract's table, whose calls begin
/// with the one that does nothing.
fn crossing<'l, 's>(lines: &'l [Line<'s>]) -> Option<&'l Line<'s>> {
    let calls = lines
        .iter()
        .filter(|line| line.benchmark.system_call().is_some());
    calls.min_by_key(|line| line.benchmark)
}

impl Display for Budget {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let of = match self.requests {
            Some(requests) => format!("a request (of {requests})"),
            None => "one run of the test".to_owned(),
        };
        writeln!(f, "{:.2} crossings for {of}:\n", self.crossings)?;
        let calls = self
            .calls
            .iter()
            .map(|share| vec![share.call.to_string(), format!("{:.2}", share.crossings)]);
        f.write_str(&table(&calls.collect::<Vec<_>>()))?;
        writeln!(f, "\nThe cost of these crossings, for {of}:\n")?;
        let head = [
            "target",
            "run",
            "measured",
            "ns each",
            "instr. each",
            "ns",
            "instructions",
        ];
        let mut rows = vec![head.map(ToOwned::to_owned).to_vec()];
        rows.extend(self.targets.iter().map(TargetBudget::cells));
        f.write_str(&table(&rows))?;
        f.write_str(
            "\nThe prediction covers the way into the kernel and back, not the work that a call\n\
             does inside. A kernel that lacks a required call cannot run the program.\n",
        )
    }
}

impl TargetBudget {
    fn cells(&self) -> Vec<String> {
        let time = |ns: Option<f64>| ns.map_or("-".into(), |ns| format!("{ns:.1}"));
        let each = self.crossing_instructions;
        vec![
            self.target.clone(),
            self.run.clone(),
            self.benchmark.clone(),
            time(self.crossing_ns),
            each.map_or("-".into(), |count| count.to_string()),
            time(self.ns),
            self.instructions
                .map_or("-".into(), |count| format!("{count:.1}")),
        ]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A run kept for tests: Linux by an emulator, and the host, whose kernel lacks call 500.
    fn run() -> (String, Summary) {
        let json = include_str!("../../tools/tests/golden/before/summary.json");
        let summary = eval::summary::read_json(json.as_bytes()).unwrap();
        ("before".into(), summary)
    }

    fn usage(calls: &[(&str, u64, u64)]) -> Usage {
        let calls = calls.iter().map(|(call, init, serving)| {
            let number = call.parse::<Call>().unwrap().0;
            json!({
                "call": call, "number": number, "init": init, "serving": serving,
                "origin": [], "verdict": "required", "stub": null, "fake": null,
            })
        });
        let usage = json!({
            "version": 1, "tool": "", "began": "", "ended": "", "complete": true,
            "program": {"command": [], "path": "", "sha256": "", "folder": "", "stdin": null},
            "test": {"path": null, "sha256": null, "ready": null},
            "machine": {
                "kernel": "", "arch": "x86-64", "cpus": 1, "uid": 0, "gid": 0, "accounting": "", "read_only": []
            },
            "phase": "all", "replicas": 1, "jobs": 1, "limit_s": 1.0,
            "calls": calls.collect::<Vec<_>>(), "unions": [], "foreign": {}, "runs": [],
        });
        serde_json::from_value(usage).unwrap()
    }

    #[test]
    fn crossings_are_those_of_a_request() {
        let usage = usage(&[("read", 100, 40), ("writev", 0, 10), ("openat", 7, 0)]);
        let budget = budget(&usage, NonZeroU64::new(20), &[run()]);
        assert_eq!(budget.crossings, 2.5);
        let calls: Vec<_> = budget
            .calls
            .iter()
            .map(|c| (c.call.to_string(), c.crossings))
            .collect();
        assert_eq!(
            calls,
            [("read".to_owned(), 2.0), ("writev".to_owned(), 0.5)]
        );
    }

    #[test]
    fn a_program_that_is_never_ready_pays_for_all_of_it() {
        let budget = budget(&usage(&[("read", 3, 0)]), None, &[]);
        assert_eq!((budget.crossings, budget.requests), (3.0, None));
    }

    #[test]
    fn an_emulators_time_is_not_used_and_its_counts_are() {
        let budget = budget(&usage(&[("read", 0, 2)]), None, &[run()]);
        assert!(!budget.targets.is_empty());
        let host = budget
            .targets
            .iter()
            .find(|target| target.benchmark == "enosys")
            .unwrap();
        let each = host.crossing_ns.unwrap();
        assert!((host.ns.unwrap() - 2.0 * each).abs() < 1e-9, "{host:?}");
        let emulated = budget
            .targets
            .iter()
            .filter(|target| target.target.contains("guest"));
        for target in emulated {
            assert_eq!((target.crossing_ns, target.ns), (None, None), "{target:?}");
            let counted = target.crossing_instructions.map(|count| 2.0 * count as f64);
            assert_eq!(target.instructions, counted);
        }
        let text = budget.to_string();
        assert!(
            text.contains("2.00 crossings for one run of the test"),
            "{text}"
        );
        assert!(
            text.contains("The prediction covers the way into the kernel and back"),
            "{text}"
        );
    }
}
