//! `tollgate usage calls`: which calls real kernels have, as they answer, and as they were built.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use common::{HOST, Sandbox, built, linux, ring0, target};

/// Each call with its word.
fn list(sandbox: &Sandbox, target: &str) -> BTreeMap<String, String> {
    let text = sandbox.read(&format!("run/calls-{target}.txt"));
    let lines = text.lines().map(|line| line.split_once(' ').unwrap());
    lines
        .map(|(call, word)| (call.into(), word.into()))
        .collect()
}

fn working(list: &BTreeMap<String, String>) -> Vec<&str> {
    let works = list.iter().filter(|(_, word)| *word == "works");
    works.map(|(call, _)| call.as_str()).collect()
}

fn run(sandbox: &Sandbox, targets: &str) {
    sandbox.experiment(&built("build/guest-bench"), 1, targets);
    let run = sandbox.tollgate(&["run", "test.toml", "--run", "run"]);
    // On a busy machine, its boots may take too long; those that try calls have more time.
    assert!([0, 85].contains(&run.code), "{}", run.stderr);
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_kernel_without_processes_has_what_it_answers() {
    let sandbox = Sandbox::new();
    let unikraft = built("build/unikraft-like");
    let unikraft = target("unikraft", &unikraft, "program-as = \"initrd\"");
    run(&sandbox, &format!("{}{unikraft}", ring0()));
    let plan = |target: &str| {
        let supported = format!("run:{target}");
        let db = sandbox.path("db");
        let db = db.to_str().unwrap();
        sandbox.tollgate(&["usage", "plan", "--db", db, "--supported", &supported])
    };
    fs::create_dir_all(sandbox.path("db/app/suite/imported/data")).unwrap();
    sandbox.write(
        "db/app/suite/imported/data/dyn.csv",
        "1,Y,N,N,N\n60,Y,N,N,N\n",
    );
    plan("ring0").refused(66, &["does not exist", "tollgate usage calls"]);

    let calls = sandbox.tollgate(&["usage", "calls", "run"]);
    calls.succeeded();
    assert!(
        calls.stderr.contains("call 60 ended it"),
        "{}",
        calls.stderr
    );
    let ring0 = list(&sandbox, "ring0");
    assert_eq!(working(&ring0), ["500", "exit", "exit_group", "write"]);
    assert_eq!(ring0["read"], "fails");
    assert_eq!(list(&sandbox, "unikraft"), ring0);
    // What `--supported ring0` reads.
    let known = include_str!("../../usage/src/plan/ring0-calls.txt");
    assert_eq!(sandbox.read("run/calls-ring0.txt"), known);

    let planned = plan("ring0");
    planned.succeeded();
    assert!(
        planned.stdout.starts_with("The kernel has 4 calls."),
        "{}",
        planned.stdout
    );
    let text = sandbox.read("run/calls-ring0.txt");
    sandbox.write(
        "run/calls-ring0.txt",
        text.replace("read fails", "read works"),
    );
    plan("ring0").refused(65, &["calls-ring0.txt", "another list"]);
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn linux_has_the_calls_that_it_was_built_with() {
    let sandbox = Sandbox::new();
    run(&sandbox, &linux());
    sandbox.tollgate(&["usage", "calls", "run"]).succeeded();
    let list = list(&sandbox, "linux");
    let map = fs::read_to_string(built("build/linux/System.map")).unwrap();
    let functions: BTreeSet<_> = map
        .lines()
        .filter_map(|line| line.split_once(" T __x64_sys_"))
        .map(|(_, name)| name)
        .collect();
    let function = |call: &str| match call {
        "stat" | "lstat" | "fstat" | "uname" => format!("new{call}"),
        "sendfile" => "sendfile64".into(),
        "umount2" => "umount".into(),
        call => call.into(),
    };
    // Functions of 32-bit programs; not in the 64-bit table.
    let others = ["set_thread_area", "get_thread_area"];
    let named = list.iter().filter(|(call, _)| call.parse::<u32>().is_err());
    for (call, word) in named {
        let built = functions.contains(function(call).as_str());
        let expected = if built && !others.contains(&call.as_str()) {
            "works"
        } else {
            "fails"
        };
        assert_eq!(word, expected, "{call}");
    }
    assert_eq!(list["500"], "works");
    assert!(list.len() > 350, "{}", list.len());
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn what_cannot_be_tried_is_said() {
    let sandbox = Sandbox::new();
    run(&sandbox, HOST);
    let calls = |words: &[&str]| sandbox.tollgate(&[&["usage", "calls", "run"], words].concat());
    calls(&["--only", "moon"]).refused(64, &["\"moon\"", "host"]);
    calls(&[]).succeeded();
    assert_eq!(list(&sandbox, "host")["rt_sigreturn"], "works");
    // A program that cannot try calls.
    fs::copy("/bin/true", sandbox.path("run/guest-bench")).unwrap();
    calls(&[]).refused(65, &["has changed since this run began"]);
}
