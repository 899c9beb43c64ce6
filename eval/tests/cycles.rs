//! Core cycles: as NumPy computes them (tests/golden/make_numpy.py), and what they are for.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::Random;
use eval::compare::{Change, compare, table};
use eval::counts::Counts;
use eval::levels::Levels;
use eval::log::Reading;
use eval::samples::Sample;
use eval::summary::{BootInfo, InCycles, Row, RunInfo, Summary, TargetInfo, summarize};
use eval::table::Style;
use eval::units::Ticks;
use eval::{Benchmark, Method};
use serde_json::Value;

/// A system call of so many ticks between chains of so many.
fn sample(target: &str, boot: u32, ticks: f64, [before, after]: [u64; 2]) -> Sample {
    Sample {
        target: target.into(),
        boot,
        benchmark: Benchmark::Scall,
        round: 0,
        reading: Reading::Slope {
            align: 0,
            ops_n: 1000,
            ticks_n: 200_000,
            ops_2n: 2000,
            ticks_2n: 400_002,
            chain_before: before,
            chain_after: after,
        },
        value: Ticks(ticks),
    }
}

fn summary(samples: &[Sample], targets: &[&str], boots: u32, chain_ops: Option<u64>) -> Summary {
    let info = RunInfo {
        experiment: "cycles".into(),
        incomplete: None,
        tsc: None,
        notes: vec![],
        doctor: None,
    };
    let target = |name: &&str| TargetInfo {
        name: (*name).into(),
        label: (*name).into(),
        method: Some(Method::Precise),
        engine: "kvm".into(),
        emulated: false,
        counts_for: None,
        cpu_model: None,
        cpu_lacks: Vec::new(),
        guest: None,
        checks: vec![common::good_clock()],
        missing: None,
        boots_ok: boots,
        boots_failed: 0,
    };
    let targets: Vec<_> = targets.iter().map(target).collect();
    let boots: Vec<_> = common::in_turns(&targets, boots);
    let boots: Vec<_> = boots
        .into_iter()
        .map(|boot| BootInfo { chain_ops, ..boot })
        .collect();
    let levels: Levels = samples.iter().collect();
    summarize(info, targets, &boots, &levels, &Counts::default()).unwrap()
}

fn row(summary: &Summary, target: usize) -> &Row {
    &summary.targets[target].rows[0]
}

fn cycles(summary: &Summary, target: usize) -> &InCycles {
    row(summary, target).cycles.as_ref().unwrap()
}

#[test]
fn cycles_are_numpys() {
    let golden: Value = serde_json::from_str(include_str!("golden/numpy.json")).unwrap();
    for case in golden["cycles"].as_array().unwrap() {
        let number = |key: &str| case[key].as_u64().unwrap();
        let mut random = Random(number("seed"));
        let mut samples = Vec::new();
        for boot in 0..number("boots") as u32 {
            for _ in 0..number("samples") {
                let ticks = 200.0 + 40.0 * random.uniform();
                let chains = [(); 2].map(|()| (12_000.0 + 600.0 * random.uniform()) as u64);
                samples.push(sample("linux", boot, ticks, chains));
            }
        }
        let boots = number("boots") as u32;
        let summary = summary(&samples, &["linux"], boots, Some(number("chain_ops")));
        let figures = cycles(&summary, 0).figures;
        for (name, ours) in [
            ("mean", figures.mean),
            ("median", figures.median),
            ("q1", figures.q1),
            ("q3", figures.q3),
            ("median_of_boot_medians", figures.median_of_boot_medians),
        ] {
            let theirs = case[name].as_f64().unwrap();
            assert!(
                (ours.0 / theirs - 1.0).abs() < 1e-15,
                "{name}: {ours:?}, {theirs}"
            );
        }
        let medians = row(&summary, 0).medians_in_cycles().unwrap();
        let theirs = case["boot_medians"].as_array().unwrap().iter();
        assert!(theirs.map(|m| m.as_f64().unwrap()).eq(medians));
        let spread = cycles(&summary, 0).spread.unwrap();
        assert!((spread - case["spread"].as_f64().unwrap()).abs() < 1e-15);
    }
}

/// Boots of both targets, the second's clock a tenth faster, where the first's calls cost
/// 250 cycles, and the second's `factor` times as many.
fn two(factor: f64, clock: f64) -> Summary {
    const BOOTS: u32 = 25;
    let mut random = Random(3);
    let mut samples = Vec::new();
    for boot in 0..BOOTS {
        for (target, cost, clock) in [("a", 250.0, 1.0), ("b", 250.0 * factor, clock)] {
            for _ in 0..10 {
                let cost = cost * (1.0 + 0.001 * random.normal());
                let chain = (12_288.0 / clock) as u64;
                samples.push(sample(target, boot, cost / clock, [chain, chain]));
            }
        }
    }
    summary(&samples, &["a", "b"], BOOTS, Some(common::CHAIN_OPS))
}

#[test]
fn a_ratio_in_cycles_is_of_the_code_alone() {
    for factor in [1.0, 2.0] {
        let summary = two(factor, 1.1);
        assert_eq!(cycles(&summary, 0).ratio, None);
        let in_ticks = row(&summary, 1).ratio.as_ref().unwrap();
        let in_cycles = cycles(&summary, 1).ratio.as_ref().unwrap();
        assert_eq!(in_cycles.reference, "a");
        assert!((in_ticks.ratio - factor / 1.1).abs() < 0.003 * factor);
        assert!((in_cycles.ratio - factor).abs() < 0.001 * factor);
        let interval = in_cycles.interval.unwrap();
        assert!(interval.high - interval.low < 0.002 * factor);
    }
}

#[test]
fn without_clock_chains_there_are_no_cycles() {
    let good = sample("a", 0, 250.0, [12_288; 2]);
    let without = |samples: &[Sample], chain_ops| {
        let summary = summary(samples, &["a"], 2, chain_ops);
        row(&summary, 0).cycles.is_none()
    };
    let ops = Some(common::CHAIN_OPS);
    let one = std::slice::from_ref(&good);
    assert!(!without(one, ops));
    assert!(without(one, None));
    assert!(without(one, Some(0)));
    assert!(without(one, Some(u64::MAX)));
    assert!(without(&[good.clone(), sample("a", 1, 250.0, [0; 2])], ops));
    let bare = Sample {
        reading: Reading::ValueOnly,
        ..good.clone()
    };
    assert!(without(&[good, bare], ops));
}

/// A run of boots whose core runs at `clock` times the counter's frequency, where a system
/// call costs 250 cycles times `factor`.
fn run(random: &mut Random, factor: f64, clock: f64) -> Summary {
    const BOOTS: u32 = 25;
    let mut samples = Vec::new();
    for boot in 0..BOOTS {
        for _ in 0..10 {
            let cost = 250.0 * factor * (1.0 + 0.001 * random.normal());
            let chain = (12_288.0 / clock) as u64;
            samples.push(sample("linux", boot, cost / clock, [chain; 2]));
        }
    }
    summary(&samples, &["linux"], BOOTS, Some(common::CHAIN_OPS))
}

#[test]
fn a_comparison_separates_the_clock_from_the_code() {
    let mut random = Random(14);
    let before = run(&mut random, 1.0, 1.2);
    for (factor, clock, in_time, in_cycles, why) in [
        (
            1.0,
            1.2,
            Change::NoDifferenceSeen,
            Change::NoDifferenceSeen,
            None,
        ),
        (2.0, 1.2, Change::Slower, Change::Slower, None),
        (
            1.0,
            1.1,
            Change::Slower,
            Change::NoDifferenceSeen,
            Some("differed, not the code"),
        ),
        (
            1.0,
            1.3,
            Change::Faster,
            Change::NoDifferenceSeen,
            Some("differed, not the code"),
        ),
        (
            0.98,
            1.1,
            Change::Slower,
            Change::Faster,
            Some("differed more than the code"),
        ),
        (
            1.1,
            1.32,
            Change::NoDifferenceSeen,
            Change::Slower,
            Some("hides a difference"),
        ),
    ] {
        let comparison = compare(&before, &run(&mut random, factor, clock));
        let row = &comparison.rows[0];
        let cycles = row.cycles.as_ref().unwrap();
        assert_eq!(
            (row.verdict, cycles.verdict),
            (in_time, in_cycles),
            "{row:?}"
        );
        assert!((cycles.ratio.unwrap() / factor - 1.0).abs() < 0.002);
        let interval = cycles.interval.unwrap();
        assert!(interval.high - interval.low < 0.005 * factor);
        let table = table(&comparison, Style::Plain);
        let table = table.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(row.disagreement.is_some(), why.is_some(), "{row:?}");
        for sentence in row.disagreement.iter() {
            assert!(sentence.contains(why.unwrap()), "{sentence}");
            assert!(table.contains(sentence), "{table}");
        }
        assert!(table.contains("The same in core cycles"));
    }
}

#[test]
fn a_comparison_has_no_cycles_where_a_run_has_none() {
    let mut random = Random(13);
    let before = run(&mut random, 1.0, 1.2);
    let mut after = before.clone();
    for boot in &mut after.targets[0].rows[0].boot_medians {
        boot.median_cycles = None;
    }
    after.targets[0].rows[0].cycles = None;
    let comparison = compare(&before, &after);
    assert_eq!(comparison.rows[0].cycles, None);
    assert!(!table(&comparison, Style::Plain).contains("core cycles"));
}
