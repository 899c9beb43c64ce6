//! The journal's folder and files may be nobody else's.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use super::*;
use crate::tune::plan::{Plan, Write};

fn refusal(bench: &Bench) -> String {
    let error = stop(&bench.fake, &bench.folder).err().unwrap();
    format!("{error:#}")
}

fn folder(bench: &Bench) -> PathBuf {
    bench.folder.journal().parent().unwrap().to_owned()
}

#[test]
fn what_others_may_write_is_refused_by_name() {
    let bench = Bench::new(tree("kvm-guest"));
    bench.apply(&Request::default());
    let writes = bench.fake.writes();
    let journal = bench.folder.journal();
    for path in [folder(&bench), journal.clone()] {
        let good = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
        let error = refusal(&bench);
        let name = format!("{} is not trusted", path.display());
        assert!(
            error.contains(&name) && error.contains("mode 777"),
            "{error}"
        );
        assert!(bench.folder.lock().is_err() || path == journal);
        fs::set_permissions(&path, good).unwrap();
    }
    assert_eq!(bench.fake.writes(), writes);
    assert!(bench.restore().is_complete());
}

#[test]
fn a_folder_above_that_others_may_write_is_refused_for_root() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let bench = Bench::new(tree("kvm-guest"));
    bench.apply(&Request::default());
    let writes = bench.fake.writes();
    let lib = folder(&bench).parent().unwrap().to_owned();
    fs::set_permissions(&lib, Permissions::from_mode(0o777)).unwrap();
    let error = refusal(&bench);
    let name = format!("{} is not trusted, because others may write", lib.display());
    assert!(error.contains(&name), "{error}");
    assert!(bench.folder.lock().is_err());
    assert_eq!(bench.fake.writes(), writes);
    fs::set_permissions(&lib, Permissions::from_mode(0o755)).unwrap();
    assert!(bench.restore().is_complete());
}

#[test]
fn links_are_not_followed() {
    let bench = Bench::new(tree("kvm-guest"));
    bench.apply(&Request::default());
    let (journal, aside) = (bench.folder.journal(), folder(&bench).join("aside"));
    fs::rename(&journal, &aside).unwrap();
    symlink(&aside, &journal).unwrap();
    let error = refusal(&bench);
    assert!(
        error.contains("journal.json is not trusted, because it is a link"),
        "{error}"
    );
}

#[test]
fn only_what_a_plan_can_name_is_followed() {
    for path in [
        "/proc/../../victim",
        "/etc/passwd",
        "/proc/irq/1/../../sys/kernel/core_pattern",
        "/proc/sys/kernel/core_pattern",
        "/sys/devices/system/cpu/cpufreq/policy0/../../../../../victim",
        "/sys/devices/system/cpu/cpufreq/policy/scaling_governor",
        "/sys/devices/system/cpu/cpu0/online/x",
        "/sys/devices/system/cpu/cpux/online",
    ] {
        let bench = Bench::new(tree("kvm-guest"));
        let plan = Plan {
            writes: vec![Write {
                path: path.to_owned(),
                old: "1".into(),
                new: Some("0".into()),
            }],
            stops: Vec::new(),
            clocks: Vec::new(),
            remarks: Vec::new(),
        };
        bench.folder.lock().unwrap();
        let begun = bench.folder.begin(&bench.fake, &[], &plan, TOOL);
        begun.unwrap();
        let error = refusal(&bench);
        assert!(
            error.contains(path) && error.contains("never writes"),
            "{error}"
        );
        assert_eq!(bench.fake.writes(), 0);
    }
}

#[test]
fn everything_that_a_plan_names_is_followed() {
    for name in crate::fake::names() {
        for request in requests() {
            let seen = crate::tune::seen::Seen::read(&tree(name));
            for write in crate::tune::plan::plan(&seen, &request).unwrap().writes {
                assert!(crate::tune::seen::is_setting(&write.path), "{write:?}");
            }
        }
    }
}

#[test]
fn the_lock_cannot_be_opened_by_others() {
    let bench = Bench::new(tree("kvm-guest"));
    // As older versions left it.
    let lock = folder(&bench).join("lock");
    drop(bench.folder.lock().unwrap());
    fs::write(&lock, "").unwrap();
    fs::set_permissions(&lock, Permissions::from_mode(0o644)).unwrap();
    let _held = bench.folder.lock().unwrap();
    assert_eq!(
        fs::metadata(&lock).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let again = bench.folder.lock().err().unwrap().to_string();
    assert!(
        again.contains("another tollgate is tuning this machine"),
        "{again}"
    );
}

#[test]
fn writing_beneath_the_root_leaves_it_by_no_link() {
    use crate::tree::Tree;
    use crate::tune::sys::Sys;
    let outside = TempDir::new().unwrap();
    let root = crate::fake::tree("kvm-guest");
    let victim = outside.path().join("nmi_watchdog");
    fs::write(&victim, "untouched").unwrap();
    let watchdog = root.path().join("proc/sys/kernel/nmi_watchdog");
    fs::remove_file(&watchdog).unwrap();
    symlink(&victim, &watchdog).unwrap();
    let folder = root.path().join("proc/irq/24");
    fs::remove_dir_all(&folder).unwrap();
    symlink(outside.path(), &folder).unwrap();
    let tree = Tree::at(root.path());
    for path in [
        "/proc/sys/kernel/nmi_watchdog",
        "/proc/irq/24/nmi_watchdog",
        "/../nmi_watchdog",
    ] {
        assert!(tree.write(path, "0").is_err(), "{path}");
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
}
