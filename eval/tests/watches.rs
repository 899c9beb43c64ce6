//! Watches: from a log to what each of them adds.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

use contract::{
    Encoder, Method, RefusedWatch, TimedOperation, Watch, WatchKind, WatchProgram, WatchRuns,
    WatchSite, WatchState, WatchedSlope,
};
use eval::log;
use eval::units::TscHz;
use eval::watches::{self, RunWatch, Unit, WatchCost, WatchedTarget, Watches};

const OPS: u64 = 32;

fn watch(kind: WatchKind, program: WatchProgram) -> Watch {
    Watch {
        kind,
        site: WatchSite::Getpgid,
        program,
        operation: TimedOperation::Getpgid,
    }
}

/// What one operation takes in each state.
type Each = [(WatchState, u64); 5];

fn states(unwatched: u64, watched: u64, with_statistics: u64) -> Each {
    [
        (WatchState::Before, unwatched),
        (WatchState::Idle, unwatched),
        (WatchState::Watched, watched),
        (WatchState::Statistics, with_statistics),
        (WatchState::After, unwatched),
    ]
}

/// A boot with these watches; every third slope is disturbed.
fn boot(method: Method, watches: &[(Watch, Each, u64)]) -> String {
    let mut encoder = Encoder::new(String::new());
    encoder.header(true, 1, None).unwrap();
    encoder.format(method).unwrap();
    for (number, (watch, each, runs)) in (0..).zip(watches) {
        encoder.watch(number, watch).unwrap();
        for (state, each) in each {
            for slope in 0..11 {
                let disturbed = if slope % 3 == 2 { 1000 + slope } else { 0 };
                let slope = WatchedSlope {
                    watch: number,
                    state: *state,
                    ops: OPS,
                    ticks_n: 100 + each * OPS,
                    ticks_2n: 100 + 2 * each * OPS + disturbed,
                };
                encoder.watched(&slope).unwrap();
            }
        }
        let runs = WatchRuns {
            watch: number,
            expected: 1000,
            runs: *runs,
            missed: 0,
            lost: 0,
        };
        encoder.runs(&runs).unwrap();
    }
    encoder.end().unwrap()
}

fn read(boot: u32, console: &str) -> Vec<RunWatch> {
    let log = log::parse(console.as_bytes()).unwrap();
    watches::of_log("linux", boot, &log).collect()
}

fn costs(boots: &[String], unit: Unit) -> (Vec<WatchCost>, Vec<String>) {
    let numbered = (0..).zip(boots);
    let all: Vec<_> = numbered.flat_map(|(n, console)| read(n, console)).collect();
    watches::summarize(&all.iter().collect::<Vec<_>>(), unit, Some(TscHz(2e9)))
}

fn fentry(added: u64) -> (Watch, Each, u64) {
    let watch = watch(WatchKind::Fentry, WatchProgram::Null);
    (watch, states(300, 300 + added, 382 + added), 1000)
}

#[test]
fn a_watch_adds_the_same_whole_number_in_all_boots() {
    let console = boot(Method::Exact, &[fentry(130)]);
    let (rows, _) = costs(&[console.clone(), console], Unit::Instructions);
    let row = &rows[0];
    assert_eq!(row.added.unwrap().each, 130.0);
    assert_eq!(row.statistics.unwrap().each, 82.0);
    assert_eq!(row.idle.unwrap().each, 0.0);
    assert_eq!((row.unwatched, row.boots), (Some(300.0), 2));
    assert_eq!(row.agreement, Some(8.0 / 11.0));
    assert!(row.findings.is_empty(), "{:?}", row.findings);
}

#[test]
fn boots_that_differ_have_no_common_figure() {
    let boots = [130, 131].map(|added| boot(Method::Exact, &[fentry(added)]));
    let (rows, _) = costs(&boots, Unit::Instructions);
    assert_eq!(rows[0].added, None);
    assert!(
        rows[0].findings[0].contains("130.00, 131.00"),
        "{:?}",
        rows[0].findings
    );
}

#[test]
fn a_program_that_did_not_run_every_time_fails_its_row() {
    let (watch, each, _) = fentry(130);
    let console = boot(Method::Exact, &[(watch, each, 999)]);
    let (rows, _) = costs(&[console], Unit::Instructions);
    assert_eq!(rows[0].added, None);
    assert!(
        rows[0].findings[0].contains("999 times instead of 1000"),
        "{:?}",
        rows[0].findings
    );
}

#[test]
fn additivity_is_checked_over_kinds() {
    let of = |kind, program, added: u64| {
        (
            watch(kind, program),
            states(300, 300 + added, 400 + added),
            1000,
        )
    };
    let with = |surplus: u64| {
        let console = boot(
            Method::Exact,
            &[
                of(WatchKind::Fentry, WatchProgram::Null, 130),
                of(WatchKind::Fentry, WatchProgram::Hash, 268),
                of(WatchKind::Kprobe, WatchProgram::Null, 361),
                of(WatchKind::Kprobe, WatchProgram::Hash, 361 + surplus),
            ],
        );
        costs(&[console], Unit::Instructions).1.remove(0)
    };
    let holds = with(138);
    assert!(
        holds.starts_with("Additivity holds") && holds.contains("hash +138"),
        "{holds}"
    );
    let fails = with(140);
    assert!(fails.starts_with("Additivity does not hold"), "{fails}");
}

#[test]
fn times_have_an_interval_from_six_boots_on() {
    let boots: Vec<_> = (0..8)
        .map(|n| boot(Method::Precise, &[fentry(100 + n)]))
        .collect();
    let (rows, _) = costs(&boots, Unit::Nanoseconds);
    let added = rows[0].added.unwrap();
    // 103.5 ticks at 2 GHz.
    assert_eq!(added.each, 51.75);
    let (low, high) = added.interval.unwrap();
    assert!(50.0 <= low && low <= added.each && added.each <= high && high <= 53.5);
    let (rows, _) = costs(&boots[..5], Unit::Nanoseconds);
    assert_eq!(rows[0].added.unwrap().interval, None);
}

#[test]
fn unwatched_values_of_two_modes_are_reported() {
    let (watch, mut each, runs) = fentry(130);
    each[4].1 = 330;
    let console = boot(Method::Precise, &[(watch, each, runs)]);
    let (rows, _) = costs(&[console], Unit::Nanoseconds);
    assert!(
        rows[0].findings[0].contains("more than 5 %"),
        "{:?}",
        rows[0].findings
    );
}

#[test]
fn a_refused_watch_is_a_row_with_its_reason() {
    let mut encoder = Encoder::new(String::new());
    encoder.header(true, 1, None).unwrap();
    encoder.format(Method::Exact).unwrap();
    let refused = watch(WatchKind::FmodRet, WatchProgram::Null);
    encoder.watch(7, &refused).unwrap();
    let reason = "not modifiable; fix: another kernel";
    encoder.refused(&RefusedWatch { watch: 7, reason }).unwrap();
    let (rows, findings) = costs(&[encoder.end().unwrap()], Unit::Instructions);
    assert_eq!((rows[0].boots, rows[0].added), (0, None));
    assert_eq!(rows[0].refused.as_deref(), Some(reason));
    let target = WatchedTarget {
        name: "linux".into(),
        label: "Linux".into(),
        unit: Unit::Instructions,
        costs: rows,
        findings,
    };
    let picture = eval::plot::watches(&target).unwrap().file();
    assert!(picture.contains("refused"), "{picture}");
    let all = Watches {
        version: watches::FORMAT_VERSION,
        targets: vec![target],
    };
    let text = watches::text(&all);
    assert!(text.contains("refused") && text.contains(reason), "{text}");
}

#[test]
fn the_file_reads_as_it_was_written() {
    let console = boot(Method::Exact, &[fentry(130), fentry(131)]);
    let written = read(3, &console);
    let mut file = Vec::new();
    watches::write_csv(&mut file, &written).unwrap();
    let text = String::from_utf8(file).unwrap();
    let mut found = watches::read_csv(text.as_bytes()).unwrap();
    // Numbers are those of the file.
    for (found, written) in found.iter_mut().zip(&written) {
        found.watch.slopes.clone_from(&written.watch.slopes);
        found.watch.outcome.clone_from(&written.watch.outcome);
    }
    assert_eq!(found, written);
    for (from, to, problem) in [
        ("fentry", "fentri", "\"fentri\" is not a kind"),
        ("idle", "lazy", "\"lazy\" is not a state"),
        (",32,", ",0,", "missing or zero"),
    ] {
        let damaged = text.replacen(from, to, 1);
        let error = watches::read_csv(damaged.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(error.contains(problem), "{error}");
    }
    let end = text
        .lines()
        .find(|line| line.contains("1000,1000"))
        .unwrap();
    let joined = text.replacen(&format!("{end}\n"), "", 1);
    let error = watches::read_csv(joined.as_bytes())
        .unwrap_err()
        .to_string();
    assert!(error.contains("the watch before it"), "{error}");
    let cut = text.rsplit_once("\nlinux").unwrap().0;
    let error = watches::read_csv(cut.as_bytes()).unwrap_err().to_string();
    assert!(
        error.contains("the end of this watch is missing"),
        "{error}"
    );
}

#[test]
fn records_of_unknown_or_unfinished_watches_are_refused() {
    let head = "--- 8< ---\nCONFIG_NB_ROUNDS=1\n--- >8 ---\ntollgate\t2\texact\n";
    let watch = "watch\t0\traw_tp\tsys_enter\tnull\tnoop\n";
    for (lines, problem) in [
        (
            "watched\t0\tbefore\t32\t1\t2\n".to_owned(),
            "has its number",
        ),
        (format!("{watch}{watch}"), "another watch"),
        (
            format!("{watch}watched\t0\tbefore\t0\t1\t2\n"),
            "divisor is zero",
        ),
        (
            format!("{watch}runs\t0\t1\t1\t0\t0\nruns\t0\t1\t1\t0\t0\n"),
            "has its number",
        ),
    ] {
        let error = log::parse(format!("{head}{lines}").as_bytes())
            .unwrap_err()
            .to_string();
        assert!(error.contains(problem), "{error}");
    }
}
