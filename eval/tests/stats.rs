//! Statistics against NumPy's (tests/golden/make_numpy.py).
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use eval::stats::{Sorted, StatsError};
use proptest::prelude::*;
use serde_json::Value;

/// How many floats lie between two; 0 for the same number.
fn ulps(a: f64, b: f64) -> u64 {
    let ordered = |x: f64| {
        let bits = x.to_bits() as i64;
        if bits < 0 { i64::MIN - bits } else { bits }
    };
    ordered(a).abs_diff(ordered(b))
}

fn same(ours: f64, golden: &Value, tolerance: u64, what: &str) {
    let golden = golden.as_f64().unwrap();
    assert!(
        ulps(ours, golden) <= tolerance,
        "{what}: {ours:?} here, {golden:?} by NumPy"
    );
}

fn compare(values: Vec<f64>, golden: &Value, name: &str) {
    let sorted = Sorted::new(values).unwrap();
    same(
        sorted.mean(),
        &golden["exact_mean"],
        1,
        &format!("{name}: exact mean"),
    );
    same(
        sorted.median(),
        &golden["median"],
        0,
        &format!("{name}: median"),
    );
    same(sorted.min(), &golden["min"], 0, &format!("{name}: min"));
    same(sorted.max(), &golden["max"], 0, &format!("{name}: max"));
    for pair in golden["quantiles"].as_array().unwrap() {
        let q = pair[0].as_f64().unwrap();
        same(
            sorted.quantile(q),
            &pair[1],
            0,
            &format!("{name}: quantile {q}"),
        );
    }
    same(sorted.q1(), &golden["quantiles"][4][1], 0, "q1");
    same(sorted.q3(), &golden["quantiles"][8][1], 0, "q3");
}

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/numpy.json")).unwrap()
}

#[test]
fn listed_values_give_numpys_statistics_to_the_last_bit() {
    for case in golden()["listed"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let values = case["values"].as_array().unwrap();
        let values: Vec<_> = values.iter().map(|v| v.as_f64().unwrap()).collect();
        // NumPy's own mean of these loses what cancels; the exact one is compared instead.
        if name != "cancelling" {
            let mean = Sorted::new(values.clone()).unwrap().mean();
            same(mean, &case["mean"], 1, name);
        }
        compare(values, case, name);
    }
}

#[test]
fn random_values_give_numpys_statistics() {
    for case in golden()["random"].as_array().unwrap() {
        let mut random = common::Random(case["seed"].as_u64().unwrap());
        let n = case["n"].as_u64().unwrap();
        let scale = case["scale"].as_f64().unwrap();
        let values: Vec<_> = (0..n).map(|_| random.uniform() * scale).collect();
        let mean = Sorted::new(values.clone()).unwrap().mean();
        // NumPy sums in pairs, which costs it a few bits of a million values.
        same(mean, &case["mean"], 4, "mean");
        compare(values, case, &format!("{n} values"));
    }
}

#[test]
fn values_that_are_not_numbers_have_no_statistics() {
    assert_eq!(Sorted::new(vec![]), Err(StatsError::Empty));
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(
            Sorted::new(vec![1.0, bad]),
            Err(StatsError::NotFinite { index: 1 })
        );
    }
}

proptest! {
    #[test]
    fn order_changes_nothing(values in prop::collection::vec(-1e9f64..1e9, 1..50), seed in any::<u64>()) {
        let mut shuffled = values.clone();
        let mut random = common::Random(seed);
        for i in (1..shuffled.len()).rev() {
            shuffled.swap(i, (random.next() % (i as u64 + 1)) as usize);
        }
        let (a, b) = (Sorted::new(values).unwrap(), Sorted::new(shuffled).unwrap());
        prop_assert_eq!(a.mean(), b.mean());
        prop_assert_eq!(a, b);
    }

    #[test]
    fn quantiles_rise_and_stay_within(
        values in prop::collection::vec(-1e9f64..1e9, 1..50), q in -0.5f64..1.5, more in 0.0f64..0.5
    ) {
        let s = Sorted::new(values).unwrap();
        prop_assert!(s.quantile(q) <= s.quantile(q + more));
        prop_assert!(s.min() <= s.quantile(q) && s.quantile(q) <= s.max());
        prop_assert!(s.min() <= s.mean() * (1.0 + 1e-15_f64.copysign(s.mean())) && s.mean() <= s.max() + s.max().abs() * 1e-15);
        prop_assert_eq!(s.below(s.min()) + s.above(s.max()), 0);
    }
}
