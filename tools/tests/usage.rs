//! Wrong command lines and wrong files, for every command. Nothing is booted.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::path::Path;

use common::{HOST, Sandbox};

#[test]
fn help_names_every_command_and_exit_code() {
    let help = Sandbox::new().tollgate(&["--help"]);
    help.succeeded();
    for word in [
        "run",
        "parse",
        "process",
        "report",
        "stats",
        "doctor",
        "diff-env",
        "boot",
        "initramfs",
        "tune",
        "124",
        "130",
    ] {
        assert!(help.stdout.contains(word), "{word}");
    }
    let boot = Sandbox::new().tollgate(&["boot", "--help"]);
    assert_eq!(boot.stdout.matches("  tollgate boot ").count(), 3);
}

#[test]
fn wrong_command_lines_end_with_64() {
    let sandbox = Sandbox::new();
    for line in [
        &[][..],
        &["fly"],
        &["run"],
        &["run", "x.toml", "--fast"],
        &["run", "x.toml", "--resume", "--only", "y"],
        &["run", "x.toml", "--offline-siblings"],
        &["stats"],
        &["boot"],
        &["boot", "x", "--memory", "0"],
        &["boot", "x", "--cpus", "many"],
        &["boot", "x", "--timeout", "0"],
        &["boot", "x", "--pin", "3-1"],
        &["boot", "x", "--engine", "bochs"],
        &["compare", "x", "y", "--fail-on", "-1%"],
    ] {
        sandbox.tollgate(line).refused(64, &[]);
    }
}

#[test]
fn options_of_kvm_are_refused_with_other_engines() {
    let sandbox = Sandbox::new();
    sandbox.write("kernel", "no kernel");
    for flag in [
        "--stats",
        "--prefault",
        "--protocol=pvh",
        "--debug-exit=0x600",
    ] {
        let name = flag.split('=').next().unwrap();
        let boot = sandbox.tollgate(&["boot", "kernel", "--engine", "qemu", flag]);
        boot.refused(64, &[name, "needs the engine kvm"]);
    }
    sandbox
        .tollgate(&["boot", "kernel", "--debug-exit", "0x10000"])
        .refused(64, &["0x10000"]);
}

#[test]
fn a_missing_file_is_named() {
    let sandbox = Sandbox::new();
    sandbox
        .tollgate(&["run", "gone.toml"])
        .refused(66, &["gone.toml"]);
    sandbox
        .tollgate(&["stats", "gone.log"])
        .refused(66, &["gone.log"]);
    sandbox
        .tollgate(&["boot", "gone.elf"])
        .refused(66, &["gone.elf"]);
    sandbox
        .tollgate(&["initramfs", "gone", "-o", "x"])
        .refused(66, &["gone"]);
    for stage in ["parse", "process", "report"] {
        sandbox
            .tollgate(&[stage, "gone"])
            .refused(66, &["gone", "manifest.json"]);
    }
}

#[test]
fn a_folder_or_a_binary_file_is_refused_with_a_remedy() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("folder")).unwrap();
    for line in [
        &["run", "folder"][..],
        &["stats", "folder"],
        &["boot", "folder"],
        &["initramfs", "folder", "-o", "x"],
    ] {
        sandbox.tollgate(line).refused(66, &["folder", "name "]);
    }
    sandbox.write("empty", "");
    sandbox
        .tollgate(&["initramfs", "empty", "-o", "x"])
        .refused(66, &["empty", "name another"]);
    sandbox.write("program", program());
    sandbox
        .tollgate(&["initramfs", "program", "-o", "folder"])
        .refused(74, &["folder", "name a file"]);
    sandbox.write("bad.toml", b"name = \"bad\"\nlabel = \"\xff\"\n");
    sandbox
        .tollgate(&["run", "bad.toml"])
        .refused(65, &["bad.toml, line 2", "UTF-8"]);
}

#[test]
fn a_wrong_experiment_is_named_with_the_place() {
    let sandbox = Sandbox::new();
    sandbox.write("bad.toml", "name = \"bad\"\nboots = many\n");
    sandbox
        .tollgate(&["run", "bad.toml"])
        .refused(65, &["bad.toml", "line 2"]);
}

#[test]
fn a_missing_program_is_named_before_anything_is_made() {
    let sandbox = Sandbox::new();
    sandbox.experiment(Path::new("no-such-program"), 1, HOST);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .refused(66, &["no-such-program"]);
    assert!(!sandbox.path("run").exists());
}

#[test]
fn only_takes_a_target_that_is_there() {
    let sandbox = Sandbox::new();
    sandbox.experiment(Path::new("/bin/true"), 1, HOST);
    sandbox
        .tollgate(&["run", "test.toml", "--only", "moon"])
        .refused(65, &["test.toml", "\"moon\"", "host"]);
}

#[test]
fn without_qemu_the_package_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("kernel", "no kernel");
    let boot = sandbox
        .command(&["boot", "kernel"])
        .env("PATH", "/nowhere")
        .output();
    common::Answer::from(boot.unwrap()).refused(69, &["qemu-system-x86_64", "apt-get install"]);
}

#[test]
fn a_truncated_log_has_no_statistics() {
    let sandbox = Sandbox::new();
    let log = include_bytes!("../../eval/tests/fixtures/original-linux.0.log");
    let end = log.windows(5).rposition(|w| w == b"fcall").unwrap();
    sandbox.write("cut.log", &log[..end + 8]);
    sandbox
        .tollgate(&["stats", "cut.log"])
        .refused(65, &["cut.log"]);
    sandbox.write("empty.log", "");
    sandbox
        .tollgate(&["stats", "empty.log"])
        .refused(65, &["empty.log"]);
}

#[test]
fn the_originals_log_has_numpys_statistics() {
    let sandbox = Sandbox::new();
    let log = include_bytes!("../../eval/tests/fixtures/original-linux.0.log");
    sandbox.write("original.log", log);
    let stats = sandbox.tollgate(&["stats", "original.log"]);
    stats.succeeded();
    for line in [
        "| tsc | 20 | 215.800000 | 130.000000 | 104.000000 | 169.000000 |",
        "| fcall | 20 | 26.580450 | 24.556000 | 24.393750 | 25.898000 |",
        "| scall | 20 | 444.380700 | 415.039000 | 410.529500 | 500.293500 |",
    ] {
        assert!(stats.stdout.contains(line), "{}", stats.stdout);
    }
    let json = sandbox.tollgate(&["stats", "--json", "original.log"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    common::conforms(&json, "stats");
    assert_eq!(json["stats"][2]["q3"], 500.2935);
}

#[test]
fn an_initramfs_is_reproducible() {
    let sandbox = Sandbox::new();
    sandbox.write("init", program());
    for name in ["one", "two"] {
        sandbox
            .tollgate(&["initramfs", "init", "-o", name])
            .succeeded();
    }
    let read = |name| std::fs::read(sandbox.path(name)).unwrap();
    assert_eq!(read("one"), read("two"));
}

#[test]
fn two_methods_are_never_pooled() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "precise.log",
        "--- 8< ---\nCONFIG_NB_ROUNDS=1\n--- >8 ---\ntollgate\t2\tprecise\n\
         slope\ttsc\t0\t0\t0\t52\t0\t0\t7000\t7000\nend\t5\t883ca4b8\n",
    );
    sandbox.write(
        "original.log",
        "--- 8< ---\nCONFIG_NB_ROUNDS=1\n--- >8 ---\n\ntsc\t156\nscall\t518.5\nfcall\t26.5\n",
    );
    sandbox.tollgate(&["stats", "precise.log"]).succeeded();
    sandbox.tollgate(&["stats", "original.log"]).succeeded();
    sandbox
        .tollgate(&["stats", "precise.log", "original.log"])
        .refused(64, &["precise.log and original.log", "different methods"]);
}

#[test]
fn a_path_goes_only_into_a_run() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path("");
    let words = ["trace", "linux", "--into", folder.to_str().unwrap()];
    sandbox.tollgate(&words).refused(66, &["manifest.json"]);
}

/// The beginning of a program.
fn program() -> Vec<u8> {
    let mut bytes = std::fs::read(env!("CARGO_BIN_EXE_tollgate")).unwrap();
    bytes.truncate(64);
    bytes
}
