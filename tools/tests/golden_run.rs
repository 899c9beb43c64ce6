//! A run that was kept: its consoles give the same numbers with every later version.
//!
//! golden/before holds the run's consoles and what the tool of its manifest made of them.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Sandbox, conforms};
use runs::run::{Manifest, RunFolder};
use serde_json::Value;

/// Files that have to be the same to the byte.
const SAME_BYTES: [&str; 4] = ["samples.csv", "rounds.csv", "counts.csv", "quads.csv"];

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/before")
}

/// The kept run's consoles and manifest.
fn copied(sandbox: &Sandbox, name: &str) -> PathBuf {
    let run = sandbox.path(name);
    fs::create_dir_all(run.join("console")).unwrap();
    for name in ["manifest.json", "experiment.toml"] {
        fs::copy(kept().join(name), run.join(name)).unwrap();
    }
    for entry in fs::read_dir(kept().join("console")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), run.join("console").join(entry.file_name())).unwrap();
    }
    run
}

/// Runs the stages on it.
fn evaluate(sandbox: &Sandbox, name: &str) {
    // Some of its boots failed.
    for (stage, code) in [("parse", 85), ("process", 0), ("report", 85)] {
        let answer = sandbox.tollgate(&[stage, name]);
        assert_eq!(answer.code, code, "{stage}: {}", answer.stderr);
    }
}

#[test]
fn a_kept_run_can_be_compared_with_a_new_one_and_reported() {
    let sandbox = Sandbox::new();
    let [old, new] = ["old", "new"].map(|name| copied(&sandbox, name));
    let folder = RunFolder::open(&new).unwrap();
    Manifest::read(&folder).unwrap().write(&folder).unwrap();
    evaluate(&sandbox, "old");
    evaluate(&sandbox, "new");
    // As the older tool left it.
    fs::copy(kept().join("summary.json"), old.join("summary.json")).unwrap();
    let script = "sha256sum summary.json summary.csv parse.sha256 > process.sha256";
    let mut shell = Command::new("sh");
    shell.current_dir(&old).args(["-c", script]);
    assert!(shell.status().unwrap().success());
    assert_eq!(read_json(&old, "summary.json")["version"], 4);
    for (run, format, field) in [(&old, 2, "mend"), (&new, 3, "fix")] {
        let manifest = read_json(run, "manifest.json");
        assert_eq!(manifest["format"], format);
        assert!(manifest["doctor"]["findings"][0][field].is_string());
    }
    let summary = read_json(&new, "summary.json");
    conforms(&summary, "summary");
    assert!(summary["doctor"]["findings"][0]["fix"].is_string());

    for (before, after) in [("old", "new"), ("new", "old")] {
        let answer = sandbox.tollgate(&["compare", before, after, "--json"]);
        answer.succeeded();
        let json: Value = serde_json::from_str(&answer.stdout).unwrap();
        conforms(&json, "compare");
        let rows = json["rows"].as_array().unwrap();
        assert!(rows.len() > 4, "{rows:?}");
        assert!(rows.iter().all(|row| row["ratio"] == 1.0), "{rows:?}");
    }
    fs::remove_file(old.join("report.html")).unwrap();
    assert_eq!(sandbox.tollgate(&["report", "old"]).code, 85);
    let page = sandbox.read("old/report.html");
    assert!(page.contains("sudo tollgate tune apply --cpus 1"), "{page}");
}

#[test]
fn the_numbers_of_a_kept_run_stay_the_same() {
    let sandbox = Sandbox::new();
    let run = copied(&sandbox, "before");
    evaluate(&sandbox, "before");
    let found = differences(&kept(), &run);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_core_that_slowed_down_meanwhile_makes_the_run_unfit() {
    let sandbox = Sandbox::new();
    let run = sandbox.path("before");
    fs::create_dir_all(run.join("console")).unwrap();
    fs::copy(kept().join("experiment.toml"), run.join("experiment.toml")).unwrap();
    for entry in fs::read_dir(kept().join("console")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), run.join("console").join(entry.file_name())).unwrap();
    }
    let manifest = fs::read_to_string(kept().join("manifest.json")).unwrap();
    let mut manifest: Value = serde_json::from_str(&manifest).unwrap();
    manifest.as_object_mut().unwrap().remove("seal");
    manifest["courses"] = serde_json::json!([{
        "seconds": 60.0, "throttled": 3, "group_throttled": 0, "stolen": 0.004, "smis": null,
        "celsius": [45.0, 71.0], "core_mhz": null, "kernel_messages": ["mce: hot"],
    }]);
    host::files::write_json(&run.join("manifest.json"), &manifest).unwrap();
    for stage in ["parse", "process", "report"] {
        sandbox.tollgate(&[stage, "before"]);
    }
    let table = fs::read_to_string(run.join("table.txt")).unwrap();
    for words in [
        "UNFIT FOR MEASURING according to tollgate doctor: ",
        "Doctor, unfit: run-throttling: measuring cores slowed down for heat 3 times",
        "Doctor, warning: run-temperature: the processor went from 45 °C to 71 °C",
        "Doctor, warning: run-steal: the hypervisor took 0.40 %",
        "Doctor, warning: run-kernel-messages: the kernel said: mce: hot",
    ] {
        assert!(table.contains(words), "{words:?} is not in {table}");
    }
    let report = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(report.contains("run-throttling"));
    let summary = fs::read_to_string(run.join("summary.json")).unwrap();
    assert!(summary.contains("run-throttling"));
}

#[test]
fn one_changed_digit_is_found_in_every_file() {
    for (name, number, other) in [
        ("samples.csv", ",52,", ",53,"),
        ("rounds.csv", ",0,", ",1,"),
        ("counts.csv", ",16,", ",17,"),
        ("quads.csv", ",16,", ",17,"),
        ("boots.csv", "ok,24,noop", "ok,23,noop"),
        ("summary.csv", ",36,6,", ",36,5,"),
        ("summary.json", "\"samples\":36", "\"samples\":35"),
        (
            "guests.json",
            "\"guest_bench\": \"0.1.0\"",
            "\"guest_bench\": \"0.1.1\"",
        ),
    ] {
        let sandbox = Sandbox::new();
        for entry in fs::read_dir(kept()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, sandbox.path("").join(path.file_name().unwrap())).unwrap();
            }
        }
        assert_eq!(differences(&kept(), &sandbox.path("")), [""; 0]);
        let text = sandbox.read(name);
        assert!(text.contains(number), "{name}");
        sandbox.write(name, text.replacen(number, other, 1));
        let found = differences(&kept(), &sandbox.path(""));
        assert!(
            found.iter().any(|what| what.starts_with(name)),
            "{name}: {found:?}"
        );
    }
}

fn read_json(run: &Path, name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(run.join(name)).unwrap()).unwrap()
}

/// What differs between two runs' results; prose may.
fn differences(old: &Path, new: &Path) -> Vec<String> {
    let read = |folder: &Path, name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let both = |name: &str| (read(old, name), read(new, name));
    let mut found = Vec::new();
    for name in SAME_BYTES {
        let (old, new) = both(name);
        let pairs = old.lines().zip(new.lines());
        let differs = pairs.enumerate().find(|(_, (old, new))| old != new);
        if let Some((line, (old, new))) = differs {
            found.push(format!("{name}, line {}: {old} is now {new}", line + 1));
        } else if old != new {
            found.push(format!("{name} is longer or shorter than it was"));
        }
    }
    for (name, is_same) in [
        (
            "boots.csv",
            same_but_for_reasons as fn(&str, &str, &str) -> bool,
        ),
        ("summary.csv", same_number),
    ] {
        let (old, new) = both(name);
        tables(name, &old, &new, is_same, &mut found);
    }
    let [old_summary, new_summary] = [old, new].map(|run| read_json(run, "summary.json"));
    values("summary.json", &old_summary, &new_summary, &mut found);
    let [old, new] = [old, new].map(|run| read_json(run, "guests.json"));
    if old["targets"] != new["targets"] {
        found.push("guests.json differs".into());
    }
    found
}

/// In boots.csv, only the words of a reason may differ.
fn same_but_for_reasons(column: &str, old: &str, new: &str) -> bool {
    if column == "reason" {
        old.is_empty() == new.is_empty()
    } else {
        old == new
    }
}

/// In summary.csv, prose may differ, but no number.
fn same_number(_: &str, old: &str, new: &str) -> bool {
    let is_number = |text: &str| text.is_empty() || text.parse::<f64>().is_ok();
    old == new || !(is_number(old) || is_number(new))
}

/// Compares the columns of the old table with those of the new one, which may have more.
fn tables(
    name: &str,
    old: &str,
    new: &str,
    is_same: fn(&str, &str, &str) -> bool,
    found: &mut Vec<String>,
) {
    let [old, new] = [old, new].map(|text| {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(text.as_bytes());
        reader.records().map(Result::unwrap).collect::<Vec<_>>()
    });
    if old.len() != new.len() {
        found.push(format!(
            "{name} has {} lines instead of {}",
            new.len(),
            old.len()
        ));
    }
    for (i, column) in old[0].iter().enumerate() {
        let Some(j) = new[0].iter().position(|other| other == column) else {
            found.push(format!("{name} has no column {column}"));
            continue;
        };
        for (line, (old, new)) in old.iter().zip(&new).enumerate().skip(1) {
            if !is_same(column, &old[i], &new[j]) {
                let (old, new) = (&old[i], &new[j]);
                found.push(format!(
                    "{name}, line {}, {column}: {old:?} is now {new:?}",
                    line + 1
                ));
            }
        }
    }
}

/// Compares every number and every yes or no of the old value with the new one's, which may
/// hold more. The form's own version may change.
fn values(place: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    let mut differ = || found.push(format!("{place}: {old} is now {new}"));
    match (old, new) {
        (Value::Object(old), Value::Object(_)) => {
            for (key, value) in old.iter().filter(|(key, _)| *key != "version") {
                values(&format!("{place}/{key}"), value, &new[key], found);
            }
        }
        (Value::Array(old), Value::Array(new)) if holds_numbers(old) => {
            if old.len() != new.len() {
                differ();
            }
            for (i, (old, new)) in old.iter().zip(new).enumerate() {
                values(&format!("{place}/{i}"), old, new, found);
            }
        }
        (Value::Number(_) | Value::Bool(_), _) if old != new => differ(),
        (_, Value::Number(_) | Value::Bool(_)) if old != new => differ(),
        (Value::Object(_), _) | (Value::Array(_), Value::Null) => differ(),
        _ => {}
    }
}

/// Whether a list is of numbers, or of values that hold some: not of sentences or findings.
fn holds_numbers(list: &[Value]) -> bool {
    list.iter().any(|value| match value {
        Value::Object(fields) => fields.values().any(|value| {
            value.is_number() || value.is_boolean() || value.is_object() || value.is_array()
        }),
        value => value.is_number() || value.is_boolean(),
    })
}
