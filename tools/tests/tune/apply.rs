//! What `apply` does, says and refuses.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::common::Answer;
use super::machine::{Machine, NOBODY, POLICY0, unprivileged};

#[test]
fn a_machine_is_tuned_and_put_back() {
    let machine = Machine::new("amd-pstate-guided");
    let apply = machine.tune(&["apply", "--cpus", "1"]);
    apply.succeeded();
    assert!(
        apply
            .stderr
            .contains("tune: 12 of 12 settings are as wanted"),
        "{}",
        apply.stderr
    );
    assert!(
        apply.stderr.contains("CPU 3: on the same core"),
        "{}",
        apply.stderr
    );
    let policy1 = POLICY0.replace('0', "1");
    assert_eq!(
        machine.value(&format!("{policy1}/scaling_min_freq")),
        "3600000"
    );
    assert_eq!(
        machine.value(&format!("{policy1}/scaling_max_freq")),
        "3600000"
    );
    assert_eq!(
        machine.value(&format!("{POLICY0}/scaling_max_freq")),
        "5000000"
    );
    assert_eq!(machine.value("/proc/irq/24/smp_affinity_list"), "0,2-3");
    let status = machine.tune(&["status"]);
    status.succeeded();
    assert!(
        status.stdout.contains("the machine has been tuned since"),
        "{}",
        status.stdout
    );
    let preview = machine.tune(&["restore", "--dry-run"]);
    assert!(
        preview
            .stdout
            .contains("scaling_max_freq: 3600000 -> 3000000"),
        "{}",
        preview.stdout
    );
    let restore = machine.tune(&["restore"]);
    restore.succeeded();
    assert!(
        restore
            .stderr
            .contains("12 of 12 settings are as they were"),
        "{}",
        restore.stderr
    );
    machine.is_back();
    machine
        .tune(&["restore"])
        .refused(0, &["the machine is not tuned"]);
}

#[test]
fn a_dry_run_writes_nothing() {
    let machine = Machine::new("intel-pstate-active");
    let dry = machine.tune(&["apply", "--cpus", "1", "--offline-siblings", "--dry-run"]);
    dry.succeeded();
    let governor =
        "/sys/devices/system/cpu/cpufreq/policy1/scaling_governor: powersave -> performance";
    assert!(dry.stdout.contains(governor), "{}", dry.stdout);
    machine.is_back();
    assert!(!machine.place("/var").exists());
}

#[test]
fn tunecpumax_is_an_alias() {
    let machine = Machine::new("acpi-cpufreq-amd");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tunecpumax");
    let output = Command::new(script)
        .args(["--root", "root", "--dry-run"])
        .env("TOLLGATE", assert_cmd::cargo::cargo_bin!("tollgate"))
        .current_dir(machine.place("/..").canonicalize().unwrap())
        .output();
    let alias = Answer::from(output.unwrap());
    alias.succeeded();
    assert_eq!(alias.stdout, machine.tune(&["apply", "--dry-run"]).stdout);
    assert!(
        alias
            .stdout
            .contains("scaling_max_freq: 3400000 -> 3400000"),
        "{}",
        alias.stdout
    );
}

#[test]
fn without_cpufreq_that_is_said_and_the_rest_is_done() {
    let machine = Machine::new("kvm-guest");
    machine
        .tune(&["apply", "--cpus", "1"])
        .refused(86, &["cpufreq policy", "6 of 6 settings are as wanted"]);
    machine.tune(&["restore"]).succeeded();
    machine.is_back();
}

#[test]
fn without_a_base_frequency_performance_without_turbo_is_constant() {
    let machine = Machine::new("intel-pstate-without-hwp");
    let apply = machine.tune(&["apply"]);
    apply.refused(
        0,
        &[
            "policy0, policy1: intel_pstate active shows neither base_frequency",
            "holds the highest frequency without turbo",
        ],
    );
    assert_eq!(
        machine.value("/sys/devices/system/cpu/intel_pstate/no_turbo"),
        "1"
    );
    // Again, with one: what was there first is kept.
    let again = machine.tune(&["apply", "--freq", "2600000"]);
    again.refused(0, &["settings are as they were before tuning"]);
    assert_eq!(
        machine.value(&format!("{POLICY0}/scaling_max_freq")),
        "2600000"
    );
    machine.tune(&["restore"]).succeeded();
    machine.is_back();
}

#[test]
fn wrong_requests_change_nothing() {
    let machine = Machine::new("intel-pstate-active");
    for (words, texts) in [
        (
            &["apply", "--cpus", "7"][..],
            &["CPU 7 is not online", "0-3"][..],
        ),
        (
            &["apply", "--freq", "9000000"],
            &["--freq 9000000", "800000 to 4900000"],
        ),
        (&["apply", "--freq", "fast"], &["kHz"]),
        (&["apply", "--offline-siblings"], &["--cpus"]),
        (&["apply", "--cpus", "3-1"], &["3-1"]),
        (&["fly"], &[]),
        (
            &["apply", "--root", "nowhere"],
            &["nowhere does not contain sys and proc"],
        ),
    ] {
        machine.tune(words).refused(64, texts);
    }
    machine.is_back();
}

#[test]
fn without_root_nothing_is_touched() {
    let machine = Machine::new("intel-pstate-active");
    let apply = unprivileged(&machine, &["apply"]);
    if rustix::process::geteuid().is_root() {
        apply.refused(
            74,
            &[
                "var/lib/tollgate",
                "Permission denied",
                "as root or with sudo",
            ],
        );
        machine.is_back();
    }
    unprivileged(&machine, &["status"]).succeeded();
}

#[test]
fn settings_that_cannot_be_written_are_named() {
    let machine = Machine::new("amd-pstate-guided");
    // A journal is possible, and no setting is.
    let folder = machine.place("/var/lib/tollgate");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    for path in machine.files.keys() {
        fs::set_permissions(machine.place(path), fs::Permissions::from_mode(0o444)).unwrap();
    }
    let apply = unprivileged(&machine, &["apply"]);
    apply.refused(
        86,
        &[
            "policy0/scaling_governor: wanted performance, but it shows schedutil: Permission denied",
            "run as root or with sudo",
        ],
    );
    unprivileged(&machine, &["restore"]).succeeded();
    machine.is_back();
}

#[test]
fn irqbalance_is_stopped_until_restore() {
    // A real process of that name, which the folder also shows.
    let machine = Machine::new("kvm-guest");
    let program = machine.sandbox.path("irqbalance");
    symlink("/bin/sleep", &program).unwrap();
    let mut balancer = Command::new(&program).arg("60").spawn().unwrap();
    let real = format!("/proc/{}", balancer.id());
    let comm = || fs::read_to_string(format!("{real}/comm")).unwrap();
    while comm() != "irqbalance\n" {
        sleep(Duration::from_millis(1));
    }
    symlink(&real, machine.place(&real)).unwrap();
    // A process stops, and continues, when it is next scheduled.
    let becomes = |is_stopped: bool| {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let stat = fs::read_to_string(format!("{real}/stat")).unwrap();
            if stat.contains(") T ") == is_stopped || Instant::now() > deadline {
                return stat.contains(") T ") == is_stopped;
            }
            sleep(Duration::from_millis(1));
        }
    };
    let apply = machine.tune(&["apply", "--stop-irqbalance"]);
    let stopped = becomes(true);
    let status = machine.tune(&["status"]).stdout;
    let restore = machine.tune(&["restore"]);
    let continues = becomes(false);
    balancer.kill().unwrap();
    balancer.wait().unwrap();
    assert!(stopped, "{}", apply.stderr);
    assert!(status.contains("is stopped"), "{status}");
    assert!(continues, "{}", restore.stderr);
    restore.refused(0, &["irqbalance (process", "resumed"]);
}
