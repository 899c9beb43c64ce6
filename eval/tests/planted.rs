//! What is planted in guests' logs comes back, through the real parser, samples.csv and
//! the summary; and what is not planted is not found.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::Random;
use contract::{Answer, Encoder, Fact, Slope, SystemCall};
use eval::counts::Counts;
use eval::levels::Levels;
use eval::log::Reading;
use eval::samples::Sample;
use eval::summary::{
    BootInfo, ModeVerdict, Row, RunInfo, Summary, TargetInfo, TrendVerdict, summarize,
};
use eval::units::Ticks;
use eval::verdict::Finding;
use eval::{Benchmark, Method, log, samples};

const BOOTS: u32 = 25;
const ROUNDS: u64 = 20;
/// Samples a round.
const SAMPLES: u64 = 50;

/// What a boot's samples cost, in ticks for one operation.
struct Planted {
    /// Of a system call.
    scall: f64,
    /// How much more the last boot's system calls cost than the first one's, in parts.
    run_drift: f64,
    /// How much more a function call costs in the last round than in the first, in parts.
    round_drift: f64,
    /// Share of system calls that an interrupt hit.
    outliers: f64,
    /// Share of calls in a chain that cost 8 ticks instead of 7.
    second_mode: f64,
    /// How much boots differ: one standard deviation, in parts.
    layout: f64,
    /// How far the core's clock is from the counter's in a boot at most, in parts.
    wandering: f64,
    /// How much more a system call costs at 32 bytes from a cache line, in parts.
    misaligned: f64,
    /// Share of system calls during which the core's clock fell by 5 %.
    clock_moved: f64,
}

const QUIET: Planted = Planted {
    scall: 222.0,
    run_drift: 0.0,
    round_drift: 0.0,
    outliers: 0.0,
    second_mode: 0.0,
    layout: 0.002,
    wandering: 0.0,
    misaligned: 0.0,
    clock_moved: 0.0,
};

/// A boot's console. The counter steps by 2 ticks; samples differ by 0.1 %.
fn console(planted: &Planted, boot: u32, random: &mut Random) -> String {
    let mut console = Encoder::new(String::new());
    console.header(true, ROUNDS, None).unwrap();
    console.format(Method::Precise).unwrap();
    console.answer(SystemCall::Noop, Answer::Works).unwrap();
    console
        .fact_number(Fact::ChainOps, common::CHAIN_OPS)
        .unwrap();
    let progress = f64::from(boot) / f64::from(BOOTS - 1);
    let layout = 1.0 + planted.layout * random.normal();
    let cycles_per_tick = 1.0 + planted.wandering * (2.0 * random.uniform() - 1.0);
    let chain = (12_288.0 / cycles_per_tick) as u64;
    for round in 0..ROUNDS {
        let within = round as f64 / (ROUNDS - 1) as f64;
        for benchmark in [Benchmark::Fcall, Benchmark::FcallChain, Benchmark::Scall] {
            for sample in 0..SAMPLES {
                let align = sample / 2 % 4 * 16;
                let mut cost = match benchmark {
                    Benchmark::Scall => planted.scall * (1.0 + planted.run_drift * progress),
                    Benchmark::FcallChain if random.uniform() < planted.second_mode => 8.0,
                    Benchmark::FcallChain => 7.0,
                    _ => 4.0 * (1.0 + planted.round_drift * within),
                };
                cost *= layout / cycles_per_tick * (1.0 + 0.001 * random.normal());
                let is_scall = benchmark == Benchmark::Scall;
                if is_scall && align == 32 {
                    cost *= 1.0 + planted.misaligned;
                }
                if is_scall && random.uniform() < planted.outliers {
                    cost *= 3.0;
                }
                let moved = is_scall && random.uniform() < planted.clock_moved;
                let ops = (80_000.0 / cost.min(300.0)) as u64;
                let ticks = |ops: u64| 2 * ((80.0 + ops as f64 * cost) / 2.0).round() as u64;
                let slope = Slope {
                    benchmark,
                    round,
                    align,
                    ops_n: ops,
                    ticks_n: ticks(ops),
                    ops_2n: 2 * ops,
                    ticks_2n: ticks(2 * ops),
                    chain_before: chain,
                    chain_after: if moved { chain * 20 / 19 } else { chain + 2 },
                };
                console.slope(&slope).unwrap();
            }
        }
    }
    console.end().unwrap()
}

/// A run of those boots, all the way from consoles to the summary.
fn run(planted: &Planted, seed: u64) -> Summary {
    let csv = samples_csv(planted, seed);
    let mut levels = Levels::default();
    for sample in samples::Reader::new(&csv[..]).unwrap() {
        levels.add(&sample.unwrap());
    }
    summary(&levels)
}

fn samples_csv(planted: &Planted, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let mut csv = samples::Writer::new(Vec::new()).unwrap();
    for boot in 0..BOOTS {
        let console = console(planted, boot, &mut random);
        let log = log::parse(console.as_bytes()).unwrap();
        for sample in samples::of_log("linux".into(), boot, &log) {
            csv.write(&sample).unwrap();
        }
    }
    csv.finish().unwrap()
}

fn summary(levels: &Levels) -> Summary {
    summary_with(levels, vec![common::good_clock()])
}

fn summary_with(levels: &Levels, checks: Vec<Finding>) -> Summary {
    let info = RunInfo {
        experiment: "planted".into(),
        incomplete: None,
        tsc: None,
        notes: vec![],
        doctor: None,
    };
    let target = TargetInfo {
        name: "linux".into(),
        label: "Linux".into(),
        method: Some(Method::Precise),
        engine: "kvm".into(),
        emulated: false,
        counts_for: None,
        cpu_model: None,
        cpu_lacks: Vec::new(),
        guest: None,
        checks,
        missing: None,
        boots_ok: BOOTS,
        boots_failed: 0,
    };
    let boots: Vec<_> = (0..BOOTS)
        .map(|boot| BootInfo {
            target: "linux".into(),
            boot,
            chain_ops: Some(common::CHAIN_OPS),
        })
        .collect();
    summarize(info, vec![target], &boots, levels, &Counts::default()).unwrap()
}

fn row(summary: &Summary, benchmark: Benchmark) -> &Row {
    let mut rows = summary.targets[0].rows.iter();
    rows.find(|row| row.benchmark == benchmark).unwrap()
}

fn has_finding(row: &Row, text: &str) -> bool {
    row.findings.iter().any(|finding| finding.contains(text))
}

#[test]
fn a_quiet_run_gives_the_planted_slope_without_findings() {
    let summary = run(&QUIET, 1);
    for (benchmark, cost) in [
        (Benchmark::Fcall, 4.0),
        (Benchmark::FcallChain, 7.0),
        (Benchmark::Scall, 222.0),
    ] {
        let row = row(&summary, benchmark);
        let (median, interval) = (row.ticks.median_of_boot_medians.0, row.interval.unwrap());
        assert!((median / cost - 1.0).abs() < 0.002, "{median}");
        assert!(interval.low.0 <= median && median <= interval.high.0);
        assert!(interval.high.0 - interval.low.0 < 0.005 * cost);
        assert_eq!(row.findings, Vec::<String>::new(), "{benchmark:?}");
        assert_eq!(row.drift.run.verdict, TrendVerdict::NoneSeen);
        assert_eq!(row.drift.rounds.verdict, TrendVerdict::NoneSeen);
        assert_eq!(row.modes.boots.verdict, ModeVerdict::One);
        assert_eq!(row.modes.samples.verdict, ModeVerdict::One);
        assert_eq!(row.clock_moved, Some(0));
        let order = row.order_interval.unwrap();
        assert!(order.low.0 <= interval.high.0 && interval.low.0 <= order.high.0);
        // The core runs at the counter's clock here.
        let cycles = row.cycles.as_ref().unwrap();
        assert!((cycles.figures.median_of_boot_medians.0 / median - 1.0).abs() < 0.001);
        assert!((cycles.spread.unwrap() / row.spread.unwrap() - 1.0).abs() < 0.1);
    }
}

#[test]
fn a_drifting_clock_changes_ticks_but_not_core_cycles() {
    let planted = Planted {
        wandering: 0.05,
        layout: 0.0,
        ..QUIET
    };
    let summary = run(&planted, 6);
    for (benchmark, cost) in [(Benchmark::Fcall, 4.0), (Benchmark::Scall, 222.0)] {
        let row = row(&summary, benchmark);
        let cycles = row.cycles.as_ref().unwrap();
        assert!((0.03..0.07).contains(&row.spread.unwrap()), "{row:?}");
        assert!(cycles.spread.unwrap() < 0.0005, "{cycles:?}");
        assert!((cycles.figures.median_of_boot_medians.0 / cost - 1.0).abs() < 0.0005);
        let interval = cycles.interval.unwrap();
        assert!(
            interval.high.0 - interval.low.0 < 0.0005 * cost,
            "{interval:?}"
        );
        assert!(has_finding(
            row,
            "The core's clock differed from boot to boot"
        ));
        assert!(!has_finding(row, "Boots differ"));
    }
}

#[test]
fn differences_between_boots_are_not_blamed_on_the_clock() {
    let planted = Planted {
        layout: 0.03,
        ..QUIET
    };
    let summary = run(&planted, 7);
    let row = row(&summary, Benchmark::Scall);
    assert!(row.cycles.as_ref().unwrap().spread.unwrap() > 0.02);
    assert!(has_finding(row, "Boots differ"));
    assert!(!has_finding(row, "clock"));
}

#[test]
fn unusable_clock_chains_give_no_cycles() {
    let csv = samples_csv(&QUIET, 8);
    let levels = Levels::read(&csv[..]).unwrap();
    for checks in [vec![], vec![common::bad_clock()]] {
        let summary = summary_with(&levels, checks);
        let row = row(&summary, Benchmark::Scall);
        assert_eq!(row.cycles, None);
        assert!(
            row.boot_medians
                .iter()
                .all(|boot| boot.median_cycles.is_none())
        );
        assert!(has_finding(row, "No core cycles: the check clock-chains"));
    }
}

#[test]
fn planted_effects_of_alignment_are_found() {
    let planted = Planted {
        misaligned: 0.02,
        ..QUIET
    };
    let summary = run(&planted, 9);
    let scall = row(&summary, Benchmark::Scall);
    let alignments = scall.alignments.as_ref().unwrap();
    let aligns: Vec<_> = alignments.medians.iter().map(|at| at.align).collect();
    assert_eq!(aligns, [0, 16, 32, 48]);
    for at in &alignments.medians {
        let cost = if at.align == 32 { 1.02 * 222.0 } else { 222.0 };
        let median = at.median_of_boot_medians.0;
        assert!((median / cost - 1.0).abs() < 0.003, "{alignments:?}");
    }
    assert!(alignments.p < 1e-6);
    assert!(has_finding(scall, "Alignment matters: 22"));
    let fcall = row(&summary, Benchmark::Fcall);
    assert!(fcall.alignments.as_ref().unwrap().p > 0.01);
    assert!(!has_finding(fcall, "Alignment"));
}

#[test]
fn planted_drift_across_the_run_is_found() {
    for (drift, verdict) in [(0.03, TrendVerdict::Rising), (-0.03, TrendVerdict::Falling)] {
        let planted = Planted {
            run_drift: drift,
            ..QUIET
        };
        let summary = run(&planted, 2);
        let row = row(&summary, Benchmark::Scall);
        assert_eq!(row.drift.run.verdict, verdict);
        assert!((row.drift.run.change.unwrap() - drift).abs() < 0.005);
        assert_eq!(row.drift.rounds.verdict, TrendVerdict::NoneSeen);
        assert!(has_finding(row, "from the first boot to the last"));
    }
}

#[test]
fn planted_drift_across_rounds_is_found() {
    let planted = Planted {
        round_drift: 0.01,
        ..QUIET
    };
    let summary = run(&planted, 3);
    let row = row(&summary, Benchmark::Fcall);
    assert_eq!(row.drift.rounds.verdict, TrendVerdict::Rising);
    assert!((row.drift.rounds.change.unwrap() - 0.01).abs() < 0.001);
    assert_eq!(row.drift.run.verdict, TrendVerdict::NoneSeen);
    assert!(has_finding(row, "from the first round of a boot"));
}

#[test]
fn outliers_and_clock_changes_are_flagged_and_both_views_are_given() {
    let planted = Planted {
        outliers: 0.05,
        clock_moved: 0.04,
        ..QUIET
    };
    let summary = run(&planted, 4);
    let row = row(&summary, Benchmark::Scall);
    let share = |count: Option<u64>| count.unwrap() as f64 / row.samples as f64;
    assert!(
        (share(row.outliers) - 0.05).abs() < 0.005,
        "{:?}",
        row.outliers
    );
    assert!((share(row.clock_moved) - 0.04).abs() < 0.005);
    assert!(has_finding(row, "are outliers, far from"));
    assert!(has_finding(row, "clock changed"));
    // All samples are in the figures, and the mean shows the outliers.
    assert_eq!(row.samples, u64::from(BOOTS) * ROUNDS * SAMPLES);
    assert!(row.ticks.mean.0 > 1.05 * 222.0);
    let without = row.without_flagged.unwrap();
    assert!((without.ticks.mean.0 / 222.0 - 1.0).abs() < 0.002);
    let left = share(Some(without.samples));
    assert!((left - 0.95 * 0.96).abs() < 0.01, "{left}");
}

#[test]
fn two_planted_modes_are_found() {
    let planted = Planted {
        second_mode: 0.3,
        ..QUIET
    };
    let summary = run(&planted, 5);
    let modes = &row(&summary, Benchmark::FcallChain).modes.samples;
    assert_eq!(modes.verdict, ModeVerdict::Two);
    assert_eq!((modes.boots_with_two, modes.boots_tested), (BOOTS, BOOTS));
    let [low, high] = modes.modes[..] else {
        panic!("{modes:?}")
    };
    assert!((low.at.0 / 7.0 - 1.0).abs() < 0.01 && (high.at.0 / 8.0 - 1.0).abs() < 0.01);
    assert!((high.share - 0.3).abs() < 0.06, "{modes:?}");
    // A sample in the other mode is not an outlier.
    let outliers = row(&summary, Benchmark::FcallChain).outliers.unwrap();
    assert!(outliers < 100, "{outliers} of 25000");
    assert!(has_finding(
        row(&summary, Benchmark::FcallChain),
        "Two modes"
    ));
    assert_eq!(
        row(&summary, Benchmark::Scall).modes.samples.verdict,
        ModeVerdict::One
    );
}

#[test]
fn impossible_costs_are_reported() {
    let with_one_at = |value: f64| {
        let mut levels = Levels::default();
        for boot in 0..BOOTS {
            for sample in 0..20 {
                levels.add(&Sample {
                    target: "linux".into(),
                    boot,
                    benchmark: Benchmark::Scall,
                    round: 0,
                    reading: Reading::ValueOnly,
                    value: Ticks(if sample == 0 { value } else { 222.0 }),
                });
            }
        }
        summary(&levels)
    };
    let disturbed = with_one_at(-1e5);
    assert!(has_finding(
        row(&disturbed, Benchmark::Scall),
        "The mean is not above zero"
    ));
    let quiet = with_one_at(222.0);
    assert!(!has_finding(row(&quiet, Benchmark::Scall), "above zero"));
}
