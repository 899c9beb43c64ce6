//! `tollgate tune` and `run --tune`, on machines that are folders.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use common::{Answer, HOST, Sandbox};
use host::fake;
use serde_json::Value;

/// A folder with the files of a tree of `host::fake`.
struct Machine {
    sandbox: Sandbox,
    files: BTreeMap<String, String>,
}

impl Machine {
    fn new(tree: &str) -> Self {
        let mut files = fake::files(tree);
        files.retain(|path, text| !path.ends_with('/') && text != fake::UNREADABLE);
        let machine = Self {
            sandbox: Sandbox::new(),
            files,
        };
        fake::lay_out(tree, &machine.place("/"));
        machine
    }

    fn place(&self, path: &str) -> PathBuf {
        self.sandbox.path("root").join(path.trim_start_matches('/'))
    }

    fn value(&self, path: &str) -> String {
        fs::read_to_string(self.place(path))
            .unwrap()
            .trim_end()
            .to_owned()
    }

    fn tune(&self, words: &[&str]) -> Answer {
        self.sandbox
            .tollgate(&[&["tune", "--root", "root"], words].concat())
    }

    fn journal(&self) -> PathBuf {
        self.place("/var/lib/tollgate/journal.json")
    }

    /// Everything is as it was at first.
    #[track_caller]
    fn is_back(&self) {
        for (path, value) in &self.files {
            assert_eq!(self.value(path), *value, "{path}");
        }
        assert!(!self.journal().exists());
    }
}

const POLICY0: &str = "/sys/devices/system/cpu/cpufreq/policy0";

#[test]
fn a_progress_that_was_lost_leaves_nothing_unsaid() {
    let machine = Machine::new("amd-pstate-active");
    machine.tune(&["apply"]).succeeded();
    let folder = machine.place("/var/lib/tollgate");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let progress = files.filter(|path| path.extension().is_some_and(|e| e == "jsonl"));
    progress.for_each(|path| fs::write(path, "").unwrap());
    let answer = machine.tune(&["restore"]);
    answer.refused(86, &["boost: left alone", "it was 1 before tuning"]);
}

#[test]
fn a_journal_that_was_lost_is_no_machine_that_is_not_tuned() {
    let machine = Machine::new("amd-pstate-active");
    machine.tune(&["apply"]).succeeded();
    fs::remove_file(machine.journal()).unwrap();
    let folder = fs::read_dir(machine.place("/var/lib/tollgate")).unwrap();
    let progress = folder
        .map(|file| file.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "jsonl"))
        .unwrap();
    let name = progress.file_name().unwrap().to_str().unwrap();
    for words in [
        &["restore"][..],
        &["restore", "--dry-run"],
        // What is there now is not what was there before any tuning.
        &["apply"],
    ] {
        let answer = machine.tune(words);
        answer.refused(66, &["journal.json is gone", name, "reboot", "delete"]);
        assert!(!answer.stderr.contains("nothing is tuned,"));
    }
    let status = machine.tune(&["status"]);
    status.succeeded();
    assert!(status.stdout.contains("tune restore says why"));
    fs::remove_file(progress).unwrap();
    machine.tune(&["restore"]).succeeded();
}

#[test]
fn an_empty_progress_without_a_journal_tells_of_nothing() {
    let machine = Machine::new("amd-pstate-active");
    let folder = machine.place("/var/lib/tollgate");
    fs::create_dir_all(&folder).unwrap();
    // A kill between the two files' beginnings, or ends.
    fs::write(folder.join("progress-1-2.jsonl"), "").unwrap();
    machine.tune(&["restore"]).succeeded();
    machine.tune(&["apply"]).succeeded();
    machine.tune(&["restore"]).succeeded();
    machine.is_back();
}

#[test]
fn a_machine_is_tuned_and_put_back() {
    let machine = Machine::new("amd-pstate-guided");
    let apply = machine.tune(&["apply", "--cpus", "1"]);
    apply.succeeded();
    assert!(
        apply
            .stderr
            .contains("tune: 11 of 11 settings are as wanted"),
        "{}",
        apply.stderr
    );
    assert!(
        apply.stderr.contains("CPU 3: on the same core"),
        "{}",
        apply.stderr
    );
    let policy1 = POLICY0.replace('0', "1");
    assert_eq!(
        machine.value(&format!("{policy1}/scaling_min_freq")),
        "3600000"
    );
    assert_eq!(
        machine.value(&format!("{policy1}/scaling_max_freq")),
        "3600000"
    );
    assert_eq!(
        machine.value(&format!("{POLICY0}/scaling_max_freq")),
        "5000000"
    );
    assert_eq!(machine.value("/proc/irq/24/smp_affinity_list"), "0,2-3");
    let status = machine.tune(&["status"]);
    status.succeeded();
    assert!(
        status.stdout.contains("the machine has been tuned since"),
        "{}",
        status.stdout
    );
    let preview = machine.tune(&["restore", "--dry-run"]);
    assert!(
        preview
            .stdout
            .contains("scaling_max_freq: 3600000 -> 3000000"),
        "{}",
        preview.stdout
    );
    let restore = machine.tune(&["restore"]);
    restore.succeeded();
    assert!(
        restore
            .stderr
            .contains("11 of 11 settings are as they were"),
        "{}",
        restore.stderr
    );
    machine.is_back();
    machine.tune(&["restore"]).refused(0, &["nothing is tuned"]);
}

#[test]
fn a_dry_run_writes_nothing() {
    let machine = Machine::new("intel-pstate-active");
    let dry = machine.tune(&["apply", "--cpus", "1", "--offline-siblings", "--dry-run"]);
    dry.succeeded();
    let governor =
        "/sys/devices/system/cpu/cpufreq/policy1/scaling_governor: powersave -> performance";
    assert!(dry.stdout.contains(governor), "{}", dry.stdout);
    machine.is_back();
    assert!(!machine.place("/var").exists());
}

#[test]
fn tunecpumax_is_an_alias() {
    let machine = Machine::new("acpi-cpufreq-amd");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tunecpumax");
    let output = Command::new(script)
        .args(["--root", "root", "--dry-run"])
        .env("TOLLGATE", assert_cmd::cargo::cargo_bin!("tollgate"))
        .current_dir(machine.place("/..").canonicalize().unwrap())
        .output();
    let alias = Answer::from(output.unwrap());
    alias.succeeded();
    assert_eq!(alias.stdout, machine.tune(&["apply", "--dry-run"]).stdout);
    assert!(
        alias
            .stdout
            .contains("scaling_max_freq: 3400000 -> 3400000"),
        "{}",
        alias.stdout
    );
}

#[test]
fn without_cpufreq_that_is_said_and_the_rest_is_done() {
    let machine = Machine::new("kvm-guest");
    machine
        .tune(&["apply", "--cpus", "1"])
        .refused(86, &["no cpufreq policy", "5 of 5 settings are as wanted"]);
    machine.tune(&["restore"]).succeeded();
    machine.is_back();
}

#[test]
fn without_a_base_frequency_one_is_asked_for() {
    let machine = Machine::new("intel-pstate-without-hwp");
    machine.tune(&["apply"]).refused(
        86,
        &[
            "policy0: cannot tell the maximum non-turbo frequency",
            "--freq KHZ",
        ],
    );
    assert_eq!(
        machine.value("/sys/devices/system/cpu/intel_pstate/no_turbo"),
        "1"
    );
    // Again, with one: what was there first is kept.
    let again = machine.tune(&["apply", "--freq", "2600000"]);
    again.refused(0, &["9 of 9 settings are as they were before tuning"]);
    assert_eq!(
        machine.value(&format!("{POLICY0}/scaling_max_freq")),
        "2600000"
    );
    machine.tune(&["restore"]).succeeded();
    machine.is_back();
}

#[test]
fn wrong_requests_change_nothing() {
    let machine = Machine::new("intel-pstate-active");
    for (words, texts) in [
        (
            &["apply", "--cpus", "7"][..],
            &["CPU 7 is not online", "0-3"][..],
        ),
        (
            &["apply", "--freq", "9000000"],
            &["--freq 9000000", "800000 to 4900000"],
        ),
        (&["apply", "--freq", "fast"], &["kHz"]),
        (&["apply", "--offline-siblings"], &["--cpus"]),
        (&["apply", "--cpus", "3-1"], &["3-1"]),
        (&["fly"], &[]),
        (
            &["apply", "--root", "nowhere"],
            &["nowhere holds no sys and proc"],
        ),
    ] {
        machine.tune(words).refused(64, texts);
    }
    machine.is_back();
}

#[test]
fn what_others_have_changed_is_left_alone_and_named() {
    let machine = Machine::new("intel-pstate-active");
    machine.tune(&["apply"]).succeeded();
    let governor = format!("{POLICY0}/scaling_governor");
    fs::write(machine.place(&governor), "schedutil\n").unwrap();
    machine
        .tune(&["restore"])
        .refused(86, &[&governor, "left alone", "schedutil", "powersave"]);
    assert_eq!(machine.value(&governor), "schedutil");
    fs::write(machine.place(&governor), "powersave\n").unwrap();
    machine.is_back();
}

/// The command as somebody who is not root: root may write every file of the folder.
fn unprivileged(machine: &Machine, words: &[&str]) -> Answer {
    const NOBODY: u32 = 65534;
    let tollgate = assert_cmd::cargo::cargo_bin!("tollgate");
    let folder = machine.place("/..").canonicalize().unwrap();
    let mut command = Command::new(tollgate);
    if rustix::process::geteuid().is_root() {
        // Where it was built, nobody else may look.
        let copy = folder.join("tollgate");
        fs::copy(tollgate, &copy).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        command = Command::new(copy);
        command.uid(NOBODY).gid(NOBODY);
    }
    command
        .current_dir(folder)
        .args(["tune", "--root", "root"])
        .args(words);
    command.output().unwrap().into()
}

#[test]
fn without_root_nothing_is_touched() {
    let machine = Machine::new("intel-pstate-active");
    let apply = unprivileged(&machine, &["apply"]);
    if rustix::process::geteuid().is_root() {
        apply.refused(
            74,
            &[
                "var/lib/tollgate",
                "Permission denied",
                "as root or with sudo",
            ],
        );
        machine.is_back();
    }
    unprivileged(&machine, &["status"]).succeeded();
}

#[test]
fn settings_that_cannot_be_written_are_named() {
    let machine = Machine::new("amd-pstate-guided");
    // A journal is possible, and no setting is.
    let folder = machine.place("/var/lib/tollgate");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    for path in machine.files.keys() {
        fs::set_permissions(machine.place(path), fs::Permissions::from_mode(0o444)).unwrap();
    }
    let apply = unprivileged(&machine, &["apply"]);
    apply.refused(
        86,
        &[
            "policy0/scaling_governor: wanted performance, it shows schedutil: Permission denied",
            "run as root or with sudo",
        ],
    );
    machine.tune(&["restore"]).succeeded();
    machine.is_back();
}

/// Gives a value to whoever reads the pipe; whoever writes to it waits for ever.
fn feed(pipe: PathBuf, value: String) {
    thread::spawn(move || {
        while fs::write(&pipe, format!("{value}\n")).is_ok() {
            // The reader shall come to the end before it is given more.
            sleep(Duration::from_millis(200));
        }
    });
}

#[test]
fn a_kill_in_the_middle_of_a_write_is_mended_by_restore() {
    for path in [
        "/proc/sys/kernel/perf_event_max_sample_rate",
        "/proc/irq/24/smp_affinity_list",
        "/sys/devices/system/cpu/cpu3/online",
        "/sys/devices/system/cpu/cpufreq/policy1/scaling_max_freq",
    ] {
        let machine = Machine::new("amd-pstate-guided");
        let (place, value) = (machine.place(path), machine.value(path));
        fs::remove_file(&place).unwrap();
        let made = Command::new("mkfifo").arg(&place).status().unwrap();
        assert!(made.success());
        feed(place.clone(), value.clone());

        let words = [
            "tune",
            "--root",
            "root",
            "apply",
            "--cpus",
            "1",
            "--offline-siblings",
        ];
        let mut child = spawn(&machine, &words);
        let folder = machine.place("/var/lib/tollgate");
        wait_until(&mut child, || is_writing(&folder, path));
        child.kill().unwrap();
        child.wait().unwrap();
        fs::remove_file(&place).unwrap();
        fs::write(&place, format!("{value}\n")).unwrap();

        let status = machine.tune(&["status"]);
        assert!(
            status.stdout.contains("tollgate tune restore"),
            "{}",
            status.stdout
        );
        machine.tune(&["restore"]).succeeded();
        machine.is_back();
    }
}

/// Whether the journal says that this file is being written.
fn is_writing(folder: &Path, path: &str) -> bool {
    let Ok(journal) = fs::read_to_string(folder.join("journal.json")) else {
        return false;
    };
    let journal: Value = serde_json::from_str(&journal).unwrap();
    let progress = format!("progress-{}.jsonl", journal["id"].as_str().unwrap());
    let progress = fs::read_to_string(folder.join(progress)).unwrap();
    let last: Value = match progress.lines().last().map(serde_json::from_str) {
        Some(Ok(last)) => last,
        _ => return false,
    };
    let begun = last["begin"][0].as_u64();
    begun.is_some_and(|k| journal["writes"][k as usize]["path"] == path)
}

fn spawn(machine: &Machine, words: &[&str]) -> Child {
    let mut command = machine.sandbox.command(words);
    command.stderr(Stdio::piped()).spawn().unwrap()
}

#[track_caller]
fn wait_until(child: &mut Child, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "it does not come that far");
        assert!(child.try_wait().unwrap().is_none(), "it ended before");
        sleep(Duration::from_millis(5));
    }
}

/// An experiment whose only target is a shell script on the host.
fn experiment(machine: &Machine, script: &str) {
    let program = machine
        .sandbox
        .write("program", format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let allowed = rustix::thread::sched_getaffinity(None).unwrap();
    let cpu = (0..rustix::thread::CpuSet::MAX_CPU).find(|&cpu| allowed.is_set(cpu));
    machine
        .sandbox
        .experiment(&program, 2, &format!("{HOST}pin = [{}]\n", cpu.unwrap()));
}

const RUN: [&str; 7] = [
    "run",
    "test.toml",
    "--run",
    "run",
    "--tune",
    "--tune-root",
    "root",
];

#[test]
fn a_run_is_tuned_and_its_manifest_tells_it() {
    let machine = Machine::new("amd-pstate-guided");
    let governor = machine.place(&format!("{POLICY0}/scaling_governor"));
    experiment(
        &machine,
        &format!(
            "cat {} >> {}",
            governor.display(),
            machine.place("/seen").display()
        ),
    );
    // The script is no benchmark, so that its boots fail or count for nothing.
    let run = machine.sandbox.tollgate(&RUN);
    assert!(matches!(run.code, 0 | 85), "{}", run.stderr);
    assert_eq!(machine.value("/seen"), "performance\nperformance");
    machine.is_back();
    let manifest: Value = serde_json::from_str(&machine.sandbox.read("run/manifest.json")).unwrap();
    let tune = &manifest["tune"];
    assert_eq!(tune["cpu_dma_latency_held"], true);
    let made = tune["settings"].as_array().unwrap();
    assert!(
        made.iter()
            .all(|setting| setting["now"] == setting["wanted"]),
        "{tune}"
    );
    assert!(
        made.iter().any(|setting| setting["before"] == "schedutil"),
        "{tune}"
    );
    assert_eq!(
        fs::read(machine.place("/dev/cpu_dma_latency")).unwrap(),
        [0; 4]
    );
    // It cannot be gone on with untuned.
    machine
        .sandbox
        .tollgate(&[
            "run",
            "test.toml",
            "--run",
            "run",
            "--resume",
            "--tune-root",
            "root",
        ])
        .refused(65, &["begun with --tune"]);
}

#[test]
fn a_change_during_a_run_is_told() {
    let machine = Machine::new("amd-pstate-guided");
    let governor = format!("{POLICY0}/scaling_governor");
    experiment(
        &machine,
        &format!("echo ondemand > {}", machine.place(&governor).display()),
    );
    let run = machine.sandbox.tollgate(&RUN);
    assert!(
        run.stderr
            .contains("somebody else has changed it to ondemand"),
        "{}",
        run.stderr
    );
    let manifest: Value = serde_json::from_str(&machine.sandbox.read("run/manifest.json")).unwrap();
    let changed =
        serde_json::json!([{ "path": governor, "then": "performance", "now": "ondemand" }]);
    assert_eq!(manifest["tune"]["changed"], changed);
    fs::write(machine.place(&governor), "schedutil\n").unwrap();
    machine.is_back();
}

#[test]
fn a_run_that_cannot_begin_leaves_nothing_tuned() {
    let machine = Machine::new("intel-pstate-active");
    machine
        .sandbox
        .experiment(Path::new("no-such-program"), 1, HOST);
    machine
        .sandbox
        .tollgate(&RUN)
        .refused(66, &["no-such-program"]);
    machine.is_back();
}

#[test]
fn an_interrupted_run_leaves_nothing_tuned() {
    let machine = Machine::new("amd-pstate-guided");
    experiment(&machine, "exec sleep 60");
    let mut run = spawn(&machine, &RUN);
    wait_until(&mut run, || machine.sandbox.path("run").exists());
    let pid = run.id().to_string();
    Command::new("kill")
        .args(["-s", "INT", &pid])
        .status()
        .unwrap();
    let run: Answer = run.wait_with_output().unwrap().into();
    run.refused(
        130,
        &[
            "interrupted",
            "--resume --run run --tune",
            "settings are as they were",
        ],
    );
    machine.is_back();
}

#[test]
fn a_killed_run_is_mentioned_and_put_back() {
    let machine = Machine::new("amd-pstate-guided");
    experiment(&machine, "exec sleep 60");
    let mut run = spawn(&machine, &RUN);
    wait_until(&mut run, || machine.sandbox.path("run").exists());
    // Nobody else tunes meanwhile.
    machine
        .tune(&["apply"])
        .refused(73, &["another tollgate tunes this machine"]);
    run.kill().unwrap();
    run.wait().unwrap();
    let next =
        machine
            .sandbox
            .tollgate(&["run", "test.toml", "--run", "run", "--tune-root", "root"]);
    next.refused(
        73,
        &["the machine has been tuned since", "tollgate tune restore"],
    );
    machine.tune(&["restore"]).succeeded();
    machine.is_back();
}

#[test]
fn a_journal_from_before_a_reboot_is_put_aside() {
    let machine = Machine::new("amd-pstate-guided");
    machine.tune(&["apply"]).succeeded();
    for (path, value) in &machine.files {
        fs::write(machine.place(path), format!("{value}\n")).unwrap();
    }
    let boot_id = machine.place("/proc/sys/kernel/random/boot_id");
    let was = fs::read(&boot_id).unwrap();
    fs::write(&boot_id, "another\n").unwrap();
    machine
        .tune(&["restore"])
        .refused(0, &["before the last reboot", "journal-"]);
    fs::write(&boot_id, was).unwrap();
    machine.is_back();
}

#[test]
fn status_tells_everything_in_a_table_and_in_json() {
    let machine = Machine::new("amd-pstate-active");
    let status = machine.tune(&["status", "--cpus", "1"]);
    status.succeeded();
    insta::assert_snapshot!(status.stdout);
    let json = machine.tune(&["status", "--cpus", "1", "--json"]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["policies"][1]["non_turbo"]["khz"], 3_600_000);
    assert_eq!(json["policies"][1]["driver"], "amd-pstate-active");
    assert_eq!(json["leftover"], Value::Null);
    assert_eq!(json["irqs"]["24"]["cpus"], serde_json::json!([0, 1, 2, 3]));
}
