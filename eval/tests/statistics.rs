//! Intervals, tests and scores against SciPy's (tests/golden/make_scipy.py), and what holds
//! for all of them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;

use common::Random;
use eval::stats::friedman::friedman;
use eval::stats::outlier::{self, Scale, Usual};
use eval::stats::rank::{hodges_lehmann, mann_whitney};
use eval::stats::trend::{Point, mann_kendall, theil_sen};
use eval::stats::{BootstrapMethod, Interval, Sorted, bootstrap, modes, order};
use proptest::prelude::*;
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/scipy.json")).unwrap()
}

fn values(case: &Value) -> Vec<f64> {
    let values = case["values"].as_array().unwrap();
    values.iter().map(|v| v.as_f64().unwrap()).collect()
}

fn sorted(values: &[f64]) -> Sorted {
    Sorted::new(values.to_vec()).unwrap()
}

#[track_caller]
fn near(ours: f64, golden: &Value, what: &str) {
    let golden = golden.as_f64().unwrap();
    let tolerance = 1e-9 * golden.abs().max(1e-6);
    assert!(
        (ours - golden).abs() <= tolerance,
        "{what}: {ours} here, {golden} by SciPy"
    );
}

#[track_caller]
fn same_ends(ours: Option<[f64; 2]>, golden: &Value, what: &str) {
    assert_eq!(ours.is_none(), golden.is_null(), "{what}");
    for (i, end) in ours.into_iter().flatten().enumerate() {
        near(end, &golden[i], what);
    }
}

fn bca_ends(interval: Option<Interval<f64>>) -> Option<[f64; 2]> {
    interval
        .filter(|i| i.method == BootstrapMethod::Bca)
        .map(|i| [i.low, i.high])
}

fn series(values: &[f64]) -> Vec<Point> {
    let times = (0..values.len()).map(|i| i as f64);
    times
        .zip(values)
        .map(|(time, &value)| Point { time, value })
        .collect()
}

#[test]
fn one_sample_gives_scipys_numbers() {
    for case in golden()["one"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let values = values(case);
        let ascending = sorted(&values);
        same_ends(
            bca_ends(bootstrap::median(&values)),
            &case["interval"],
            name,
        );
        let by_order = order::median_interval(&ascending).map(|i| [i.low, i.high]);
        same_ends(by_order, &case["order_interval"], name);
        near(outlier::deviation(&ascending), &case["mad"], name);
        let series = [series(&values)];
        let test = mann_kendall(&series);
        near(test.s, &case["trend"]["s"], name);
        near(test.p, &case["trend"]["p"], name);
        near(theil_sen(&series).unwrap(), &case["trend"]["slope"], name);
    }
}

#[test]
fn two_samples_give_scipys_numbers() {
    let golden = golden();
    let ones = golden["one"].as_array().unwrap().iter();
    let known: BTreeMap<_, _> = ones
        .map(|c| (c["name"].as_str().unwrap(), values(c)))
        .collect();
    for case in golden["two"].as_array().unwrap() {
        let [a, b] = ["a", "b"].map(|side| &known[case[side].as_str().unwrap()]);
        let name = format!("{} and {}", case["a"], case["b"]);
        let test = mann_whitney(&sorted(a), &sorted(b));
        near(test.u, &case["u"], &name);
        near(test.p, &case["p"], &name);
        near(
            hodges_lehmann(&sorted(a), &sorted(b)).shift,
            &case["shift"],
            &name,
        );
        same_ends(
            bca_ends(bootstrap::ratio(a, b)),
            &case["ratio_interval"],
            &name,
        );
    }
}

#[test]
fn blocks_give_scipys_numbers() {
    for case in golden()["friedman"].as_array().unwrap() {
        let blocks = case["blocks"].as_array().unwrap().iter();
        let block = |block: &Value| -> Vec<f64> {
            let values = block.as_array().unwrap().iter();
            values.map(|v| v.as_f64().unwrap()).collect()
        };
        let blocks: Vec<_> = blocks.map(block).collect();
        let test = friedman(&blocks).unwrap();
        near(test.statistic, &case["statistic"], "Friedman");
        near(test.p, &case["p"], "Friedman's p");
    }
}

#[test]
fn friedman_needs_two_blocks_and_two_treatments() {
    assert_eq!(friedman(&[]), None);
    assert_eq!(friedman(&[vec![1.0], vec![2.0]]), None);
    assert_eq!(friedman(&[vec![1.0, 2.0]]), None);
    assert_eq!(friedman(&[vec![1.0, 2.0], vec![1.0]]), None);
    let all_tied = friedman(&[vec![1.0, 1.0], vec![2.0, 2.0]]).unwrap();
    assert_eq!((all_tied.statistic, all_tied.p), (0.0, 1.0));
}

#[test]
fn of_two_modes_neither_is_an_outlier() {
    let mut random = Random(9);
    // Two thirds around 100, a third around 110, and two values far from either.
    let around = |i: i32| if i % 3 == 0 { 110.0 } else { 100.0 };
    let values = (0..300).map(|i| around(i) + 0.2 * random.normal());
    let values = sorted(&values.chain([105.0, 160.0]).collect::<Vec<_>>());
    let groups = modes::groups(&values, 0.0).unwrap();
    assert!(groups.are_modes(), "{groups:?}");
    let usual = Usual::new(&values, 0.0, Some(&groups)).unwrap();
    assert!((2..=6).contains(&usual.outliers(&values)));
    assert!(usual.holds(100.3) && usual.holds(109.7));
    assert!(!usual.holds(105.0) && !usual.holds(160.0) && !usual.holds(90.0));
    // With one mode, nearly all of the smaller group would be.
    let one = Usual::new(&values, 0.0, None).unwrap();
    assert!(one.outliers(&values) > 95);
}

#[test]
fn a_rare_mode_is_a_group_of_outliers() {
    let mut random = Random(10);
    let around = |i: i32| if i % 20 == 0 { 300.0 } else { 100.0 };
    let values = (0..1000).map(|i| around(i) + random.normal());
    let values = sorted(&values.collect::<Vec<_>>());
    let groups = modes::groups(&values, 0.0).unwrap();
    assert!(groups.are_modes(), "{groups:?}");
    let usual = Usual::new(&values, 0.0, Some(&groups)).unwrap();
    assert!((50..60).contains(&usual.outliers(&values)));
}

#[test]
fn intervals_of_equal_values_are_that_value() {
    let interval = bootstrap::median(&[222.0; 25]).unwrap();
    assert_eq!((interval.low, interval.high), (222.0, 222.0));
    assert_eq!(interval.method, BootstrapMethod::Percentile);
}

#[test]
fn too_few_boots_have_no_interval() {
    let five = [1.0, 2.0, 3.0, 4.0, 5.0];
    assert_eq!(bootstrap::median(&five), None);
    assert_eq!(bootstrap::ratio(&five, &[1.0; 25]), None);
    assert_eq!(order::median_interval(&sorted(&five)), None);
    assert_eq!(
        hodges_lehmann(&sorted(&five[..2]), &sorted(&five[..2])).interval,
        None
    );
    assert!(order::median_interval(&sorted(&[1.0; 6])).unwrap().level > 0.95);
}

/// How often an interval holds the true value, in 1000 experiments of 25 boots.
fn coverage(holds: impl Fn(&[f64], &[f64]) -> bool) -> usize {
    let mut random = Random(25);
    let mut boots = |n: usize| -> Vec<f64> { (0..n).map(|_| 100.0 + random.normal()).collect() };
    (0..1000).filter(|_| holds(&boots(25), &boots(25))).count()
}

#[test]
fn intervals_cover_what_they_say() {
    // Of 1000 at 95 %, 929 to 969 are within three standard deviations.
    let covered = coverage(|a, b| {
        let shift = hodges_lehmann(&sorted(a), &sorted(b)).interval.unwrap();
        shift[0] <= 0.0 && 0.0 <= shift[1]
    });
    assert!((929..=969).contains(&covered), "Hodges-Lehmann: {covered}");
    let covered = coverage(|a, _| {
        let interval = order::median_interval(&sorted(a)).unwrap();
        interval.low <= 100.0 && 100.0 <= interval.high
    });
    assert!(covered >= 929, "order statistics: {covered}");
}

#[test]
fn the_bootstrap_covers_nearly_what_it_says() {
    // A median's bootstrap is known to cover a little less than it aims at.
    let mut random = Random(7);
    let covered = (0..200).filter(|_| {
        let boots: Vec<f64> = (0..25).map(|_| 100.0 + random.normal()).collect();
        let interval = bootstrap::median(&boots).unwrap();
        interval.low <= 100.0 && 100.0 <= interval.high
    });
    let covered = covered.count();
    assert!((176..=199).contains(&covered), "{covered} of 200");
}

#[test]
fn one_mode_is_rarely_taken_for_two() {
    type Shape = fn(&mut Random) -> f64;
    let shapes: [(&str, Shape); 4] = [
        ("uniform", |r| 100.0 + 10.0 * r.uniform()),
        ("normal", |r| 100.0 + 2.0 * r.normal()),
        ("skew", |r| 100.0 - 5.0 * r.uniform().ln()),
        ("whole", |r| (100.0 + 3.0 * r.normal()).round()),
    ];
    for (name, shape) in shapes {
        for n in [20, 25, 50, 200, 2000] {
            let mut random = Random(n as u64);
            let step = if name == "whole" { 1.0 } else { 0.0 };
            let found = (0..300).filter(|_| {
                let values = (0..n).map(|_| shape(&mut random)).collect();
                let values = Sorted::new(values).unwrap();
                modes::groups(&values, step).is_some_and(|groups| groups.are_modes())
            });
            let found = found.count();
            assert!(found <= 3, "{name}, {n} values: {found} of 300");
        }
    }
}

#[test]
fn two_modes_are_found() {
    for (n, share, high) in [(40, 0.5, 110.0), (200, 0.3, 103.0), (5000, 0.1, 102.0)] {
        let mut random = Random(n);
        let values = (0..n).map(|_| {
            let at = if random.uniform() < share {
                high
            } else {
                100.0
            };
            at + 0.2 * random.normal()
        });
        let groups = modes::groups(&Sorted::new(values.collect()).unwrap(), 0.0).unwrap();
        assert!(groups.are_modes(), "{groups:?}");
        assert!((groups.low.0 - 100.0).abs() < 0.2 && (groups.high.0 - high).abs() < 0.2);
        assert!((groups.high.1 - share).abs() < 0.2, "{groups:?}");
    }
}

#[test]
fn scores_are_floored_at_the_counters_step() {
    let quiet = sorted(&[100.0, 100.0, 100.0, 100.0, 100.26, 99.74, 108.0]);
    assert_eq!(Scale::new(&quiet, 0.0), None);
    let scale = Scale::new(&quiet, 0.26).unwrap();
    let [low, high] = scale.bounds();
    assert!(92.0 < low && low < 99.74 && 100.26 < high && high < 108.0);
    assert!((scale.score(high) - outlier::THRESHOLD).abs() < 1e-9);
    assert!((scale.score(100.26) - 0.6745).abs() < 1e-9);
}

fn boots() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(100.0f64..300.0, 6..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_order_of_boots_changes_no_interval(values in boots(), turn in 0usize..30) {
        let mut turned = values.clone();
        turned.rotate_left(turn % values.len());
        prop_assert_eq!(bootstrap::median(&values), bootstrap::median(&turned));
        prop_assert_eq!(bootstrap::ratio(&values, &[7.0; 6]), bootstrap::ratio(&turned, &[7.0; 6]));
    }

    #[test]
    fn twice_the_cost_is_twice_the_interval(values in boots()) {
        let twice: Vec<f64> = values.iter().map(|v| v * 2.0).collect();
        let expected = bootstrap::median(&values).map(|i| i.map(|x| x * 2.0));
        prop_assert_eq!(bootstrap::median(&twice), expected);
        let ratio = bootstrap::ratio(&twice, &values).unwrap();
        prop_assert!(ratio.low <= 2.0 && 2.0 <= ratio.high);
    }

    #[test]
    fn an_interval_lies_among_the_values(values in boots()) {
        let sorted = sorted(&values);
        let interval = bootstrap::median(&values).unwrap();
        prop_assert!(sorted.min() <= interval.low && interval.high <= sorted.max());
        prop_assert!(interval.low <= interval.high);
    }

    #[test]
    fn a_shift_of_the_data_shifts_the_estimate(a in boots(), b in boots(), by in -50i32..50) {
        let by = f64::from(by);
        let shifted: Vec<f64> = a.iter().map(|v| v + by).collect();
        let before = hodges_lehmann(&sorted(&a), &sorted(&b));
        let after = hodges_lehmann(&sorted(&shifted), &sorted(&b));
        prop_assert!((before.shift + by - after.shift).abs() < 1e-9);
    }

    #[test]
    fn swapping_the_samples_mirrors_the_test(a in boots(), b in boots()) {
        let (there, back) = (mann_whitney(&sorted(&a), &sorted(&b)), mann_whitney(&sorted(&b), &sorted(&a)));
        prop_assert!((there.p - back.p).abs() < 1e-12);
        prop_assert_eq!(there.u + back.u, (a.len() * b.len()) as f64);
        prop_assert!((0.0..=1.0).contains(&there.p));
    }

    #[test]
    fn reversed_time_reverses_a_trend(values in boots()) {
        let backwards: Vec<f64> = values.iter().rev().copied().collect();
        let (there, back) = (mann_kendall(&[series(&values)]), mann_kendall(&[series(&backwards)]));
        prop_assert_eq!((there.s, there.p), (-back.s, back.p));
        let slope = |values| theil_sen(&[series(values)]).unwrap();
        prop_assert!((slope(&values) + slope(&backwards)).abs() < 1e-9);
    }
}
