//! irqbalance: reported, stopped, resumed.

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
        lines.contains("irqbalance (process 812) resumed"),
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

/// The machine whose irqbalance systemd looks after.
fn served() -> Bench {
    Bench::new(tree("intel-pstate-active"))
}

fn runs(bench: &Bench) -> bool {
    !Process::named(&bench.fake, IRQBALANCE).is_empty()
}

#[test]
fn a_service_is_stopped_by_systemd_and_started_again() {
    let bench = served();
    bench.apply(&stopping());
    assert!(!runs(&bench));
    let lines = bench.restore().lines().join("\n");
    let words = "irqbalance.service has been started again";
    assert!(lines.contains(words), "{lines}");
    let (process, activity) = Process::named(&bench.fake, IRQBALANCE).remove(0);
    assert_eq!(activity, Activity::Runs);
    assert_ne!(process.pid, 741);
}

#[test]
fn a_kill_after_the_service_was_stopped_is_mended() {
    for write in 0..6 {
        let bench = served();
        bench.fake.kill_at(write, Moment::Before);
        assert!(bench.killed(|| drop(bench.apply(&stopping()))));
        assert!(!runs(&bench));
        assert!(bench.restore().is_complete());
        assert!(runs(&bench));
    }
}

#[test]
fn a_service_that_somebody_has_started_meanwhile_is_left_alone() {
    let bench = served();
    bench.apply(&stopping());
    let other = "/proc/5000";
    bench.fake.add(&format!("{other}/comm"), IRQBALANCE);
    let stat = "5000 (irqbalance) S 1 5000 5000 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99999 0";
    bench.fake.add(&format!("{other}/stat"), stat);
    let undone = bench.restore();
    assert!(undone.is_complete());
    assert!(!undone.lines().join("\n").contains("started again"));
    assert_eq!(Process::named(&bench.fake, IRQBALANCE).len(), 1);
}

#[test]
fn a_service_that_cannot_be_started_is_named_and_the_journal_stays() {
    let bench = served();
    bench.apply(&stopping());
    bench.fake.mask_services(true);
    let undone = bench.restore();
    let lines = undone.lines().join("\n");
    assert!(
        !undone.is_complete() && lines.contains("is masked"),
        "{lines}"
    );
    bench.fake.mask_services(false);
    assert!(bench.restore().is_complete());
    assert!(runs(&bench));
}

#[test]
fn a_journal_that_names_another_service_starts_nothing() {
    let process = Process {
        pid: 741,
        name: IRQBALANCE.into(),
        started: 1204,
        service: Some("sshd.service".into()),
    };
    let bench = served();
    for refused in [
        process.stop(&bench.fake),
        process.resume(&bench.fake).unwrap(),
    ] {
        let error = refused.unwrap_err().to_string();
        assert!(
            error.contains("sshd.service is not a service that tune stops"),
            "{error}"
        );
    }
    assert!(runs(&bench));
}

#[test]
fn without_systemd_it_is_a_process_whatever_its_group_is_called() {
    let bench = served();
    bench.fake.remove("/run/systemd/system/");
    let (process, _) = Process::named(&bench.fake, IRQBALANCE).remove(0);
    assert_eq!(process.service, None);
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
