//! fleet/slurm, on a real Slurm with four virtual nodes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::common::{Answer, HOST, Sandbox, built, not_run};

const TEST: &str = "test of Slurm";

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Runs a script in a cluster of its own; `None` if Slurm is not installed or we are not root.
fn in_cluster(sandbox: &Sandbox, script: &str) -> Option<Answer> {
    let has = |program: &str| {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .output();
        found.is_ok_and(|output| output.status.success())
    };
    let missing = ["slurmctld", "slurmd", "sbatch", "munged"]
        .into_iter()
        .find(|p| !has(p));
    if let Some(missing) = missing {
        not_run(TEST, &format!("{missing} is not installed"));
        return None;
    }
    if !rustix::process::geteuid().is_root() {
        not_run(TEST, "needs root");
        return None;
    }
    let output = Command::new("bash")
        .arg(project("fleet/slurm/cluster.sh"))
        .args(["bash", "-euc", script])
        .current_dir(sandbox.path(""))
        .env("TOLLGATE", assert_cmd::cargo::cargo_bin!("tollgate"))
        .env(
            "SCRIPT",
            project("fleet/slurm/tollgate.sbatch")
                .canonicalize()
                .unwrap(),
        )
        .output();
    Some(output.unwrap().into())
}

fn two_hosts(boots: u32) -> Sandbox {
    let sandbox = Sandbox::new();
    let targets = format!("{HOST}{}", HOST.replace("\"host\"\ne", "\"host2\"\ne"));
    sandbox.experiment(&built("build/guest-bench"), boots, &targets);
    sandbox
}

/// The boots of a merged run that are there: run, target and number.
fn boots(sandbox: &Sandbox, merged: &str) -> Vec<(String, String, u64)> {
    let text = sandbox.read(&format!("{merged}/manifest.json"));
    let manifest: Value = serde_json::from_str(&text).unwrap();
    let parts = &manifest["merged"]["parts"];
    let origins = manifest["merged"]["boots"].as_array().unwrap().iter();
    let plan = manifest["plan"].as_array().unwrap().iter();
    let all = plan.zip(origins).map(|(planned, origin)| {
        let part = origin["part"].as_u64().unwrap() as usize;
        let run = parts[part]["run"].as_str().unwrap().to_owned();
        let target = planned["target"].as_str().unwrap().to_owned();
        (run, target, origin["boot"].as_u64().unwrap())
    });
    all.collect()
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn from_sbatch_to_the_merged_report_in_one_command() {
    let sandbox = two_hosts(8);
    let start = Instant::now();
    let sbatch = "sbatch --nodes=4 --wait --output=job.txt \"$SCRIPT\" $PWD/test.toml $PWD/run";
    let Some(answer) = in_cluster(&sandbox, sbatch) else {
        return;
    };
    assert_eq!(
        answer.code,
        0,
        "{}{}",
        answer.stderr,
        sandbox.read("job.txt")
    );
    assert!(start.elapsed().as_secs() < 90, "{:?}", start.elapsed());
    let boots = boots(&sandbox, "run/merged");
    let distinct: BTreeSet<_> = boots.iter().collect();
    assert_eq!((boots.len(), distinct.len()), (16, 16));
    let blocks: BTreeSet<_> = boots
        .iter()
        .map(|(_, target, boot)| (target, boot))
        .collect();
    assert_eq!(blocks.len(), 16);
    assert!(sandbox.path("run/merged/report.html").is_file());
}
