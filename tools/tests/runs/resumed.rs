//! Runs that end early, and those that continue them.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::common::{Answer, HOST, Sandbox, built, ring0, target};
use super::{consoles, json};

/// Starts a run and waits until so many boots are finished.
fn start_and_wait(sandbox: &Sandbox, run: &str, boots: usize) -> Child {
    let child = sandbox
        .command(&["run", "test.toml", "--run", run])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !sandbox.path(run).join("console").is_dir() || consoles(sandbox, run).len() < boots {
        assert!(Instant::now() < deadline, "the run makes no progress");
        sleep(Duration::from_millis(5));
    }
    child
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let kill = std::process::Command::new("kill")
        .args(["-s", name, &pid])
        .status();
    assert!(kill.unwrap().success());
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_killed_run_resumes_to_the_same_boots() {
    let sandbox = Sandbox::new();
    sandbox.experiment(&built("build/guest-bench"), 10, &(ring0() + HOST));
    sandbox
        .tollgate(&["run", "test.toml", "--run", "whole"])
        .succeeded();

    let mut child = start_and_wait(&sandbox, "killed", 5);
    signal(&child, "KILL");
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    let kept = consoles(&sandbox, "killed");
    assert!((5..20).contains(&kept.len()), "{}", kept.len());

    sandbox
        .tollgate(&["run", "test.toml", "--run", "killed", "--resume"])
        .succeeded();
    let resumed = consoles(&sandbox, "killed");
    let whole = consoles(&sandbox, "whole");
    assert!(resumed.keys().eq(whole.keys()));
    assert!(kept.iter().all(|(name, console)| resumed[name] == *console));
    let plan = |run: &str| json(&sandbox.read(&format!("{run}/manifest.json")))["plan"].clone();
    assert_eq!(plan("killed"), plan("whole"));
    sandbox.evaluate("killed");
    // A finished run has nothing left to continue, which is not an error.
    sandbox
        .tollgate(&["run", "test.toml", "--run", "killed", "--resume"])
        .succeeded();
    assert_eq!(consoles(&sandbox, "killed"), resumed);
}

#[test]
fn a_failed_boot_is_tried_again_and_nothing_is_lost() {
    let sandbox = Sandbox::new();
    // Fails as long as there is a file in its folder.
    let program = sandbox.write("program", "#!/bin/sh\necho $$\ntest ! -e broken\n");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&program, executable).unwrap();
    sandbox.write("broken", "");
    sandbox.experiment(&program, 2, HOST);
    let run = ["run", "test.toml", "--run", "run"];
    sandbox.tollgate(&run).refused(85, &["--retry-failed"]);
    let first = sandbox.read("run/console/host.0.log");

    let retry = [&run[..], &["--resume", "--retry-failed"]].concat();
    sandbox.tollgate(&retry).refused(85, &["2 of them failed"]);
    assert_eq!(sandbox.read("run/console/host.0.failed-0.log"), first);
    let second = sandbox.read("run/console/host.0.log");
    assert_ne!(first, second);

    fs::remove_file(sandbox.path("broken")).unwrap();
    sandbox.tollgate(&retry).succeeded();
    assert_eq!(sandbox.read("run/console/host.0.failed-1.log"), second);
    assert!(
        sandbox
            .read("run/console/host.0.failed-1.json")
            .contains("host")
    );
    // What is good is not booted again.
    let third = sandbox.read("run/console/host.0.log");
    sandbox.tollgate(&retry).succeeded();
    assert_eq!(sandbox.read("run/console/host.0.log"), third);
}

#[test]
#[ignore = "needs the program: make test-commands"]
fn files_of_another_boot_or_run_are_noticed() {
    let sandbox = Sandbox::new();
    sandbox.experiment(&built("build/guest-bench"), 2, HOST);
    for run in ["a", "b"] {
        sandbox
            .tollgate(&["run", "test.toml", "--run", run])
            .succeeded();
        for stage in ["parse", "process", "report"] {
            sandbox.tollgate(&[stage, run]).succeeded();
        }
    }
    let manifest = sandbox.read("a/manifest.json");
    sandbox.write("a/manifest.json", sandbox.read("b/manifest.json"));
    for stage in ["process", "report"] {
        let answer = sandbox.tollgate(&[stage, "a"]);
        answer.refused(65, &["manifest.json", "tollgate parse"]);
    }
    sandbox.write("a/manifest.json", manifest);
    sandbox.tollgate(&["report", "a"]).succeeded();
    for extension in ["log", "json"] {
        let content = sandbox.read(&format!("a/console/host.0.{extension}"));
        sandbox.write(&format!("a/console/host.1.{extension}"), content);
    }
    let answer = sandbox.tollgate(&["parse", "a"]);
    answer.refused(85, &["host.1.json belongs to another boot", "--resume"]);
    sandbox.write("a/console/host.0.log", "changed");
    let answer = sandbox.tollgate(&["parse", "a"]);
    answer.refused(
        85,
        &[
            "has changed since the boot",
            "host.0.json and resume the run",
        ],
    );
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn ctrl_c_keeps_every_finished_boot() {
    let sandbox = Sandbox::new();
    sandbox.experiment(&built("build/guest-bench"), 10, &ring0());
    let child = start_and_wait(&sandbox, "run", 3);
    signal(&child, "INT");
    let answer = Answer::from(child.wait_with_output().unwrap());
    answer.refused(130, &["interrupted", "of 10 boots", "--resume --run run"]);
    // A half-finished run also has tables, and they say so.
    sandbox.evaluate("run");
    assert!(sandbox.read("run/table.txt").contains("Unfinished"));
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run", "--resume"])
        .succeeded();
    assert_eq!(consoles(&sandbox, "run").len(), 10);
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn two_processes_do_not_fill_one_run() {
    let sandbox = Sandbox::new();
    sandbox.experiment(&built("build/guest-bench"), 10, &ring0());
    let child = start_and_wait(&sandbox, "run", 1);
    let resume = ["run", "test.toml", "--run", "run", "--resume"];
    sandbox.tollgate(&resume).refused(73, &["another tollgate"]);
    Answer::from(child.wait_with_output().unwrap()).succeeded();
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_run_continues_if_its_messages_cannot_be_written() {
    let sandbox = Sandbox::new();
    sandbox.experiment(&built("build/guest-bench"), 2, HOST);
    let full = || {
        fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap()
    };
    let run = sandbox
        .command(&["run", "test.toml", "--run", "run"])
        .stderr(full())
        .status();
    assert_eq!(run.unwrap().code(), Some(0));
    sandbox.evaluate("run");
    let report = sandbox
        .command(&["report", "run"])
        .stdout(full())
        .output()
        .unwrap();
    Answer::from(report).refused(74, &["standard output"]);
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_run_that_could_not_begin_leaves_nothing() {
    let sandbox = Sandbox::new();
    let targets = HOST.replace("timeout-s", "pin = [1023]\ntimeout-s");
    sandbox.experiment(&built("build/guest-bench"), 1, &targets);
    let run = sandbox.tollgate(&["run", "test.toml", "--run", "runs/run"]);
    run.refused(65, &["test.toml", "\"host\"", "CPU 1023"]);
    assert_eq!(fs::read_dir(sandbox.path("runs")).unwrap().count(), 0);
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn an_existing_run_is_never_overwritten() {
    let sandbox = Sandbox::new();
    sandbox.experiment(&built("build/guest-bench"), 1, HOST);
    let run = ["run", "test.toml", "--run", "run"];
    sandbox.tollgate(&run).succeeded();
    let before = sandbox.read("run/manifest.json");
    sandbox
        .tollgate(&run)
        .refused(73, &["run already exists", "--resume"]);
    assert_eq!(sandbox.read("run/manifest.json"), before);
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_run_is_not_resumed_with_something_else() {
    let sandbox = Sandbox::new();
    let image = sandbox.write("image", fs::read(built("build/ring0")).unwrap());
    let targets = target("ring0", &image, "program-as = \"initrd\"");
    let experiment = sandbox.experiment(&built("build/guest-bench"), 1, &targets);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .succeeded();
    let resume = ["run", "test.toml", "--run", "run", "--resume"];

    let mut other = fs::read(&image).unwrap();
    other.push(0);
    fs::write(&image, other).unwrap();
    sandbox
        .tollgate(&resume)
        .refused(65, &["\"ring0\"", "has changed"]);

    let text = fs::read_to_string(&experiment).unwrap();
    fs::write(&experiment, text + "# changed\n").unwrap();
    sandbox
        .tollgate(&resume)
        .refused(65, &["test.toml", "has changed"]);
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_full_disk_loses_no_finished_boot() {
    let sandbox = Sandbox::new();
    sandbox.experiment(&built("build/guest-bench"), 40, HOST);
    fs::create_dir(sandbox.path("small")).unwrap();
    let tollgate = assert_cmd::cargo::cargo_bin!("tollgate");
    // A name space of its own, so that the file system goes with the test.
    let script = format!(
        "set -eu; cd '{}'; t='{}'
        mount -t tmpfs -o size=300k none small
        code=0; $t run test.toml --run small/run 2> full.txt || code=$?
        ls small/run/console > kept.txt
        mount -o remount,size=10m small
        $t run test.toml --run small/run --resume
        ls small/run/console > done.txt
        exit $code",
        sandbox.path("").display(),
        tollgate.display()
    );
    let output = std::process::Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &script])
        .output()
        .unwrap();
    let answer = Answer::from(output);
    assert_eq!(answer.code, 74, "{}", answer.stderr);
    let complaint = sandbox.read("full.txt");
    assert!(complaint.contains("free some space"), "{complaint}");
    let boots = |file: &str| {
        let text = sandbox.read(file);
        text.lines().filter(|line| line.ends_with(".json")).count()
    };
    assert!(
        (1..40).contains(&boots("kept.txt")),
        "{}",
        sandbox.read("kept.txt")
    );
    assert!(!sandbox.read("done.txt").contains("unfinished"));
    assert_eq!(boots("done.txt"), 40);
}
