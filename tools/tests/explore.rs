//! `tollgate usage`: explorations of programs that every Linux has.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::fs;
use std::process::Command;

use common::{Answer, Sandbox, conforms};
use serde_json::Value;

fn explored(sandbox: &Sandbox, words: &[&str]) -> Answer {
    let line = [&["usage", "explore", "--output", "result.json"], words].concat();
    sandbox.tollgate(&line)
}

fn result(sandbox: &Sandbox) -> Value {
    serde_json::from_slice(&fs::read(sandbox.path("result.json")).unwrap()).unwrap()
}

#[test]
fn a_program_is_explored_and_the_result_serves_the_other_commands() {
    let sandbox = Sandbox::new();
    let answer = explored(
        &sandbox,
        &["--replicas", "1", "--timeout", "2", "--", "true"],
    );
    answer.succeeded();
    assert!(
        answer.stdout.starts_with("number  call"),
        "{}",
        answer.stdout
    );
    let result = result(&sandbox);
    let mut unsealed = result.clone();
    unsealed.as_object_mut().unwrap().remove("seal").unwrap();
    conforms(&unsealed, "usage");
    assert_eq!(result["complete"], true);
    let calls = result["calls"].as_array().unwrap();
    let mmap = calls.iter().find(|used| used["call"] == "mmap").unwrap();
    assert_eq!(mmap["verdict"], "required");
    let said = format!("{} calls: ", calls.len());
    assert!(answer.stdout.contains(&said), "{}", answer.stdout);

    let oci = sandbox.tollgate(&["usage", "emit", "oci", "result.json"]);
    oci.succeeded();
    let oci: Value = serde_json::from_str(&oci.stdout).unwrap();
    let names = oci["syscalls"][0]["names"].as_array().unwrap();
    assert!(names.contains(&"exit_group".into()), "{names:?}");
    let unit = sandbox.tollgate(&["usage", "emit", "systemd", "result.json"]);
    unit.succeeded();
    assert!(
        unit.stdout.contains("\nSystemCallFilter=exit_group\n"),
        "{}",
        unit.stdout
    );

    let source = sandbox.tollgate(&["usage", "coverage", "result.json"]);
    source.refused(65, &["true is not known", "fix: explore its package"]);

    let same = sandbox.tollgate(&["usage", "diff", "result.json", "result.json"]);
    same.succeeded();
    assert_eq!(same.stdout, "");
}

#[test]
fn parts_and_plausible_answers_are_in_the_table_and_the_result() {
    let sandbox = Sandbox::new();
    let words = [
        "--modes",
        "stub,fake,plausible",
        "--partial",
        "--paths",
        "--no-static",
    ];
    let program = [
        "--replicas",
        "1",
        "--timeout",
        "2",
        "--",
        "cat",
        "/proc/version",
    ];
    let answer = explored(&sandbox, &[&words[..], &program].concat());
    answer.succeeded();
    for text in ["  /proc/version ", "  MAP_PRIVATE ", "nullfd: fails"] {
        assert!(
            answer.stdout.contains(text),
            "{text} is not in {}",
            answer.stdout
        );
    }
    let result = result(&sandbox);
    let mut unsealed = result.clone();
    unsealed.as_object_mut().unwrap().remove("seal").unwrap();
    conforms(&unsealed, "usage");
    assert_eq!(result["static"], Value::Null);
    // It goes on from parts as well.
    let resumed = [&["--resume"], &words[..], &program].concat();
    explored(&sandbox, &resumed).succeeded();
}

#[test]
fn other_calls_are_a_difference() {
    let sandbox = Sandbox::new();
    let fast = ["--replicas", "1", "--timeout", "2", "--"];
    explored(&sandbox, &[&fast[..], &["true"]].concat()).succeeded();
    let resumed = [&["--resume"], &fast[..], &["true"]].concat();
    explored(&sandbox, &resumed).succeeded();
    let another = [&["--resume"], &fast[..], &["pwd"]].concat();
    explored(&sandbox, &another).refused(65, &["different command", "leave out --resume"]);
    fs::rename(sandbox.path("result.json"), sandbox.path("old.json")).unwrap();
    let csv = explored(&sandbox, &[&["--csv"], &fast[..], &["pwd"]].concat());
    csv.succeeded();
    assert!(
        csv.stdout.starts_with("# syscall, used, "),
        "{}",
        csv.stdout
    );
    let diff = sandbox.tollgate(&["usage", "diff", "old.json", "result.json"]);
    assert_eq!(diff.code, 1, "{}", diff.stderr);
    assert!(diff.stdout.contains("\n+ getcwd: "), "{}", diff.stdout);
    assert!(
        diff.stdout.starts_with("program: true → pwd\n"),
        "{}",
        diff.stdout
    );
}

#[test]
fn what_proves_nothing_gives_no_verdict() {
    let sandbox = Sandbox::new();
    explored(&sandbox, &["--", "false"]).refused(1, &["fails even with all its calls", "exit 1"]);
    let blind = explored(&sandbox, &["-t", "/bin/true", "--", "true"]);
    blind.refused(1, &["proves nothing", "make it fail"]);
    assert!(!sandbox.path("result.json").exists());
}

#[test]
fn wrong_words_and_files_are_named() {
    let sandbox = Sandbox::new();
    let refused = |words: &[&str], code: i32, text: &str| {
        explored(&sandbox, words).refused(code, &[text]);
    };
    refused(&["--replicas", "0", "--", "true"], 64, "--replicas");
    refused(&["--jobs", "0", "--", "true"], 64, "--jobs");
    refused(&["--timeout", "0", "--", "true"], 64, "--timeout");
    refused(&["--ready", "tcp:x", "--", "true"], 64, "from 1 to 65535");
    refused(&["--modes", "stub,none", "--", "true"], 64, "plausible");
    refused(
        &["--no-static", "--no-discovery", "--", "true"],
        64,
        "fix: use one of",
    );
    refused(&["--phase", "serving", "--", "true"], 64, "--ready");
    refused(
        &["--only", "cat", "--timeout", "2", "--", "true"],
        65,
        "never executes",
    );
    refused(
        &["--only", "no-such-program", "--", "true"],
        66,
        "no-such-program",
    );
    refused(&[], 64, "PROGRAM");
    refused(&["--", "no-such-program"], 66, "no-such-program");
    refused(
        &["--stdin", "no-such-file", "--", "cat"],
        66,
        "no-such-file",
    );
    refused(&["-t", "no-such-test", "--", "cat"], 66, "no-such-test");
    fs::write(sandbox.path("damaged.json"), "{\"seal\": \"\"}").unwrap();
    let damaged = sandbox.tollgate(&["usage", "diff", "damaged.json", "damaged.json"]);
    damaged.refused(65, &["damaged.json", "explore the program again"]);
}

/// Runs a script as the shell of another namespace; `None` if this machine does not allow that.
fn elsewhere(sandbox: &Sandbox, unshare: &[&str], script: &str) -> Option<Answer> {
    let can = Command::new("unshare").args(unshare).arg("true").output();
    if !can.is_ok_and(|output| output.status.success()) {
        eprintln!(
            "not run: no namespace of one's own (unshare {})",
            unshare.join(" ")
        );
        return None;
    }
    let output = Command::new("unshare")
        .args(unshare)
        .args(["sh", "-c", script])
        .env("TOLLGATE", assert_cmd::cargo::cargo_bin!("tollgate"))
        .current_dir(sandbox.path("."))
        .output();
    Some(Answer::from(output.unwrap()))
}

#[test]
fn a_user_who_may_not_create_namespaces_is_refused() {
    let sandbox = Sandbox::new();
    // The limit is that of the new namespace; in it, this user is not root.
    let answer = elsewhere(
        &sandbox,
        &["--user", "--map-user=1000", "--keep-caps"],
        "echo 0 >/proc/sys/user/max_user_namespaces || exit 99
         exec \"$TOLLGATE\" usage explore --output result.json -- true",
    );
    let Some(answer) = answer else { return };
    answer.refused(69, &["may not create user namespaces", "sysctl"]);
    assert!(!sandbox.path("result.json").exists());
}

#[test]
fn a_full_disk_is_named_and_leaves_no_half_result() {
    let sandbox = Sandbox::new();
    let mount = if rustix::process::geteuid().is_root() {
        "-m"
    } else {
        "-rm"
    };
    let answer = elsewhere(
        &sandbox,
        &[mount],
        "mkdir disk && mount -t tmpfs -o size=4k tmpfs disk || exit 99
         \"$TOLLGATE\" usage explore --replicas 1 --timeout 2 --output disk/result.json -- true
         code=$?
         ls -A disk
         exit $code",
    );
    let Some(answer) = answer else { return };
    answer.refused(74, &["disk/result.json", "No space left"]);
    assert_eq!(answer.stdout, "");
}
