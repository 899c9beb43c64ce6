//! A summary: its numbers, and its files.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{COUNTED, EMULATED, MEASURED};
use eval::counts::Counts;
use eval::levels::Levels;
use eval::log::Reading;
use eval::samples::Sample;
use eval::summary::{
    BootInfo, Figures, RunInfo, Summary, SummaryError, TargetInfo, Tsc, read_json, summarize,
    write_csv, write_json,
};
use eval::units::{Nanoseconds, Ticks, TscHz};
use eval::{Benchmark, Method};
use proptest::prelude::*;

fn target(name: &str) -> TargetInfo {
    TargetInfo {
        name: name.into(),
        label: name.into(),
        method: Some(Method::Precise),
        engine: "kvm".into(),
        emulated: false,
        counts_for: None,
        cpu_model: None,
        cpu_lacks: Vec::new(),
        guest: None,
        missing: None,
        boots_ok: 3,
        checks: Vec::new(),
        boots_failed: 0,
    }
}

fn info(hz: f64) -> RunInfo {
    RunInfo {
        experiment: "test".into(),
        incomplete: None,
        tsc: Some(Tsc {
            hz: TscHz(hz),
            source: "test".into(),
        }),
        notes: vec![],
        doctor: None,
    }
}

fn boots() -> Vec<BootInfo> {
    common::in_turns(&[target("linux")], 3)
}

fn levels(boots: &[&[f64]]) -> Levels {
    let boots = boots.iter().zip(0..);
    boots
        .flat_map(|(values, boot)| {
            values.iter().map(move |value| Sample {
                target: "linux".into(),
                boot,
                benchmark: Benchmark::Scall,
                round: 0,
                reading: Reading::ValueOnly,
                value: Ticks(*value),
            })
        })
        .collect()
}

#[test]
fn a_boot_counts_once_among_boots() {
    let levels = levels(&[&[1.0, 2.0, 3.0], &[10.0; 5], &[4.0]]);
    let summary = summarize(
        info(2e9),
        vec![target("linux")],
        &boots(),
        &levels,
        &Counts::default(),
    )
    .unwrap();
    let row = &summary.targets[0].rows[0];
    assert_eq!((row.samples, row.boots), (9, 3));
    let ticks = Figures {
        mean: 60.0 / 9.0,
        median: 10.0,
        q1: 3.0,
        q3: 10.0,
        median_of_boot_medians: 4.0,
    };
    assert_eq!(row.ticks, ticks.map(Ticks));
    let ns = row.ns.unwrap();
    assert_eq!(ns.median, Nanoseconds(5.0));
    assert_eq!(ns.median_of_boot_medians, Nanoseconds(2.0));
}

#[test]
fn inconsistent_inputs_are_an_error() {
    let some = levels(&[&[1.0]]);
    let run = |hz, targets| summarize(info(hz), targets, &boots(), &some, &Counts::default());
    assert!(matches!(
        run(1e9, vec![target("other")]),
        Err(SummaryError::UnknownTarget(name)) if name == "linux"
    ));
    assert!(matches!(
        run(1e9, vec![target("linux"), target("linux")]),
        Err(SummaryError::TwoTargets(name)) if name == "linux"
    ));
    for hz in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            run(hz, vec![target("linux")]),
            Err(SummaryError::Frequency(_))
        ));
    }
    assert!(matches!(
        summarize(
            info(1e9),
            vec![target("linux")],
            &boots(),
            &levels(&[&[f64::NAN]]),
            &Counts::default()
        ),
        Err(SummaryError::Stats { .. })
    ));
}

fn json(summary: &Summary) -> String {
    let mut out = Vec::new();
    write_json(&mut out, summary).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn written_json_reads_the_same() {
    for fakes in [&MEASURED[..], &EMULATED] {
        let summary = common::run(fakes, 5, 20).0;
        assert_eq!(read_json(json(&summary).as_bytes()).unwrap(), summary);
    }
    let mut summary = common::run(&MEASURED, 1, 1).0;
    summary.info.tsc = None;
    for target in &mut summary.targets {
        target.info.method = None;
        target.rows.iter_mut().for_each(|row| row.ns = None);
    }
    assert_eq!(read_json(json(&summary).as_bytes()).unwrap(), summary);
}

/// Eight boots whose clocks differ, at two alignments.
fn with_clock_chains() -> Vec<Sample> {
    let boots = 0..8u32;
    let samples = boots.flat_map(|boot| {
        (0..4u32).map(move |i| {
            let cycles = 330.0 + f64::from(boot % 3) + f64::from(i % 2);
            let chain = 8192 + 64 * u64::from(boot);
            Sample {
                target: "host".into(),
                boot,
                benchmark: Benchmark::Enosys,
                round: 0,
                reading: Reading::Slope {
                    align: u64::from(i % 2) * 16,
                    ops_n: 500,
                    ticks_n: 110_000,
                    ops_2n: 1000,
                    ticks_2n: 220_001,
                    chain_before: chain,
                    chain_after: chain,
                },
                value: Ticks(cycles * chain as f64 / 12_288.0),
            }
        })
    });
    samples.collect()
}

#[test]
fn the_files_read_as_documented() {
    let mut levels = levels(&[&[222.0, 222.5], &[223.0]]);
    with_clock_chains()
        .iter()
        .for_each(|sample| levels.add(sample));
    let mut missing = common::run(&MEASURED, 1, 1).0.targets.pop().unwrap().info;
    missing.name = "unikraft".into();
    let emulated = TargetInfo {
        emulated: true,
        boots_ok: 2,
        checks: Vec::new(),
        boots_failed: 1,
        ..target("linux")
    };
    let host = TargetInfo {
        boots_ok: 8,
        checks: vec![common::good_clock()],
        ..target("host")
    };
    let targets = vec![emulated, missing, host];
    let boots = common::in_turns(&targets, 8);
    let summary = summarize(info(2e9), targets, &boots, &levels, &Counts::default()).unwrap();
    insta::with_settings!({
        snapshot_path => "golden",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("summary.json", json(&summary));
        let mut out = Vec::new();
        write_csv(&mut out, &summary).unwrap();
        insta::assert_snapshot!("summary.csv", String::from_utf8(out).unwrap());
    });
}

#[test]
fn counts_read_as_documented() {
    let [linux, _, ring0] = COUNTED;
    let (summary, _) = common::run_counted(&[], 0, 0, &[linux, ring0]);
    assert_eq!(read_json(json(&summary).as_bytes()).unwrap(), summary);
    insta::with_settings!({
        snapshot_path => "golden",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("summary-counted.json", json(&summary));
        let mut out = Vec::new();
        write_csv(&mut out, &summary).unwrap();
        insta::assert_snapshot!("summary-counted.csv", String::from_utf8(out).unwrap());
    });
}

#[test]
fn cut_anywhere_json_is_an_error() {
    let json = json(&common::run(&MEASURED[..1], 1, 2).0);
    for end in 0..json.trim_end().len() {
        let error = read_json(&json.as_bytes()[..end]).unwrap_err();
        assert!(matches!(error, SummaryError::Json(_)), "{error}");
    }
}

#[test]
fn another_version_is_named() {
    let error = read_json(&br#"{"version": 7, "future": true}"#[..]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "summary.json has version 7, but this tool reads versions 4 to 5"
    );
    for other in ["{}", "[]", "{\"version\": 4}", "{\"version\": \"1\"}", "7"] {
        let error = read_json(other.as_bytes()).unwrap_err();
        assert!(matches!(error, SummaryError::Json(_)), "{error}");
    }
}

proptest! {
    #[test]
    fn a_damaged_json_never_panics(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = json(&common::run(&MEASURED, 1, 2).0).into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let _ = read_json(&bytes[..]);
    }

    #[test]
    fn every_float_survives(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
        let mut summary = common::run(&MEASURED, 1, 1).0;
        summary.targets[0].rows[0].ticks.mean = Ticks(value);
        prop_assert_eq!(read_json(json(&summary).as_bytes()).unwrap(), summary);
    }
}
