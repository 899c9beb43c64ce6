//! Other users of the machine: what they may read, and what they must not be able to do.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::common::{Answer, not_run};
use super::machine::{Machine, NOBODY};

#[test]
fn an_open_umask_opens_nothing() {
    let machine = Machine::new("kvm-guest");
    let output = Command::new("sh")
        .args(["-c", "umask 000; exec \"$TOLLGATE\" tune --root root apply"])
        .env("TOLLGATE", assert_cmd::cargo::cargo_bin!("tollgate"))
        .current_dir(machine.sandbox.path("."))
        .output();
    // Without cpufreq, so that not everything can be set.
    assert_eq!(Answer::from(output.unwrap()).code, 86);
    let folder = machine.place("/var/lib/tollgate");
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.clone()), 0o755);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let expected = if path.ends_with("lock") { 0o600 } else { 0o644 };
        assert_eq!(mode(path.clone()), expected, "{}", path.display());
    }
    machine.tune(&["restore"]).succeeded();
    machine.is_back();
}

#[test]
fn another_user_cannot_hold_the_lock() {
    if !rustix::process::geteuid().is_root() {
        return not_run("test of tune with two users", "needs root");
    }
    let machine = Machine::new("kvm-guest");
    machine.tune(&["apply"]).refused(86, &[]);
    let sandbox = machine.sandbox.path(".");
    fs::set_permissions(sandbox, Permissions::from_mode(0o755)).unwrap();
    let lock = machine.place("/var/lib/tollgate/lock");
    let held = Command::new("flock")
        .args(["--nonblock", "--shared"])
        .arg(&lock)
        .arg("true")
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&held.stderr);
    assert!(said.contains("Permission denied"), "{said}");
    machine.tune(&["restore"]).succeeded();
    machine.is_back();
}

#[test]
fn a_folder_of_another_user_is_refused_by_name() {
    if !rustix::process::geteuid().is_root() {
        return not_run("test of tune with two users", "needs root");
    }
    let machine = Machine::new("intel-pstate-active");
    let folder = machine.place("/var/lib/tollgate");
    fs::create_dir_all(&folder).unwrap();
    chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
    for words in [["apply"], ["restore"]] {
        let texts = [
            "var/lib/tollgate is not trusted",
            "it belongs to user 65534",
        ];
        machine.tune(&words).refused(65, &texts);
    }
    let status = machine.tune(&["status"]);
    assert!(
        status.stdout.contains("tune restore shows the reason"),
        "{}",
        status.stdout
    );
    fs::remove_dir(folder).unwrap();
    machine.is_back();
}
