//! irqbalance: said, stopped, let go on.

use super::*;
use crate::tune::processes::{Activity, IRQBALANCE, Process};

fn activity(bench: &Bench) -> Activity {
    Process::named(&bench.fake, IRQBALANCE)[0].1
}

fn stopping() -> Request {
    Request {
        stop_irqbalance: true,
        ..Request::default()
    }
}

#[test]
fn it_is_said_and_left_alone() {
    let bench = Bench::new(tree("acpi-cpufreq-amd"));
    let lines = bench.apply(&Request::default()).lines().join("\n");
    assert!(lines.contains("--stop-irqbalance"), "{lines}");
    assert_eq!(activity(&bench), Activity::Runs);
}

#[test]
fn it_is_stopped_and_goes_on() {
    let bench = Bench::new(tree("acpi-cpufreq-amd"));
    let before = bench.fake.shown();
    bench.apply(&stopping());
    assert_eq!(activity(&bench), Activity::Stopped);
    let lines = bench.restore().lines().join("\n");
    assert!(
        lines.contains("irqbalance (process 812) goes on"),
        "{lines}"
    );
    same(&bench.fake, &before, "");
}

#[test]
fn a_kill_after_it_was_stopped_is_mended() {
    for write in 0..6 {
        let bench = Bench::new(tree("acpi-cpufreq-amd"));
        let before = bench.fake.shown();
        bench.fake.kill_at(write, Moment::Before);
        assert!(bench.killed(|| drop(bench.apply(&stopping()))));
        assert_eq!(activity(&bench), Activity::Stopped);
        assert!(bench.restore().is_complete());
        same(&bench.fake, &before, "");
    }
}

#[test]
fn another_process_of_the_same_number_is_left_alone() {
    let bench = Bench::new(tree("acpi-cpufreq-amd"));
    bench.apply(&stopping());
    let stat = "/proc/812/stat";
    let other = bench.fake.shown()[stat].replace(" 1204 ", " 99999 ");
    bench.fake.set(stat, &other);
    bench.restore();
    assert_eq!(bench.fake.shown()[stat], other);
}
