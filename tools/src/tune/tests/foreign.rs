//! What somebody else writes meanwhile.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::tune::restore::State;
use crate::tune::sys::Sys;

fn foreign(undone: &Undone) -> BTreeMap<String, String> {
    let Undone::Settings(settings) = undone else {
        return BTreeMap::new();
    };
    let foreign = settings.iter().filter_map(|setting| match &setting.state {
        State::Foreign { now } => Some((setting.path.clone(), now.clone())),
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn restore_leaves_foreign_changes_alone_and_names_them(
        (tree, at_first) in machines(),
        changes in prop::collection::vec((0..64usize, 0..8usize), 0..5),
        request in 0..3usize,
    ) {
        let bench = Bench::new(Fake::tree(TREES[tree].1));
        let request = &requests()[request];
        let paths: Vec<String> = bench.fake.shown().into_keys().collect();
        for one in at_first {
            change(&bench.fake, &paths, one);
        }
        let before = bench.fake.shown();
        let outcome = bench.apply(request);
        let ours: Vec<String> = outcome.settings.iter().map(|s| s.path.clone()).collect();
        let tuned = bench.fake.shown();
        for one in changes {
            change(&bench.fake, &ours, one);
        }
        let changed = bench.fake.shown();
        // What they have written, and what that has changed by the way.
        let theirs: BTreeMap<_, _> = changed
            .iter()
            .filter(|(path, now)| tuned.get(*path) != Some(now) && before.get(*path) != Some(now))
            .collect();
        let undone = bench.restore();
        let after = bench.fake.shown();
        let named = foreign(&undone);
        for (path, now) in &theirs {
            let own = after.get(*path) == before.get(*path);
            prop_assert!(own || named.contains_key(*path), "{path} is {now} and not named");
        }
        for (path, was) in &before {
            let now = after.get(path);
            let left = named.contains_key(path) || theirs.keys().any(|other| *other == path);
            prop_assert!(now == Some(was) || left, "{path}: {was} before, {now:?} now");
        }
    }
}
