//! `tollgate trace`: the paths of crossings, on the kernels that `make` builds, and the
//! gate: a path that is not the recorded one fails.
//!
//! They need what `make kernels initramfs trace-plugin` builds, and are run by `make test`.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::path::Path;
use std::process::Command;

use common::{Answer, Sandbox, built};
use serde_json::Value;

const GOLDEN: &str = "tools/tests/golden/paths.toml";

/// `tollgate trace` in the project's folder.
fn trace(words: &[&str]) -> Answer {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&[&["trace"], words].concat());
    command
        .current_dir(root())
        .env("TOLLGATE_TRACE_PLUGIN", built("build/libtollgate-trace.so"));
    command.output().unwrap().into()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Where each instruction lies in its function: addresses, and the distances to data in some
/// instructions, differ between boots (KASLR, ASLR).
fn places(path: &Value) -> Vec<(&str, u64)> {
    let steps = path["instructions"].as_array().unwrap();
    let places = steps.iter().map(|step| {
        let function = step["function"].as_str().unwrap();
        (function, step["offset"].as_u64().unwrap())
    });
    places.collect()
}

/// A second boot takes the same path, and it is the recorded one.
fn check(row: &[&str]) {
    let words = [row, &["--json", "--instructions"]].concat();
    let first = trace(&words);
    first.succeeded();
    let second = trace(&[&words[..], &["--check", GOLDEN]].concat());
    let [first, again] =
        [&first, &second].map(|answer| serde_json::from_str::<Value>(&answer.stdout).unwrap());
    assert_eq!(places(&first), places(&again));
    assert_eq!(first["total"].as_u64(), Some(places(&first).len() as u64));
    match second.code {
        0 => {}
        89 => not_run(&second.stderr),
        _ => panic!("{}\nif that is right: {}", second.stderr, recording(row)),
    }
}

fn recording(row: &[&str]) -> String {
    format!("build/tollgate trace {} --record {GOLDEN}", row.join(" "))
}

/// This machine builds another kernel, or has another QEMU: nobody knows its path.
fn not_run(reason: &str) {
    eprintln!("{reason}");
    let reason: Vec<_> = reason.split_whitespace().collect();
    let status = Command::new(root().join("not-run.sh"))
        .args(["add", "1", "path of a crossing", &reason.join(" ")])
        .status()
        .unwrap();
    assert!(status.success());
}

macro_rules! rows {
    ($($name:ident: $row:expr;)*) => {
        $(
            #[test]
            #[ignore = "needs the kernels: make test-commands"]
            fn $name() {
                check(&$row);
            }
        )*
    };
}

rows! {
    the_path_into_linux: ["linux"];
    the_path_into_linux_on_every_feature: ["linux", "--cpu-model", "max"];
    the_path_into_linux_without_mitigations: ["linux-nomitig"];
    the_path_into_ring0: ["ring0"];
    the_path_into_ring0_that_saves_registers: ["ring0-full"];
}
