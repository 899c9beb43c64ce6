//! Runs: from an experiment to tables, and everything that can go wrong on the way.
//!
//! They need what `make kernels initramfs` builds, and are run by `make test`.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{Answer, HOST, Sandbox, built, linux, ring0, target};
use serde_json::Value;

/// What is done to a file's bytes.
type Damage<'a> = &'a dyn Fn(&mut Vec<u8>);

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Every finished boot's console.
fn consoles(sandbox: &Sandbox, run: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = sandbox.path(run).join("console");
    let records = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    records
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|record| {
            let log = record.with_extension("log");
            let name = record.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(log).unwrap())
        })
        .collect()
}

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
fn the_quick_experiment_goes_all_the_way() {
    let sandbox = Sandbox::new();
    let experiment = built("experiments/quick.toml");
    sandbox
        .tollgate(&["run", experiment.to_str().unwrap()])
        .succeeded();
    sandbox.evaluate("results/latest");

    let manifest = json(&sandbox.read("results/latest/manifest.json"));
    let bench = manifest["program"]["file"]["sha256"].as_str().unwrap();
    let ran: Vec<_> = manifest["targets"].as_array().unwrap().iter().collect();
    assert!(ran.iter().all(|target| target["program_sha256"] == bench));
    assert!(manifest["machine"]["tsc"]["measured_hz"].as_f64().unwrap() > 1e8);

    let boots = sandbox.read("results/latest/boots.csv");
    let guests = ["linux", "linux-nomitig", "ring0", "ring0-full"];
    for target in guests {
        for boot in 0..2 {
            let line = boots
                .lines()
                .find(|line| line.starts_with(&format!("{target}-exact,{boot},")));
            assert!(line.unwrap().contains(",ok,192,noop,"), "{boots}");
        }
    }
    for file in [
        "table.txt",
        "table.md",
        "table.tex",
        "comparison.svg",
        "report.html",
        "summary.csv",
    ] {
        let text = sandbox
            .read(&format!("results/latest/{file}"))
            .to_lowercase();
        for word in ["linux", "ring0", "host"] {
            assert!(text.contains(word), "{word} is not in {file}");
        }
    }
    // What is only counted has no time to show, and the host has no count.
    for (file, word) in [("boots.svg", "Host"), ("instructions.svg", "Linux")] {
        let plot = sandbox.read(&format!("results/latest/{file}"));
        assert!(plot.contains(word), "{word} is not in {file}");
    }
    let summary = json(&sandbox.read("results/latest/summary.json"));
    common::conforms(&summary, "summary");
    let count = |target: &str, benchmark: &str| {
        let targets = summary["targets"].as_array().unwrap();
        let target = targets.iter().find(|t| t["name"] == target).unwrap();
        let counts = target["counts"].as_array().unwrap();
        let count = counts.iter().find(|c| c["benchmark"] == benchmark).unwrap();
        count["instructions"].as_u64().expect("a count")
    };
    for target in guests {
        let name = format!("{target}-exact");
        assert_eq!((count(&name, "fcall"), count(&name, "fcall_chain")), (3, 4));
        assert!(count(&name, "scall") >= 8);
    }
    // By the code of its handler.
    assert_eq!(count("ring0-exact", "scall"), 8);
    assert!(count("linux-exact", "scall") > count("linux-nomitig-exact", "scall"));
    let targets = summary["targets"].as_array().unwrap();
    let host = targets.iter().find(|t| t["name"] == "host").unwrap();
    assert_eq!(host["rows"].as_array().unwrap().len(), 4);
}

/// An emulator makes every machine unfit.
#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_table_from_an_unfit_machine_says_so_in_its_first_line() {
    let sandbox = Sandbox::new();
    sandbox.experiment(&built("build/guest-bench"), 1, &ring0());
    let run = sandbox.tollgate(&["run", "test.toml", "--run", "run"]);
    run.succeeded();
    assert!(run.stderr.contains("UNFIT FOR MEASURING"), "{}", run.stderr);
    let manifest = json(&sandbox.read("run/manifest.json"));
    assert_eq!(manifest["doctor"]["fit"], false);
    assert!(manifest["doctor"]["noise"]["seconds"].as_f64().unwrap() >= 2.0);
    for stage in ["parse", "process"] {
        sandbox.tollgate(&[stage, "run"]).succeeded();
    }
    let report = sandbox.tollgate(&["report", "run"]);
    let files = ["table.txt", "table.md", "table.tex"];
    let tables = files.map(|file| sandbox.read(&format!("run/{file}")));
    for table in tables.iter().chain([&report.stdout]) {
        let first = table.lines().next().unwrap();
        assert!(first.contains("UNFIT FOR MEASURING"), "{table}");
        assert!(first.contains("engine"), "{table}");
    }
    for table in &tables {
        let numbers = table.find("ring0").unwrap();
        assert!(numbers < table.find("Doctor, unfit: engine: ").unwrap());
    }
    for plot in ["comparison.svg", "distribution.svg"] {
        let plot = sandbox.read(&format!("run/{plot}"));
        assert!(plot.contains("UNFIT FOR MEASURING"));
        assert!(plot.contains("emulated"));
    }
    let compared = sandbox.tollgate(&["compare", "run", "run"]).stdout;
    assert!(compared.starts_with("The before run: UNFIT"), "{compared}");
    assert!(
        compared.contains("\nDoctor, after run: unfit: engine"),
        "{compared}"
    );
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn mitigations_are_off_where_they_are_switched_off() {
    let sandbox = Sandbox::new();
    let off = "cmdline = \"console=ttyS0 quiet mitigations=off\"";
    let off = target("off", &built("build/linux/bzImage"), off);
    sandbox.experiment(&built("build/guest-bench"), 1, &(linux() + &off));
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .succeeded();
    let on = sandbox.read("run/console/linux.0.log");
    let off = sandbox.read("run/console/off.0.log");
    assert!(
        on.contains("meta\tvulnerability.spectre_v2\tMitigation: "),
        "{on}"
    );
    assert!(
        off.contains("meta\tvulnerability.spectre_v2\tVulnerable"),
        "{off}"
    );
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_target_without_image_is_listed_and_the_rest_runs() {
    let sandbox = Sandbox::new();
    let unikraft = "[[target]]\nname = \"unikraft\"\nengine = \"qemu\"\nprogram-as = \"initrd\"\n";
    sandbox.experiment(
        &built("build/guest-bench"),
        2,
        &(HOST.to_owned() + unikraft),
    );
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .refused(0, &["unikraft", "image = "]);
    sandbox.evaluate("run");
    assert_eq!(consoles(&sandbox, "run").len(), 2);
    for file in [
        "table.txt",
        "table.md",
        "table.tex",
        "comparison.svg",
        "report.html",
    ] {
        let text = sandbox.read(&format!("run/{file}"));
        assert!(text.contains("no image"), "{file}:\n{text}");
    }
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
fn names_with_spaces_and_commas_are_names() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("a, b")).unwrap();
    let image = sandbox.write("a, b/ring 0,", fs::read(built("build/ring0")).unwrap());
    let targets = target("ring0", &image, "program-as = \"initrd\"");
    sandbox.experiment(&built("build/guest-bench"), 1, &targets);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "a, b/run, 1"])
        .succeeded();
    sandbox.evaluate("a, b/run, 1");
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
fn bad_guests_fail_and_the_good_ones_are_kept() {
    for (define, reason) in [
        ("HANG", "killed at its timeout"),
        ("EXIT=0", "console is empty"),
        ("EXIT=9", "exited with status 9"),
        ("RESET", "console is empty"),
        ("GARBAGE", "clos"),
    ] {
        let sandbox = Sandbox::new();
        let program = sandbox.guest(define);
        let targets = (ring0() + HOST).replace("timeout-s = 5", "timeout-s = 1");
        sandbox.experiment(&program, 1, &targets);
        let run = sandbox.tollgate(&["run", "test.toml", "--run", "run"]);
        assert!([0, 85].contains(&run.code), "{}", run.stderr);
        assert_eq!(consoles(&sandbox, "run").len(), 2, "every console is kept");
        // Boots that failed before failed still.
        let again = sandbox.tollgate(&["run", "test.toml", "--run", "run", "--resume"]);
        assert_eq!(again.code, run.code, "{}", again.stderr);
        sandbox
            .tollgate(&["parse", "run"])
            .refused(85, &["ring0, boot 0, failed", reason]);
        sandbox.tollgate(&["process", "run"]).succeeded();
        sandbox.tollgate(&["report", "run"]).refused(85, &[]);
        let table = sandbox.read("run/table.txt");
        assert!(table.contains("failed"), "{define}:\n{table}");
    }
}

/// By the words that kernels/unikraft/README.md gives, and without them.
#[test]
#[ignore = "needs the kernels: make test-commands"]
fn an_image_like_unikrafts_gets_its_row() {
    let sandbox = Sandbox::new();
    let image = built("build/unikraft-like");
    let targets: String = ["", "unikraft", "unikraft --", "netdev.gw=10.0.0.1 vfs"]
        .iter()
        .enumerate()
        .map(|(index, cmdline)| {
            let more = format!("program-as = \"initrd\"\ncmdline = \"{cmdline}\"");
            target(&format!("like-{index}"), &image, &more)
        })
        .collect();
    sandbox.experiment(&built("build/guest-bench"), 2, &targets);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .succeeded();
    sandbox.evaluate("run");
    let boots = sandbox.read("run/boots.csv");
    assert_eq!(boots.matches(",ok,24,noop,").count(), 8, "{boots}");
    let record = sandbox.read("run/console/like-0.0.json");
    assert!(record.contains("\"powered-off\""), "{record}");
    let table = sandbox.read("run/table.txt");
    for index in 0..4 {
        let (_, row) = table.split_once(&format!("like-{index}")).unwrap();
        assert!(row.contains("scall (emulated)"), "{table}");
    }
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_reboot_after_a_closed_log_is_good() {
    let sandbox = Sandbox::new();
    let log = Command::new(built("build/guest-bench"))
        .args(["rounds=1", "samples=2"])
        .output()
        .unwrap();
    sandbox.write("closed.log", log.stdout);
    let program = sandbox.guest("LOG_AND_RESET");
    sandbox.experiment(&program, 1, &ring0());
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .succeeded();
    let record = sandbox.read("run/console/ring0.0.json");
    assert!(record.contains("\"rebooted\""), "{record}");
    sandbox.tollgate(&["parse", "run"]).succeeded();
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_flood_is_cut_off_and_kept() {
    let sandbox = Sandbox::new();
    sandbox.experiment(&sandbox.guest("FLOOD"), 1, HOST);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .refused(85, &["wrote too much"]);
    let console = &consoles(&sandbox, "run")["host.0"];
    assert_eq!(console.len(), vmm::CONSOLE_LIMIT);
    sandbox
        .tollgate(&["parse", "run"])
        .refused(85, &["host, boot 0, failed", "wrote too much"]);
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn missing_and_damaged_images_are_refused_before_the_first_boot() {
    let sandbox = Sandbox::new();
    for (content, code) in [(None, 66), (Some("no kernel at all, but long enough"), 65)] {
        let image = sandbox.path("image");
        if let Some(content) = content {
            fs::write(&image, content).unwrap();
        }
        let targets = HOST.to_owned() + &target("bad", &image, "");
        sandbox.experiment(&built("build/guest-bench"), 1, &targets);
        let run = sandbox.tollgate(&["run", "test.toml", "--run", "run"]);
        run.refused(code, &[image.to_str().unwrap()]);
        assert!(!sandbox.path("run").exists());
    }
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

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn damaged_files_of_a_run_never_give_a_table() {
    let sandbox = Sandbox::new();
    sandbox.experiment(&built("build/guest-bench"), 2, HOST);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .succeeded();
    sandbox.evaluate("run");
    let spoil = |name: &str, change: Damage<'_>| {
        let path = sandbox.path("run").join(name);
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        change(&mut bad);
        fs::write(&path, bad).unwrap();
        (path, good)
    };
    let flip = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x15;
    };
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    let half_the_lines = |bytes: &mut Vec<u8>| {
        let lines = bytes.iter().filter(|b| **b == b'\n').count() / 2;
        let text: Vec<u8> = bytes
            .split_inclusive(|b| *b == b'\n')
            .take(lines)
            .flatten()
            .copied()
            .collect();
        *bytes = text;
    };
    let cases: [(&str, &str, Damage<'_>, i32); 14] = [
        ("parse", "manifest.json", &cut, 65),
        ("parse", "manifest.json", &flip, 65),
        ("parse", "console/host.1.log", &flip, 85),
        ("parse", "console/host.1.log", &cut, 85),
        ("parse", "console/host.1.json", &cut, 85),
        ("parse", "console/host.1.json", &flip, 85),
        ("process", "samples.csv", &half_the_lines, 65),
        ("process", "samples.csv", &flip, 65),
        ("process", "boots.csv", &flip, 65),
        ("process", "boots.csv", &cut, 65),
        ("process", "guests.json", &cut, 65),
        ("process", "guests.json", &flip, 65),
        ("report", "summary.json", &cut, 65),
        ("report", "summary.json", &flip, 65),
    ];
    for (stage, file, change, code) in cases {
        let (path, good) = spoil(file, change);
        let name = Path::new(file).file_name().unwrap().to_str().unwrap();
        sandbox.tollgate(&[stage, "run"]).refused(code, &[name]);
        fs::write(path, good).unwrap();
        sandbox.evaluate("run");
    }
}

#[test]
#[ignore = "needs the program: make test-commands"]
fn a_summary_of_another_version_has_one_remedy() {
    let sandbox = Sandbox::new();
    sandbox.experiment(&built("build/guest-bench"), 1, HOST);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .succeeded();
    sandbox.evaluate("run");
    // As another tollgate leaves it: with a right hash.
    let script = "cd run && sed -i 's/\"version\": [0-9]*/\"version\": 1/' summary.json &&
                  sha256sum summary.json summary.csv parse.sha256 > process.sha256";
    let mut shell = std::process::Command::new("sh");
    shell.current_dir(sandbox.path("")).args(["-c", script]);
    assert!(shell.status().unwrap().success());
    let answer = sandbox.tollgate(&["report", "run"]);
    answer.refused(65, &["summary.json", "version 1", "tollgate process"]);
    assert_eq!(answer.stderr.matches("tollgate process").count(), 1);
}

#[test]
#[ignore = "needs the program: make test-commands"]
fn a_full_disk_is_named_by_every_stage() {
    let sandbox = Sandbox::new();
    sandbox.experiment(&built("build/guest-bench"), 20, HOST);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .succeeded();
    fs::create_dir(sandbox.path("small")).unwrap();
    let tollgate = assert_cmd::cargo::cargo_bin!("tollgate");
    let script = format!(
        "set -eu; cd '{}'; t='{}'
        mount -t tmpfs -o size=10m none small
        cp -r run small
        for stage in parse process report; do
            head -c 20m /dev/zero > small/ballast 2> /dev/null || true
            code=0; $t $stage small/run 2> $stage.txt || code=$?
            echo $code >> $stage.txt
            rm small/ballast
            $t $stage small/run
        done",
        sandbox.path("").display(),
        tollgate.display()
    );
    let output = std::process::Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &script])
        .output()
        .unwrap();
    Answer::from(output).succeeded();
    for stage in ["parse", "process", "report"] {
        let complaint = sandbox.read(&format!("{stage}.txt"));
        assert!(complaint.contains("cannot write small/run/"), "{complaint}");
        assert!(complaint.contains("free some space"), "{complaint}");
        assert!(complaint.ends_with("74\n"), "{complaint}");
    }
}

#[test]
#[ignore = "needs the program: make test-commands"]
fn missing_files_of_a_run_are_named_with_the_command_that_restores_them() {
    let sandbox = Sandbox::new();
    sandbox.experiment(&built("build/guest-bench"), 2, HOST);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .succeeded();
    for (file, words) in [
        ("host.0.json", &["host.0.json is missing", "--resume"][..]),
        (
            "host.1.log",
            &["host.1.log", "delete run/console/host.1.json", "--resume"],
        ),
    ] {
        let path = sandbox.path("run/console").join(file);
        let good = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        sandbox.tollgate(&["parse", "run"]).refused(85, words);
        fs::write(&path, good).unwrap();
    }
    // What the remedy says, helps.
    fs::remove_file(sandbox.path("run/console/host.0.json")).unwrap();
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run", "--resume"])
        .succeeded();
    sandbox.evaluate("run");
    // A file with the name of the run's folder.
    sandbox.write("file", "");
    sandbox
        .tollgate(&["run", "test.toml", "--run", "file/run"])
        .refused(74, &["cannot write file", "something else has this name"]);
}
