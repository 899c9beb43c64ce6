//! A log is whole or it is an error.

use eval::Method;
use eval::log::{Dialect, LogError, parse};

use super::common;
use super::{closed, error};

#[test]
fn a_log_without_its_beginning_or_end_is_an_error() {
    assert_eq!(parse(b""), Err(LogError::Silent));
    assert_eq!(parse(b"\r\n \r\n"), Err(LogError::Silent));
    assert_eq!(
        parse(b"Linux version 6\nKernel panic\n"),
        Err(LogError::NoHeader {
            lines: 2,
            last: "Kernel panic".into()
        })
    );
    let log = common::tollgate_log(Method::Precise, 3);
    let without_header = log.split_once('\n').unwrap().1;
    assert!(matches!(
        parse(without_header.as_bytes()),
        Err(LogError::NoHeader { .. })
    ));
    let (body, _) = log.trim_end().rsplit_once('\n').unwrap();
    assert!(matches!(
        parse(format!("{body}\nKernel panic - not syncing\n").as_bytes()),
        Err(LogError::Cut { last, .. }) if last == "Kernel panic - not syncing"
    ));
}

#[test]
fn every_single_missing_or_doubled_line_is_an_error() {
    for method in Method::ALL {
        let log = common::tollgate_log(method, 3);
        let lines: Vec<_> = log.split_inclusive('\n').collect();
        for i in 0..lines.len() {
            let missing = [&lines[..i], &lines[i + 1..]].concat().concat();
            assert!(parse(missing.as_bytes()).is_err(), "without line {}", i + 1);
            let doubled = [&lines[..=i], &lines[i..]].concat().concat();
            assert!(parse(doubled.as_bytes()).is_err(), "line {} twice", i + 1);
        }
    }
}

#[test]
fn two_swapped_lines_are_an_error() {
    let log = common::tollgate_log(Method::Precise, 3);
    let mut lines: Vec<_> = log.split_inclusive('\n').collect();
    lines.swap(8, 9);
    assert!(matches!(
        parse(lines.concat().as_bytes()),
        Err(LogError::Checksum { .. })
    ));
}

#[test]
fn a_guest_that_rebooted_is_an_error() {
    let log = common::tollgate_log(Method::Precise, 3);
    assert!(matches!(
        parse(log.repeat(2).as_bytes()),
        Err(LogError::Rebooted { first: 1, .. })
    ));
    let half: String = log.split_inclusive('\n').take(8).collect();
    assert!(matches!(
        parse((half + &log).as_bytes()),
        Err(LogError::Rebooted { .. })
    ));
}

#[test]
fn nothing_of_ours_may_follow_the_end() {
    let log = common::tollgate_log(Method::Precise, 1);
    for record in [
        "meta\ta\tb",
        "slope\tfcall\t0\t0\t1\t1\t2\t2\t1\t1",
        "end\t1\t00000000",
        "batch\tx",
    ] {
        assert!(
            matches!(
                parse(format!("{log}{record}\n").as_bytes()),
                Err(LogError::AfterEnd { .. })
            ),
            "{record:?}"
        );
    }
}

#[test]
fn records_must_be_what_the_log_says_it_holds() {
    assert!(matches!(
        error(&["meta\ta\tb"]),
        LogError::NoFormat { line: 5, .. }
    ));
    assert!(matches!(
        error(&["tollgate\t2\tpaper", "tollgate\t2\tpaper"]),
        LogError::SecondFormat { first: 5, line: 6 }
    ));
    assert!(matches!(
        error(&["tollgate\t2\tpaper", "slope\tfcall\t0\t0\t1\t1\t2\t2\t1\t1"]),
        LogError::WrongMethod {
            method: Method::Paper,
            ..
        }
    ));
    assert!(matches!(
        error(&["tollgate\t1\tprecise"]),
        LogError::Version { line: 5, found } if found == "1"
    ));
    assert!(matches!(
        error(&["tollgate\t2\tprecise", "slope\tfcall\t0\t0\t1\tx\t2\t2\t1\t1"]),
        LogError::Record { line: 6, problem, .. } if problem.contains("ticks_n")
    ));
    assert!(matches!(
        error(&[
            "tollgate\t2\tprecise",
            "slope\tfcall\t2\t0\t1\t1\t2\t2\t1\t1"
        ]),
        LogError::Round {
            line: 6,
            round: 2,
            rounds: 2
        }
    ));
    assert_eq!(error(&["tollgate\t2\tprecise"]), LogError::NoSamples);
}

#[test]
fn a_damaged_header_is_an_error() {
    let lines = |header: &[&str]| {
        let records = [
            "tollgate\t2\tprecise",
            "slope\tfcall\t0\t0\t1\t1\t2\t2\t1\t1",
        ];
        parse(closed(&[header, &records].concat()).as_bytes()).unwrap_err()
    };
    assert!(matches!(
        lines(&["--- 8< ---", "CONFIG_NB_ROUNDS=2"]),
        LogError::HeaderNotClosed { line: 3, .. }
    ));
    assert!(matches!(
        lines(&["--- 8< ---", "CONFIG_NB_ROUNDS=two", "--- >8 ---"]),
        LogError::Setting { line: 2, .. }
    ));
    assert!(matches!(
        lines(&["--- 8< ---", "CONFIG_WARMUP=maybe", "--- >8 ---"]),
        LogError::Setting { line: 2, .. }
    ));
    assert_eq!(
        lines(&["--- 8< ---", "# CONFIG_WARMUP is not set", "--- >8 ---"]),
        LogError::NoRounds
    );
}

#[test]
fn original_lines_never_replace_our_records() {
    // A log of ours that lost its format record still has records, and ours has an end.
    let log = common::tollgate_log(Method::Paper, 2) + "scall\t222.0\n";
    assert_eq!(parse(log.as_bytes()).unwrap().dialect, Dialect::Tollgate);
    let (open, _) = log.split_once("\nend").unwrap();
    let mixed = format!("{open}\nscall\t222.0\nfcall\t4.0\nscall\t222.0\nfcall\t4.0\n");
    assert!(matches!(parse(mixed.as_bytes()), Err(LogError::Cut { .. })));
}

#[test]
fn a_header_with_many_rounds_is_read_quickly() {
    let log = closed(&[
        "--- 8< ---",
        "CONFIG_NB_ROUNDS=4294967295",
        "--- >8 ---",
        "tollgate\t2\tprecise",
        "slope\tfcall\t4294967294\t0\t1\t1\t2\t2\t1\t1",
    ]);
    assert!(matches!(
        parse(log.as_bytes()),
        Err(LogError::RoundSamples {
            round: 0,
            whole: 4_294_967_294,
            ..
        })
    ));
}
