//! A disk that is full: a small one of its own, mounted over the journal's folder.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::process::Command;

use super::common::{Answer, not_run, own_mounts};
use super::machine::Machine;

/// Runs a script in which `$FOLDER` has 64 kB, where mounts are possible.
fn with_a_small_disk(machine: &Machine, script: &str) -> Option<Answer> {
    let Some(own) = own_mounts() else {
        not_run("test of tune on a full disk", "this user may not mount");
        return None;
    };
    let folder = machine.place("/var/lib/tollgate");
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o755).create(&folder).unwrap();
    let mount = "mount -t tmpfs -o size=64k,mode=755 tmpfs \"$FOLDER\" || exit 99\n";
    let output = Command::new("unshare")
        .args([own, "sh", "-c", &format!("{mount}{script}")])
        .env("FOLDER", folder.canonicalize().unwrap())
        .env("TOLLGATE", assert_cmd::cargo::cargo_bin!("tollgate"))
        .current_dir(machine.sandbox.path("."))
        .output();
    let answer = Answer::from(output.unwrap());
    assert_ne!(answer.code, 99, "{}", answer.stderr);
    Some(answer)
}

#[test]
fn restore_goes_on_when_the_disk_is_full() {
    let machine = Machine::new("intel-hybrid");
    let answer = with_a_small_disk(
        &machine,
        "\"$TOLLGATE\" tune --root root apply || exit 98
         dd if=/dev/zero of=\"$FOLDER/fill\" bs=1k 2>/dev/null
         \"$TOLLGATE\" tune --root root restore || exit
         ls \"$FOLDER\"",
    );
    let Some(answer) = answer else { return };
    answer.refused(
        0,
        &["No space left", "everything was restored nevertheless"],
    );
    assert_eq!(answer.stdout, "fill\nlock\n");
    machine.is_back();
}

#[test]
fn apply_undoes_what_it_has_begun_when_the_disk_becomes_full() {
    let (mut made, mut undone) = (0, 0);
    for kilobytes in (0..64).step_by(4) {
        let machine = Machine::new("intel-hybrid");
        let script = format!(
            "dd if=/dev/zero of=\"$FOLDER/fill\" bs=1k count={kilobytes} 2>/dev/null
             \"$TOLLGATE\" tune --root root apply || exit
             \"$TOLLGATE\" tune --root root restore || exit 97
             exit 50"
        );
        let Some(answer) = with_a_small_disk(&machine, &script) else {
            return;
        };
        match answer.code {
            50 => made += 1,
            code => {
                assert_ne!(code, 97, "{}", answer.stderr);
                assert!(answer.stderr.contains("No space left"), "{}", answer.stderr);
                undone += 1;
            }
        }
        machine.is_back();
    }
    assert!(made > 0 && undone > 1, "{made} made, {undone} undone");
}

#[test]
fn nothing_is_mounted_here_afterwards() {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains("var/lib/tollgate"), "{mounts}");
}
