//! `tollgate boot` with our own VMM, on this machine's /dev/kvm.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;
#[path = "../../vmm/tests/tiny/mod.rs"]
mod tiny;

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::Sandbox;

const BOOTS: usize = 1000;
/// The kernel takes one machine after the other down, in up to 25 ms each.
const PATIENCE: Duration = Duration::from_secs(60);

fn boot(sandbox: &Sandbox, code: &[u8]) -> Child {
    let kernel = sandbox.write("kernel", tiny::vmlinux(code));
    let kernel = kernel.to_str().unwrap();
    let mut command = sandbox.command(&["boot", kernel, "--engine", "kvm", "--memory", "8"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::null()).spawn().unwrap()
}

mod on_kvm {
    use super::*;

    #[test]
    #[ignore = "needs /dev/kvm: vmm/test.sh"]
    fn a_command_line_that_the_kernel_would_refuse_is_refused_before_the_boot() {
        let sandbox = Sandbox::new();
        sandbox.write("kernel", tiny::vmlinux(&tiny::exit(0)));
        let long = "x".repeat(5000);
        let words = ["boot", "kernel", "--engine", "kvm", "--append", &long];
        let told = [
            "the command line has 5000 bytes",
            "accepts 2047",
            "fix: shorten it",
        ];
        sandbox.tollgate(&words).refused(64, &told);
    }

    /// A boot leaves its machine to the kernel; none may stay.
    #[test]
    #[ignore = "needs /dev/kvm: vmm/test.sh"]
    fn a_thousand_boots_leave_no_machine_behind() {
        let sandbox = Sandbox::new();
        let mut processes = HashSet::new();
        for _ in 0..BOOTS {
            let mut child = boot(&sandbox, &tiny::exit(42));
            processes.insert(child.id());
            assert_eq!(child.wait().unwrap().code(), Some(42));
        }
        wait_for_the_end_of_machines(&processes);
    }

    #[test]
    #[ignore = "needs /dev/kvm: vmm/test.sh"]
    fn a_killed_boot_leaves_nothing_behind() {
        let sandbox = Sandbox::new();
        let mut child = boot(&sandbox, &[tiny::print("x\n"), tiny::hang()].concat());
        child.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
        let this_one = HashSet::from([child.id()]);
        // None if a container hides kernel threads.
        eprintln!("{} machine", timers(&this_one));
        child.kill().unwrap();
        child.wait().unwrap();
        wait_for_the_end_of_machines(&this_one);
    }

    #[test]
    #[ignore = "needs /dev/kvm: vmm/test.sh"]
    fn each_guest_of_a_run_has_a_filtered_process_of_its_own() {
        let sandbox = Sandbox::new();
        let code = [tiny::print("x\n"), tiny::hang()].concat();
        let kernel = sandbox.write("kernel", tiny::pvh(&code));
        let target = "[[target]]\nname = \"tiny\"\nengine = \"kvm\"\nimage = \"kernel\"\n\
                      timeout-s = 5\nmemory-mib = 8\n";
        let experiment = sandbox.experiment(&kernel, 1, target);
        let mut run = sandbox.command(&["run", experiment.to_str().unwrap(), "--run", "run"]);
        let mut run = run.stderr(Stdio::null()).spawn().unwrap();
        let begin = Instant::now();
        let modes = loop {
            let modes = seccomp_of_guests(run.id());
            // A filter is there from just before the guest's first instruction on.
            if modes.iter().any(|mode| mode == "2") {
                break modes;
            }
            assert!(begin.elapsed() < PATIENCE, "{modes:?}");
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(
            modes.len() > 1 && modes.iter().all(|mode| mode == "2"),
            "{modes:?}"
        );
        run.wait().unwrap();
        let record = sandbox.read("run/console/tiny.0.json");
        for words in [
            "\"timed-out\"",
            "\"port write\": 2",
            "\"huge_kib\": ",
            "\"first_byte\": {",
        ] {
            assert!(record.contains(words), "{words} is not in {record}");
        }
        assert_eq!(sandbox.read("run/console/tiny.0.log"), "x\n");
    }

    /// The field `Seccomp` of every thread of the guests' processes of a run.
    fn seccomp_of_guests(run: u32) -> Vec<String> {
        let children = fs::read_to_string(format!("/proc/{run}/task/{run}/children"));
        let children = children.unwrap_or_default();
        let mut modes = Vec::new();
        for child in children.split_whitespace() {
            let words = fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap_or_default();
            if !words.contains("--for-run") {
                continue;
            }
            let threads = fs::read_dir(format!("/proc/{child}/task"));
            for thread in threads.into_iter().flatten().flatten() {
                let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
                let mode = status
                    .lines()
                    .find_map(|line| line.strip_prefix("Seccomp:"));
                modes.extend(mode.map(|mode| mode.trim().to_owned()));
            }
        }
        modes
    }
}

/// Whatever `auto` finds here, it says.
#[test]
fn the_engine_and_the_reason_are_shown_everywhere() {
    let sandbox = Sandbox::new();
    let kernel = sandbox.write("kernel", tiny::pvh(&tiny::exit(0)));
    let boot = sandbox.tollgate(&["boot", kernel.to_str().unwrap()]);
    boot.refused(0, &["tollgate: engine ", ", because /dev/kvm: "]);

    let target = "[[target]]\nname = \"tiny\"\nengine = \"auto\"\nimage = \"kernel\"\n";
    let experiment = sandbox.experiment(&kernel, 1, target);
    // The guest is not a benchmark: its boot fails, and the tables say so.
    let run = sandbox.tollgate(&["run", experiment.to_str().unwrap(), "--run", "run"]);
    run.refused(0, &["tiny", ": engine ", ", because ", "/dev/kvm: "]);
    sandbox.tollgate(&["parse", "run"]).refused(85, &[]);
    for stage in ["process", "report"] {
        sandbox.tollgate(&[stage, "run"]);
    }
    for file in [
        "manifest.json",
        "summary.json",
        "table.txt",
        "table.md",
        "table.tex",
        "report.html",
    ] {
        let text = sandbox.read(&format!("run/{file}"));
        assert!(text.contains("/dev/kvm: "), "{file}");
    }
}

#[track_caller]
fn wait_for_the_end_of_machines(processes: &HashSet<u32>) {
    let begin = Instant::now();
    while timers(processes) > 0 {
        assert!(begin.elapsed() < PATIENCE, "{} machines", timers(processes));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How many machines there are: the timer of each has a kernel thread, named after
/// the process that made it.
fn timers(processes: &HashSet<u32>) -> usize {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|process| fs::read_to_string(process.path().join("comm")).ok())
        .filter_map(|name| name.strip_prefix("kvm-pit/")?.trim().parse().ok())
        .filter(|id| processes.contains(id))
        .count()
}
