//! The benchmark's image satisfies the strictest loader, Unikraft's of EuroSys'21.
//!
//! It needs what `make guest-bench` builds, and is run by `make test`.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::fs;
use std::process::Command;

use common::built;
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
