//! `tollgate trace`: the paths of crossings, on the kernels that `make` builds, and the
//! gate: a path that is not the recorded one fails.
//!
//! They need what `make kernels unikraft-like initramfs trace-plugin` builds, and are run by `make test`.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Answer, Sandbox, built, conforms, not_run};
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
    conforms(&first, "trace");
    assert_eq!(places(&first), places(&again));
    assert_eq!(first["total"].as_u64(), Some(places(&first).len() as u64));
    match second.code {
        0 => {}
        // This machine builds another kernel, or has another QEMU, whose path is not recorded.
        89 => not_run("path of a crossing", &second.stderr),
        _ => panic!("{}\nif that is right: {}", second.stderr, recording(row)),
    }
}

fn recording(row: &[&str]) -> String {
    format!("build/tollgate trace {} --record {GOLDEN}", row.join(" "))
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
    the_path_into_linux_by_its_system_map: ["linux", "--symbols", "build/linux/System.map"];
    the_path_into_ring0: ["ring0"];
    the_path_into_ring0_that_saves_registers: ["ring0-full"];
    the_path_into_a_kernel_like_unikraft: UNIKRAFT;
}

/// The test kernel that behaves as the paper's Unikraft image does.
const UNIKRAFT: [&str; 5] = [
    "build/unikraft-like",
    "--initrd",
    "build/guest-bench",
    "--cpu-model",
    "Skylake-Server",
];

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn one_instruction_more_fails_and_its_function_is_named() {
    let sandbox = Sandbox::new();
    let file = sandbox.path("paths.toml");
    let file = file.to_str().unwrap();
    trace(&["ring0", "--record", file]).succeeded();
    trace(&["ring0", "--check", file]).refused(0, &["the expected path"]);
    let recorded = sandbox.read("paths.toml");
    let less = recorded.replace("::noop_handler 2", "::noop_handler 1");
    assert_ne!(less, recorded);
    let less = less.replace("total = 8", "total = 7");
    sandbox.write("paths.toml", &less);
    let words = ["instead of 7 (+1)", "::noop_handler", "1 -> 2 (+1)"];
    trace(&["ring0", "--check", file]).refused(88, &words);

    // Another build, unless both go by one name.
    let line = recorded
        .lines()
        .find(|line| line.starts_with("kernel_inputs"));
    let mine = less.replace(line.unwrap(), "kernel_inputs = \"mine\"");
    sandbox.write("paths.toml", mine);
    trace(&["ring0", "--check", file]).refused(89, &["no path for the kernel"]);
    trace(&["ring0", "--kernel-inputs", "mine", "--check", file]).refused(88, &words);
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_path_that_is_not_recorded_is_not_checked_and_says_how_to_record_it() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("paths.toml", "");
    let file = file.to_str().unwrap();
    let command = format!("tollgate trace ring0 --cpu-model EPYC --record {file}");
    trace(&["ring0", "--cpu-model", "EPYC", "--check", file]).refused(89, &[&command]);
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn without_symbols_functions_go_by_their_addresses() {
    let sandbox = Sandbox::new();
    let image = sandbox.path("stripped");
    let stripped = Command::new("strip")
        .arg("-o")
        .args([&image, &built("build/ring0")])
        .status();
    assert!(stripped.unwrap().success());
    let program = built("build/guest-bench");
    let initrd = ["--initrd", program.to_str().unwrap()];
    let words = [
        image.to_str().unwrap(),
        "--append",
        "handler=full",
        "--json",
    ];
    let answer = trace(&[&words[..], &initrd].concat());
    answer.refused(0, &["has symbols", "--symbols"]);
    let path: Value = serde_json::from_str(&answer.stdout).unwrap();
    let with_symbols = trace(&["ring0-full", "--json"]).stdout;
    let with_symbols: Value = serde_json::from_str(&with_symbols).unwrap();
    let counts = |path: &Value| -> Vec<u64> {
        let functions = path["functions"].as_array().unwrap();
        let functions = functions.iter();
        functions
            .map(|f| f["instructions"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(counts(&path), counts(&with_symbols));
    assert_eq!(path["functions"][0]["name"], "guest-bench");
    let entry = path["functions"][1]["name"].as_str().unwrap();
    assert!(entry.starts_with("0x"), "{entry}");
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_path_goes_into_a_run_as_json_and_as_a_plot() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path("");
    sandbox.write("manifest.json", "{}");
    let words = ["ring0-full", "--against", "ring0", "--json", "--into"];
    let answer = trace(&[&words[..], &[folder.to_str().unwrap()]].concat());
    answer.succeeded();
    let both: Value = serde_json::from_str(&answer.stdout).unwrap();
    let written: Value = serde_json::from_str(&sandbox.read("trace-ring0-full.json")).unwrap();
    conforms(&written, "trace");
    assert_eq!(both["path"], written);
    let difference: i64 = both["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["after"].as_i64().unwrap() - change["before"].as_i64().unwrap())
        .sum();
    let total = |of: &str| both[of]["total"].as_i64().unwrap();
    assert_eq!(difference, total("path") - total("against"));
    let plot = sandbox.read("trace-ring0-full.svg");
    assert!(plot.contains("ring0-full: "), "{plot}");
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn impossible_traces_are_refused_with_a_remedy() {
    let sandbox = Sandbox::new();
    let map = fs::read_to_string(built("build/linux/System.map")).unwrap();
    let line = map.lines().find(|line| line.ends_with(" entry_SYSCALL_64"));
    let (address, _) = line.unwrap().split_once(' ').unwrap();
    let address = u64::from_str_radix(address, 16).unwrap();
    let moved = map.replace(&format!("{address:x} "), &format!("{:x} ", address + 64));
    let moved = sandbox.write("System.map", moved);
    for (words, code, complaints) in [
        (
            ["ring0", "--plugin", "/nowhere.so"],
            69,
            ["/nowhere.so", "make trace-plugin"],
        ),
        (
            ["ring0", "--plugin", "README.md"],
            83,
            ["qemu-system-x86_64", "Could not load plugin"],
        ),
        (
            ["ring0", "--cpu-model", "i386SX"],
            65,
            ["i386SX", "-cpu help"],
        ),
        (
            ["ring0", "--symbols", "README.md"],
            65,
            ["README.md", "System.map"],
        ),
        (
            ["ring0", "--experiment", "nowhere.toml"],
            66,
            ["nowhere.toml", "cannot read"],
        ),
        (
            ["mine", "--against", "ring0"],
            65,
            ["does not have a target \"mine\"", "ring0-full"],
        ),
        (
            ["host", "--against", "ring0"],
            65,
            ["\"host\"", "does not have an image"],
        ),
        (
            ["linux", "--symbols", moved.to_str().unwrap()],
            65,
            ["different kernel", "cannot trace linux"],
        ),
    ] {
        trace(&words).refused(code, &complaints);
    }
}
