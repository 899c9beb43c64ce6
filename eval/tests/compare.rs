//! Two runs against each other: how often a verdict is false, and what is found.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{COUNTED, Counted, Fake, MEASURED, Random};
use eval::compare::{
    Change, Comparison, ExactRow, Paths, Unit, compare, compare_exact, exact_table, table,
};
use eval::counts::Counts;
use eval::crossing::{Crossing, Function};
use eval::levels::Levels;
use eval::log::Reading;
use eval::samples::Sample;
use eval::stats::Sorted;
use eval::summary::{Summary, summarize};
use eval::table::Style;
use eval::units::{Instructions, Ticks, TscHz};
use eval::{Benchmark, Method};

/// A run of four targets whose boots differ by `noise`, and cost `factor` times as much as
/// they should. A sample a boot is enough: verdicts are about boots.
fn run(random: &mut Random, boots: u32, noise: f64, factor: f64) -> Summary {
    let mut levels = Levels::default();
    for fake in &MEASURED {
        for boot in 0..boots {
            for &(benchmark, cost) in fake.costs {
                levels.add(&Sample {
                    target: fake.name.into(),
                    boot,
                    benchmark,
                    round: 0,
                    reading: Reading::ValueOnly,
                    value: Ticks(cost * factor * (1.0 + noise * random.normal())),
                });
            }
        }
    }
    let (other, _) = common::run(&MEASURED, 1, 1);
    let targets: Vec<_> = other
        .targets
        .into_iter()
        .map(|target| target.info)
        .collect();
    let boots = common::in_turns(&targets, boots);
    summarize(other.info, targets, &boots, &levels, &Counts::default()).unwrap()
}

/// Other boots of the same run, which differ by half a percent, as real ones do. Only
/// the medians are drawn again, because only they are compared.
fn again(run: &Summary, random: &mut Random) -> Summary {
    let mut run = run.clone();
    for row in run.targets.iter_mut().flat_map(|target| &mut target.rows) {
        let cost = row.ticks.median.0;
        for boot in &mut row.boot_medians {
            boot.median = Ticks(cost * (1.0 + 0.005 * random.normal()));
        }
        let median = Sorted::new(row.medians()).unwrap().median();
        row.ticks.median_of_boot_medians = Ticks(median);
    }
    run
}

fn verdicts(comparison: &Comparison) -> Vec<Change> {
    comparison.rows.iter().map(|row| row.verdict).collect()
}

#[test]
fn equal_runs_rarely_differ() {
    const TIMES: usize = 200;
    let mut random = Random(2024);
    let mut run = run(&mut random, 25, 0.005, 1.0);
    run.targets.truncate(1);
    let false_verdicts = (0..TIMES).filter(|_| {
        let comparison = compare(&again(&run, &mut random), &again(&run, &mut random));
        assert_eq!(comparison.rows.len(), 3);
        verdicts(&comparison)
            .iter()
            .any(|v| *v != Change::NoDifferenceSeen)
    });
    // At 5 %, more than 19 of 200 come with a probability below 0.3 %.
    let false_verdicts = false_verdicts.count();
    assert!(false_verdicts <= 19, "{false_verdicts} of {TIMES}");
}

#[test]
fn one_percent_is_found_on_quiet_data() {
    let mut random = Random(7);
    for (factor, verdict) in [(1.01, Change::Slower), (0.99, Change::Faster)] {
        let before = run(&mut random, 25, 0.002, 1.0);
        let after = run(&mut random, 25, 0.002, factor);
        let comparison = compare(&before, &after);
        assert!(
            verdicts(&comparison).iter().all(|v| *v == verdict),
            "{comparison:?}"
        );
        for row in &comparison.rows {
            assert!((row.ratio.unwrap() - factor).abs() < 0.003);
            let interval = row.interval.unwrap();
            assert!(interval.low <= factor + 0.002 && factor - 0.002 <= interval.high);
        }
        let regressions = |limit| comparison.regressions(limit).count();
        match verdict {
            // All but the empty measurement of each target.
            Change::Slower => assert_eq!((regressions(0.002), regressions(0.05)), (8, 0)),
            _ => assert_eq!(regressions(0.0), 0),
        }
        assert_eq!(comparison.undecided(0.05), [""; 0]);
    }
}

#[test]
fn too_few_boots_cannot_tell() {
    let mut random = Random(3);
    let comparison = compare(
        &run(&mut random, 5, 0.001, 1.0),
        &run(&mut random, 25, 0.001, 2.0),
    );
    assert!(
        verdicts(&comparison)
            .iter()
            .all(|v| *v == Change::CannotTell)
    );
    assert!(
        comparison.rows[0]
            .reason
            .as_ref()
            .unwrap()
            .contains("5 boots are too few")
    );
    assert_eq!(comparison.undecided(10.0).len(), 8);
    assert_eq!(comparison.regressions(0.0).count(), 0);
}

#[test]
fn no_difference_is_claimed_if_the_test_could_not_find_one() {
    let mut random = Random(9);
    let six = |random: &mut Random, factor| {
        let mut run = run(random, 6, 0.001, factor);
        // 2 / C(12, 6) for each of 24 rows is above 5 %.
        let mut more = run.targets.clone();
        more.iter_mut().for_each(|t| t.info.name += "-too");
        run.targets.extend(more);
        run
    };
    let comparison = compare(&six(&mut random, 1.0), &six(&mut random, 2.0));
    assert_eq!(comparison.rows.len(), 24);
    for row in &comparison.rows {
        assert_eq!(row.verdict, Change::CannotTell);
        assert!(row.reason.as_ref().unwrap().contains("24 rows at once"));
    }
}

#[test]
fn a_row_passes_the_limit_only_if_its_interval_does() {
    let mut random = Random(10);
    let before = run(&mut random, 25, 0.1, 1.0);
    let noisy = compare(&before, &run(&mut random, 25, 0.1, 1.0));
    assert_eq!(noisy.regressions(0.0).count(), 0);
    assert_eq!(noisy.undecided(0.0).len(), 8, "{noisy:?}");

    let mut after = before.clone();
    after.targets[0].rows.clear();
    after.targets[0].info.boots_failed = 25;
    after.targets[1].info.boots_failed = 3;
    let lost = compare(&before, &after);
    let gone: Vec<_> = lost.undecided(1.0);
    assert_eq!(gone.len(), 3, "{gone:?}");
    assert!(gone[0].contains("linux tsc: missing in the second run"));
    let table = table(&lost, Style::Plain);
    let flat = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("3 of its boots failed in the second run"),
        "{table}"
    );
}

#[test]
fn a_cost_of_zero_is_not_faster() {
    let mut random = Random(11);
    let before = run(&mut random, 25, 0.002, 1.0);
    let none = run(&mut random, 25, 0.002, -1.0);
    for comparison in [compare(&before, &none), compare(&none, &before)] {
        for row in &comparison.rows {
            assert_eq!(row.verdict, Change::CannotTell, "{row:?}");
        }
    }
    let finding = &none.targets[0].rows[0].findings[0];
    assert!(finding.contains("not above zero"), "{finding}");
}

#[test]
fn emulated_rows_say_that_they_measure_no_time() {
    let mut random = Random(4);
    let before = run(&mut random, 25, 0.002, 1.0);
    let mut after = run(&mut random, 25, 0.002, 2.0);
    after.targets[0].info.emulated = true;
    let comparison = compare(&before, &after);
    assert!(comparison.rows.iter().take(3).all(|row| row.emulated));
    assert!(comparison.regressions(0.0).all(|row| row.target != "linux"));
    assert_eq!(comparison.undecided(10.0).len(), 2);
    let table = table(&comparison, Style::Plain);
    assert_eq!(table.matches("(emulated)").count(), 3, "{table}");
    assert!(table.contains("do not measure time"));
}

#[test]
fn unmatched_rows_are_named() {
    let mut random = Random(5);
    let before = run(&mut random, 8, 0.002, 1.0);
    let mut after = run(&mut random, 8, 0.002, 1.0);
    after.targets[1].info.method = Some(Method::Paper);
    after.targets[2].info.name = "other".into();
    after.targets[3]
        .rows
        .retain(|row| row.benchmark != Benchmark::Enosys);
    let comparison = compare(&before, &after);
    // A missing row may have become slower; a new one cannot.
    assert!(!comparison.undecided(10.0).is_empty());
    let (old, mut new) = (before.clone(), before.clone());
    new.targets[2].info.name = "other".into();
    new.targets.extend(old.targets.get(2).cloned());
    assert_eq!(compare(&old, &new).undecided(0.1), [""; 0]);
    let table = table(&comparison, Style::Plain);
    let flat = table.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in [
        "the runs used two methods, precise and paper",
        "Only in the first run: ring0",
        "ring0 scall; host enosys.",
        "Only in the second run: other",
    ] {
        assert!(flat.contains(text), "{text:?} is not in\n{table}");
    }
}

#[test]
fn counters_of_two_frequencies_are_compared_in_nanoseconds() {
    let mut random = Random(6);
    let before = run(&mut random, 25, 0.002, 1.0);
    let mut after = run(&mut random, 25, 0.002, 2.0);
    after.info.tsc.as_mut().unwrap().hz = TscHz(7.2e9);
    let comparison = compare(&before, &after);
    assert_eq!(comparison.unit, Unit::Nanoseconds);
    let no_difference = |v: &Change| *v == Change::NoDifferenceSeen;
    assert!(
        verdicts(&comparison).iter().all(no_difference),
        "{comparison:?}"
    );
    assert!((comparison.rows[2].before.median - 222.0 / 3.6).abs() < 1.0);
}

/// Compares with a golden file; `INSTA_UPDATE=always` rewrites it.
fn golden(name: &str, content: &str) {
    insta::with_settings!({
        snapshot_path => "golden",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, content);
    });
}

#[test]
fn the_table_fits_a_terminal() {
    let mut random = Random(8);
    let comparison = compare(
        &run(&mut random, 25, 0.002, 1.0),
        &run(&mut random, 25, 0.002, 1.01),
    );
    let plain = table(&comparison, Style::Plain);
    assert!(
        plain.lines().all(|line| line.chars().count() <= 80),
        "{plain}"
    );
    golden("compare", &plain);
    let labels = MEASURED.iter().map(|fake: &Fake| fake.label);
    let flat = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(labels.clone().count() == 4 && flat.contains("slower"));
}

#[test]
fn an_emulated_verdict_and_a_long_name_fit() {
    let mut random = Random(8);
    let emulated = |mut run: Summary| {
        run.targets.iter_mut().for_each(|target| {
            target.info.emulated = true;
            target.info.label = "an-experiment-with-a-platform called-by-a-very-long-name".into();
        });
        run
    };
    let before = emulated(run(&mut random, 25, 0.002, 1.0));
    let comparison = compare(&before, &before);
    let plain = table(&comparison, Style::Plain);
    assert!(
        plain.contains(" scall (emulated) ") && plain.contains("no difference seen\n"),
        "{plain}"
    );
    // No name is broken within a word.
    assert!(plain.contains("an-experiment-with-a-platform called-by-a-very-long-name\n"));
    assert!(
        plain.lines().all(|line| line.chars().count() <= 80),
        "{plain}"
    );
}

#[test]
fn without_intervals_the_table_does_not_mention_them() {
    let mut random = Random(8);
    for (boots, spoken_of) in [(3, false), (8, true)] {
        let run = run(&mut random, boots, 0.002, 1.0);
        let plain = table(&compare(&run, &run), Style::Plain);
        assert_eq!(plain.contains("bootstrap"), spoken_of, "{plain}");
    }
}

/// A run whose Linux takes so many instructions for a system call.
fn counting(scall: u64) -> Summary {
    let [linux, _, ring0] = COUNTED;
    let linux = Counted {
        scall: [scall; 2],
        ..linux
    };
    common::run_counted(&MEASURED, 3, 5, &[linux, ring0]).0
}

fn path(entry: u64) -> Paths {
    let function = |name: &str, instructions| Function {
        name: name.into(),
        instructions: Instructions(instructions),
    };
    let crossing = Crossing {
        version: eval::crossing::FORMAT_VERSION,
        target: "linux".into(),
        benchmark: "scall".into(),
        cpu_model: "Skylake-Server".into(),
        qemu: "7.2".into(),
        kernel_inputs: "abc".into(),
        total: Instructions(200 + entry),
        functions: vec![
            function("entry_SYSCALL_64", entry),
            function("do_syscall_64", 200),
        ],
        instructions: None,
    };
    vec![("linux".into(), crossing)]
}

#[test]
fn one_instruction_more_is_a_change_and_its_function_is_named() {
    let (before, after) = (counting(253), counting(254));
    let none = Paths::new();
    let comparison = compare_exact((&before, &none), (&after, &none));
    let longer: Vec<_> = comparison.regressions(1).map(ExactRow::in_words).collect();
    assert_eq!(longer, ["linux-exact, scall: +1 instruction (253 to 254)"]);
    assert_eq!(comparison.regressions(2).count(), 0);
    // ring0 has no count of its system call.
    let undecided = comparison.undecided();
    assert_eq!(
        undecided,
        ["ring0-exact, scall: the first run does not have a count"]
    );

    let (ours, theirs) = (path(53), path(54));
    let comparison = compare_exact((&before, &ours), (&after, &theirs));
    let words = comparison.regressions(1).next().unwrap().in_words();
    assert!(
        words.ends_with("; entry_SYSCALL_64 +1 (53 to 54)"),
        "{words}"
    );
    golden("compare-exact", &exact_table(&comparison, Style::Plain));
    // A trace of another path than the one that was counted explains nothing.
    let comparison = compare_exact((&before, &ours), (&after, &path(55)));
    assert_eq!(comparison.rows[2].functions, None);

    let back = compare_exact((&after, &none), (&before, &none));
    assert_eq!(
        back.regressions(0)
            .filter(|row| row.benchmark == Benchmark::Scall)
            .count(),
        0
    );
    assert_eq!(back.rows[2].change, Some(-1));
    let same = compare_exact((&before, &none), (&before, &none));
    assert_eq!(same.regressions(1).count(), 0);
}

#[test]
fn missing_counts_are_undecided() {
    let (before, none) = (counting(253), Paths::new());
    let after = common::run_counted(&MEASURED, 3, 5, &[]).0;
    let comparison = compare_exact((&before, &none), (&after, &none));
    assert!(comparison.rows.is_empty());
    assert_eq!(comparison.only_before.len(), 6);
    assert_eq!(comparison.undecided().len(), 6);
    let nothing = compare_exact((&after, &none), (&after, &none));
    assert_eq!(nothing.undecided(), ["the runs have no count in common"]);
    assert!(exact_table(&nothing, Style::Plain).contains("no count in common"));
}
