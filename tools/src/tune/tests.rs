//! Every tree, every refusal, and a kill at every write.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use proptest::prelude::*;
use rustix::io::Errno;
use tempfile::TempDir;

use super::fake::{Fake, Killed, Moment};
use super::journal::JournalFolder;
use super::plan::{self, Request};
use super::policy::Khz;
use super::restore::State;
use super::seen::{self, Seen};
use super::sys::Sys;
use super::{Outcome, TuneError, Undone, say, start, stop};

macro_rules! trees {
    ($($name:literal),+) => {
        [$(($name, include_str!(concat!("../../tests/trees/", $name, ".tsv")))),+]
    };
}

const TREES: [(&str, &str); 9] = trees![
    "intel-pstate-active",
    "intel-pstate-without-hwp",
    "intel-pstate-passive",
    "acpi-cpufreq-intel",
    "acpi-cpufreq-amd",
    "amd-pstate-active",
    "amd-pstate-passive",
    "amd-pstate-guided",
    "virtual-machine"
];

fn tree(name: &str) -> Fake {
    let (_, text) = TREES.iter().find(|(tree, _)| *tree == name).unwrap();
    Fake::tree(text)
}

/// Asked for on every tree: everything, one CPU, and one CPU with its core to itself.
fn requests() -> [Request; 3] {
    let one = Request {
        cpus: vec![1],
        ..Request::default()
    };
    let alone = Request {
        offline_siblings: true,
        ..one.clone()
    };
    [Request::default(), one, alone]
}

/// A folder for the journal, and the machine beside it.
struct Bench {
    fake: Fake,
    folder: JournalFolder,
    _temporary: TempDir,
}

impl Bench {
    fn new(fake: Fake) -> Self {
        let temporary = TempDir::new().unwrap();
        std::fs::create_dir_all(temporary.path().join("var/lib/tollgate")).unwrap();
        Self {
            fake,
            folder: JournalFolder::below(temporary.path()),
            _temporary: temporary,
        }
    }

    fn apply(&self, request: &Request) -> Outcome {
        start(&self.fake, &self.folder, request).unwrap()
    }

    fn restore(&self) -> Undone {
        stop(&self.fake, &self.folder).unwrap()
    }

    /// Whether that was ended by a kill.
    fn killed(&self, work: impl FnOnce()) -> bool {
        let result = catch_unwind(AssertUnwindSafe(work));
        self.fake.spare();
        match result {
            Ok(()) => false,
            Err(panic) if panic.is::<Killed>() => true,
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// Everything is as it was.
#[track_caller]
fn same(fake: &Fake, before: &BTreeMap<String, String>, context: &str) {
    let after = fake.shown();
    let differs = before
        .iter()
        .filter(|(path, was)| after.get(*path) != Some(was));
    let differs: Vec<_> = differs
        .map(|(path, was)| (path, was, after.get(path)))
        .collect();
    assert!(differs.is_empty(), "{context}: {differs:#?}");
}

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

#[test]
fn plans_are_these() {
    for (name, text) in TREES {
        let seen = Seen::read(&Fake::tree(text));
        let mut plans = String::new();
        for request in requests() {
            plans += &format!("{request:?}\n");
            plans += &say::plan(&plan::plan(&seen, &request).unwrap());
        }
        insta::assert_snapshot!(name, plans);
    }
}

#[test]
fn every_setting_can_be_made_and_put_back() {
    for (name, text) in TREES {
        for request in requests() {
            let bench = Bench::new(Fake::tree(text));
            let before = bench.fake.shown();
            let outcome = bench.apply(&request);
            for setting in &outcome.settings {
                assert!(setting.is_made(), "{name}: {setting:?}");
            }
            assert!(bench.folder.header().unwrap().is_some());
            let undone = bench.restore();
            assert!(undone.is_complete(), "{name}");
            same(&bench.fake, &before, &format!("{name} {request:?}"));
            assert!(bench.folder.header().unwrap().is_none());
        }
    }
}

#[test]
fn a_kill_at_any_write_is_mended_by_restore() {
    let mut kills = 0;
    for (name, text) in TREES {
        for request in requests() {
            for moment in [Moment::Before, Moment::After] {
                for write in 0.. {
                    let bench = Bench::new(Fake::tree(text));
                    let before = bench.fake.shown();
                    bench.fake.kill_at(write, moment);
                    if !bench.killed(|| drop(bench.apply(&request))) {
                        break;
                    }
                    kills += 1;
                    let undone = bench.restore();
                    assert!(undone.is_complete(), "{name}, {moment:?} write {write}");
                    same(
                        &bench.fake,
                        &before,
                        &format!("{name}, {moment:?} write {write}"),
                    );
                }
            }
        }
    }
    assert!(kills > 500, "{kills}");
}

#[test]
fn a_kill_during_restore_is_mended_by_the_next_one() {
    for (name, text) in TREES {
        for request in requests() {
            for moment in [Moment::Before, Moment::After] {
                for write in 0.. {
                    let bench = Bench::new(Fake::tree(text));
                    let before = bench.fake.shown();
                    bench.apply(&request);
                    bench.fake.kill_at(write, moment);
                    if !bench.killed(|| drop(bench.restore())) {
                        break;
                    }
                    assert!(
                        bench.restore().is_complete(),
                        "{name}, {moment:?} write {write}"
                    );
                    same(
                        &bench.fake,
                        &before,
                        &format!("{name}, {moment:?} write {write}"),
                    );
                }
            }
        }
    }
}

#[test]
fn tuning_twice_keeps_what_was_there_first() {
    for (name, text) in TREES {
        for write in 0.. {
            let bench = Bench::new(Fake::tree(text));
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
fn what_is_refused_is_named_and_the_rest_is_made() {
    let errnos = [
        Errno::BUSY,
        Errno::PERM,
        Errno::INVAL,
        Errno::IO,
        Errno::ROFS,
        Errno::ACCESS,
    ];
    for (name, text) in TREES {
        let seen = Seen::read(&Fake::tree(text));
        let plan = plan::plan(&seen, &requests()[1]).unwrap();
        let writes = plan.writes.iter().filter(|write| write.new.is_some());
        for (refused, errno) in writes.zip(errnos.iter().cycle()) {
            let bench = Bench::new(Fake::tree(text));
            let before = bench.fake.shown();
            bench.fake.refuse(&refused.path, *errno);
            let outcome = bench.apply(&requests()[1]);
            for setting in &outcome.settings {
                let is_refused = setting.path == refused.path
                    || is_own_boost(&setting.path) && refused.path == seen::BOOST
                    || setting.path.ends_with("setspeed") && refused.path.ends_with("governor")
                    // A minimum above the maximum is not taken.
                    || setting.path.ends_with("min_freq") && refused.path.ends_with("max_freq");
                assert!(
                    setting.is_made() || is_refused,
                    "{name}: {errno} at {refused:?}: {setting:?}"
                );
                if setting.path == refused.path && setting.wanted != setting.before {
                    let lines = say::applied(&outcome.settings).join("\n");
                    let number = refused.path.split('/').nth(3).unwrap();
                    let kept = setting.is_kept_interrupt() && lines.contains(number);
                    // A kernel that has made it by the way has nothing to refuse.
                    assert!(
                        setting.is_made() || kept || lines.contains(&refused.path),
                        "{lines}"
                    );
                }
            }
            // What cannot be put back now is put back when it can.
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
    path.ends_with("/boost") && path != seen::BOOST
}

#[test]
fn an_interrupt_that_the_kernel_keeps_is_told_and_no_fault() {
    for errno in [Errno::IO, Errno::PERM] {
        let bench = Bench::new(tree("intel-pstate-active"));
        bench.fake.refuse("/proc/irq/0/smp_affinity_list", errno);
        let outcome = bench.apply(&requests()[1]);
        assert!(outcome.is_complete());
        let lines = say::applied(&outcome.settings).join("\n");
        assert!(lines.contains("keeps where they are: 0 "), "{lines}");
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
    let Undone::Settings(settings) = undone else {
        panic!("there was a journal");
    };
    let lines = say::restored(&settings).join("\n");
    assert!(lines.contains(stuck) && lines.contains("sudo"), "{lines}");
    // The preference cannot go back under that governor.
    assert!(
        lines.contains("policy2/energy_performance_preference"),
        "{lines}"
    );
    // Nothing is tuned over it, which would forget it.
    let refused = start(&bench.fake, &bench.folder, &Request::default());
    assert!(refused.err().unwrap().is::<TuneError>());
    bench.fake.allow();
    assert!(bench.restore().is_complete());
    same(&bench.fake, &before, "");
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
    let writes = rebooted.fake.writes();
    let Undone::OtherBoot(aside) = rebooted.restore() else {
        panic!("it is of another boot");
    };
    assert!(aside.exists());
    assert_eq!(rebooted.fake.writes(), writes);
    assert!(matches!(rebooted.restore(), Undone::Nothing));
}

#[test]
fn a_limited_value_is_told_and_put_back() {
    // The firmware allows less than the processor could.
    let bench = Bench::new(tree("acpi-cpufreq-intel"));
    let max = "/sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq";
    bench.fake.set(max, "2100000");
    let before = bench.fake.shown();
    let outcome = bench.apply(&Request::default());
    assert!(!outcome.is_complete());
    let lines = say::applied(&outcome.settings).join("\n");
    assert!(
        lines.contains("wanted 2300000, it shows 2100000"),
        "{lines}"
    );
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
                lines.contains("wanted 3600000, it shows 3599999"),
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
fn a_frequency_of_ones_own() {
    let seen = Seen::read(&tree("intel-pstate-active"));
    let plan = |khz| {
        plan::plan(
            &seen,
            &Request {
                freq: Some(Khz(khz)),
                ..Request::default()
            },
        )
    };
    assert!(matches!(plan(5_000_000), Err(TuneError::OutOfRange { .. })));
    assert!(matches!(plan(799_999), Err(TuneError::OutOfRange { .. })));
    let slow = plan(900_000).unwrap();
    assert!(
        slow.writes
            .iter()
            .any(|write| write.new.as_deref() == Some("900000"))
    );
    // Turbo stays where the frequency needs it, and that is said.
    let fast = plan(4_000_000).unwrap();
    assert!(!fast.writes.iter().any(|write| write.path == seen::NO_TURBO));
    assert!(
        fast.remarks
            .iter()
            .any(|remark| remark.incomplete && remark.text.contains("turbo range"))
    );
}

#[test]
fn limits_never_cross_on_either_way() {
    let bench = Bench::new(tree("intel-pstate-active"));
    let policy = "/sys/devices/system/cpu/cpufreq/policy0";
    bench
        .fake
        .set(&format!("{policy}/scaling_min_freq"), "4000000");
    let before = bench.fake.shown();
    let request = Request {
        freq: Some(Khz(1_000_000)),
        ..Request::default()
    };
    // The fake refuses a minimum above the maximum, as older kernels do.
    assert!(bench.apply(&request).is_complete());
    assert!(bench.restore().is_complete());
    same(&bench.fake, &before, "");
}

#[test]
fn a_cpu_that_is_not_online_is_refused_before_anything_is_touched() {
    let bench = Bench::new(tree("intel-pstate-active"));
    let request = Request {
        cpus: vec![4],
        ..Request::default()
    };
    let refused = start(&bench.fake, &bench.folder, &request).err().unwrap();
    assert!(refused.to_string().contains("these are: 0-3"), "{refused}");
    assert!(bench.folder.header().unwrap().is_none());
}

#[test]
fn cpu_0_is_never_taken_offline() {
    let seen = Seen::read(&tree("intel-pstate-active"));
    let request = Request {
        cpus: vec![2],
        offline_siblings: true,
        ..Request::default()
    };
    let plan = plan::plan(&seen, &request).unwrap();
    assert!(
        !plan
            .writes
            .iter()
            .any(|write| write.path.ends_with("/online"))
    );
    assert!(
        plan.remarks
            .iter()
            .any(|remark| remark.incomplete && remark.text.contains("CPU 0"))
    );
}

#[test]
fn a_damaged_journal_is_never_followed() {
    let bench = Bench::new(tree("virtual-machine"));
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
