//! Which clock the cores have when all is written, and what that does to other settings.

use super::*;
use crate::tune::cpus;
use crate::tune::sys::Sys;

const CPU: &str = "/sys/devices/system/cpu";

/// The frequency that each machine can hold without turbo, by CPU.
fn sustainable(name: &str, cpu: usize) -> Option<u64> {
    Some(match (name, cpu) {
        ("intel-pstate-active" | "intel-pstate-passive", _) => 3_600_000,
        ("intel-pstate-without-hwp" | "intel-pstate-passive-without-hwp", _) => 2_700_000,
        // 27 steps of 78741 kHz, the least that is not below base_frequency.
        ("intel-hybrid" | "intel-hybrid-passive", 0..4) => 2_126_007,
        ("intel-hybrid" | "intel-hybrid-passive", _) => 1_600_000,
        ("acpi-cpufreq-intel", _) => 2_300_000,
        ("acpi-cpufreq-amd", _) => 3_400_000,
        ("amd-pstate-active" | "amd-pstate-passive" | "amd-pstate-guided", _) => 3_600_000,
        ("cppc", _) => 2_160_000,
        ("container", _) => 2_400_000,
        ("laptop", _) => 1_400_000,
        _ => return None,
    })
}

#[test]
fn every_tuned_core_has_the_clock_that_it_can_hold() {
    for name in TREES.into_iter().chain(["intel-hybrid", "container"]) {
        for request in [Request::default(), requests()[1].clone()] {
            let bench = Bench::new(tree(name));
            let outcome = bench.apply(&request);
            let cpus = if request.cpus.is_empty() {
                cpus::parse(&bench.fake.read(&format!("{CPU}/online")).unwrap()).unwrap()
            } else {
                request.cpus.clone()
            };
            for cpu in cpus {
                let runs_at = bench.fake.clock(cpu).map(|clock| clock.unwrap().0);
                assert_eq!(runs_at, sustainable(name, cpu), "{name}, CPU {cpu}");
            }
            // In a container nothing can be written, though this kernel takes it.
            let has_clock = sustainable(name, 0).is_some() && name != "container";
            assert_eq!(
                outcome.is_complete(),
                has_clock,
                "{name}: {:?}",
                outcome.plan.remarks
            );
        }
    }
}

#[test]
fn a_low_percentage_does_not_cap_the_clock() {
    for name in ["intel-pstate-active", "intel-pstate-passive", "laptop"] {
        let bench = Bench::new(tree(name));
        let percent = format!("{CPU}/intel_pstate/max_perf_pct");
        bench
            .fake
            .set(&format!("{CPU}/intel_pstate/min_perf_pct"), "10");
        bench.fake.set(&percent, "20");
        let before = bench.fake.shown();
        bench.apply(&Request::default());
        let runs_at = bench.fake.clock(1).unwrap().unwrap().0;
        assert_eq!(Some(runs_at), sustainable(name, 1), "{name}");
        assert!(bench.restore().is_complete(), "{name}");
        same(&bench.fake, &before, name);
    }
}

#[test]
fn a_preference_is_never_written_under_performance() {
    for name in TREES {
        let bench = Bench::new(tree(name));
        bench.apply(&Request::default());
        let written = bench.fake.written();
        let preference = written.iter().find(|path| path.ends_with("_preference"));
        assert_eq!(preference, None, "{name}");
    }
}

#[test]
fn a_limit_that_was_clamped_meanwhile_is_put_back() {
    for name in [
        "intel-pstate-active",
        "amd-pstate-active",
        "acpi-cpufreq-intel",
        "cppc",
    ] {
        let bench = Bench::new(tree(name));
        let before = bench.fake.shown();
        bench.apply(&Request::default());
        // It gets hot, which lowers the limit until everything is restored.
        bench.fake.clamp(Some(1_300_000));
        assert!(bench.restore().is_complete(), "{name}");
        assert!(bench.folder.header().unwrap().is_none(), "{name}");
        bench.fake.clamp(None);
        same(&bench.fake, &before, name);
    }
}

#[test]
fn a_speed_that_was_set_before_is_set_again() {
    for name in [
        "cppc",
        "intel-pstate-passive",
        "intel-pstate-passive-without-hwp",
    ] {
        let bench = Bench::new(tree(name));
        let policy = format!("{CPU}/cpufreq/policy1");
        bench
            .fake
            .set(&format!("{policy}/scaling_governor"), "userspace");
        bench
            .fake
            .set(&format!("{policy}/scaling_setspeed"), "1500000");
        let before = bench.fake.shown();
        bench.apply(&Request::default());
        let undone = bench.restore();
        assert!(undone.is_complete(), "{name}: {:#?}", undone.lines());
        same(&bench.fake, &before, name);
    }
}
