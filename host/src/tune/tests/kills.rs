//! A kill at every write, once and twice.

use super::*;
use crate::tune::say;

/// Kills what `work` does at every one of its writes, and restores. Returns how many kills there
/// were.
fn kill_at_every_write(ready: impl Fn(&Bench, &Request), work: impl Fn(&Bench, &Request)) -> usize {
    let mut kills = 0;
    for name in KILLED {
        for request in requests() {
            for moment in [Moment::Before, Moment::After] {
                for write in 0.. {
                    let bench = Bench::new(tree(name));
                    let before = bench.fake.shown();
                    ready(&bench, &request);
                    bench.fake.kill_at(write, moment);
                    if !bench.killed(|| work(&bench, &request)) {
                        break;
                    }
                    kills += 1;
                    let context = format!("{name}, {moment:?} write {write}");
                    assert!(bench.restore().is_complete(), "{context}");
                    same(&bench.fake, &before, &context);
                }
            }
        }
    }
    kills
}

#[test]
fn a_kill_at_any_write_is_fixed_by_restore() {
    let kills = kill_at_every_write(|_, _| (), |bench, request| drop(bench.apply(request)));
    assert!(kills > 500, "{kills}");
}

#[test]
fn a_kill_during_restore_is_fixed_by_the_next_one() {
    let ready = |bench: &Bench, request: &Request| drop(bench.apply(request));
    kill_at_every_write(ready, |bench, _| drop(bench.restore()));
}

#[test]
fn tuning_twice_keeps_what_was_there_first() {
    for name in KILLED {
        for write in 0.. {
            let bench = Bench::new(tree(name));
            let before = bench.fake.shown();
            bench.apply(&Request::default());
            bench.fake.kill_at(write, Moment::After);
            let other = &requests()[2];
            let killed = bench.killed(|| drop(bench.apply(other)));
            assert!(bench.restore().is_complete(), "{name}");
            same(&bench.fake, &before, &format!("{name}, write {write}"));
            if !killed {
                break;
            }
        }
    }
}

#[test]
fn a_cut_line_of_progress_says_nothing() {
    let bench = Bench::new(tree("amd-pstate-active"));
    let before = bench.fake.shown();
    bench.apply(&Request::default());
    let folder = bench.folder.journal();
    let mut names = std::fs::read_dir(folder.parent().unwrap()).unwrap();
    let progress = names
        .find_map(|entry| {
            Some(entry.ok()?.path()).filter(|path| path.extension().is_some_and(|e| e == "jsonl"))
        })
        .unwrap();
    let text = std::fs::read_to_string(&progress).unwrap();
    // The last write is under way again.
    std::fs::write(&progress, &text[..text.len() - 3]).unwrap();
    assert!(bench.restore().is_complete());
    same(&bench.fake, &before, "");
}

#[test]
fn a_rounded_value_is_ours_too() {
    for write in 0.. {
        let bench = Bench::new(tree("amd-pstate-active"));
        let before = bench.fake.shown();
        bench.fake.round(3_600_000, 3_599_999);
        bench.fake.kill_at(write, Moment::After);
        let killed = bench.killed(|| {
            let outcome = bench.apply(&Request::default());
            let lines = say::applied(&outcome.settings).join("\n");
            assert!(
                lines.contains("wanted 3600000, but it shows 3599999"),
                "{lines}"
            );
        });
        bench.fake.round(0, 0);
        assert!(bench.restore().is_complete());
        same(&bench.fake, &before, "");
        if !killed {
            break;
        }
    }
}

#[test]
fn kills_of_apply_and_then_of_restore_are_fixed() {
    let request = &requests()[2];
    let moments = [Moment::Before, Moment::After];
    let pairs = moments.into_iter().flat_map(|a| moments.map(|b| (a, b)));
    for (first, second) in pairs {
        for name in [
            "amd-pstate-active",
            "intel-pstate-active",
            "acpi-cpufreq-intel",
        ] {
            // From the governor on, over turbo, to the limits.
            for (apply, restore) in (8..16).flat_map(|apply| (0..6).map(move |k| (apply, k))) {
                let bench = Bench::new(tree(name));
                let before = bench.fake.shown();
                bench.fake.kill_at(apply, first);
                bench.killed(|| drop(bench.apply(request)));
                bench.fake.kill_at(restore, second);
                bench.killed(|| drop(bench.restore()));
                let context = format!("{name}: {first:?} {apply}, {second:?} {restore}");
                assert!(bench.restore().is_complete(), "{context}");
                same(&bench.fake, &before, &context);
            }
        }
    }
}
