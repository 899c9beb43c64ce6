//! `tollgate compare`: from two runs to verdicts and exit codes.
//!
//! The run needs what `make guest-bench` builds; its samples are made up.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::fmt::Write;
use std::fs;

use common::{HOST, Sandbox, built, conforms};
use serde_json::Value;
use sha2::{Digest, Sha256};

const BOOTS: u32 = 8;

/// Runs `a` and `b` of the host, where `b` costs `factor` times as much as `a`.
fn two_runs(factor: f64) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.experiment(&built("build/guest-bench"), BOOTS, HOST);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "a"])
        .succeeded();
    sandbox.tollgate(&["parse", "a"]).succeeded();
    fs::create_dir(sandbox.path("b")).unwrap();
    for entry in fs::read_dir(sandbox.path("a")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let copy = sandbox.path("b").join(path.file_name().unwrap());
            fs::copy(&path, copy).unwrap();
        }
    }
    make_up(&sandbox, "a", 1.0);
    make_up(&sandbox, "b", factor);
    sandbox
}

/// Gives a run samples of about 160 ticks, times `factor`, and its statistics.
fn make_up(sandbox: &Sandbox, run: &str, factor: f64) {
    let old = sandbox.read(&format!("{run}/samples.csv"));
    let mut samples = old.lines().next().unwrap().to_owned() + "\n";
    for boot in 0..BOOTS {
        for sample in 0..10 {
            let cost = 160.0 + f64::from(boot) * 0.05 + f64::from(sample) * 0.01;
            let cost = cost * factor;
            writeln!(
                samples,
                "host,{boot},enosys,0,,1000000,{:.0},,,,,{cost}",
                cost * 1e6
            )
            .unwrap();
        }
    }
    sandbox.write(&format!("{run}/samples.csv"), &samples);
    let sums = sandbox.read(&format!("{run}/parse.sha256"));
    let sums = sums.replace(&hash(&old), &hash(&samples));
    sandbox.write(&format!("{run}/parse.sha256"), sums);
    sandbox.tollgate(&["process", run]).succeeded();
}

fn hash(text: &str) -> String {
    let hash = Sha256::digest(text);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Changes the manifest of `b`, seals it again, and makes everything from it again.
fn change(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) {
    let old = sandbox.read("b/manifest.json");
    let mut manifest: Value = serde_json::from_str(&old).unwrap();
    manifest.as_object_mut().unwrap().remove("seal");
    change(&mut manifest);
    manifest["seal"] = hash(&manifest.to_string()).into();
    let sums = sandbox.read("b/parse.sha256");
    let manifest = manifest.to_string();
    sandbox.write(
        "b/parse.sha256",
        sums.replace(&hash(&old), &hash(&manifest)),
    );
    sandbox.write("b/manifest.json", manifest);
    sandbox.tollgate(&["process", "b"]).succeeded();
}

#[test]
#[ignore = "needs the program: make test-commands"]
fn a_regression_has_its_verdict_and_its_exit_code() {
    let sandbox = two_runs(1.03);
    let table = sandbox.tollgate(&["compare", "a", "b"]);
    table.succeeded();
    assert!(
        table.stdout.contains("+3.00") && table.stdout.contains("slower"),
        "{}",
        table.stdout
    );
    let failed = sandbox.tollgate(&["compare", "a", "b", "--fail-on", "2%"]);
    failed.refused(88, &["regression: host, enosys: +3.00 %"]);
    sandbox
        .tollgate(&["compare", "a", "b", "--fail-on", "5%"])
        .succeeded();
    let back = sandbox.tollgate(&["compare", "b", "a", "--fail-on", "0%"]);
    back.succeeded();
    assert!(back.stdout.contains("faster"), "{}", back.stdout);

    let json = sandbox.tollgate(&["compare", "a", "b", "--json"]);
    json.succeeded();
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    conforms(&json, "compare");
    assert_eq!(json["rows"][0]["verdict"], "slower");
    assert!((json["rows"][0]["ratio"].as_f64().unwrap() - 1.03).abs() < 1e-9);
    for limit in ["two", "-1%", "NaN"] {
        let fail_on = format!("--fail-on={limit}");
        sandbox
            .tollgate(&["compare", "a", "b", &fail_on])
            .refused(64, &["neither a percentage"]);
    }
}

#[test]
#[ignore = "needs the program: make test-commands"]
fn a_meaningless_comparison_is_refused_unless_despite_names_the_reason() {
    type Change = fn(&mut Value);
    let cases: [(&str, &str, Change); 4] = [
        ("machine", "model name", |m| {
            m["machine"]["cpu"]["model name"] = "other".into()
        }),
        ("program", "benchmark program", |m| {
            m["program"]["file"]["sha256"] = "0".into()
        }),
        ("engine", "host and kvm", |m| {
            m["targets"][0]["engine"]["name"] = "kvm".into()
        }),
        ("method", "precise and paper", |m| {
            m["targets"][0]["method"] = "paper".into()
        }),
    ];
    let sandbox = two_runs(1.0);
    let good = [
        "manifest.json",
        "parse.sha256",
        "process.sha256",
        "summary.json",
    ]
    .map(|file| (file, sandbox.read(&format!("b/{file}"))));
    for (what, why, differ) in cases {
        change(&sandbox, differ);
        let despite = format!("--despite {what}");
        sandbox
            .tollgate(&["compare", "a", "b"])
            .refused(87, &[why, &despite]);
        let asked = sandbox.tollgate(&["compare", "a", "b", "--despite", what]);
        asked.succeeded();
        assert!(asked.stderr.contains("warning: ") && asked.stderr.contains(why));
        assert!(asked.stdout.contains("no difference"), "{}", asked.stdout);
        for (file, content) in &good {
            sandbox.write(&format!("b/{file}"), content);
        }
    }
    change(&sandbox, |m| {
        m["targets"][0]["cmdline"] = "mitigations=off".into()
    });
    let other = sandbox.tollgate(&["compare", "a", "b"]);
    other.succeeded();
    assert!(
        other
            .stderr
            .contains("warning: target host: cmdline differs"),
        "{}",
        other.stderr
    );
}

#[test]
#[ignore = "needs the program: make test-commands"]
fn emulated_runs_are_never_compared_as_measurements() {
    let sandbox = two_runs(1.5);
    change(&sandbox, |m| {
        m["targets"][0]["engine"]["emulated"] = true.into()
    });
    sandbox
        .tollgate(&["compare", "a", "b"])
        .refused(87, &["--despite engine"]);
    let despite = [
        "compare",
        "a",
        "b",
        "--despite",
        "engine",
        "--fail-on",
        "2%",
    ];
    let answer = sandbox.tollgate(&despite);
    answer.refused(89, &["cannot tell"]);
    assert!(
        answer.stdout.contains("not measure time"),
        "{}",
        answer.stdout
    );
}

#[test]
#[ignore = "needs the program: make test-commands"]
fn missing_or_changed_runs_are_refused() {
    let sandbox = two_runs(1.0);
    sandbox
        .tollgate(&["compare", "a", "nowhere"])
        .refused(66, &["nowhere"]);
    let summary = sandbox.read("b/summary.json");
    sandbox.write("b/summary.json", summary.replacen("160", "150", 1));
    sandbox
        .tollgate(&["compare", "a", "b"])
        .refused(65, &["summary.json", "process"]);
}

/// A run of ring0 whose instructions were counted in two boots.
fn counted_run() -> Sandbox {
    let sandbox = Sandbox::new();
    let text = format!(
        "name = \"test\"\nprogram = {:?}\nboots = 2\n[benchmark]\nmethod = \"exact\"\n\
         rounds = 1\n[[target]]\nname = \"ring0\"\nengine = \"qemu\"\n\
         cpu = \"Skylake-Server\"\nprogram-as = \"initrd\"\nimage = {:?}\n",
        built("build/guest-bench"),
        built("build/ring0"),
    );
    sandbox.write("test.toml", text);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "a"])
        .succeeded();
    for stage in ["parse", "process"] {
        sandbox.tollgate(&[stage, "a"]).succeeded();
    }
    sandbox
}

/// Copies the run `a` to `b`, where each system call takes so many instructions more.
fn lengthen(sandbox: &Sandbox, more: u64) {
    fs::create_dir_all(sandbox.path("b")).unwrap();
    for entry in fs::read_dir(sandbox.path("a")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let copy = sandbox.path("b").join(path.file_name().unwrap());
            fs::copy(&path, copy).unwrap();
        }
    }
    let old = sandbox.read("a/counts.csv");
    let longer = |line: &str| {
        let mut fields: Vec<_> = line.split(',').map(str::to_owned).collect();
        if fields[2] == "scall" {
            let number = |i: usize| fields[i].parse::<u64>().unwrap();
            let last = number(10) + more * number(5) * number(6);
            fields[10] = last.to_string();
        }
        fields.join(",") + "\n"
    };
    let new: String = old.lines().map(longer).collect();
    sandbox.write("b/counts.csv", &new);
    let sums = sandbox.read("a/parse.sha256");
    sandbox.write("b/parse.sha256", sums.replace(&hash(&old), &hash(&new)));
    sandbox.tollgate(&["process", "b"]).succeeded();
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn one_instruction_more_has_its_exit_code_and_its_function() {
    let sandbox = counted_run();
    let compare = |more: &[&str]| {
        let words = ["compare", "a", "b", "--exact"];
        sandbox.tollgate(&[&words, more].concat())
    };
    lengthen(&sandbox, 0);
    compare(&["--fail-on", "1"]).succeeded();
    lengthen(&sandbox, 1);
    let changed = compare(&[]);
    changed.succeeded();
    assert!(
        changed
            .stdout
            .contains("ring0, scall: +1 instruction (8 to 9)"),
        "{}",
        changed.stdout
    );
    let failed = compare(&["--fail-on", "1"]);
    failed.refused(88, &["regression: ring0, scall: +1 instruction (8 to 9)"]);
    compare(&["--fail-on", "2"]).succeeded();
    compare(&["--fail-on", "1%"]).refused(64, &["--exact --fail-on 1"]);
    compare(&["--fail-on", "0"]).refused(64, &["--exact --fail-on 1"]);
    sandbox
        .tollgate(&["compare", "b", "a", "--exact", "--fail-on", "1"])
        .succeeded();

    // What else may have changed the counts is said.
    change(&sandbox, |manifest| {
        manifest["targets"][0]["cmdline"] = "handler=full -- method=exact".into();
        manifest["targets"][0]["image"]["sha256"] = "0123456789abcdef".into();
    });
    let json: Value = serde_json::from_str(&compare(&["--json"]).stdout).unwrap();
    let warnings = json["warnings"].to_string();
    for what in [
        "the command line differs on ring0",
        "handler=full",
        "the image differs on ring0",
    ] {
        assert!(warnings.contains(what), "{warnings}");
    }

    for (run, handler) in [("a", 6), ("b", 7)] {
        let path = format!(
            r#"{{"version": 1, "target": "ring0", "benchmark": "scall", "cpu_model": "",
            "qemu": "", "kernel_inputs": "", "total": {}, "functions": [
            {{"name": "guest-bench", "instructions": 2}},
            {{"name": "handler", "instructions": {handler}}}]}}"#,
            2 + handler
        );
        sandbox.write(&format!("{run}/trace-ring0.json"), path);
    }
    let failed = compare(&["--fail-on", "1"]);
    failed.refused(88, &["; handler +1 (6 to 7)"]);
    let json: Value = serde_json::from_str(&compare(&["--json"]).stdout).unwrap();
    conforms(&json, "compare-exact");
    assert_eq!(json["rows"][2]["change"], 1);
    assert_eq!(json["rows"][2]["functions"][0]["name"], "handler");
    sandbox.write("b/trace-ring0.json", "{}");
    compare(&[]).refused(65, &["trace-ring0.json"]);
}

/// Files of a run that an earlier version made know nothing of counts.
#[test]
#[ignore = "needs the program: make test-commands"]
fn a_run_from_before_counts_is_still_read() {
    let sandbox = two_runs(1.0);
    let sums = sandbox.read("b/parse.sha256");
    let old = |line: &&str| !line.ends_with("counts.csv") && !line.ends_with("quads.csv");
    let old: Vec<_> = sums.lines().filter(old).collect();
    sandbox.write("b/parse.sha256", old.join("\n") + "\n");
    for file in ["counts.csv", "quads.csv"] {
        fs::remove_file(sandbox.path("b").join(file)).unwrap();
    }
    for stage in ["process", "report"] {
        sandbox.tollgate(&[stage, "b"]).succeeded();
    }
    sandbox
        .tollgate(&["compare", "a", "b", "--exact", "--fail-on", "1"])
        .refused(89, &["no count in common"]);
    sandbox
        .tollgate(&["compare", "a", "b", "--exact"])
        .refused(89, &["no count in common"]);
}
