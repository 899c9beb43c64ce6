//! `tollgate doctor`, on this machine and on others that are laid out for it.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;
#[path = "common/watcher.rs"]
mod watcher;

use common::{Answer, Sandbox, conforms, not_run};
use serde_json::Value;
use watcher::Watcher;

/// Tests that need a user who may attach BPF programs, and a kernel that has them.
const WATCHED: &str = "test of the doctor with another process that watches";

/// The verdict, and whether the exit code says the same.
#[track_caller]
fn verdict(answer: &Answer) -> Value {
    let verdict: Value = serde_json::from_str(&answer.stdout).unwrap();
    conforms(&verdict, "doctor");
    let expected = if verdict["fit"] == true { 0 } else { 2 };
    assert_eq!(answer.code, expected, "{}", answer.stdout);
    verdict
}

fn finding<'v>(verdict: &'v Value, check: &str) -> &'v Value {
    let findings = verdict["findings"].as_array().unwrap();
    findings.iter().find(|f| f["check"] == check).unwrap()
}

#[test]
fn this_machine_gets_a_verdict_with_a_figure() {
    let sandbox = Sandbox::new();
    let verdict = verdict(&sandbox.tollgate(&["doctor", "--json", "--engine", "host"]));
    assert_eq!(finding(&verdict, "engine")["state"], "ok");
    let noise = &verdict["noise"];
    assert!(noise["seconds"].as_f64().unwrap() >= 2.0);
    assert!((0.0..=1.0).contains(&noise["lost"].as_f64().unwrap()));
}

#[test]
fn an_emulator_makes_any_machine_unfit_and_the_last_line_says_so() {
    let doctor = Sandbox::new().tollgate(&["doctor", "--engine", "qemu"]);
    assert_eq!(doctor.code, 2);
    let last = doctor.stdout.lines().last().unwrap();
    assert!(last.starts_with("UNFIT FOR MEASURING"), "{last}");
    assert!(last.contains("engine"), "{last}");
    assert!(doctor.stdout.starts_with("unfit    engine "));
    assert!(!doctor.stdout.contains('\x1b'));
}

#[test]
fn doctor_reads_below_another_root() {
    let sandbox = Sandbox::new();
    for (path, text) in [
        ("cpufreq/scaling_driver", "acpi-cpufreq"),
        ("cpufreq/scaling_governor", "ondemand"),
        ("cpufreq/scaling_min_freq", "800000"),
        ("cpufreq/scaling_max_freq", "3600000"),
    ] {
        let path = sandbox.path("root/sys/devices/system/cpu/cpu0").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let line = [
        "doctor", "--json", "--root", "root", "--engine", "host", "--cpus", "0",
    ];
    let verdict = verdict(&sandbox.tollgate(&line));
    assert_eq!(verdict["fit"], false);
    let governor = finding(&verdict, "governor");
    insta::assert_json_snapshot!(governor, @r#"
    {
      "check": "governor",
      "fix": "sudo tollgate tune apply --cpus 0",
      "read": [
        "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
        "/sys/devices/system/cpu/cpu0/cpufreq/scaling_min_freq",
        "/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq",
        "chains of multiplications in the noise test"
      ],
      "state": "unfit",
      "what": "ondemand: the clock follows the load, between 800 and 3600 MHz"
    }
    "#);
    assert_eq!(finding(&verdict, "load")["state"], "unknown");
}

/// Names and states of everything that does not depend on this machine.
#[test]
fn the_verdicts_form_is_stable() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("root")).unwrap();
    let line = ["doctor", "--json", "--root", "root", "--engine", "qemu"];
    let mut verdict = verdict(&sandbox.tollgate(&line));
    let measured = [
        "hypervisor",
        "pinning",
        "measuring-cpu",
        "core-clock",
        "noise",
        "clock",
        "microcode",
    ];
    for finding in verdict["findings"].as_array_mut().unwrap() {
        let check = finding["check"].as_str().unwrap();
        assert!(!finding["read"].as_array().unwrap().is_empty(), "{check}");
        finding["read"] = "[read]".into();
        let check = finding["check"].as_str().unwrap();
        let from_here = check.starts_with("tsc-") || measured.contains(&check);
        if from_here {
            finding["state"] = "[state]".into();
        }
        finding["what"] = "[what]".into();
        finding["fix"] = "[fix]".into();
    }
    for figure in verdict["noise"].as_object_mut().unwrap().values_mut() {
        *figure = "[figure]".into();
    }
    insta::with_settings!({
        snapshot_path => "golden",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_json_snapshot!("doctor.json", verdict);
    });
}

#[test]
fn a_check_is_explained_with_what_it_reads() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path("root/sys/devices/system/cpu/cpu0/cpufreq");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("scaling_governor"), "schedutil\n").unwrap();
    let line = [
        "doctor",
        "--explain",
        "governor",
        "--root",
        "root",
        "--cpus",
        "0",
    ];
    let explained = sandbox.tollgate(&line);
    explained.succeeded();
    assert!(explained.stdout.starts_with("governor\n\n"));
    let file = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor\n      schedutil\n";
    assert!(explained.stdout.contains(file), "{}", explained.stdout);
    sandbox
        .tollgate(&["doctor", "--explain", "weather"])
        .refused(64, &["weather", "governor"]);
}

#[test]
fn a_wrong_cpu_or_folder_gives_no_verdict() {
    let sandbox = Sandbox::new();
    sandbox
        .tollgate(&["doctor", "--cpus", "1023"])
        .refused(64, &["CPU 1023 cannot be used"]);
    sandbox
        .tollgate(&["doctor", "--root", "gone"])
        .refused(1, &["gone is not a folder"]);
    sandbox
        .tollgate(&["doctor", "--cpus", "3-1"])
        .refused(64, &["3-1"]);
}

/// The other process of the test below, which starts it; by itself it does nothing.
#[test]
#[ignore = "is a process of another test"]
fn watch_calls_until_ended() {
    watcher::watch();
}

#[test]
fn a_bpf_program_of_another_process_on_every_system_call_is_named() {
    is_seen_each_time(1);
}

#[test]
#[ignore = "takes a minute; it is the one above, 20 times"]
fn a_bpf_program_on_every_system_call_is_named_20_times_of_20() {
    is_seen_each_time(20);
}

/// The other process of the test below.
#[test]
#[ignore = "is a process of another test"]
fn count_calls_until_ended() {
    watcher::count();
}

#[test]
fn perf_events_of_another_process_that_count_every_system_call_are_named() {
    let sandbox = Sandbox::new();
    let tracing = || {
        let answer = sandbox.tollgate(&["doctor", "--json", "--engine", "host"]);
        finding(&verdict(&answer), "tracing").clone()
    };
    let counter = match Watcher::start("count_calls_until_ended") {
        Ok(counter) => counter,
        Err(why) => return not_run(WATCHED, &why),
    };
    let found = tracing();
    let what = found["what"].as_str().unwrap();
    assert_eq!(found["state"], "unfit", "{what}");
    let id = format!("({}) count every system call", counter.id());
    assert!(
        what.contains("perf events of ") && what.contains(&id),
        "{what}"
    );
    drop(counter);
    let found = tracing();
    let what = found["what"].as_str().unwrap();
    assert!(!what.contains("perf events of"), "{what}");
}

/// With a watcher and without, so often.
fn is_seen_each_time(times: usize) {
    let sandbox = Sandbox::new();
    let tracing = || {
        let answer = sandbox.tollgate(&["doctor", "--json", "--engine", "host"]);
        finding(&verdict(&answer), "tracing").clone()
    };
    let mut alarms = 0;
    for time in 0..times {
        let watcher = match Watcher::start("watch_calls_until_ended") {
            Ok(watcher) => watcher,
            Err(why) => return not_run(WATCHED, &why),
        };
        let found = tracing();
        let what = found["what"].as_str().unwrap();
        assert_eq!(found["state"], "unfit", "{time}: {what}");
        let name = format!(
            "{} (raw_tracepoint) on raw tracepoint sys_enter",
            watcher::NAME
        );
        assert!(what.contains(&name), "{time}: {what}");
        let id = watcher.id().to_string();
        assert!(what.contains(&format!("({id})")), "{time}: {what}");
        let fix = found["fix"].as_str().unwrap();
        assert!(fix.contains(&format!("(process {id})")), "{time}: {fix}");
        drop(watcher);
        let found = tracing();
        let what = found["what"].as_str().unwrap();
        assert!(!what.contains(watcher::NAME), "{time}: {what}");
        // Somebody else may watch, and on a busy machine a call alone looks dear at times.
        alarms += usize::from(found["state"] != "ok");
    }
    eprintln!("without a watcher of ours: {alarms} alarms in {times}");
}
