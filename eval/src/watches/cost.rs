//! What a watch adds: watched minus the mean of the unwatched batches before and after it, in
//! each boot.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Watch, WatchProgram, WatchRuns, WatchState};
use serde::{Deserialize, Serialize};

use super::{RunWatch, Unit, words};
use crate::stats::{bootstrap, median_of};
use crate::units::{Nanoseconds, Ticks, TscHz, nanoseconds};

/// A slope's remainder: the counter's readings may be off by one at either end of a batch.
const REMAINDER: f64 = 0.25;
/// The share of a state's slopes that have to be equal for a count.
const MOST: f64 = 0.5;
/// Unwatched values that differ by more than this share belong to two modes of the machine.
const TWO_MODES: f64 = 0.05;

/// What something adds to one operation.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// In the target's unit; a whole number of instructions, or the median over boots.
    pub each: f64,
    /// The ends of its 95 % interval over boots; instructions have none, because all boots
    /// have to agree.
    pub interval: Option<(f64, f64)>,
}

/// One row: a watch of one target.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchCost {
    /// How the site is watched.
    pub kind: String,
    /// What is watched.
    pub site: String,
    /// What runs there.
    pub program: String,
    /// What was timed.
    pub operation: String,
    /// Boots in which it was carried out.
    pub boots: u32,
    /// One operation without the watch.
    pub unwatched: Option<f64>,
    /// What the watch adds.
    pub added: Option<Cost>,
    /// What statistics of BPF programs add to that.
    pub statistics: Option<Cost>,
    /// What the idle holder adds: the same program and maps, not attached.
    pub idle: Option<Cost>,
    /// The share of slopes that are equal to their state's most frequent one.
    pub agreement: Option<f64>,
    /// How often the program should have run, in all boots.
    pub expected: u64,
    /// How often it ran, by the kernel's own count.
    pub runs: u64,
    /// How often it was left out because a program was running.
    pub missed: u64,
    /// Events that did not fit into the ring buffer.
    pub lost: u64,
    /// Why the kernel refused it, if it did.
    pub refused: Option<String>,
    /// What a reader should know.
    pub findings: Vec<String>,
}

/// The rows of a target, and the facts on which its rows must agree.
///
/// `hz` is the counter's frequency, for targets that were timed.
pub fn summarize(
    watches: &[&RunWatch],
    unit: Unit,
    hz: Option<TscHz>,
) -> (Vec<WatchCost>, Vec<String>) {
    let mut by_watch: BTreeMap<Watch, Vec<&RunWatch>> = BTreeMap::new();
    for run in watches {
        by_watch.entry(run.watch.watch).or_default().push(run);
    }
    let rows: Vec<_> = by_watch
        .iter()
        .map(|(watch, boots)| row(watch, boots, unit, hz))
        .collect();
    let findings = match unit {
        Unit::Instructions => additivity(&rows).into_iter().collect(),
        Unit::Nanoseconds => Vec::new(),
    };
    (rows, findings)
}

/// One boot's values for one operation, in its counter's unit.
struct OfBoot {
    unwatched: f64,
    two_modes: bool,
    added: Option<f64>,
    statistics: Option<f64>,
    idle: Option<f64>,
    agreement: f64,
}

fn row(watch: &Watch, boots: &[&RunWatch], unit: Unit, hz: Option<TscHz>) -> WatchCost {
    let [kind, site, program, operation] = words(watch).map(str::to_owned);
    let outcomes: Vec<_> = boots.iter().map(|run| &run.watch.outcome).collect();
    let ran: Vec<&WatchRuns> = outcomes
        .iter()
        .filter_map(|outcome| outcome.as_ref().ok())
        .collect();
    let sum = |of: fn(&WatchRuns) -> u64| ran.iter().map(|runs| of(runs)).sum::<u64>();
    let values: Vec<_> = boots
        .iter()
        .filter(|run| run.watch.outcome.is_ok())
        .filter_map(|run| of_boot(run, unit))
        .collect();
    let mut findings = Vec::new();
    let mut cost = |what, values: Vec<f64>| match unit {
        Unit::Instructions => counted(what, &values, &mut findings),
        Unit::Nanoseconds => timed(&values, hz?),
    };
    let every = |of: fn(&OfBoot) -> Option<f64>| values.iter().filter_map(of).collect();
    let mut row = WatchCost {
        boots: ran.len() as u32,
        added: cost("the watch", every(|boot| boot.added)),
        statistics: cost("statistics", every(|boot| boot.statistics)),
        idle: cost("the idle holder", every(|boot| boot.idle)),
        unwatched: unwatched(&values, unit, hz),
        agreement: values.iter().map(|boot| boot.agreement).reduce(f64::min),
        expected: sum(|runs| runs.expected),
        runs: sum(|runs| runs.runs),
        missed: sum(|runs| runs.missed),
        lost: sum(|runs| runs.lost),
        refused: outcomes
            .iter()
            .find_map(|outcome| outcome.as_ref().err().cloned()),
        kind,
        site,
        program,
        operation,
        findings,
    };
    judge(&mut row, &ran, &values, unit);
    row
}

/// Withdraws what cannot be trusted, and says what a reader should know.
fn judge(row: &mut WatchCost, ran: &[&WatchRuns], values: &[OfBoot], unit: Unit) {
    if let Some(wrong) = ran
        .iter()
        .find(|runs| runs.runs != runs.expected || runs.missed > 0)
    {
        row.added = None;
        row.statistics = None;
        row.findings.push(format!(
            "Failed: in one boot the program ran {} times instead of {}, and was left out {} times \
             because one was running.",
            wrong.runs, wrong.expected, wrong.missed
        ));
    }
    if row.lost > 0 {
        let share = 100.0 * row.lost as f64 / row.runs.max(1) as f64;
        row.findings
            .push(format!("{} events were lost ({share:.1} %).", row.lost));
    }
    let idle = row
        .idle
        .map(|idle| idle.each)
        .filter(|idle| idle.abs() > 1.0);
    if let (Unit::Instructions, Some(idle)) = (unit, idle) {
        row.findings.push(format!(
            "The idle holder adds {idle:+} instructions, although nothing is attached."
        ));
    }
    let flagged = values.iter().filter(|boot| boot.two_modes).count();
    if flagged > 0 {
        row.findings.push(format!(
            "In {flagged} of {} boots the unwatched values before and after differ by more than \
             5 %.",
            values.len()
        ));
    }
}

fn of_boot(run: &RunWatch, unit: Unit) -> Option<OfBoot> {
    let mut agreements = Vec::new();
    let mut state = |state| {
        let (value, agreement) = typical(run, state, unit)?;
        agreements.push(agreement);
        Some(value)
    };
    let (before, after) = (state(WatchState::Before)?, state(WatchState::After)?);
    let unwatched = f64::midpoint(before, after);
    let watched = state(WatchState::Watched);
    let with_statistics = state(WatchState::Statistics);
    let idle = state(WatchState::Idle).map(|idle| idle - unwatched);
    Some(OfBoot {
        unwatched,
        two_modes: (after - before).abs() > TWO_MODES * unwatched.abs(),
        added: watched
            .or(with_statistics)
            .map(|watched| watched - unwatched),
        statistics: watched
            .zip(with_statistics)
            .map(|(without, with)| with - without),
        idle,
        agreement: agreements.into_iter().fold(1.0, f64::min),
    })
}

/// Counter's units for one operation in a state, and the share of slopes equal to it: the mode
/// of counts, the median of times.
fn typical(run: &RunWatch, state: WatchState, unit: Unit) -> Option<(f64, f64)> {
    let slopes = run.watch.slopes.iter().filter(|slope| slope.state == state);
    let slopes: Vec<_> = slopes
        .map(|slope| {
            (
                i128::from(slope.ticks_2n) - i128::from(slope.ticks_n),
                slope.ops,
            )
        })
        .collect();
    let mut tally: BTreeMap<_, usize> = BTreeMap::new();
    for slope in &slopes {
        *tally.entry(slope).or_default() += 1;
    }
    let ((ticks, ops), equal) = tally.into_iter().max_by_key(|(_, count)| *count)?;
    let share = equal as f64 / slopes.len() as f64;
    let each = |ticks: i128, ops: u64| ticks as f64 / ops as f64;
    match unit {
        Unit::Instructions => (share >= MOST).then(|| (each(*ticks, *ops), share)),
        Unit::Nanoseconds => {
            let mut all: Vec<_> = slopes
                .iter()
                .map(|(ticks, ops)| each(*ticks, *ops))
                .collect();
            Some((median_of(&mut all), share))
        }
    }
}

/// A whole number on which all boots agree.
fn counted(what: &str, values: &[f64], findings: &mut Vec<String>) -> Option<Cost> {
    let whole: BTreeSet<_> = values
        .iter()
        .map(|value| {
            let whole = value.round();
            ((value - whole).abs() <= REMAINDER).then_some(whole as i64)
        })
        .collect();
    let mut distinct = whole.iter();
    match (distinct.next(), distinct.next()) {
        (Some(Some(each)), None) => Some(Cost {
            each: *each as f64,
            interval: None,
        }),
        (None, _) => None,
        _ => {
            let values: Vec<_> = values.iter().map(|value| format!("{value:.2}")).collect();
            findings.push(format!(
                "Boots do not agree on a whole number of instructions for {what}: {}.",
                values.join(", ")
            ));
            None
        }
    }
}

fn timed(values: &[f64], hz: TscHz) -> Option<Cost> {
    if values.is_empty() {
        return None;
    }
    let time = |ticks| {
        let Nanoseconds(time) = nanoseconds(Ticks(ticks), hz);
        time
    };
    let interval = bootstrap::median(values);
    Some(Cost {
        each: time(median_of(&mut values.to_vec())),
        interval: interval.map(|interval| (time(interval.low), time(interval.high))),
    })
}

fn unwatched(values: &[OfBoot], unit: Unit, hz: Option<TscHz>) -> Option<f64> {
    let mut all: Vec<_> = values.iter().map(|boot| boot.unwatched).collect();
    if all.is_empty() {
        return None;
    }
    let median = median_of(&mut all);
    match unit {
        Unit::Instructions => Some(median.round()),
        Unit::Nanoseconds => hz.map(|hz| nanoseconds(Ticks(median), hz).0),
    }
}

/// A program costs the same wherever it runs: what it adds to the null program has to be equal
/// for all kinds, within one instruction.
fn additivity(rows: &[WatchCost]) -> Option<String> {
    let null = WatchProgram::Null.name();
    let mut surplus: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    for row in rows
        .iter()
        .filter(|row| row.program != null && row.runs > 0)
    {
        let same = |other: &&WatchCost| {
            other.program == null
                && (&other.kind, &other.site, &other.operation)
                    == (&row.kind, &row.site, &row.operation)
        };
        let plain = rows.iter().find(same).and_then(|plain| plain.added);
        if let (Some(plain), Some(added)) = (plain, row.added) {
            let programs = surplus.entry(&row.program).or_default();
            programs.insert((added.each - plain.each) as i64);
        }
    }
    if surplus.is_empty() {
        return None;
    }
    let is_one = |values: &BTreeSet<i64>| match (values.first(), values.last()) {
        (Some(least), Some(most)) => most - least <= 1,
        _ => true,
    };
    let verdict = match surplus.values().all(is_one) {
        true => "Additivity holds: each program adds the same to the null program for every kind",
        false => "Additivity does not hold: a program's cost depends on the kind",
    };
    let programs = surplus.iter().map(|(program, values)| {
        let values: Vec<_> = values.iter().map(|value| format!("{value:+}")).collect();
        format!("{program} {}", values.join(" or "))
    });
    Some(format!(
        "{verdict} ({}).",
        programs.collect::<Vec<_>>().join(", ")
    ))
}
