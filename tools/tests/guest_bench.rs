//! The benchmark's image satisfies the strictest loader, Unikraft's of EuroSys'21.
//!
//! It needs what `make guest-bench` builds, and is run by `make test`.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::fs;
use std::process::{Command, Stdio};

use common::built;
use contract::Fact;
use eval::Benchmark;
use eval::log::Reading;
use object::LittleEndian;
use object::elf::{self, FileHeader64};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};

type Header = FileHeader64<LittleEndian>;

#[test]
#[ignore = "needs the program: make test-commands"]
fn the_image_is_a_static_pie_that_needs_no_loader_but_a_copy() {
    let data = fs::read(built("build/guest-bench")).unwrap();
    let header = Header::parse(&*data).unwrap();
    let endian = header.endian().unwrap();
    assert_eq!(header.e_type(endian), elf::ET_DYN);
    assert_eq!(header.e_machine(endian), elf::EM_X86_64);
    let segments = header.program_headers(endian, &*data).unwrap();
    assert!(segments.iter().all(|s| s.p_type(endian) != elf::PT_INTERP));
    assert!(segments.iter().all(|s| s.p_type(endian) != elf::PT_TLS));
    let loads = segments.iter().filter(|s| s.p_type(endian) == elf::PT_LOAD);
    assert_eq!(loads.map(|s| s.p_paddr(endian)).min(), Some(0));

    let dynamic = segments
        .iter()
        .find_map(|s| s.dynamic(endian, &*data).unwrap());
    let tags: Vec<_> = dynamic
        .unwrap_or_default()
        .iter()
        .map(|d| d.tag(endian))
        .collect();
    for relocations in [
        elf::DT_RELA,
        elf::DT_REL,
        elf::DT_RELR,
        elf::DT_JMPREL,
        elf::DT_NEEDED,
    ] {
        assert!(!tags.contains(&relocations), "{relocations:?}");
    }
}

#[test]
#[ignore = "needs the program: make test-commands"]
fn it_runs_as_an_ordinary_process_and_its_words_are_checked() {
    let run = |words: &[&str]| {
        Command::new(built("build/guest-bench"))
            .args(words)
            .output()
            .unwrap()
    };
    let good = run(&["method=paper", "rounds=2", "iterations=1000"]);
    assert!(good.status.success());
    let log = eval::log::parse(&good.stdout).unwrap();
    assert_eq!(log.config.rounds, 2);
    assert_eq!(log.samples.len(), 6);

    let bad = run(&["rounds=many"]);
    assert_eq!(bad.status.code(), Some(2));
    let complaint = eval::log::parse(&bad.stdout).unwrap_err().to_string();
    assert!(complaint.contains("rounds=many"), "{complaint}");

    let too_many = run(&["samples=1000000"]);
    assert_eq!(too_many.status.code(), Some(2));
    let help = run(&["--help"]);
    assert!(help.status.success() && help.stdout.starts_with(b"guest-bench"));
}

#[test]
#[ignore = "needs the program: make test-commands"]
fn a_precise_log_holds_all_that_the_method_promises() {
    const ROUNDS: usize = 5;
    const SAMPLES: usize = 16;
    let words = [format!("rounds={ROUNDS}"), format!("samples={SAMPLES}")];
    let run = Command::new(built("build/guest-bench"))
        .args(words)
        .output()
        .unwrap();
    let log = eval::log::parse(&run.stdout).unwrap();

    // Four benchmarks, and every alignment equally often.
    assert_eq!(log.samples.len(), 4 * ROUNDS * SAMPLES);
    for align in [0, 16, 32, 48] {
        let so_aligned = log.samples.iter().filter(|sample| {
            sample.benchmark == Benchmark::FcallChain
                && matches!(sample.reading, Reading::Slope { align: a, .. } if a == align)
        });
        assert_eq!(so_aligned.count(), ROUNDS * SAMPLES / 4, "{align}");
    }

    // Whole steps of the counter lie between any two readings that are not so close
    // that some processors make them differ by 1.
    let fact = |fact| log.number(fact).unwrap();
    let step = fact(Fact::TscStep);
    assert!(step > 0);
    let long = log.samples.iter().filter(|s| s.benchmark != Benchmark::Tsc);
    let uneven = long.clone().filter(|sample| match sample.reading {
        Reading::Slope {
            ticks_n, ticks_2n, ..
        } => (ticks_n % step, ticks_2n % step) != (0, 0),
        _ => panic!("{sample:?}"),
    });
    // On a busy machine the program may wake up on a processor whose counter began elsewhere.
    let (uneven, all) = (uneven.count(), long.count());
    assert!(50 * uneven <= all, "{uneven} of {all}");
    assert!(fact(Fact::UnfencedTicks) <= fact(Fact::FencedTicks));

    // Of every round, both chains, and what Linux counts for every process.
    assert_eq!(log.rounds.len(), ROUNDS);
    for round in log.rounds.values() {
        assert!(round.imul_ticks.is_some() && round.add_ticks.is_some());
        assert!(round.switches.is_some() && round.interrupts.is_some());
    }
}

#[test]
#[ignore = "needs the program: make test-commands"]
fn a_disturbed_program_reports_its_disturbances() {
    // Two programs on one processor: each is taken off it while it wants to run.
    let crowded = || {
        let mut command = Command::new("taskset");
        command
            .args(["-c", "0"])
            .arg(built("build/guest-bench"))
            .args(["method=paper", "rounds=4", "benchmarks=tsc,fcall"])
            .arg("iterations=20000000")
            .stdout(Stdio::piped());
        command.spawn().unwrap()
    };
    let both = [crowded(), crowded()];
    let mut switches = 0;
    let mut delay_ns = 0;
    for child in both {
        let output = child.wait_with_output().unwrap();
        let log = eval::log::parse(&output.stdout).unwrap();
        switches += log.rounds.values().filter_map(|r| r.switches).sum::<u64>();
        let delays = log.rounds.values().filter_map(|r| r.run_delay_ns);
        delay_ns += delays.sum::<u64>();
    }
    assert!(switches > 0);
    assert!(delay_ns > 1_000_000, "{delay_ns} ns");
}
