//! The clocks are measured, and the reason for a slow core is reported.

use super::*;

const CPU1: &str = "/sys/devices/system/cpu/cpu1";

fn lines(bench: &Bench, request: &Request) -> (bool, String) {
    let outcome = bench.apply(request);
    (outcome.is_complete(), outcome.lines().join("\n"))
}

#[test]
fn the_measured_clock_is_said() {
    let bench = Bench::new(tree("intel-hybrid-passive"));
    let (is_complete, lines) = lines(&bench, &Request::default());
    assert!(is_complete, "{lines}");
    let all = "8 of 8 CPUs run at the requested clock: measured 1600 to 2126 MHz";
    assert!(lines.contains(all), "{lines}");
}

#[test]
fn a_core_that_is_held_down_is_a_failure_with_its_cause() {
    // Every setting is as wanted, and the core is slower.
    let bench = Bench::new(tree("intel-pstate-active"));
    bench.fake.throttle(Some(2_800_000));
    let (is_complete, slow) = lines(&bench, &requests()[1]);
    assert!(!is_complete, "{slow}");
    for text in [
        "14 of 14 settings are as wanted",
        "CPU 1: 3600 MHz requested, 2800 MHz measured",
        "RAPL: 95 W long_term, 118.75 W short_term",
    ] {
        assert!(slow.contains(text), "{text}: {slow}");
    }
}

#[test]
fn throttling_meanwhile_is_named() {
    let bench = Bench::new(tree("intel-pstate-active"));
    bench.fake.throttle(Some(2_800_000));
    for (count, text) in [
        ("core_throttle_count", "heat throttled it in the meantime"),
        (
            "package_power_limit_count",
            "a power limit throttled it in the meantime",
        ),
    ] {
        let path = format!("{CPU1}/thermal_throttle/{count}");
        bench.fake.grow_while_measuring(&path);
        let (_, lines) = lines(&bench, &requests()[1]);
        assert!(lines.contains(text), "{lines}");
    }
}

#[test]
fn a_percentage_that_comes_back_is_named() {
    let bench = Bench::new(tree("laptop"));
    let percent = "/sys/devices/system/cpu/intel_pstate/max_perf_pct";
    bench.fake.set(percent, "20");
    bench.fake.refuse(percent, rustix::io::Errno::PERM);
    let (is_complete, lines) = lines(&bench, &Request::default());
    assert!(!is_complete);
    assert!(lines.contains("max_perf_pct is 20"), "{lines}");
}

#[test]
fn a_core_that_boosts_is_a_failure() {
    let bench = Bench::new(tree("acpi-cpufreq-amd"));
    let boost = "/sys/devices/system/cpu/cpufreq/boost";
    bench.fake.refuse(boost, rustix::io::Errno::PERM);
    let (is_complete, lines) = lines(&bench, &Request::default());
    assert!(!is_complete);
    let text = format!("3400 MHz requested, 5100 MHz measured: turbo is on ({boost} is 1)");
    assert!(lines.contains(&text), "{lines}");
}

#[test]
fn a_right_clock_counts_more_than_a_rounded_setting() {
    let bench = Bench::new(tree("amd-pstate-active"));
    bench.fake.round(3_600_000, 3_599_999);
    let (is_complete, lines) = lines(&bench, &Request::default());
    assert!(is_complete, "{lines}");
    assert!(
        lines.contains("wanted 3600000, but it shows 3599999"),
        "{lines}"
    );
}

#[test]
fn idle_states_are_limited_to_the_shallowest_that_does_not_poll() {
    let bench = Bench::new(tree("intel-pstate-active"));
    let path =
        |cpu: usize| format!("/sys/devices/system/cpu/cpu{cpu}/power/pm_qos_resume_latency_us");
    // Somebody lets CPU 3 poll; that is stricter.
    bench.fake.set(&path(3), "n/a");
    let before = bench.fake.shown();
    bench.apply(&requests()[1]);
    let now = |cpu| bench.fake.shown()[&path(cpu)].clone();
    assert_eq!([now(0), now(1), now(2), now(3)], ["0", "2", "0", "n/a"]);
    bench.restore();
    same(&bench.fake, &before, "");
}
