//! The original program's console, and the statistics that its README publishes.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use eval::Benchmark;
use eval::log::{Dialect, LogError, Reading, parse};
use eval::units::Ticks;

#[test]
fn the_fixture_reads_with_all_decimals() {
    let log = parse(common::original_log()).unwrap();
    assert_eq!(log.dialect, Dialect::Original);
    assert_eq!(log.method, None);
    assert!(log.config.warmup);
    assert_eq!(log.config.rounds, 20);
    assert_eq!(log.config.iterations, Some(100_000));
    assert_eq!(log.samples.len(), 60);
    let first = log.samples[1];
    assert_eq!(first.benchmark, Benchmark::Scall);
    assert_eq!(first.value, Ticks(518.576));
    assert_eq!(first.reading, Reading::ValueOnly);
    let last = log.samples.last().unwrap();
    assert_eq!((last.round, last.value), (19, Ticks(24.397)));
}

#[test]
fn its_statistics_are_the_published_ones() {
    let log = parse(common::original_log()).unwrap();
    let stats = eval::bare::stats(&[("original".into(), log)]).unwrap();
    assert_eq!(
        eval::bare::text(&stats),
        "\
| line | lines | mean | median | q1 | q3 |
|---|---|---|---|---|---|
| tsc | 20 | 215.800000 | 130.000000 | 104.000000 | 169.000000 |
| fcall | 20 | 26.580450 | 24.556000 | 24.393750 | 25.898000 |
| scall | 20 | 444.380700 | 415.039000 | 410.529500 | 500.293500 |
"
    );
    let json: serde_json::Value = serde_json::to_value(&stats).unwrap();
    assert_eq!(json["stats"][0]["line"], "tsc");
    assert_eq!(json["stats"][0]["lines"], 20);
    assert_eq!(json["stats"][2]["q3"].as_f64(), Some(500.2935));
}

fn without_line(drop: impl Fn(&str) -> bool) -> String {
    let text = String::from_utf8(common::original_log().to_vec()).unwrap();
    let mut dropped = false;
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        if !dropped && drop(line) {
            dropped = true;
        } else {
            out += line;
        }
    }
    out
}

#[test]
fn a_missing_tsc_line_leaves_its_round_out() {
    let log = parse(without_line(|l| l.starts_with("tsc\t208")).as_bytes()).unwrap();
    let rounds: Vec<_> = log
        .samples
        .iter()
        .filter(|s| s.benchmark == Benchmark::Tsc)
        .map(|s| s.round)
        .collect();
    assert_eq!(rounds.len(), 19);
    assert_eq!(rounds[..3], [0, 2, 3]);
}

#[test]
fn a_missing_value_is_an_error() {
    let without = |name: &str| parse(without_line(|l| l.starts_with(name)).as_bytes()).unwrap_err();
    assert!(matches!(
        without("fcall"),
        LogError::ValueCount {
            benchmark: Benchmark::Fcall,
            found: 19,
            rounds: 20
        }
    ));
    // The order of the rounds reveals that one earlier.
    assert!(matches!(
        without("scall"),
        LogError::SecondTsc { round: 0, .. }
    ));
}

#[test]
fn cut_anywhere_it_is_an_error_or_complete() {
    let whole = parse(common::original_log()).unwrap();
    for end in 0..common::original_log().len() {
        if let Ok(log) = parse(&common::original_log()[..end]) {
            assert_eq!(log, whole, "cut at byte {end}");
        }
    }
}

#[test]
fn an_unterminated_last_value_is_an_error() {
    let log = "--- 8< ---\nCONFIG_NB_ROUNDS=1\n--- >8 ---\ntsc\t70\nscall\t222.5\nfcall\t4.0";
    assert!(matches!(
        parse(log.as_bytes()),
        Err(LogError::UnterminatedValue { line: 6, .. })
    ));
    assert!(parse(format!("{log}\n").as_bytes()).is_ok());
}

#[test]
fn a_value_that_is_not_a_decimal_is_an_error() {
    for value in [
        "", "x", "-1", "1e3", "inf", "NaN", "1.", ".5", "1.2.3", "1 ",
    ] {
        let log =
            format!("--- 8< ---\nCONFIG_NB_ROUNDS=1\n--- >8 ---\nscall\t{value}\nfcall\t4.0\n");
        assert!(
            matches!(parse(log.as_bytes()), Err(LogError::Value { line: 4, .. })),
            "{value:?}"
        );
    }
}
