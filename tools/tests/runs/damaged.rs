//! A run's files, damaged or missing.

use std::fs;
use std::path::Path;

use super::common::{Answer, HOST, Sandbox, built};

/// What is done to a file's bytes.
type Damage<'a> = &'a dyn Fn(&mut Vec<u8>);

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
