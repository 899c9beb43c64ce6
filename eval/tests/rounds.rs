//! `rounds.csv`, and its information about the clock.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

use contract::{Clock, Disturbance, Disturbed, Encoder, Method, Slope};
use eval::Benchmark;
use eval::log::{self, LogError};
use eval::rounds::{Round, of_log, read_csv, write_csv};

/// A log of one sample a round, and these records of rounds.
fn log(clocks: &[Clock], disturbed: &[Disturbed]) -> String {
    let mut log = Encoder::new(String::new());
    log.header(true, 2, None).unwrap();
    log.format(Method::Precise).unwrap();
    let sample = |round| Slope {
        benchmark: Benchmark::Fcall,
        round,
        align: 48,
        ops_n: 1,
        ticks_n: 1,
        ops_2n: 2,
        ticks_2n: 2,
        chain_before: 1,
        chain_after: 1,
    };
    log.slope(&sample(0)).unwrap();
    log.slope(&sample(1)).unwrap();
    clocks.iter().for_each(|c| log.clock(c).unwrap());
    disturbed.iter().for_each(|d| log.disturbed(d).unwrap());
    log.end().unwrap()
}

fn clock(round: u64) -> Clock {
    Clock {
        round,
        imul_ticks: 1010,
        add_ticks: 1000,
    }
}

fn stolen(round: u64) -> Disturbed {
    Disturbed {
        round,
        by: Disturbance::Steal,
        amount: 7,
    }
}

#[test]
fn a_round_is_read_from_its_records_and_comes_back_from_its_line() {
    let log = log::parse(log(&[clock(0)], &[stolen(0), stolen(1)]).as_bytes()).unwrap();
    let rounds: Vec<_> = of_log("linux", 3, &log).collect();
    assert_eq!(rounds.len(), 2);
    assert_eq!(rounds[0].imul_ticks, Some(1010));
    assert_eq!(rounds[1].imul_ticks, None);
    assert_eq!(rounds[1].steal_cs, Some(7));

    let mut csv = Vec::new();
    write_csv(&mut csv, rounds.clone()).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&csv),
        "target,boot,round,imul_ticks,add_ticks,switches,run_delay_ns,steal_cs,interrupts\n\
         linux,3,0,1010,1000,,,7,\n\
         linux,3,1,,,,,7,\n"
    );
    assert_eq!(read_csv(&*csv).unwrap(), rounds);
}

#[test]
fn the_ratio_of_both_chains_shows_whether_they_measure_the_clock() {
    let rounds = log::parse(log(&[clock(1)], &[stolen(0)]).as_bytes()).unwrap();
    let rounds: Vec<Round> = of_log("linux", 0, &rounds).collect();
    assert_eq!(rounds[0].imul_by_add(), None);
    assert_eq!(rounds[1].imul_by_add(), Some(3.03));
    assert!(rounds[0].disturbed() && !rounds[1].disturbed());
}

#[test]
fn a_round_is_described_once_and_exists() {
    let error = |log: String| log::parse(log.as_bytes()).unwrap_err();
    for twice in [
        log(&[clock(1), clock(1)], &[]),
        log(&[], &[stolen(0), stolen(0)]),
    ] {
        assert!(matches!(error(twice), LogError::SecondOfRound { .. }));
    }
    for beyond in [log(&[clock(2)], &[]), log(&[], &[stolen(u64::MAX)])] {
        assert!(matches!(error(beyond), LogError::Round { rounds: 2, .. }));
    }
}

#[test]
fn damage_is_named() {
    let head = "target,boot,round,imul_ticks,add_ticks,switches,run_delay_ns,steal_cs,interrupts\n";
    for (file, part) in [
        ("", "first line"),
        ("target,boot\n", "first line"),
        (&*format!("{head}linux,0,0,1\n"), "line: 2"),
        (&*format!("{head}linux,0,0,x,,,,,\n"), "line: 2"),
        (&*format!("{head}linux,0,0,-1,,,,,\n"), "line: 2"),
    ] {
        let error = read_csv(file.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}
