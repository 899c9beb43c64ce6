//! `run --tune`, and what a run records of its tuning.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::common::HOST;
use super::machine::{Machine, POLICY0, RUN, experiment, spawn, wait_until};

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
    // The script is not a benchmark, so its boots fail or do not count.
    let run = machine.sandbox.tollgate(&RUN);
    assert!(matches!(run.code, 0 | 85), "{}", run.stderr);
    assert_eq!(machine.value("/seen"), "performance\nperformance");
    machine.is_back();
    let manifest: Value = serde_json::from_str(&machine.sandbox.read("run/manifest.json")).unwrap();
    let tune = &manifest["tune"];
    assert_eq!(tune["cpu_dma_latency_us"], Value::Null);
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
    // The measuring CPUs alone are kept out of deep idle states.
    assert_eq!(
        fs::read(machine.place("/dev/cpu_dma_latency")).unwrap(),
        2_000_000_000_i32.to_ne_bytes()
    );
    assert!(
        made.iter()
            .any(|setting| setting["path"].as_str().unwrap().contains("pm_qos_resume")),
        "{tune}"
    );
    // It cannot be resumed untuned.
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
        .refused(65, &["started with --tune"]);
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
fn a_killed_run_is_mentioned_and_put_back() {
    let machine = Machine::new("amd-pstate-guided");
    experiment(&machine, "exec sleep 60");
    let mut run = spawn(&machine, &RUN);
    wait_until(&mut run, || machine.sandbox.path("run").exists());
    // Nobody else can tune in the meantime.
    machine
        .tune(&["apply"])
        .refused(73, &["another tollgate is tuning this machine"]);
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
fn a_plain_run_records_what_apply_has_tuned() {
    let machine = Machine::new("amd-pstate-guided");
    machine.tune(&["apply"]).succeeded();
    experiment(&machine, "true");
    let words = ["run", "test.toml", "--run", "run", "--tune-root", "root"];
    let run = machine.sandbox.tollgate(&words);
    assert!(
        run.stderr.contains("the machine has been tuned since"),
        "{}",
        run.stderr
    );
    let manifest: Value = serde_json::from_str(&machine.sandbox.read("run/manifest.json")).unwrap();
    let tune = &manifest["tune"];
    assert_eq!(tune["by"], "apply", "{tune}");
    let settings = tune["settings"].as_array().unwrap();
    let governor = settings
        .iter()
        .find(|setting| setting["path"] == format!("{POLICY0}/scaling_governor"))
        .unwrap();
    let states = [&governor["before"], &governor["wanted"], &governor["now"]];
    assert_eq!(states, ["schedutil", "performance", "performance"]);
    assert_eq!(tune["changed"], serde_json::json!([]));
    // It cannot be resumed on a machine that is tuned differently.
    machine.tune(&["restore"]).succeeded();
    let resumed = machine
        .sandbox
        .tollgate(&[&words[..], &["--resume"]].concat());
    resumed.refused(65, &["how the machine is tuned"]);
    machine.is_back();
}

#[test]
fn irqbalance_is_named_in_what_a_run_records() {
    let machine = Machine::new("acpi-cpufreq-amd");
    experiment(&machine, "true");
    machine.sandbox.tollgate(&RUN);
    let manifest: Value = serde_json::from_str(&machine.sandbox.read("run/manifest.json")).unwrap();
    let remarks = manifest["tune"]["remarks"].to_string();
    assert!(
        remarks.contains("irqbalance (process 812) moves interrupts"),
        "{remarks}"
    );
    machine.is_back();
}

#[test]
fn without_a_latency_of_its_own_for_each_cpu_the_run_holds_one_for_all() {
    let machine = Machine::new("amd-pstate-guided");
    for path in machine
        .files
        .keys()
        .filter(|path| path.contains("pm_qos_resume"))
    {
        fs::remove_file(machine.place(path)).unwrap();
    }
    experiment(&machine, "true");
    machine.sandbox.tollgate(&RUN);
    let manifest: Value = serde_json::from_str(&machine.sandbox.read("run/manifest.json")).unwrap();
    assert_eq!(manifest["tune"]["cpu_dma_latency_us"], 1);
    let held = fs::read(machine.place("/dev/cpu_dma_latency")).unwrap();
    assert_eq!(held, 1_u32.to_ne_bytes());
}
