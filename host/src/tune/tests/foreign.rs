//! What somebody else writes meanwhile.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::tune::restore::SettingState;
use crate::tune::sys::Sys;

#[test]
fn what_turbo_changes_of_a_foreign_value_does_not_make_it_ours() {
    let path = "/sys/devices/system/cpu/cpufreq/policy1/scaling_max_freq";
    for write in 0.. {
        let bench = Bench::new(tree("amd-pstate-active"));
        let slow = Request {
            freq: Some(Khz(1_200_000)),
            ..Request::default()
        };
        bench.apply(&slow);
        bench.fake.set(path, "1500000");
        let until_now = bench.fake.writes();
        bench.fake.kill_at(write, Moment::After);
        if !bench.killed(|| drop(bench.restore())) {
            break;
        }
        bench.restore();
        let written = bench.fake.written();
        assert!(
            !written.iter().skip(until_now).any(|p| p == path),
            "{write}"
        );
    }
}

fn foreign(undone: &Undone) -> BTreeMap<String, String> {
    let Undone::Settings(done, _) = undone else {
        return BTreeMap::new();
    };
    let foreign = done
        .settings
        .iter()
        .filter_map(|setting| match &setting.state {
            SettingState::Foreign { now } => Some((setting.path.clone(), now.clone())),
            _ => None,
        });
    foreign.collect()
}

/// A machine of one of the trees, with other values of its own.
fn machines() -> impl Strategy<Value = (usize, Vec<(usize, usize)>)> {
    (
        0..TREES.len(),
        prop::collection::vec((0..64usize, 0..8usize), 0..6),
    )
}

/// Settings that somebody else may write: the path, and a value that the kernel takes.
fn change(
    fake: &Fake,
    paths: &[String],
    (path, value): (usize, usize),
) -> Option<(String, String)> {
    let path = paths.get(path % paths.len().max(1))?;
    let (folder, name) = path.rsplit_once('/')?;
    let value = match name {
        "scaling_governor" => {
            let governors = fake
                .read(&format!("{folder}/scaling_available_governors"))
                .ok()?;
            let governors: Vec<_> = governors.split(' ').collect();
            governors[value % governors.len()].to_owned()
        }
        "scaling_min_freq" => "1300000".into(),
        "scaling_max_freq" => format!("{}", 1_400_000 + 100_000 * value),
        "perf_event_max_sample_rate" => format!("{}", 1000 * value + 7),
        "energy_performance_preference" => "balance_power".into(),
        "smp_affinity_list" => "0-1".into(),
        _ => return None,
    };
    fake.check_and_set(path, &value)
        .then(|| (path.clone(), value))
}

/// A limit below ours may be ours, so it is restored and reported.
fn is_below(path: &str, now: &str, tuned: &BTreeMap<String, String>) -> bool {
    let khz = |text: &str| text.parse::<u64>().unwrap_or(0);
    let is_limit = path.ends_with("scaling_max_freq") || path.ends_with("scaling_min_freq");
    is_limit && khz(now) < khz(&tuned[path])
}

#[test]
fn a_limit_below_ours_is_put_back_and_named() {
    let path = "/sys/devices/system/cpu/cpufreq/policy1/scaling_max_freq";
    let bench = Bench::new(tree("intel-pstate-active"));
    let before = bench.fake.shown();
    bench.apply(&Request::default());
    bench.fake.set(&path.replace("max", "min"), "800000");
    bench.fake.set(path, "1500000");
    let lines = bench.restore().lines().join("\n");
    assert!(
        lines.contains(&format!("{path}: it showed 1500000")),
        "{lines}"
    );
    same(&bench.fake, &before, "");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn restore_leaves_foreign_changes_alone_and_names_them(
        (tree, at_first) in machines(),
        changes in prop::collection::vec((0..64usize, 0..8usize), 0..8),
        request in 0..3usize,
        kill in prop::option::of((0..20usize, prop::bool::ANY)),
    ) {
        let bench = Bench::new(self::tree(TREES[tree]));
        let paths: Vec<String> = bench.fake.shown().into_keys().collect();
        for one in at_first {
            change(&bench.fake, &paths, one);
        }
        let before = bench.fake.shown();
        let outcome = bench.apply(&requests()[request]);
        let ours: Vec<String> = outcome.settings.iter().map(|s| s.path.clone()).collect();
        let tuned = bench.fake.shown();
        for one in changes {
            change(&bench.fake, &ours, one);
        }
        // What they have written, and what that has changed by the way.
        let theirs: Vec<String> = bench
            .fake
            .shown()
            .into_iter()
            .filter(|(path, now)| tuned.get(path) != Some(now) && before.get(path) != Some(now))
            .filter(|(path, now)| !is_below(path, now, &tuned))
            .map(|(path, _)| path)
            .collect();

        let until_now = bench.fake.writes();
        if let Some((write, after)) = kill {
            let moment = if after { Moment::After } else { Moment::Before };
            bench.fake.kill_at(write, moment);
            bench.killed(|| drop(bench.restore()));
        }
        let named = foreign(&bench.restore());
        let after = bench.fake.shown();
        for path in bench.fake.written().iter().skip(until_now) {
            prop_assert!(!theirs.contains(path), "{path} is theirs, and was written");
        }
        for (path, was) in &before {
            let now = after.get(path);
            let is_named = named.contains_key(path) || !ours.contains(path);
            prop_assert!(
                now == Some(was)
                    || named.contains_key(path)
                    || theirs.contains(path) && (is_named || kill.is_some()),
                "{path}: {was} before, {now:?} now, {named:?}"
            );
        }
    }
}
