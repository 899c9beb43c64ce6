//! Files that cannot be written, and journals that cannot be followed.

use rustix::io::Errno;

use super::*;
use crate::core_files;
use crate::tune::seen::Seen;
use crate::tune::{TuneError, plan, say};

#[test]
fn what_is_refused_is_named_and_the_rest_is_made() {
    let errnos = [
        Errno::BUSY,
        Errno::PERM,
        Errno::INVAL,
        Errno::IO,
        Errno::ROFS,
        Errno::ACCESS,
    ];
    for name in TREES {
        let seen = Seen::read(&tree(name));
        let plan = plan::plan(&seen, &requests()[1]).unwrap();
        let writes = plan.writes.iter().filter(|write| write.new.is_some());
        for (refused, errno) in writes.zip(errnos.iter().cycle()) {
            let bench = Bench::new(tree(name));
            let before = bench.fake.shown();
            bench.fake.refuse(&refused.path, *errno);
            let outcome = bench.apply(&requests()[1]);
            for setting in &outcome.settings {
                let is_refused = setting.path == refused.path
                    || is_own_boost(&setting.path) && refused.path == core_files::BOOST
                    || setting.path.ends_with("setspeed") && refused.path.ends_with("governor")
                    // A minimum above the maximum is not taken.
                    || setting.path.ends_with("min_freq") && refused.path.ends_with("max_freq");
                assert!(
                    setting.made || is_refused,
                    "{name}: {errno} at {refused:?}: {setting:?}"
                );
                if setting.path == refused.path && setting.wanted != setting.before {
                    let lines = say::applied(&outcome.settings).join("\n");
                    let number = refused.path.split('/').nth(3).unwrap();
                    let kept = setting.is_kept_interrupt() && lines.contains(number);
                    // A kernel that has made it by the way has nothing to refuse.
                    assert!(
                        setting.made || kept || lines.contains(&refused.path),
                        "{lines}"
                    );
                }
            }
            // A setting that cannot be restored now is restored later.
            bench.restore();
            bench.fake.allow();
            assert!(bench.restore().is_complete());
            same(
                &bench.fake,
                &before,
                &format!("{name}: {errno} at {refused:?}"),
            );
        }
    }
}

fn is_own_boost(path: &str) -> bool {
    path.ends_with("/boost") && path != core_files::BOOST
}

#[test]
fn an_interrupt_that_the_kernel_keeps_is_told_and_no_fault() {
    for errno in [Errno::IO, Errno::PERM] {
        let bench = Bench::new(tree("intel-pstate-active"));
        bench.fake.refuse("/proc/irq/0/smp_affinity_list", errno);
        let outcome = bench.apply(&requests()[1]);
        assert!(outcome.is_complete());
        let lines = say::applied(&outcome.settings).join("\n");
        assert!(lines.contains("does not move: 0 "), "{lines}");
    }
}

#[test]
fn what_cannot_be_put_back_keeps_the_journal() {
    let bench = Bench::new(tree("intel-pstate-active"));
    let before = bench.fake.shown();
    bench.apply(&Request::default());
    let stuck = "/sys/devices/system/cpu/cpufreq/policy2/scaling_governor";
    bench.fake.refuse(stuck, Errno::PERM);
    let undone = bench.restore();
    assert!(!undone.is_complete());
    let lines = undone.lines().join("\n");
    assert!(lines.contains(stuck) && lines.contains("sudo"), "{lines}");
    // The preference cannot go back under that governor.
    assert!(
        lines.contains("policy2/energy_performance_preference"),
        "{lines}"
    );
    // Nothing is tuned over it, which would forget it.
    let refused = bench.start(&Request::default());
    let refused = refused.err().unwrap();
    assert!(
        matches!(refused, TuneError::Leftover { .. }) && refused.to_string().contains(stuck),
        "{refused}"
    );
    bench.fake.allow();
    assert!(bench.restore().is_complete());
    same(&bench.fake, &before, "");
}

#[test]
fn a_limited_value_is_told_and_put_back() {
    // The firmware allows less than the processor could.
    let bench = Bench::new(tree("acpi-cpufreq-intel"));
    let before = bench.fake.shown();
    bench.fake.clamp(Some(2_100_000));
    let outcome = bench.apply(&Request::default());
    assert!(!outcome.is_complete());
    let lines = outcome.lines().join(
        "
",
    );
    for text in [
        "wanted 2300000, but it shows 2100000",
        "2300 MHz requested, 2100 MHz measured: the firmware now allows 2100000 kHz",
        "policy0: scaling_max_freq shows 2100000, which the firmware currently allows (bios_limit)",
    ] {
        assert!(lines.contains(text), "{lines}");
    }
    let undone = bench.restore();
    let lines = undone.lines().join(
        "
",
    );
    assert!(undone.is_complete(), "{lines}");
    assert!(
        lines.contains("2301000 was restored; it shows 2100000"),
        "{lines}"
    );
    // When the limit goes, nothing of ours is left.
    bench.fake.clamp(None);
    same(&bench.fake, &before, "");
}

#[test]
fn a_limit_that_heat_hides_is_not_taken_for_a_setting() {
    let bench = Bench::new(tree("amd-pstate-passive"));
    let before = bench.fake.shown();
    bench.fake.clamp(Some(4_000_000));
    let outcome = bench.apply(&Request::default());
    let lines = outcome.lines().join(
        "
",
    );
    assert!(
        lines.contains("policy0: scaling_max_freq shows 4000000, which heat currently allows"),
        "{lines}"
    );
    bench.restore();
    bench.fake.clamp(None);
    same(&bench.fake, &before, "");
}

#[test]
fn a_damaged_journal_is_never_followed() {
    let bench = Bench::new(tree("kvm-guest"));
    bench.apply(&Request::default());
    let path = bench.folder.journal();
    let good = std::fs::read(&path).unwrap();
    let writes = bench.fake.writes();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        let blank = good[at].is_ascii_whitespace() && bad[at].is_ascii_whitespace();
        assert!(
            blank || stop(&bench.fake, &bench.folder).is_err(),
            "byte {at}"
        );
        if at + 1 == good.len() {
            break;
        }
        std::fs::write(&path, &good[..at]).unwrap();
        let error = format!("{:#}", stop(&bench.fake, &bench.folder).err().unwrap());
        assert!(
            error.contains("journal.json") && error.contains("by hand"),
            "{error}"
        );
    }
    assert_eq!(bench.fake.writes(), writes);
}

#[test]
fn a_reboot_makes_the_journal_harmless() {
    let bench = Bench::new(tree("amd-pstate-active"));
    bench.apply(&Request::default());
    let rebooted = Bench {
        fake: tree("amd-pstate-active"),
        ..bench
    };
    rebooted
        .fake
        .set("/proc/sys/kernel/random/boot_id", "another");
    rebooted.fake.set("/proc/stat", "btime 1763799999");
    let writes = rebooted.fake.writes();
    let Undone::OtherBoot(aside) = rebooted.restore() else {
        panic!("it is of another boot");
    };
    assert!(aside.exists());
    assert_eq!(rebooted.fake.writes(), writes);
    assert!(matches!(rebooted.restore(), Undone::Nothing));
}

#[test]
fn kexec_does_not_make_the_journal_harmless() {
    // Another kernel on the same processor: our remaining values are restored.
    let bench = Bench::new(tree("acpi-cpufreq-amd"));
    bench.apply(&Request::default());
    let boost = "/sys/devices/system/cpu/cpufreq/boost";
    let next = Bench {
        fake: tree("acpi-cpufreq-amd"),
        ..bench
    };
    next.fake.set("/proc/sys/kernel/random/boot_id", "another");
    next.fake.set("/proc/stat", "btime 1763799999");
    next.fake.set("/proc/sys/kernel/bootloader_type", "208");
    let before = next.fake.shown();
    next.fake.set(boost, "0");
    let undone = next.restore();
    let lines = undone.lines().join("\n");
    assert!(undone.is_complete() && lines.contains("kexec"), "{lines}");
    same(&next.fake, &before, "");
    assert!(matches!(next.restore(), Undone::Nothing));
}

#[test]
fn a_disk_that_came_to_another_machine_writes_nothing_there() {
    let uuid = "/sys/class/dmi/id/product_uuid";
    for (name, other) in [
        (uuid, "4c4c4544-0042-3510-8052-b4c04f564433"),
        ("/etc/machine-id", "0f4b6c1e52b14c559a0e0d6f6a3b7c11"),
    ] {
        let here = tree("acpi-cpufreq-amd");
        here.add(name, "4c4c4544-0034-4a10-8056-c7c04f595032");
        let bench = Bench::new(here);
        bench.apply(&Request::default());
        let next = Bench {
            fake: tree("acpi-cpufreq-amd"),
            ..bench
        };
        next.fake.add(name, other);
        next.fake.set("/proc/sys/kernel/random/boot_id", "another");
        next.fake.set("/proc/stat", "btime 1763799999");
        // What is tuned there is not what we wrote, though kexec started that kernel.
        next.fake.set("/proc/sys/kernel/bootloader_type", "208");
        next.fake.set("/sys/devices/system/cpu/cpufreq/boost", "0");
        let writes = next.fake.writes();
        assert!(matches!(next.restore(), Undone::OtherBoot(_)), "{name}");
        assert_eq!(next.fake.writes(), writes);
    }
}

#[test]
fn a_journal_does_not_show_what_names_the_machine() {
    let fake = tree("acpi-cpufreq-amd");
    fake.add("/etc/machine-id", "0f4b6c1e52b14c559a0e0d6f6a3b7c11");
    let bench = Bench::new(fake);
    bench.apply(&Request::default());
    let journal = std::fs::read_to_string(bench.folder.journal()).unwrap();
    assert!(journal.contains("\"machine\""));
    assert!(!journal.contains("0f4b6c1e52b14c559a0e0d6f6a3b7c11"));
}

#[test]
fn a_container_with_a_name_of_its_own_is_no_reboot() {
    let bench = Bench::new(tree("amd-pstate-active"));
    let before = bench.fake.shown();
    bench.apply(&Request::default());
    bench.fake.set("/proc/sys/kernel/random/boot_id", "another");
    assert!(matches!(bench.restore(), Undone::Settings(..)));
    let mut after = bench.fake.shown();
    after.insert(
        "/proc/sys/kernel/random/boot_id".into(),
        before["/proc/sys/kernel/random/boot_id"].clone(),
    );
    assert_eq!(after, before);
}
