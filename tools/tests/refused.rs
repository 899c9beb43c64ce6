//! Wrong words, and files that are not what they should be, are refused before anything starts,
//! with the place and a remedy.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::fs::File;

use common::{HOST, Sandbox};

#[test]
fn a_cpu_that_does_not_exist_is_a_wrong_word() {
    let sandbox = Sandbox::new();
    for line in [
        &["tune", "status", "--cpus", "1023"][..],
        &["tune", "status", "--cpus", "1023", "--json"],
        &["doctor", "--cpus", "1023"],
        &["doctor", "--cpus", "0,1023", "--explain", "load"],
    ] {
        sandbox.tollgate(line).refused(64, &["CPU 1023"]);
    }
}

#[test]
fn a_limit_needs_its_unit() {
    let sandbox = Sandbox::new();
    sandbox
        .tollgate(&["compare", "a", "b", "--fail-on", "2"])
        .refused(64, &["--fail-on 2%", "--exact --fail-on 1"]);
}

#[test]
fn an_empty_database_is_wrong_input() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("db")).unwrap();
    for what in ["--show", "--cumulative"] {
        sandbox
            .tollgate(&["usage", "search", "--db", "db", what])
            .refused(65, &["db: the database has no measurement", "fix: "]);
    }
}

#[test]
fn what_usage_cannot_read_is_named_as_such() {
    let sandbox = Sandbox::new();
    for line in [
        &["usage", "static", "binary", "nope"][..],
        &["usage", "static", "source", "nope"],
        &["usage", "search", "--db", "nope", "--show"],
        &["usage", "diff", "nope", "nope"],
        &["usage", "budget", "nope", "--costs", "run"],
    ] {
        sandbox.tollgate(line).refused(66, &["cannot read nope"]);
    }
}

#[test]
fn zero_is_refused_in_words_for_people() {
    let sandbox = Sandbox::new();
    for line in [
        &["usage", "explore", "--replicas", "0", "--", "true"][..],
        &["usage", "explore", "--jobs", "0", "--", "true"],
        &["usage", "budget", "x", "--costs", "y", "--requests", "0"],
    ] {
        let answer = sandbox.tollgate(line);
        answer.refused(64, &["write a whole number from 1"]);
    }
}

#[test]
fn help_that_cannot_be_written_is_a_failure() {
    let sandbox = Sandbox::new();
    for line in [
        &["--help"][..],
        &["run", "-h"],
        &["-V"],
        &["--version"],
        &["completions", "bash"],
    ] {
        let full = File::create("/dev/full").unwrap();
        let output = sandbox.command(line).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(74), "{line:?}: {said}");
        assert!(said.contains("cannot write standard output"), "{said}");
    }
}

#[test]
fn a_folder_that_does_not_exist_is_named_in_the_systems_words() {
    let sandbox = Sandbox::new();
    let init = elf(&sandbox);
    let answer = sandbox.tollgate(&["initramfs", &init, "-o", "gone/archive"]);
    answer.refused(
        74,
        &[
            "gone/archive: No such file or directory",
            "create its folder",
        ],
    );
}

#[test]
fn only_a_program_becomes_init() {
    let sandbox = Sandbox::new();
    sandbox.write("text", "not a program");
    sandbox.write("script", "#!/bin/sh\n");
    sandbox.write("arm", {
        let mut bytes = std::fs::read(elf(&sandbox)).unwrap();
        bytes[18] = 183;
        bytes
    });
    for (file, reason) in [
        ("text", "it is not an ELF file"),
        ("script", "it is a script"),
        ("arm", "of another architecture"),
    ] {
        sandbox
            .tollgate(&["initramfs", file, "-o", "archive"])
            .refused(65, &[file, reason, "fix: name a static ELF program"]);
        assert!(!sandbox.path("archive").exists());
    }
}

#[test]
fn a_run_of_something_else_than_a_program_does_not_begin() {
    let sandbox = Sandbox::new();
    let program = sandbox.write("program", "not a program");
    sandbox.experiment(&program, 2, HOST);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .refused(65, &["program", "it is not an ELF file"]);
    assert!(!sandbox.path("run").exists());
}

#[test]
fn a_run_without_any_image_does_not_begin() {
    let sandbox = Sandbox::new();
    let program = elf(&sandbox);
    let target = "[[target]]\nname = \"unikraft\"\nengine = \"qemu\"\n";
    sandbox.experiment(program.as_ref(), 2, target);
    sandbox
        .tollgate(&["run", "test.toml", "--run", "run"])
        .refused(66, &["no target can be booted", "image = ", "unikraft"]);
    assert!(!sandbox.path("run").exists());
}

/// A file that begins as a program does.
fn elf(sandbox: &Sandbox) -> String {
    let whole = std::fs::read(env!("CARGO_BIN_EXE_tollgate")).unwrap();
    let path = sandbox.write("elf", &whole[..64]);
    path.to_str().unwrap().to_owned()
}
