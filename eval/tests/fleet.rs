//! Fleets with planted machines, and the coverage of their intervals.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;

use common::Random;
use eval::Benchmark;
use eval::levels::Levels;
use eval::log::Reading;
use eval::samples::Sample;
use eval::stats::student::{self, Moments};
use eval::stats::{Sorted, bootstrap};
use eval::summary::fleet::{self, Fleet, Machine, Quantity, Scope};
use eval::summary::{BootInfo, RunInfo, TargetInfo, summarize};
use eval::units::{Ticks, TscHz};

const TARGETS: [&str; 2] = ["plain", "other"];
const RATIO: f64 = 1.1;

/// SciPy 1: degrees of freedom, and the quantile 0.975.
const SCIPY_T: [(f64, f64); 4] = [
    (5.0, 2.5705818356363146),
    (11.0, 2.200985160091639),
    (39.0, 2.022690920036761),
    (2.5, 3.5746548420036817),
];
/// p, and the interval's ends.
const SCIPY_WELCH: [f64; 3] = [
    0.05355971049064264,
    -0.047902186949308145,
    4.797902186949308,
];

/// A fleet whose costs are known.
struct Planted {
    machines: usize,
    boots: u32,
    /// Standard deviation of the machines' ratios.
    between: f64,
    /// Standard deviation of the boots.
    within: f64,
    /// Each machine's factor for every cost.
    factor: fn(usize) -> f64,
    /// A boot's factor on every machine.
    drift: fn(u32) -> f64,
    class: fn(usize) -> &'static str,
}

impl Planted {
    fn new(machines: usize) -> Self {
        Self {
            machines,
            boots: 6,
            between: 0.003,
            within: 0.004,
            factor: |_| 1.0,
            drift: |_| 1.0,
            class: |_| "one kind",
        }
    }

    fn evaluate(&self, random: &mut Random) -> Fleet {
        let mut samples = Vec::new();
        for machine in 0..self.machines {
            let own = 1.0 + self.between * random.normal();
            for (at, target) in TARGETS.into_iter().enumerate() {
                let cost = 200.0 * if at == 0 { 1.0 } else { RATIO * own };
                for boot in 0..self.boots {
                    let noise = 1.0 + self.within * random.normal();
                    let factor = (self.factor)(machine) * (self.drift)(boot);
                    samples.push(Sample {
                        target: target.into(),
                        boot: boot * self.machines as u32 + machine as u32,
                        benchmark: Benchmark::from_name("enosys").unwrap(),
                        round: 0,
                        reading: Reading::ValueOnly,
                        value: Ticks(cost * noise * factor),
                    });
                }
            }
        }
        let of_boot = |sample: &Sample| BootInfo {
            target: sample.target.to_string(),
            boot: sample.boot,
            chain_ops: None,
        };
        let boots: Vec<_> = samples.iter().map(of_boot).collect();
        let levels: Levels = samples.iter().collect();
        let info = RunInfo {
            experiment: "fleet".into(),
            incomplete: None,
            tsc: None,
            notes: vec![],
            doctor: None,
        };
        let summary = summarize(
            info,
            TARGETS.map(target).into(),
            &boots,
            &levels,
            &std::iter::empty::<&eval::quads::RunQuad>().collect(),
        );
        let machines: Vec<_> = (0..self.machines).map(|at| self.machine(at)).collect();
        let machine_of = |_: &str, boot: u32| Some(boot as usize % self.machines);
        fleet::fleet(&summary.unwrap(), &machines, &machine_of).unwrap()
    }

    fn machine(&self, at: usize) -> Machine {
        let odd = (self.factor)(at) > 1.02;
        let facts = BTreeMap::from([
            (
                "setting.turbo".to_owned(),
                if odd { "off" } else { "on" }.to_owned(),
            ),
            ("memory".into(), "64 GB".into()),
            ("serial".into(), at.to_string()),
        ]);
        Machine {
            id: format!("m{at:02}"),
            class: (self.class)(at).into(),
            fit: at != 1,
            hz: TscHz(2e9),
            facts,
        }
    }
}

fn target(name: &str) -> TargetInfo {
    TargetInfo {
        name: name.into(),
        label: name.into(),
        method: Some(eval::Method::Precise),
        engine: "host".into(),
        emulated: false,
        counts_for: None,
        cpu_model: None,
        cpu_lacks: vec![],
        guest: None,
        checks: vec![],
        missing: None,
        boots_ok: 6,
        boots_failed: 0,
    }
}

/// One number per machine is drawn, then boots around it, and only the ratio's interval is made:
/// as the fleet does it, without everything else.
fn log_ratios(random: &mut Random, machines: usize, boots: usize, sides: [f64; 2]) -> Vec<f64> {
    let [between, within] = sides;
    let median = |random: &mut Random, centre: f64| {
        let boots = (0..boots).map(|_| centre * (1.0 + within * random.normal()));
        Sorted::new(boots.collect()).unwrap().median()
    };
    let mut one = || {
        let own = RATIO * (1.0 + between * random.normal());
        (median(random, 200.0 * own) / median(random, 200.0)).ln()
    };
    (0..machines).map(|_| one()).collect()
}

fn covers([low, high]: [f64; 2]) -> bool {
    (low..=high).contains(&RATIO.ln())
}

#[test]
fn an_interval_over_machines_covers_the_truth_in_95_of_100_fleets() {
    const EXPERIMENTS: usize = 1000;
    let mut random = Random(15);
    for machines in [6, 12, 40] {
        // Mostly machines, mostly boots, and both.
        for sides in [[0.01, 0.001], [0.001, 0.01], [0.005, 0.005]] {
            let covered = (0..EXPERIMENTS).filter(|_| {
                let logs = log_ratios(&mut random, machines, 6, sides);
                covers(Moments::of(&logs).unwrap().interval().unwrap())
            });
            let share = covered.count() as f64 / EXPERIMENTS as f64;
            assert!(
                (0.93..=0.97).contains(&share),
                "{machines} {sides:?}: {share}"
            );
        }
    }
}

/// Why the interval is not a bootstrap of machines.
#[test]
fn a_plain_bootstrap_of_six_machines_covers_too_little() {
    let mut random = Random(16);
    let covered = (0..1000).filter(|_| {
        let logs = log_ratios(&mut random, 6, 6, [0.005, 0.005]);
        let means = (0..500).map(|_| {
            let drawn = (0..6).map(|_| logs[(random.uniform() * 6.0) as usize % 6]);
            drawn.sum::<f64>() / 6.0
        });
        let means = Sorted::new(means.collect()).unwrap();
        covers([means.quantile(0.025), means.quantile(0.975)])
    });
    let share = covered.count() as f64 / 1000.0;
    assert!(share < 0.92, "{share}");
}

#[test]
fn few_machines_are_these_machines() {
    let mut random = Random(17);
    let covered = (0..200).filter(|_| {
        // Each machine has a ratio of its own, which is the truth here.
        let own = [1.05, 1.10, 1.15];
        let truth = own.iter().map(|own: &f64| own.ln()).sum::<f64>() / 3.0;
        let mut boots = |centre: f64| -> Vec<f64> {
            (0..12)
                .map(|_| centre * (1.0 + 0.005 * random.normal()))
                .collect()
        };
        let strata = own.map(|own| (boots(200.0 * own), boots(200.0)));
        let strata: Vec<_> = strata.iter().map(|(a, b)| (&**a, &**b)).collect();
        let (_, interval) = bootstrap::stratified_ratio(&strata).unwrap();
        (interval.low.ln()..=interval.high.ln()).contains(&truth)
    });
    let share = covered.count() as f64 / 200.0;
    assert!((0.91..=0.985).contains(&share), "{share}");
}

#[test]
fn the_scope_changes_at_six_machines() {
    let mut random = Random(18);
    for (machines, scope) in [(5, Scope::TheseMachines), (6, Scope::MachinesLikeThese)] {
        let fleet = Planted::new(machines).evaluate(&mut random);
        assert_eq!(fleet.scope, scope);
        let row = fleet.rows.iter().find(|row| row.target == "other").unwrap();
        let ratio = row.ratio.unwrap();
        assert!(ratio.low < ratio.value && ratio.value < ratio.high);
        assert!((ratio.value / RATIO - 1.0).abs() < 0.01, "{ratio:?}");
        assert!(
            row.machines
                .iter()
                .all(|machine| machine.interval.is_some())
        );
    }
}

#[test]
fn the_spreads_are_those_that_were_planted() {
    let mut random = Random(19);
    for (between, within) in [(0.01, 0.002), (0.002, 0.01), (0.0, 0.01)] {
        let planted = Planted {
            between,
            within,
            boots: 12,
            ..Planted::new(40)
        };
        let fleet = planted.evaluate(&mut random);
        let row = fleet.rows.iter().find(|row| row.target == "other").unwrap();
        let (machines, boots) = (row.between_machines.unwrap(), row.between_boots.unwrap());
        assert!((boots / within - 1.0).abs() < 0.15, "{boots} {within}");
        assert!((machines - between).abs() < 0.004, "{machines} {between}");
    }
}

#[test]
fn an_odd_machine_among_twelve_is_named_with_what_differs() {
    let mut random = Random(20);
    let planted = Planted {
        factor: |at| if at == 7 { 1.03 } else { 1.0 },
        ..Planted::new(12)
    };
    let mut others = 0;
    for _ in 0..8 {
        let fleet = planted.evaluate(&mut random);
        let odd = fleet.odd.first().unwrap();
        // In one of twenty fleets, another machine seems odd.
        others += fleet.odd.len() - 1;
        assert_eq!((&*odd.machine, odd.quantity), ("m07", Quantity::Cost));
        assert!((odd.by / 1.03 - 1.0).abs() < 0.01, "{}", odd.by);
        let [fact] = &odd.differs[..] else {
            panic!("{:?}", odd.differs)
        };
        assert_eq!(fact.name, "setting.turbo");
        let lines = fleet.lines().join("\n");
        assert!(lines.contains("Odd machine m07"), "{lines}");
        assert!(
            lines.contains("setting.turbo (\"off\" instead of \"on\")"),
            "{lines}"
        );
        // It is marked, and counts.
        assert!(lines.contains("1 of 12 machines unfit"), "{lines}");
        assert_eq!(fleet.rows[0].machines.len(), 12);
    }
    assert!(others <= 2, "{others}");
}

#[test]
fn two_odd_machines_do_not_hide_each_other() {
    let mut random = Random(21);
    let planted = Planted {
        factor: |at| if at == 2 || at == 5 { 1.06 } else { 1.0 },
        within: 0.001,
        between: 0.001,
        ..Planted::new(24)
    };
    let fleet = planted.evaluate(&mut random);
    let mut odd: Vec<_> = fleet.odd.iter().map(|odd| &*odd.machine).collect();
    odd.sort_unstable();
    assert_eq!(odd, ["m02", "m05"]);
}

#[test]
fn machines_that_are_alike_are_rarely_called_odd() {
    let mut random = Random(22);
    let fleets = (0..60).map(|_| Planted::new(12).evaluate(&mut random));
    let wrong = fleets.filter(|fleet| !fleet.odd.is_empty()).count();
    assert!(wrong <= 8, "{wrong} of 60");
}

#[test]
fn two_classes_that_differ_by_one_percent_are_told_apart() {
    let mut random = Random(23);
    let planted = Planted {
        factor: |at| if at % 2 == 0 { 1.0 } else { 1.01 },
        class: |at| if at % 2 == 0 { "A" } else { "B" },
        ..Planted::new(12)
    };
    let fleet = planted.evaluate(&mut random);
    let first = fleet.differences.first().unwrap();
    assert_eq!((&*first.other, &*first.class), ("A", "B"));
    assert!(first.ratio.low > 1.0 && first.ratio.low < 1.01 && first.ratio.high > 1.01);
    // What classes have in common is not a machine's.
    assert!(fleet.odd.is_empty(), "{:?}", fleet.odd);
    let alike = Planted {
        factor: |_| 1.0,
        ..planted
    };
    let fleets = (0..60).map(|_| alike.evaluate(&mut random));
    let wrong = fleets.filter(|fleet| !fleet.differences.is_empty()).count();
    assert!(wrong <= 8, "{wrong} of 60");
}

#[test]
fn a_drift_of_all_machines_is_not_one_machines() {
    let mut random = Random(24);
    let planted = Planted {
        drift: |boot| 1.0 + 0.01 * f64::from(boot),
        ..Planted::new(12)
    };
    for _ in 0..8 {
        let fleet = planted.evaluate(&mut random);
        assert!(fleet.odd.is_empty(), "{:?}", fleet.odd);
        assert!(fleet.differences.is_empty());
    }
}

/// The values are SciPy's: `stats.t.ppf`, `stats.ttest_ind(equal_var=False)`, and its
/// `confidence_interval()`.
#[test]
fn students_t_is_scipys() {
    let near = |ours: f64, theirs: f64| {
        assert!((ours / theirs - 1.0).abs() < 1e-9, "{ours} {theirs}");
    };
    for (freedom, quantile) in SCIPY_T {
        near(student::quantile(0.975, freedom).unwrap(), quantile);
    }
    let (a, b) = ([1.0, 2.0, 4.0, 3.5], [2.5, 4.5, 5.0, 7.0, 6.0]);
    let welch = student::welch(&a, &b).unwrap();
    near(welch.p, SCIPY_WELCH[0]);
    near(welch.interval[0], SCIPY_WELCH[1]);
    near(welch.interval[1], SCIPY_WELCH[2]);
    assert!(student::welch(&a, &[1.0]).is_none());
    assert!(student::apart(&a, 0).is_some() && student::apart(&a[..3], 0).is_none());
}
