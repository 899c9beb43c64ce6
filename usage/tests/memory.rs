//! What the exploring process itself needs.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use usage::explore::{Request, explore};
use usage::{Mode, Phase, static_binary};

/// For any program; what it runs and the analysis of its files are other processes.
const MOST_MEGABYTES: u64 = 20;

/// The peak of this process, which runs nothing else.
fn peak_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let words: Vec<_> = line.unwrap().split_whitespace().collect();
    assert_eq!(words[1], "kB");
    words[0].parse::<u64>().unwrap().div_ceil(1024)
}

#[test]
fn an_exploration_needs_little_memory() {
    let here = std::env::current_exe().unwrap();
    let examples = here.parent().unwrap().parent().unwrap().join("examples");
    // It writes a lot, so that many runs at a time have much to keep.
    let command = ["sh", "-c", "head -c 3000000 /dev/zero; echo done"];
    let request = Request {
        command: command.map(String::from).to_vec(),
        folder: PathBuf::from("/"),
        input: None,
        test: None,
        ready: None,
        phase: Phase::All,
        modes: vec![Mode::Stub, Mode::Fake],
        partial: false,
        paths: false,
        only: None,
        discovery: true,
        analyser: Some(vec![examples.join("analyse").into()]),
        replicas: NonZeroU32::MIN,
        jobs: NonZeroU32::new(4).unwrap(),
        limit: None,
        tool: "test".into(),
        earlier: None,
    };
    let usage = explore(&request, &AtomicBool::new(false), &|_| {}).unwrap();
    assert_eq!(usage.files.unwrap().error, None);
    let explored = peak_megabytes();
    assert!(explored <= MOST_MEGABYTES, "{explored} MB");

    // The bound proves something: it would not hold for the analysis.
    static_binary::analyse("/bin/sh".as_ref()).unwrap();
    let analysed = peak_megabytes();
    assert!(analysed > MOST_MEGABYTES, "{analysed} MB");
    eprintln!("{explored} MB to explore, {analysed} MB with the analysis");
}
