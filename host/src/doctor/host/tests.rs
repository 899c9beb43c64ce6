//! Machines that are laid out in a folder.

use super::cpu::IdleState;
use super::*;
use crate::tree::laid_out;

#[test]
fn a_laptop_is_read() {
    let (_folder, tree) = laid_out(&[
        (
            "sys/devices/system/cpu/cpu1/cpufreq/scaling_driver",
            "intel_pstate\n",
        ),
        (
            "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor",
            "powersave\n",
        ),
        (
            "sys/devices/system/cpu/cpu1/cpufreq/scaling_min_freq",
            "400000\n",
        ),
        (
            "sys/devices/system/cpu/cpu1/cpufreq/scaling_max_freq",
            "4600000\n",
        ),
        (
            "sys/devices/system/cpu/cpu1/cpufreq/base_frequency",
            "2100000\n",
        ),
        (
            "sys/devices/system/cpu/cpu1/topology/thread_siblings_list",
            "1,5\n",
        ),
        ("sys/devices/system/cpu/cpu1/cpuidle/state0/name", "POLL\n"),
        ("sys/devices/system/cpu/cpu1/cpuidle/state0/latency", "0\n"),
        ("sys/devices/system/cpu/cpu1/cpuidle/state0/disable", "0\n"),
        ("sys/devices/system/cpu/cpu1/cpuidle/state1/name", "C8\n"),
        (
            "sys/devices/system/cpu/cpu1/cpuidle/state1/latency",
            "200\n",
        ),
        ("sys/devices/system/cpu/cpu1/cpuidle/state1/disable", "0\n"),
        ("sys/devices/system/cpu/cpu1/cpuidle/state2/name", "C10\n"),
        (
            "sys/devices/system/cpu/cpu1/cpuidle/state2/latency",
            "680\n",
        ),
        ("sys/devices/system/cpu/cpu1/cpuidle/state2/disable", "1\n"),
        ("sys/devices/system/cpu/intel_pstate/no_turbo", "0\n"),
        ("sys/devices/system/cpu/isolated", "\n"),
        ("sys/devices/system/cpu/nohz_full", "(null)\n"),
        (
            "sys/devices/system/cpu/vulnerabilities/meltdown",
            "Mitigation: PTI\n",
        ),
        (
            "proc/cmdline",
            "root=/dev/sda rcu_nocbs=1-3 rcu_nocbs_poll quiet\n",
        ),
        ("proc/loadavg", "1.34 0.62 0.56 5/109 25486\n"),
        (
            "proc/cpuinfo",
            "vendor_id\t: GenuineIntel\nmicrocode\t: 0x42\n\nmicrocode\t: 0x42\n",
        ),
        ("proc/irq/default_smp_affinity", "f\n"),
        (
            "proc/self/status",
            "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n",
        ),
        ("proc/irq/9/effective_affinity_list", "0\n"),
        ("proc/irq/130/smp_affinity_list", "0-3\n"),
    ]);
    let expected = Host {
        cpus: vec![Cpu {
            cpu: 1,
            driver: Some("intel_pstate".into()),
            governor: Some("powersave".into()),
            range_khz: Some((400_000, 4_600_000)),
            nominal_khz: Some(2_100_000),
            siblings: Some(vec![5]),
            deepest_idle: Some(IdleState {
                name: "C8".into(),
                latency_us: 200,
            }),
        }],
        vendor: Some("GenuineIntel".into()),
        turbo: Some(true),
        isolated: Some(vec![]),
        nohz_full: Some(vec![]),
        cmdline: Some("root=/dev/sda rcu_nocbs=1-3 rcu_nocbs_poll quiet".into()),
        load: Some(1.34),
        seccomp: Some(true),
        vulnerabilities: BTreeMap::from([("meltdown".into(), "Mitigation: PTI".into())]),
        microcode: vec!["0x42".into()],
        interrupts: vec![
            Interrupt {
                number: 9,
                cpus: vec![0],
            },
            Interrupt {
                number: 130,
                cpus: vec![0, 1, 2, 3],
            },
        ],
        ..Host::default()
    };
    let host = Host::read(&tree, &[1]);
    assert_eq!(host, expected);
    assert!(host.cmdline_lists("rcu_nocbs", 3));
    assert!(!host.cmdline_lists("rcu_nocbs", 0));
    assert!(!host.cmdline_lists("rcu", 3));
}

#[test]
fn drivers_have_switches_of_their_own() {
    for (path, text, turbo) in [
        ("intel_pstate/no_turbo", "1", Some(false)),
        ("cpufreq/boost", "1", Some(true)),
        ("cpufreq/policy0/boost", "0", Some(false)),
        ("cpufreq/boost", "garbage", None),
    ] {
        let path = format!("sys/devices/system/cpu/{path}");
        let (_folder, tree) = laid_out(&[(&path, text)]);
        assert_eq!(Host::read(&tree, &[0]).turbo, turbo, "{path}");
    }
}

#[test]
fn the_strictest_wish_for_latency_is_a_number_of_four_bytes() {
    let (_folder, tree) = laid_out(&[("dev/cpu_dma_latency", "\x05\0\0\0")]);
    assert_eq!(Host::read(&tree, &[]).latency_limit_us, Some(5));
}

#[test]
fn an_empty_machine_tells_nothing() {
    let (_folder, tree) = laid_out::<&str>(&[]);
    assert_eq!(Host::read(&tree, &[]), Host::default());
}

#[test]
fn an_idle_state_that_the_cpu_forbids_does_not_count() {
    for (wish, name) in [("0\n", "C6"), ("2\n", "C1"), ("n/a\n", "POLL")] {
        let mut files = vec![(
            "sys/devices/system/cpu/cpu1/power/pm_qos_resume_latency_us",
            wish,
        )];
        files.extend([
            ("sys/devices/system/cpu/cpu1/cpuidle/state0/name", "POLL\n"),
            ("sys/devices/system/cpu/cpu1/cpuidle/state0/latency", "0\n"),
            ("sys/devices/system/cpu/cpu1/cpuidle/state0/disable", "0\n"),
            ("sys/devices/system/cpu/cpu1/cpuidle/state1/name", "C1\n"),
            ("sys/devices/system/cpu/cpu1/cpuidle/state1/latency", "2\n"),
            ("sys/devices/system/cpu/cpu1/cpuidle/state1/disable", "0\n"),
            ("sys/devices/system/cpu/cpu1/cpuidle/state2/name", "C6\n"),
            (
                "sys/devices/system/cpu/cpu1/cpuidle/state2/latency",
                "133\n",
            ),
            ("sys/devices/system/cpu/cpu1/cpuidle/state2/disable", "0\n"),
        ]);
        let (_folder, tree) = laid_out(&files);
        let host = Host::read(&tree, &[1]);
        let deepest = host.cpus[0].deepest_idle.as_ref().unwrap();
        assert_eq!(deepest.name, name);
    }
}
