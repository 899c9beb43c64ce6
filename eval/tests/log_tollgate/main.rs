//! Our own format: what a sample's value is, and every way in which a log is wrong.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;

mod quads;
mod values;
mod whole;

use contract::Closing;
use eval::Benchmark;
use eval::log::{LogError, parse};

/// A log of these lines, closed as the guest closes it.
fn closed(lines: &[&str]) -> String {
    let mut closing = Closing::default();
    lines.iter().for_each(|l| closing.line(l.as_bytes()));
    let end = format!("end\t{}\t{:08x}", closing.lines(), closing.crc());
    lines.join("\n") + "\n" + &end + "\n"
}

const HEADER: [&str; 4] = [
    "--- 8< ---",
    "CONFIG_WARMUP=y",
    "CONFIG_NB_ROUNDS=2",
    "--- >8 ---",
];

fn with_header(lines: &[&str]) -> String {
    closed(&[&HEADER, lines].concat())
}

fn error(lines: &[&str]) -> LogError {
    parse(with_header(lines).as_bytes()).unwrap_err()
}

#[test]
fn the_samples_name_must_agree_with_the_answer() {
    for (answer, name) in [("noop", "enosys"), ("enosys", "scall"), ("0", "scall")] {
        let meta = format!("meta\tsyscall_500\t{answer}");
        let sample = format!("slope\t{name}\t0\t0\t1\t1\t2\t2\t1\t1");
        let error = error(&["tollgate\t2\tprecise", &meta, &sample]);
        assert!(
            matches!(&error, LogError::Answer { line: 7, said: Some(said), .. } if said == answer),
            "{error}"
        );
    }
    assert!(matches!(
        error(&[
            "tollgate\t2\tprecise",
            "slope\tscall\t0\t0\t1\t1\t2\t2\t1\t1"
        ]),
        LogError::Answer { said: None, .. }
    ));
}

#[test]
fn a_repeated_fact_must_be_the_same() {
    let facts = |second: &str| {
        with_header(&[
            "tollgate\t2\tprecise",
            "meta\tsyscall_500\tnoop",
            "meta\tsystem\tLinux",
            second,
            "slope\tfcall\t0\t0\t1\t1\t2\t2\t1\t1",
            "slope\tfcall\t1\t0\t1\t1\t2\t2\t1\t1",
        ])
    };
    assert!(parse(facts("meta\tsyscall_500\tnoop").as_bytes()).is_ok());
    let error = parse(facts("meta\tsyscall_500\tenosys").as_bytes()).unwrap_err();
    assert_eq!(
        error,
        LogError::TwoFacts {
            first: 6,
            line: 8,
            key: "syscall_500".into(),
            before: "noop".into(),
            value: "enosys".into(),
        }
    );
    assert!(error.to_string().ends_with("boot again"), "{error}");
}

#[test]
fn numeric_facts_must_be_numbers() {
    let with = |fact: &str| {
        error(&[
            "tollgate\t2\tprecise",
            &format!("meta\t{fact}"),
            "slope\tfcall\t0\t0\t1\t1\t2\t2\t1\t1",
            "slope\tfcall\t1\t0\t1\t1\t2\t2\t1\t1",
        ])
    };
    for fact in [
        "chain_ops\t0",
        "chain_ops\tmany",
        "tsc_khz\t-1",
        "tsc_step\t",
        "batch_ticks\t1.5",
        "fenced_ticks\t1 2",
    ] {
        assert!(
            matches!(with(fact), LogError::Fact { line: 6, .. }),
            "{fact:?}"
        );
    }
}

#[test]
fn every_round_has_as_many_samples_of_a_benchmark() {
    let slope = |name: &str, round: u32| format!("slope\t{name}\t{round}\t0\t1\t1\t2\t2\t1\t1");
    let log = |samples: &[(&str, u32)]| {
        let mut lines = vec![
            "--- 8< ---".to_owned(),
            "CONFIG_NB_ROUNDS=3".into(),
            "--- >8 ---".into(),
            "tollgate\t2\tprecise".into(),
        ];
        lines.extend(samples.iter().map(|(name, round)| slope(name, *round)));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        parse(closed(&lines).as_bytes())
    };
    let whole = [
        ("fcall", 0),
        ("fcall_chain", 0),
        ("fcall", 1),
        ("fcall_chain", 1),
        ("fcall", 2),
        ("fcall_chain", 2),
    ];
    assert_eq!(log(&whole).unwrap().samples.len(), 6);
    let lost = |round: u32, whole: u32, error: LogError| {
        assert!(
            matches!(error, LogError::RoundSamples { round: r, whole: w, found: 0, expected: 1, .. }
                if (r, w) == (round, whole)),
            "{error}"
        );
        assert!(error.to_string().ends_with("boot again"), "{error}");
    };
    // A round in the middle, the first, the last, and one benchmark of one round.
    lost(1, 0, log(&[&whole[..2], &whole[4..]].concat()).unwrap_err());
    lost(0, 1, log(&whole[2..]).unwrap_err());
    lost(2, 0, log(&whole[..4]).unwrap_err());
    lost(1, 0, log(&[&whole[..2], &whole[3..]].concat()).unwrap_err());
    assert!(matches!(
        log(&[&whole[..], &whole[5..]].concat()),
        Err(LogError::RoundSamples {
            round: 2,
            found: 2,
            benchmark: Benchmark::FcallChain,
            ..
        })
    ));
}

#[test]
fn alignments_must_be_those_of_the_program() {
    for align in ["1", "8", "64", "18446744073709551615"] {
        let sample = format!("slope\tfcall\t0\t{align}\t1\t1\t2\t2\t1\t1");
        assert!(
            matches!(
                error(&["tollgate\t2\tprecise", &sample]),
                LogError::Align { line: 6, .. }
            ),
            "{align}"
        );
    }
}

#[test]
fn a_clock_chain_of_no_time_is_an_error() {
    for record in [
        "slope\tfcall\t0\t0\t1\t1\t2\t2\t0\t1",
        "slope\tfcall\t0\t0\t1\t1\t2\t2\t1\t0",
    ] {
        assert!(
            matches!(
                error(&["tollgate\t2\tprecise", record]),
                LogError::NoChain { line: 6 }
            ),
            "{record:?}"
        );
    }
    for clock in ["clock\t0\t0\t1", "clock\t1\t1\t0"] {
        let error = error(&[
            "tollgate\t2\tprecise",
            "slope\tfcall\t0\t0\t1\t1\t2\t2\t1\t1",
            "slope\tfcall\t1\t0\t1\t1\t2\t2\t1\t1",
            clock,
        ]);
        assert!(matches!(error, LogError::NoChain { line: 8 }), "{error}");
    }
}

#[test]
fn a_division_by_zero_operations_is_an_error() {
    for sample in [
        "slope\tfcall\t0\t0\t64\t1\t64\t2\t1\t1",
        "slope\tfcall\t0\t0\t64\t1\t32\t2\t1\t1",
        "slope\ttsc\t0\t0\t1\t1\t0\t2\t1\t1",
    ] {
        assert!(
            matches!(
                error(&["tollgate\t2\tprecise", sample]),
                LogError::Operations { line: 6, .. }
            ),
            "{sample:?}"
        );
    }
    for sample in ["batch\tfcall\t0\t0\t1", "batch\ttsc\t0\t5\t1"] {
        assert!(
            matches!(
                error(&["tollgate\t2\tpaper", sample]),
                LogError::Operations { line: 6, .. }
            ),
            "{sample:?}"
        );
    }
    assert!(matches!(
        error(&["tollgate\t2\tpaper", "batch\tfcall\t1\t5\t1"]),
        LogError::NoTsc { line: 6, round: 1 }
    ));
}

#[test]
fn an_error_that_the_program_reports_is_shown() {
    for log in [
        "error\tsystem call 500 answered 7\n".to_string(),
        "noise\n--- 8< ---\nerror\tsystem call 500 answered 7\n".into(),
        format!(
            "{}\ntollgate\t2\tprecise\nerror\tsystem call 500 answered 7\n",
            HEADER.join("\n")
        ),
    ] {
        let error = parse(log.as_bytes()).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("the guest reports: system call 500 answered 7"),
            "{error}"
        );
    }
}

#[test]
fn long_lines_are_shown_by_their_beginning() {
    let long = format!("meta\t{}", "x".repeat(100_000));
    let message = error(&["tollgate\t2\tprecise", &long]).to_string();
    assert!(message.len() < 400, "{message}");
}
