//! `restore` with journals that are lost, foreign, old, or cut off by a kill.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, sleep};
use std::time::Duration;

use serde_json::Value;

use super::machine::{Machine, POLICY0, spawn, wait_until};

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
        assert!(!answer.stderr.contains("the machine is not tuned,"));
    }
    let status = machine.tune(&["status"]);
    status.succeeded();
    assert!(status.stdout.contains("tune restore shows the reason"));
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

/// Gives a value to each reader of the pipe; a writer waits for ever.
fn feed(pipe: PathBuf, value: String) {
    thread::spawn(move || {
        while fs::write(&pipe, format!("{value}\n")).is_ok() {
            // The reader has to reach the end before it gets more.
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
    let stat = machine.place("/proc/stat");
    let began = fs::read(&stat).unwrap();
    fs::write(&stat, "btime 1763799999\n").unwrap();
    machine
        .tune(&["restore"])
        .refused(0, &["before the last reboot", "journal-"]);
    fs::write(&boot_id, was).unwrap();
    fs::write(&stat, began).unwrap();
    machine.is_back();
}
