//! `tollgate diff-env`: from two runs to what differs between their environments.
//!
//! The run needs what `make guest-bench` builds.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::fs;

use common::{HOST, Sandbox, built, conforms};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A sandbox with a run of the host, parsed, as `a`, and its copy as `b`.
fn two_runs() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.experiment(&built("build/guest-bench"), 1, HOST);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "a"])
        .succeeded();
    sandbox.tollgate(&["parse", "a"]).succeeded();
    fs::create_dir(sandbox.path("b")).unwrap();
    for file in ["manifest.json", "guests.json", "parse.sha256"] {
        fs::copy(sandbox.path("a").join(file), sandbox.path("b").join(file)).unwrap();
    }
    sandbox
}

/// Changes a run's manifest, and seals it again.
fn change(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) {
    let mut manifest: Value = serde_json::from_str(&sandbox.read("b/manifest.json")).unwrap();
    manifest.as_object_mut().unwrap().remove("seal");
    change(&mut manifest);
    let seal = Sha256::digest(manifest.to_string());
    let seal: String = seal.iter().map(|byte| format!("{byte:02x}")).collect();
    manifest["seal"] = seal.into();
    sandbox.write("b/manifest.json", manifest.to_string());
}

#[test]
#[ignore = "needs the program: make test-commands"]
fn differences_are_shown_with_their_reasons() {
    let sandbox = two_runs();
    let same = sandbox.tollgate(&["diff-env", "a", "b"]);
    same.succeeded();
    assert!(same.stdout.contains("No differences"), "{}", same.stdout);

    change(&sandbox, |manifest| {
        manifest["machine"]["passing"]["load"] = "99".into();
    });
    let passing = sandbox.tollgate(&["diff-env", "a", "b"]);
    passing.succeeded();
    assert!(passing.stdout.contains("does not count\n  load\n    A: "));

    change(&sandbox, |manifest| {
        manifest["machine"]["settings"]["boost"] = "new".into();
        manifest["machine"]["cpu"]["microcode"] = "0x42".into();
        manifest["targets"][0]["method"] = "paper".into();
    });
    let differ = sandbox.tollgate(&["diff-env", "a", "b"]);
    assert_eq!(differ.code, 1, "{}", differ.stderr);
    let places = [
        "host\n",
        "  cpu.microcode",
        "  setting.boost",
        "target host\n",
        "  method",
    ];
    let places = places.map(|text| differ.stdout.find(text).unwrap());
    assert!(places.is_sorted(), "{}", differ.stdout);

    let json = sandbox.tollgate(&["diff-env", "a", "b", "--json"]);
    assert_eq!(json.code, 1);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    conforms(&json, "diff-env");
    assert_eq!(json["same"], false);
    assert_eq!(json["guests_compared"], true);
    assert_eq!(json["passing"].as_array().unwrap().len(), 1);
    insta::assert_json_snapshot!(json["differences"][1], @r#"
    {
      "a": null,
      "b": "new",
      "name": "setting.boost",
      "side": "host",
      "why": "turbo's clock depends on temperature and other cores"
    }
    "#);
}

#[test]
#[ignore = "needs the program: make test-commands"]
fn bad_runs_are_refused_and_unparsed_runs_are_mentioned() {
    let sandbox = two_runs();
    let diff = || sandbox.tollgate(&["diff-env", "a", "b"]);
    let guests = sandbox.read("b/guests.json");

    sandbox.write(
        "b/guests.json",
        guests.replace("noop", "gone").replace("enosys", "gone"),
    );
    diff().refused(65, &["b/guests.json", "tollgate parse"]);
    fs::remove_file(sandbox.path("b/guests.json")).unwrap();
    let without = diff();
    without.succeeded();
    assert!(
        without.stderr.contains("run `tollgate parse b`"),
        "{}",
        without.stderr
    );

    change(&sandbox, |manifest| manifest["format"] = 99.into());
    diff().refused(65, &["b/manifest.json", "format 99"]);
    let manifest = sandbox.read("b/manifest.json");
    sandbox.write("b/manifest.json", &manifest[..manifest.len() / 2]);
    diff().refused(65, &["b/manifest.json"]);
    fs::remove_file(sandbox.path("b/manifest.json")).unwrap();
    diff().refused(66, &["b", "manifest.json"]);
    sandbox.tollgate(&["diff-env", "a"]).refused(64, &[]);
}
