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

/// The firmware allows only the lowest P-state (ACPI's _PPC), so every minimum looks as it was.
#[test]
fn a_minimum_that_a_clamp_hides_is_put_back() {
    for name in TREES {
        let bench = Bench::new(tree(name));
        let before = bench.fake.shown();
        bench.apply(&Request::default());
        let lowest = format!("{CPU}/cpufreq/policy1/cpuinfo_min_freq");
        let lowest = before.get(&lowest).map(|khz| khz.parse().unwrap());
        bench.fake.clamp(lowest);
        assert!(bench.restore().is_complete(), "{name}");
        bench.fake.clamp(None);
        same(&bench.fake, &before, name);
    }
}

#[test]
fn a_maximum_that_a_clamp_hides_is_put_back() {
    for name in [
        "amd-pstate-guided",
        "acpi-cpufreq-intel",
        "acpi-cpufreq-amd",
    ] {
        let bench = Bench::new(tree(name));
        let max = format!("{CPU}/cpufreq/policy1/scaling_max_freq");
        bench.fake.set(&max, "2200000");
        let before = bench.fake.shown();
        bench.apply(&Request::default());
        bench.fake.clamp(Some(2_200_000));
        assert!(bench.restore().is_complete(), "{name}");
        bench.fake.clamp(None);
        same(&bench.fake, &before, name);
    }
}

/// Steps of 20 % of cpuinfo_max_freq, which acpi-cpufreq shows as the next lower entry of its
/// table: 2301000 becomes 1840800, and 4600000 becomes 2760000.
#[test]
fn heat_that_a_table_rounds_is_not_taken_for_a_setting() {
    for (name, step, shows, highest) in [
        ("acpi-cpufreq-intel", "1", "1700000", "2301000"),
        ("acpi-cpufreq-amd", "2", "2200000", "3400000"),
    ] {
        let mut files = crate::fake::files(name);
        for (path, text) in &mut files {
            if path.ends_with("/scaling_max_freq") {
                *text = shows.into();
            }
            if path.ends_with("cooling_device1/cur_state") {
                *text = step.into();
            }
        }
        let outcome = Bench::new(Fake::new(files)).apply(&Request::default());
        let limits = outcome.settings.iter();
        let mut limits = limits.filter(|setting| setting.path.ends_with("scaling_max_freq"));
        assert!(limits.all(|limit| limit.before == highest), "{name}");
        let remarks: Vec<_> = outcome.plan.remarks.iter().map(|r| &r.text).collect();
        let is_told = remarks
            .iter()
            .any(|text| text.contains("which heat currently allows"));
        assert!(is_told, "{name}: {remarks:?}");
    }
}

#[test]
fn a_percentage_does_not_become_a_limit_of_the_users() {
    for name in ["intel-pstate-passive", "intel-pstate-passive-without-hwp"] {
        let bench = Bench::new(tree(name));
        let percent = format!("{CPU}/intel_pstate/max_perf_pct");
        bench.fake.set(&percent, "50");
        let request = Request {
            freq: Some(Khz(1_200_000)),
            ..Request::default()
        };
        bench.apply(&request);
        assert!(bench.restore().is_complete(), "{name}");
        bench.fake.set(&percent, "100");
        let shown = bench.fake.shown();
        let policys = |file: &str| shown[&format!("{CPU}/cpufreq/policy1/{file}")].clone();
        assert_eq!(
            policys("scaling_max_freq"),
            policys("cpuinfo_max_freq"),
            "{name}"
        );
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
