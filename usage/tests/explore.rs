//! Explorations of our own subject, whose needs are known.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::ffi::OsString;
use std::fs;
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use usage::explore::{ExploreError, Request, explore};
use usage::result::{CallUse, PartUse, Purpose, Usage};
use usage::{Call, Feature, Mode, Phase, Plausible, Verdict};

/// Cargo builds it next to this test.
fn example(name: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let folder = here.parent().unwrap().parent().unwrap();
    folder.join("examples").join(name)
}

fn subject() -> String {
    example("subject").display().to_string()
}

fn analyser() -> Vec<OsString> {
    vec![example("analyse").into()]
}

fn request(words: &[&str]) -> Request {
    let command = [subject()]
        .into_iter()
        .chain(words.iter().map(ToString::to_string));
    Request {
        command: command.collect(),
        folder: PathBuf::from("/"),
        input: None,
        test: None,
        ready: None,
        phase: Phase::All,
        modes: vec![Mode::Stub, Mode::Fake],
        partial: false,
        paths: false,
        only: None,
        discovery: true,
        analyser: None,
        replicas: NonZeroU32::new(2).unwrap(),
        jobs: NonZeroU32::new(4).unwrap(),
        // Other tests run at the same time.
        limit: Some(Duration::from_secs(5)),
        tool: "test".into(),
        earlier: None,
    }
}

fn run(request: &Request) -> Result<Usage, ExploreError> {
    explore(request, &AtomicBool::new(false), &|_| {})
}

#[track_caller]
fn of<'a>(usage: &'a Usage, name: &str) -> &'a CallUse {
    let call: Call = name.parse().unwrap();
    let mut calls = usage.calls.iter();
    calls
        .find(|used| used.call == call)
        .unwrap_or_else(|| panic!("{name} was not seen"))
}

/// An executable test, in a folder that is deleted with the first value.
fn script(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = folder.path().join("test");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    (folder, path)
}

#[test]
fn every_verdict_is_found() {
    let words = [
        "stub-only",
        "fake-only",
        "both",
        "required",
        "new",
        "fallback",
        "conflict",
    ];
    let usage = run(&request(&words)).unwrap();
    let expected = [
        ("getpgrp", Verdict::Stub),
        ("sync", Verdict::Fake),
        ("getppid", Verdict::Both),
        ("getpid", Verdict::Required),
        ("close_range", Verdict::Both),
        ("execve", Verdict::Required),
    ];
    for (name, verdict) in expected {
        if name == "execve" {
            // Our own is not the program's.
            assert!(usage.calls.iter().all(|used| used.call.to_string() != name));
            continue;
        }
        assert_eq!(
            of(&usage, name).verdict,
            verdict,
            "{name}: {:?}",
            of(&usage, name)
        );
    }
    let getuid = of(&usage, "getuid");
    assert_eq!(getuid.verdict, Verdict::Both);
    let fragile = &getuid.stub.as_ref().unwrap().fragile;
    assert_eq!(fragile, &["getegid was called instead"]);
    assert!(getuid.fake.as_ref().unwrap().fragile.is_empty());
    assert!(
        of(&usage, "getppid").origin[0].ends_with("/subject"),
        "{:?}",
        of(&usage, "getppid")
    );

    // Each alone works, both together do not.
    let conflict = ["getsid", "gettid"].map(|name| name.parse::<Feature>().unwrap());
    for call in &conflict {
        assert_eq!(of(&usage, &call.to_string()).verdict, Verdict::Both);
    }
    for union in &usage.unions {
        assert_eq!(union.works, Some(false), "{union:?}");
        let mut conflict = conflict.to_vec();
        conflict.sort();
        assert!(union.conflicts.contains(&conflict), "{union:?}");
        assert!(union.largest.len() < union.calls.len());
    }
    assert_eq!(
        usage
            .unions
            .iter()
            .map(|union| union.mode)
            .collect::<Vec<_>>(),
        [Mode::Stub, Mode::Fake]
    );
    assert!(usage.complete);
    let baselines = usage
        .runs
        .iter()
        .filter(|run| run.purpose == Purpose::Baseline);
    assert!(baselines.count() >= 5);
}

#[test]
fn what_strace_sees_is_what_discovery_sees() {
    for program in ["/bin/true", "/bin/cat"] {
        let Some(traced) = strace(program) else {
            eprintln!("not run: strace is not installed");
            return;
        };
        let mut request = request(&[]);
        request.command = vec![program.to_owned()];
        request.replicas = NonZeroU32::MIN;
        let usage = run(&request).unwrap();
        let seen: Vec<_> = usage
            .calls
            .iter()
            .map(|used| used.call.to_string())
            .collect();
        let mut traced: Vec<_> = traced.into_iter().filter(|name| name != "execve").collect();
        traced.sort_by_key(|name| name.parse::<Call>().unwrap());
        traced.dedup();
        assert_eq!(seen, traced, "{program}");
    }
}

/// The calls of a program with an empty input.
fn strace(program: &str) -> Option<Vec<String>> {
    let output = std::process::Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/stderr", program])
        .stdin(std::process::Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stderr).unwrap();
    let name = |line: &str| {
        let line = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        Some(line.split_once('(')?.0.to_owned())
    };
    Some(text.lines().filter_map(name).collect())
}

#[test]
fn a_server_is_explored_while_it_serves_many_at_a_time_on_one_port() {
    let (_folder, test) = script(&format!("exec {} ask", subject()));
    let mut request = request(&["serve"]);
    request.test = Some(test);
    request.ready = Some("tcp:4711".parse().unwrap());
    request.phase = Phase::Serving;
    request.replicas = NonZeroU32::MIN;
    request.jobs = NonZeroU32::new(8).unwrap();
    request.limit = Some(Duration::from_secs(3));
    let usage = run(&request).unwrap();
    // Binding came before it was ready: a rule on serving leaves it alone.
    assert!(
        usage
            .calls
            .iter()
            .all(|used| used.call.to_string() != "bind")
    );
    assert_eq!(of(&usage, "getppid").verdict, Verdict::Both);
    assert!(of(&usage, "getppid").serving >= 1);
    assert_eq!(of(&usage, "getppid").init, 0);
    let sendto = of(&usage, "sendto");
    assert_eq!(sendto.verdict, Verdict::Required, "{sendto:?}");
    assert!(usage.runs.iter().any(|run| run.purpose == Purpose::Control));
}

#[test]
fn a_server_that_moves_to_the_background_is_explored_and_leaves_nothing() {
    let (folder, test) = script(&format!("exec {} ask", subject()));
    // A name that no other process has.
    let daemon = folder.path().join("daemon");
    fs::copy(subject(), &daemon).unwrap();
    let mut request = request(&["daemon", "serve"]);
    let name = daemon.display().to_string();
    request.command[0].clone_from(&name);
    request.test = Some(test);
    request.ready = Some("tcp:4711".parse().unwrap());
    request.replicas = NonZeroU32::MIN;
    request.limit = Some(Duration::from_secs(2));
    let usage = run(&request).unwrap();
    // The first process has ended, and the test still passes.
    let mut baselines = usage.runs.iter();
    let baseline = baselines.find(|run| run.purpose == Purpose::Baseline);
    let baseline = baseline.unwrap();
    assert_eq!(baseline.program_end.as_deref(), Some("exit 0"));
    assert_eq!(baseline.processes, 1);
    assert_eq!(of(&usage, "setsid").verdict, Verdict::Both);
    assert_eq!(of(&usage, "sendto").verdict, Verdict::Required);
    // The server that is in the background is gone, without a signal from the test.
    assert_eq!(processes_of(&name), Vec::<String>::new());
}

/// The command lines of processes that run this file.
fn processes_of(path: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
    lines.filter(|line| line.starts_with(path)).collect()
}

#[test]
fn a_user_without_rights_gets_the_same() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: only root can become another user");
        return;
    }
    let (folder, _) = script("exit 0");
    let place = |name: &str| folder.path().join(name);
    for name in ["deps", "examples"] {
        fs::create_dir(place(name)).unwrap();
    }
    let copy = |from: PathBuf, to| fs::copy(from, place(to)).unwrap();
    copy(std::env::current_exe().unwrap(), "deps/explore");
    copy(example("subject"), "examples/subject");
    let output = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(place("deps/explore"))
        .args([
            "--exact",
            "every_verdict_is_found",
            "a_server_is_explored_while_it_serves_many_at_a_time_on_one_port",
            "a_server_that_moves_to_the_background_is_explored_and_leaves_nothing",
        ])
        .current_dir("/")
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            eprintln!("not run: setpriv: {error}");
            return;
        }
    };
    let said = String::from_utf8_lossy(&output.stdout);
    if said.contains("NoUserNamespaces") {
        eprintln!("not run: this machine does not allow user namespaces");
        return;
    }
    assert!(output.status.success(), "{said}");
    assert!(said.contains("3 passed"), "{said}");
}

#[test]
fn runs_that_disagree_are_flaky() {
    // Right with probability 1/2 each time: 8 equal runs of both modes are rare.
    let mut request = request(&["flaky"]);
    request.replicas = NonZeroU32::new(12).unwrap();
    let usage = run(&request).unwrap();
    assert_eq!(
        of(&usage, "time").verdict,
        Verdict::Flaky,
        "{:?}",
        of(&usage, "time")
    );
}

#[test]
fn the_programs_own_exec_can_be_taken_away() {
    let mut request = request(&["exec"]);
    request.replicas = NonZeroU32::MIN;
    let usage = run(&request).unwrap();
    let execve = of(&usage, "execve");
    assert_eq!(execve.verdict, Verdict::Required, "{execve:?}");
    let stub = execve.stub.as_ref().unwrap();
    let run = &usage.runs[stub.runs[0] as usize];
    assert_eq!(run.program_end.as_deref(), Some("exit 76"), "{run:?}");
    assert!(run.rules[0].fired >= Some(1));
}

#[test]
fn a_test_that_proves_nothing_is_refused() {
    let (_folder, test) = script("exit 0");
    let mut request = request(&["both"]);
    request.test = Some(test);
    let error = run(&request).unwrap_err();
    assert!(matches!(error, ExploreError::ProvesNothing(_)), "{error}");
}

#[test]
fn a_test_that_crashes_gives_no_verdict() {
    let (_folder, test) = script("kill -SEGV $$");
    let mut request = request(&["both"]);
    request.test = Some(test);
    let error = run(&request).unwrap_err();
    assert!(matches!(error, ExploreError::Harness(_)), "{error}");
}

#[test]
fn a_program_that_fails_as_it_is_gives_no_verdict() {
    let error = run(&request(&["unknown-word"])).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ExploreError::Baseline { .. }), "{text}");
    assert!(text.contains("exit 79"), "{text}");
}

#[test]
fn wrong_names_are_errors() {
    let mut wrong = request(&[]);
    wrong.command = vec!["no-such-program-at-all".into()];
    assert!(matches!(run(&wrong), Err(ExploreError::NoProgram(_))));
    let mut wrong = request(&["both"]);
    wrong.test = Some("/etc/passwd".into());
    assert!(matches!(
        run(&wrong),
        Err(ExploreError::TestNotExecutable(_))
    ));
    wrong.test = Some("/no/such/test".into());
    assert!(matches!(run(&wrong), Err(ExploreError::File(_))));
}

#[test]
fn endless_output_that_is_no_text_ends_at_the_limit() {
    let mut request = request(&[]);
    request.command = ["cat", "/dev/urandom"].map(String::from).to_vec();
    request.limit = Some(Duration::from_millis(300));
    let error = run(&request).unwrap_err();
    assert!(error.to_string().contains("did not end in time"), "{error}");
}

#[test]
fn an_interrupted_exploration_keeps_what_is_decided_and_goes_on() {
    let stop = AtomicBool::new(false);
    let mut request = request(&["both", "required"]);
    request.replicas = NonZeroU32::MIN;
    let interrupted = explore(&request, &stop, &|progress| {
        if progress.stage == "each rule alone" && progress.done > 9 {
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let interrupted = interrupted.unwrap();
    assert!(!interrupted.complete);
    let decided = |usage: &Usage| {
        let calls = usage
            .calls
            .iter()
            .filter(|used| used.verdict != Verdict::Untested);
        calls
            .map(|used| (used.call, used.verdict, used.stub.clone()))
            .collect::<Vec<_>>()
    };
    let before = decided(&interrupted);
    assert!(before.len() > 2, "{before:?}");
    let runs = interrupted.runs.len();
    request.earlier = Some(interrupted);
    let whole = run(&request).unwrap();
    assert!(whole.complete);
    assert_eq!(of(&whole, "getpid").verdict, Verdict::Required);
    let after = decided(&whole);
    for kept in &before {
        assert!(after.contains(kept), "{kept:?} is not in {after:?}");
    }
    let again = whole.runs[runs..]
        .iter()
        .filter(|run| run.purpose == Purpose::Rule);
    assert!(again.count() < 2 * whole.calls.len());

    request.command.push("both".into());
    let error = run(&request).unwrap_err();
    assert!(
        matches!(
            error,
            ExploreError::Another {
                what: "command",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_flag_of_fcntl_is_taken_away_and_another_is_not() {
    let mut request = request(&["fcntl"]);
    request.partial = true;
    request.replicas = NonZeroU32::MIN;
    let usage = run(&request).unwrap();
    let fcntl = of(&usage, "fcntl");
    assert_eq!(fcntl.verdict, Verdict::Required);
    assert_eq!(part(fcntl, "fcntl(F_GETFL)").verdict, Verdict::Both);
    let getfd = part(fcntl, "fcntl(F_GETFD)");
    assert_eq!(getfd.verdict, Verdict::Required);
    let stub = &usage.runs[getfd.stub.as_ref().unwrap().runs[0] as usize];
    assert_eq!(stub.program_end.as_deref(), Some("exit 82"), "{stub:?}");
    let mmap = of(&usage, "mmap");
    assert!(part(mmap, "mmap(MAP_PRIVATE)").init > 1, "{mmap:?}");
    assert!(of(&usage, "read").parts.is_empty());
}

#[track_caller]
fn part<'a>(used: &'a CallUse, name: &str) -> &'a PartUse {
    let mut parts = used.parts.iter();
    let part = parts.find(|part| part.part.to_string() == name);
    part.unwrap_or_else(|| panic!("{name} is not in {used:?}"))
}

#[test]
fn a_file_of_proc_is_taken_away_and_another_is_not() {
    let mut request = request(&["files"]);
    request.paths = true;
    let usage = run(&request).unwrap();
    let openat = of(&usage, "openat");
    assert_eq!(openat.verdict, Verdict::Required);
    let cpuinfo = part(openat, "openat(/proc/cpuinfo)");
    assert_eq!(cpuinfo.verdict, Verdict::Both);
    let run = &usage.runs[cpuinfo.stub.as_ref().unwrap().runs[0] as usize];
    assert_eq!(run.rules[0].fired, Some(1), "{run:?}");
    let meminfo = part(openat, "openat(/proc/meminfo)");
    assert_eq!(meminfo.verdict, Verdict::Required);
    let run = &usage.runs[meminfo.stub.as_ref().unwrap().runs[0] as usize];
    assert_eq!(run.program_end.as_deref(), Some("exit 83"), "{run:?}");
}

#[test]
fn one_executable_alone_is_explored_after_its_exec() {
    let mut request = request(&["required", "become"]);
    request.only = Some("/bin/sh".into());
    request.replicas = NonZeroU32::MIN;
    let usage = run(&request).unwrap();
    let shell = fs::canonicalize("/bin/sh").unwrap();
    assert_eq!(usage.only.as_deref(), shell.to_str());
    // The shell asks for its parent; without the rule's limit, the first program would fail.
    assert_eq!(of(&usage, "getppid").verdict, Verdict::Both);
    assert!(
        usage
            .calls
            .iter()
            .all(|used| used.call.to_string() != "execve")
    );
    assert_eq!(of(&usage, "mmap").verdict, Verdict::Required);
    request.only = Some("/bin/cat".into());
    let error = self::run(&request).unwrap_err();
    assert!(matches!(error, ExploreError::NeverExecuted(_)), "{error}");
}

#[test]
fn plausible_answers_serve_where_0_does_not() {
    let mut request = request(&["plausible"]);
    request.modes.push(Mode::Plausible);
    let usage = run(&request).unwrap();
    let expected = [
        ("pwrite64", Plausible::Count),
        ("writev", Plausible::Count),
        ("epoll_create1", Plausible::NullFd),
        ("getpgid", Plausible::Id),
    ];
    for (name, answer) in expected {
        let used = of(&usage, name);
        assert_eq!(used.verdict, Verdict::Required, "{used:?}");
        let plausible = used.plausible.as_ref().unwrap();
        assert_eq!(plausible.answer, answer);
        assert_eq!(plausible.tried.works, Some(true), "{used:?}");
    }
    assert_eq!(of(&usage, "mmap").plausible, None);
    let union = usage
        .unions
        .iter()
        .find(|union| union.mode == Mode::Plausible);
    assert_eq!(union.unwrap().works, Some(true), "{union:?}");
}

#[test]
fn a_rule_that_never_fired_is_masked() {
    let mut request = request(&["sometimes"]);
    request.replicas = NonZeroU32::MIN;
    let usage = run(&request).unwrap();
    let names = [
        "getpriority",
        "sched_yield",
        "getegid",
        "getgid",
        "times",
        "getresuid",
    ];
    let verdicts = names.map(|name| of(&usage, name).verdict);
    // Each is masked with probability 3/4.
    assert!(verdicts.contains(&Verdict::Masked), "{verdicts:?}");
    let expected = [Verdict::Masked, Verdict::Both];
    assert!(
        verdicts.iter().all(|verdict| expected.contains(verdict)),
        "{verdicts:?}"
    );
}

#[test]
fn calls_past_the_old_tables_are_seen() {
    let mut request = request(&["new", "newest"]);
    request.replicas = NonZeroU32::MIN;
    let usage = run(&request).unwrap();
    for name in ["close_range", "clone3", "openat2", "io_uring_setup", "rseq"] {
        assert!(of(&usage, name).number >= 334, "{name}");
    }
}

#[test]
fn the_programs_files_are_compared_with_what_was_seen() {
    let mut request = request(&[]);
    request.command = vec!["/bin/true".into()];
    request.analyser = Some(analyser());
    request.replicas = NonZeroU32::MIN;
    let usage = run(&request).unwrap();
    let files = usage.files.unwrap();
    assert_eq!(files.error, None);
    let seen = usage.calls.len();
    assert_eq!(files.resolved as usize + files.unresolved.len(), seen);
    assert!(files.resolved as usize * 10 >= seen * 9, "{files:?}");
    let socket = "socket".parse().unwrap();
    assert!(files.never_seen.contains(&socket), "{files:?}");
}

#[test]
fn without_discovery_the_calls_of_the_files_are_tried() {
    let mut request = request(&[]);
    request.command = vec!["/bin/true".into()];
    request.analyser = Some(analyser());
    request.discovery = false;
    request.replicas = NonZeroU32::MIN;
    let usage = run(&request).unwrap();
    assert_eq!(of(&usage, "mmap").verdict, Verdict::Required);
    let socket: Call = "socket".parse().unwrap();
    assert!(usage.calls.iter().all(|used| used.call != socket));
    assert!(usage.files.unwrap().never_seen.contains(&socket));
    assert!(
        usage
            .runs
            .iter()
            .all(|run| run.purpose != Purpose::Discovery)
    );
    assert!(usage.complete);
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let refused = |change: &dyn Fn(&mut Request), words: &str| {
        let mut request = request(&["both"]);
        change(&mut request);
        let error = run(&request).unwrap_err();
        assert!(matches!(error, ExploreError::Request(_)), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    };
    refused(&|request| request.discovery = false, "--no-static");
    let partial = |request: &mut Request| {
        request.analyser = Some(analyser());
        (request.discovery, request.partial) = (false, true);
    };
    refused(&partial, "--no-discovery");
    refused(&|request| request.phase = Phase::Serving, "--ready");
    refused(&|request| request.modes.clear(), "name a mode");
}
