//! `tollgate run --shard`.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{Answer, HOST, Sandbox, built, not_run};

fn two_hosts(boots: u32) -> Sandbox {
    let sandbox = Sandbox::new();
    let targets = format!("{HOST}{}", HOST.replace("\"host\"\ne", "\"host2\"\ne"));
    sandbox.experiment(&built("build/guest-bench"), boots, &targets);
    sandbox
}

fn manifest(sandbox: &Sandbox, run: &str) -> Value {
    serde_json::from_str(&sandbox.read(&format!("{run}/manifest.json"))).unwrap()
}

fn plan(sandbox: &Sandbox, run: &str) -> Vec<(String, u64)> {
    let manifest = manifest(sandbox, run);
    let plan = manifest["plan"].as_array().unwrap().iter();
    let boot = |planned: &Value| {
        let target = planned["target"].as_str().unwrap().to_owned();
        (target, planned["boot"].as_u64().unwrap())
    };
    plan.map(boot).collect()
}

fn with(sandbox: &Sandbox, variables: &[(&str, &str)], more: &[&str]) -> Answer {
    let words = [&["run", "test.toml", "--shard", "auto"], more].concat();
    let mut command = sandbox.command(&words);
    // The test itself may be a scheduler's task.
    for name in [
        "SLURM_ARRAY_TASK_ID",
        "SLURM_PROCID",
        "JOB_COMPLETION_INDEX",
        "PARALLEL_SEQ",
    ] {
        command.env_remove(name);
    }
    let variables = variables.iter().copied();
    command.envs(variables).output().unwrap().into()
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn shards_are_whole_blocks_and_together_the_experiment() {
    let sandbox = two_hosts(5);
    let mut all = BTreeSet::new();
    for shard in ["1/3", "2/3", "3/3"] {
        let run = format!("run-{}", &shard[..1]);
        sandbox
            .tollgate(&["run", "test.toml", "--shard", shard, "--run", &run])
            .succeeded();
        let plan = plan(&sandbox, &run);
        for (block, pair) in plan.chunks(2).enumerate() {
            assert_eq!(pair[0].1, pair[1].1, "block {block} of {shard}");
            assert_ne!(pair[0].0, pair[1].0, "block {block} of {shard}");
        }
        all.extend(plan);
        let manifest = manifest(&sandbox, &run);
        assert_eq!(manifest["shard"]["shard"]["index"].to_string(), shard[..1]);
        assert_eq!(manifest["shard"]["shard"]["of"], 3);
        // A shard is a run like others.
        sandbox.evaluate(&run);
    }
    assert_eq!(all.len(), 10);
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_task_finds_its_shard_says_who_it_is_and_hides_names() {
    let sandbox = two_hosts(4);
    let node = ("SLURMD_NODENAME", "rack-seven");
    let task = [
        ("SLURM_PROCID", "1"),
        ("SLURM_NTASKS", "2"),
        node,
        ("SLURM_JOB_ID", "99"),
    ];
    with(&sandbox, &task, &[]).succeeded();
    // The folder says which shard it is, so that a second try finds it.
    let run = "results/test-shard-2-of-2";
    let text = sandbox.read(&format!("{run}/manifest.json"));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert!(!text.contains("rack-seven"), "{text}");
    assert!(!text.contains(&format!("\"{}\"", host.trim())), "{text}");
    let hidden = manifest(&sandbox, run);
    assert_eq!(hidden["shard"]["starts"][0]["ids"]["SLURM_JOB_ID"], "99");
    assert_eq!(hidden["identity"]["id"].as_str().unwrap().len(), 16);

    with(&sandbox, &task, &["--run", "named", "--name-hosts"]).succeeded();
    let named = manifest(&sandbox, "named");
    assert_eq!(named["identity"]["host_name"], host.trim());
    assert_eq!(named["shard"]["starts"][0]["node"], "rack-seven");
    assert_eq!(named["identity"]["id"], hidden["identity"]["id"]);
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn what_cannot_be_a_shard_is_refused() {
    let sandbox = two_hosts(2);
    let refused = |words: &[&str], texts: &[&str]| {
        let words = [&["run", "test.toml", "--run", "run"], words].concat();
        sandbox.tollgate(&words).refused(64, texts);
        assert!(!sandbox.path("run").exists());
    };
    refused(&["--shard", "3/2"], &["3 of 2", "counted from 1 to 2"]);
    refused(&["--shard", "0/2"], &["0 of 2"]);
    refused(&["--shard", "half"], &["half", "2/8"]);
    refused(&["--shard", "1/3"], &["2 blocks", "at most 2 shards"]);
    refused(&["--shard", "1/2", "--only", "host"], &["--only"]);
    let run = ["--run", "run"];
    with(&sandbox, &[], &run).refused(64, &["SLURM_PROCID", "--shard I/N"]);
    let seq = [("PARALLEL_SEQ", "1")];
    with(&sandbox, &seq, &run).refused(64, &["TOLLGATE_SHARDS is not"]);
    assert!(!sandbox.path("run").exists());
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_requeued_task_goes_on_where_it_was_stopped() {
    let sandbox = two_hosts(60);
    let run = "results/test-shard-1-of-2";
    let words = ["run", "test.toml", "--shard", "1/2"];
    let mut child = sandbox
        .command(&words)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let records = || {
        let folder = std::fs::read_dir(sandbox.path(run).join("console"));
        let names = folder.into_iter().flatten().flatten();
        names
            .filter(|entry| entry.path().extension().is_some_and(|e| e == "json"))
            .count()
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while records() < 3 {
        assert!(Instant::now() < deadline, "no progress");
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        sleep(Duration::from_millis(2));
    }
    let pid = child.id().to_string();
    let killed = Command::new("kill").args(["-s", "TERM", &pid]).status();
    assert!(killed.unwrap().success());
    let status = child.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(130), None));
    let kept = records();
    assert!((3..60).contains(&kept), "{kept}");

    let other = [
        "run",
        "test.toml",
        "--shard",
        "2/2",
        "--resume",
        "--run",
        run,
    ];
    sandbox
        .tollgate(&other)
        .refused(64, &["is shard 1/2, not 2/2"]);
    let again = [
        ("SLURM_PROCID", "0"),
        ("SLURM_NTASKS", "2"),
        ("SLURM_RESTART_COUNT", "1"),
    ];
    with(&sandbox, &again, &["--resume"]).succeeded();
    assert_eq!(records(), 60);
    let starts = manifest(&sandbox, run)["shard"]["starts"].clone();
    assert_eq!(starts[0]["restarts"], 0);
    assert_eq!(starts[1]["restarts"], 1);
}

/// A scheduler's `--cpu-bind` narrows the mask, and does not keep a process from widening it.
#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_shard_measures_only_on_the_cpus_of_its_task() {
    let sandbox = two_hosts(2);
    let cpus = std::thread::available_parallelism().unwrap().get();
    for cpu in 0..cpus.min(2) {
        let run = format!("run-{cpu}");
        let tollgate = sandbox.command(&["run", "test.toml", "--shard", "1/2", "--run", &run]);
        let mut bound = Command::new("taskset");
        let words = tollgate.get_args().map(std::ffi::OsStr::to_owned);
        bound
            .args(["-c", &cpu.to_string()])
            .arg(tollgate.get_program())
            .args(words)
            .current_dir(sandbox.path(""));
        let answer: Answer = bound.output().unwrap().into();
        answer.succeeded();
        let targets = manifest(&sandbox, &run)["targets"].clone();
        for target in targets.as_array().unwrap() {
            assert_eq!(target["pin"], serde_json::json!([cpu]));
        }
    }
    if cpus < 2 {
        return;
    }
    let text = sandbox
        .read("test.toml")
        .replace("timeout-s", "pin = [1]\ntimeout-s");
    sandbox.write("test.toml", text);
    let words = ["run", "test.toml", "--shard", "1/2", "--run", "pinned"];
    let tollgate = assert_cmd::cargo::cargo_bin!("tollgate");
    let mut bound = Command::new("taskset");
    bound.args(["-c", "0"]).arg(tollgate).args(words);
    let answer: Answer = bound.current_dir(sandbox.path("")).output().unwrap().into();
    answer.refused(64, &["to CPU 1", "remove `pin`"]);
}

/// The lines of docs/FLEET.md, as they are there.
#[test]
#[ignore = "needs the kernels: make test-commands"]
fn gnu_parallel_runs_the_lines_of_the_documentation() {
    if Command::new("parallel").arg("--version").output().is_err() {
        return not_run("test of GNU parallel", "it is not installed (parallel)");
    }
    let sandbox = two_hosts(4);
    let text = include_str!("../../../docs/FLEET.md");
    let (_, section) = text.split_once("\n## GNU parallel and ssh\n").unwrap();
    let lines = section.lines().skip_while(|line| !line.starts_with("    "));
    let lines: Vec<_> = lines.take_while(|line| line.starts_with("    ")).collect();
    assert_eq!(lines.len(), 3);
    let tollgate = assert_cmd::cargo::cargo_bin!("tollgate");
    let path = format!(
        "{}:{}",
        tollgate.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let output = Command::new("bash")
        .args(["-ec", &format!("mkdir run\n{}", lines.join("\n"))])
        .current_dir(sandbox.path(""))
        .env("PATH", path)
        .output();
    let answer: Answer = output.unwrap().into();
    answer.succeeded();
    assert!(
        answer.stderr.contains("8 boots of 4 runs on 1 machine are"),
        "{}",
        answer.stderr
    );
}
