//! `tollgate export`, on a kept run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::{Sandbox, not_run};

fn kept() -> Sandbox {
    let sandbox = Sandbox::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/before");
    fs::create_dir_all(sandbox.path("run/console")).unwrap();
    for folder in [".", "console"] {
        for entry in fs::read_dir(from.join(folder)).unwrap() {
            let entry = entry.unwrap();
            if entry.path().is_file() {
                let to = sandbox.path("run").join(folder).join(entry.file_name());
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
    assert_eq!(sandbox.tollgate(&["parse", "run"]).code, 85);
    sandbox.tollgate(&["process", "run"]).succeeded();
    sandbox
}

fn export(sandbox: &Sandbox, format: &str) -> String {
    let answer = sandbox.tollgate(&["export", "run", "--format", format]);
    answer.succeeded();
    answer.stdout
}

fn summary(sandbox: &Sandbox) -> Value {
    serde_json::from_str(&sandbox.read("run/summary.json")).unwrap()
}

/// A result line: its name, and its values by unit.
type Line = (String, BTreeMap<String, f64>);

/// Reads the format by its description: lines of `key: value`, where a key begins with a lower
/// case letter and has no upper case and no space; and lines of a name that begins with
/// `Benchmark` and a letter that is not lower case, a number of iterations, and pairs of value
/// and unit, separated by spaces or tabs. Other lines mean nothing.
fn parse(text: &str) -> (BTreeMap<String, String>, Vec<Line>) {
    let (mut keys, mut lines) = (BTreeMap::new(), Vec::new());
    for line in text.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let is_result = line
            .strip_prefix("Benchmark")
            .is_some_and(|rest| !rest.starts_with(char::is_lowercase));
        if is_result {
            assert!(words.len() >= 4 && words.len().is_multiple_of(2), "{line}");
            assert!(words[1].parse::<u64>().unwrap() > 0, "{line}");
            let pairs = words[2..].chunks(2);
            let values = pairs.map(|pair| (pair[1].to_owned(), pair[0].parse().unwrap()));
            lines.push((words[0].to_owned(), values.collect()));
        } else if let Some((key, value)) = line.split_once(':') {
            let first = key.chars().next().unwrap();
            let bad = |c: char| c.is_uppercase() || c.is_whitespace();
            assert!(first.is_lowercase() && !key.chars().any(bad), "{line}");
            keys.insert(key.to_owned(), value.trim().to_owned());
        } else {
            assert_eq!(line, "", "a line that means nothing");
        }
    }
    (keys, lines)
}

#[test]
fn benchfmt_has_a_line_for_each_boot_and_none_for_an_emulators_time() {
    let sandbox = kept();
    let (keys, lines) = parse(&export(&sandbox, "benchfmt"));
    assert_eq!(keys["doctor"], "unfit");
    assert_eq!(keys["cpu"], "AMD EPYC");
    assert!(keys.contains_key("kernel"));
    let summary = summary(&sandbox);
    let hz = summary["tsc"]["hz"].as_f64().unwrap();
    let mut timed = 0;
    for target in summary["targets"].as_array().unwrap() {
        for row in target["rows"].as_array().unwrap() {
            let call = row["benchmark"].as_str().unwrap();
            let call = call[..1].to_uppercase() + &call[1..];
            let name = format!(
                "Benchmark{call}/target={}",
                target["name"].as_str().unwrap()
            );
            let with_time = |line: &&Line| line.0 == name && line.1.contains_key("ticks/op");
            let lines: Vec<_> = lines.iter().filter(with_time).collect();
            if target["emulated"] == true {
                assert!(lines.is_empty(), "{name}");
                continue;
            }
            let boots = row["boot_medians"].as_array().unwrap();
            assert_eq!(lines.len(), boots.len(), "{name}");
            for (line, boot) in lines.iter().zip(boots) {
                let ticks = boot["median"].as_f64().unwrap();
                assert_eq!(line.1["ticks/op"], ticks);
                assert!((line.1["ns/op"] - ticks * 1e9 / hz).abs() < 1e-9);
            }
            timed += 1;
        }
    }
    assert!(timed > 0);
    // Counted under an emulator, and true.
    let counted = lines.iter().filter(|line| line.1.contains_key("insns/op"));
    let scall = counted.filter(|line| line.0.starts_with("BenchmarkScall/"));
    let each: Vec<_> = scall.map(|line| line.1["insns/op"]).collect();
    assert!(
        !each.is_empty() && each.iter().all(|each| *each >= 8.0),
        "{each:?}"
    );
    let file = sandbox.write("new.txt", export(&sandbox, "benchfmt"));
    match Command::new("benchstat").arg(file).output() {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(_) => not_run("reading of an export by benchstat", "it is not installed"),
    }
}

/// The schema that Bencher's reference describes.
fn bencher_schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "type": "object",
                "required": ["value"],
                "additionalProperties": false,
                "properties": {
                    "value": { "type": "number" },
                    "lower_value": { "type": "number" },
                    "upper_value": { "type": "number" }
                }
            }
        }
    })
}

#[test]
fn benchers_metrics_have_our_intervals() {
    let sandbox = kept();
    let metrics: Value = serde_json::from_str(&export(&sandbox, "bencher")).unwrap();
    let validator = jsonschema::validator_for(&bencher_schema()).unwrap();
    assert!(validator.is_valid(&metrics), "{metrics}");
    let summary = summary(&sandbox);
    let targets = summary["targets"].as_array().unwrap();
    let host = targets
        .iter()
        .find(|target| target["name"] == "host")
        .unwrap();
    for row in host["rows"].as_array().unwrap() {
        let name = format!("host/{}", row["benchmark"].as_str().unwrap());
        let ticks = &metrics[&name]["ticks"];
        assert_eq!(ticks["value"], row["ticks"]["median_of_boot_medians"]);
        assert_eq!(ticks["lower_value"], row["interval"]["low"]);
        assert_eq!(ticks["upper_value"], row["interval"]["high"]);
        let ns = metrics[&name]["latency"]["value"].as_f64().unwrap();
        let ours = row["ns"]["median_of_boot_medians"].as_f64().unwrap();
        assert!((ns - ours).abs() < 1e-9);
    }
    let names: Vec<_> = metrics.as_object().unwrap().iter().collect();
    let emulated = |name: &str| {
        let mut targets = targets.iter().filter(|target| target["emulated"] == true);
        targets.any(|target| name.starts_with(&format!("{}/", target["name"].as_str().unwrap())))
    };
    for (name, measures) in names {
        assert!(!emulated(name) || measures.get("ticks").is_none(), "{name}");
    }
}

#[test]
fn prometheus_gets_typed_gauges_with_quoted_labels() {
    let sandbox = kept();
    let text = export(&sandbox, "prometheus");
    let mut known = Vec::new();
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert_eq!(kind, "gauge");
            assert!(!known.contains(&name), "{name} twice");
            known.push(name);
        } else if !line.starts_with("# HELP ") {
            let (metric, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().unwrap().is_finite(), "{line}");
            let name = metric.split('{').next().unwrap();
            assert_eq!(known.last(), Some(&name), "{line}");
            if let Some(labels) = metric.strip_prefix(&format!("{name}{{")) {
                assert!(labels.ends_with("\"}"), "{line}");
                assert_eq!(labels.matches('"').count() % 2, 0, "{line}");
            }
        }
    }
    assert!(text.contains("tollgate_operation_seconds{target=\"host\",benchmark=\"enosys\"} "));
    assert!(text.contains("tollgate_operation_instructions{"));
    assert!(text.contains("tollgate_machine_fit 0\n"));
}

#[test]
fn a_run_without_statistics_is_not_exported() {
    let sandbox = kept();
    fs::remove_file(sandbox.path("run/summary.json")).unwrap();
    let words = ["export", "run", "--format", "bencher"];
    sandbox.tollgate(&words).refused(66, &["summary.json"]);
    sandbox
        .tollgate(&["export", "none", "--format", "bencher"])
        .refused(66, &["none"]);
}
