//! `tollgate run`: on which CPUs the targets run, and on which we do.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::{HOST, Sandbox};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A program on the host that says on which CPUs it may run, and on which tollgate may.
const SAYS_WHERE: &str = "#!/bin/sh
for process in $$ $PPID; do
    grep Cpus_allowed_list /proc/$process/status
done
";

struct Run(Sandbox);

impl Run {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let program = sandbox.write("program", SAYS_WHERE);
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        sandbox.experiment(&program, 1, HOST);
        Self(sandbox)
    }

    fn go(&self, more: &[&str]) {
        let words = [&["run", "test.toml", "--run", "run"], more].concat();
        self.0.tollgate(&words).succeeded();
    }

    fn manifest(&self) -> Value {
        serde_json::from_str(&self.0.read("run/manifest.json")).unwrap()
    }

    /// Changes the manifest and seals it again, as if the run had been another's, and had not ended.
    fn rewrite(&self, change: impl FnOnce(&mut Value)) {
        let mut manifest = self.manifest();
        manifest.as_object_mut().unwrap().remove("seal");
        manifest["ended"] = Value::Null;
        change(&mut manifest["targets"][0]);
        let console = self.0.path("run/console");
        fs::remove_dir_all(&console).unwrap();
        fs::create_dir(&console).unwrap();
        let seal = Sha256::digest(manifest.to_string());
        let seal: String = seal.iter().map(|byte| format!("{byte:02x}")).collect();
        manifest["seal"] = seal.into();
        self.0.write("run/manifest.json", manifest.to_string());
    }

    /// The CPUs of the program, and tollgate's own meanwhile, as the kernel lists them.
    fn cpus(&self) -> (String, String) {
        let console = self.0.read("run/console/host.0.log");
        let mut lists = console.lines().map(|line| {
            let list = line.split_once(':').unwrap().1;
            list.trim().to_owned()
        });
        (lists.next().unwrap(), lists.next().unwrap())
    }
}

/// Whether the kernel's list, such as `0,2-5`, has that CPU.
fn lists(list: &str, cpu: u64) -> bool {
    list.split(',').any(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        (first.parse().unwrap()..=last.parse().unwrap()).contains(&cpu)
    })
}

/// The CPUs that this test may use.
fn allowed() -> Vec<usize> {
    let set = rustix::thread::sched_getaffinity(None).unwrap();
    let all = 0..rustix::thread::CpuSet::MAX_CPU;
    all.filter(|&cpu| set.is_set(cpu)).collect()
}

#[test]
fn a_target_has_the_cpu_that_is_on_record_and_we_are_elsewhere() {
    let run = Run::new();
    run.go(&[]);
    let manifest = run.manifest();
    let target = &manifest["targets"][0];
    assert_eq!(target["pinned_by"], "tollgate");
    let pin = target["pin"][0].as_u64().unwrap();
    assert_eq!(target["pin"], json!([pin]));

    let (program, ours) = run.cpus();
    assert_eq!(program, pin.to_string());
    let breaks = target["pin_breaks"].as_array().unwrap();
    let breaks: Vec<_> = breaks.iter().map(|broken| &broken["rule"]).collect();
    match allowed().len() {
        1 => assert!(breaks.contains(&&json!("own-threads-on-cpu")), "{breaks:?}"),
        _ => assert!(!lists(&ours, pin), "{ours}"),
    }
    let findings = manifest["doctor"]["findings"].as_array().unwrap();
    let finding = findings.iter().find(|f| f["check"] == "measuring-cpu");
    assert_eq!(finding.unwrap()["state"] == "ok", breaks.is_empty());
}

#[test]
fn a_run_goes_on_where_it_began_whatever_would_be_chosen_now() {
    let run = Run::new();
    run.go(&[]);
    for cpu in allowed() {
        run.rewrite(|target| target["pin"] = json!([cpu]));
        run.go(&["--resume"]);
        assert_eq!(run.cpus().0, cpu.to_string());
    }
}

#[test]
fn a_run_of_an_older_tool_is_read() {
    let run = Run::new();
    run.go(&[]);
    run.rewrite(|target| {
        let target = target.as_object_mut().unwrap();
        target.remove("pinned_by").unwrap();
        target.remove("pin_breaks").unwrap();
    });
    run.go(&["--resume"]);
    assert_eq!(run.manifest()["targets"][0]["pinned_by"], Value::Null);
}
