//! Our own format: what a sample's value is, and every way in which a log is wrong.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use contract::{Answer, Closing, Fact, SystemCall};
use eval::log::{Dialect, LogError, Reading, parse};
use eval::quads::instructions;
use eval::units::{CyclesPerTick, Instructions, Ticks};
use eval::{Benchmark, Method};

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
fn the_precise_methods_value_is_the_slope() {
    let log = parse(
        with_header(&[
            "tollgate\t2\tprecise",
            "meta\tsyscall_500\tnoop",
            "meta\tchain_ops\t500",
            "slope\ttsc\t0\t0\t0\t34\t0\t36\t1500\t1500",
            "slope\tscall\t0\t0\t64\t8450\t128\t16770\t1500\t3000",
            "slope\ttsc\t1\t0\t0\t36\t0\t0\t0\t0",
            "slope\tscall\t1\t48\t64\t300\t128\t290\t1500\t1500",
        ])
        .as_bytes(),
    )
    .unwrap();
    assert_eq!(log.dialect, Dialect::Tollgate);
    assert_eq!(log.method, Some(Method::Precise));
    assert_eq!(log.answer(SystemCall::Noop), Some(Answer::Works));
    assert_eq!(log.fact(Fact::Release), None);
    let values: Vec<_> = log.samples.iter().map(|s| s.value.0).collect();
    assert_eq!(values, [34.0, 130.0, 36.0, -10.0 / 64.0]);
    assert_eq!(log.samples[3].round, 1);
    assert_eq!(
        log.clock(&log.samples[1]),
        Some((CyclesPerTick(1.0), CyclesPerTick(0.5)))
    );
}

#[test]
fn the_papers_value_is_what_the_original_computes() {
    let log = parse(
        with_header(&[
            "tollgate\t2\tpaper",
            "meta\tsyscall_500\tenosys",
            "batch\ttsc\t0\t0\t70",
            "batch\tenosys\t0\t1000\t222070",
            "batch\tenosys\t1\t1000\t4068",
            "batch\ttsc\t1\t0\t68",
        ])
        .as_bytes(),
    )
    .unwrap();
    let values: Vec<_> = log.samples.iter().map(|s| s.value).collect();
    assert_eq!(values, [70.0, 222.0, 4.0, 68.0].map(Ticks));
    assert_eq!(log.samples[1].benchmark, Benchmark::Enosys);
    assert_eq!(
        log.samples[1].reading,
        Reading::Batch {
            ops: 1000,
            ticks: 222_070
        }
    );
    assert_eq!(log.clock(&log.samples[1]), None);
}

#[test]
fn ticks_near_the_counters_end_keep_their_difference() {
    let log = parse(
        with_header(&[
            "tollgate\t2\tprecise",
            "slope\tfcall\t0\t0\t1\t18446744073709551614\t2\t18446744073709551615\t1\t1",
            "slope\tfcall\t1\t0\t1\t1\t2\t2\t1\t1",
        ])
        .as_bytes(),
    )
    .unwrap();
    assert_eq!(log.samples[0].value, Ticks(1.0));
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
        ("fcall 0 0 4611686018427387904 1", "no program runs so many"),
        ("fcall 0 0 4294967296 4294967296", "no program runs so many"),
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
fn long_lines_are_shown_by_their_beginning() {
    let long = format!("meta\t{}", "x".repeat(100_000));
    let message = error(&["tollgate\t2\tprecise", &long]).to_string();
    assert!(message.len() < 400, "{message}");
}
