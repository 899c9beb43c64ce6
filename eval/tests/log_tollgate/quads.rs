//! Counts of instructions, and the slopes that check themselves.

use eval::log::{LogError, parse};
use eval::quads::instructions;
use eval::units::Instructions;
use eval::{Benchmark, Method};

use super::common;
use super::{error, with_header};

#[test]
fn an_exact_log_is_complete_by_its_quads() {
    let log = common::tollgate_log(Method::Exact, 3);
    let log = parse(log.as_bytes()).unwrap();
    assert_eq!(log.method, Some(Method::Exact));
    assert!(log.samples.is_empty());
    let counted: Vec<_> = log.quads.iter().map(instructions).collect();
    assert_eq!(counted, [222, 4].map(|n| Some(Instructions(n))).repeat(3));
    assert_eq!(error(&["tollgate\t2\texact"]), LogError::NoSamples);
}

#[test]
fn a_precise_log_may_hold_checks_of_its_slope() {
    let log = parse(
        with_header(&[
            "tollgate\t2\tprecise",
            "slope\tfcall\t0\t0\t1\t1\t2\t2\t1\t1",
            "quad\tfcall\t0\t0\t16\t100\t1\t2\t3\t4",
            "slope\tfcall\t1\t0\t1\t1\t2\t2\t1\t1",
            "quad\tfcall\t1\t0\t16\t100\t1\t2\t3\t5",
        ])
        .as_bytes(),
    )
    .unwrap();
    assert_eq!((log.samples.len(), log.quads.len()), (2, 2));
    assert_eq!(log.quads[1].ticks_2n_2t, 5);
    // They are not samples.
    let alone = [
        "tollgate\t2\tprecise",
        "quad\tfcall\t0\t0\t16\t1\t1\t2\t3\t4",
    ];
    assert_eq!(error(&alone), LogError::NoSamples);
}

#[test]
fn quads_must_be_possible_for_our_program() {
    let quad = |fields: &str| {
        error(&[
            "tollgate\t2\texact",
            "meta\tsyscall_500\tenosys",
            &format!("quad\t{}\t1\t2\t3\t4", fields.replace(' ', "\t")),
        ])
    };
    assert!(matches!(
        quad("scall 0 0 16 1"),
        LogError::Answer { line: 7, .. }
    ));
    assert!(matches!(
        quad("fcall 2 0 16 1"),
        LogError::Round {
            line: 7,
            round: 2,
            ..
        }
    ));
    assert!(matches!(
        quad("fcall 0 8 16 1"),
        LogError::Align { line: 7, align: 8 }
    ));
    for (fields, problem) in [
        ("fcall 0 0 0 1", "divisor is zero"),
        ("fcall 0 0 16 0", "divisor is zero"),
        (
            "fcall 0 0 4611686018427387904 1",
            "the numbers are too large",
        ),
        (
            "fcall 0 0 4294967296 4294967296",
            "the numbers are too large",
        ),
        ("tsc 0 0 16 1", "an empty measurement"),
    ] {
        let error = quad(fields).to_string();
        assert!(
            error.contains("line 7") && error.contains(problem),
            "{error}"
        );
    }
    // Only one of two rounds has any.
    assert!(matches!(
        quad("fcall 0 0 16 1"),
        LogError::RoundSamples {
            benchmark: Benchmark::Fcall,
            round: 1,
            found: 0,
            ..
        }
    ));
    let other = |method: &str, record: &str| error(&[&format!("tollgate\t2\t{method}"), record]);
    for (method, record) in [
        ("exact", "slope\tfcall\t0\t0\t1\t1\t2\t2\t1\t1"),
        ("exact", "batch\tfcall\t0\t1\t1"),
        ("exact", "clock\t0\t1\t1"),
        ("paper", "quad\tfcall\t0\t0\t16\t1\t1\t2\t3\t4"),
    ] {
        let error = other(method, record);
        assert!(
            matches!(error, LogError::WrongMethod { line: 6, .. }),
            "{record}: {error}"
        );
    }
}
