//! Tables, as golden files under tests/golden.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{COUNTED, EMULATED, Fake, MEASURED, MODELS};
use eval::counts::Counts;
use eval::summary::Summary;
use eval::table::{Style, latex, markdown, terminal, text};
use eval::verdict::Verdict;
use eval::{Benchmark, Method};

fn summary(fakes: &[Fake]) -> Summary {
    common::run(fakes, 8, 20).0
}

/// Timed and counted targets.
fn counted() -> Summary {
    common::run_counted(&MEASURED, 8, 20, &COUNTED).0
}

/// What a machine without KVM gives: its host timed, guests counted.
fn models() -> Summary {
    let [.., host] = MEASURED;
    common::run_counted(&[host], 8, 20, &MODELS).0
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
fn table_txt() {
    golden("table-measured.txt", &text(&summary(&MEASURED)));
    golden("table-emulated.txt", &text(&summary(&EMULATED)));
    golden("table-counted.txt", &text(&counted()));
    golden("table-models.txt", &text(&models()));
}

#[test]
fn table_md() {
    golden("table-measured.md", &markdown(&summary(&MEASURED)));
    golden("table-emulated.md", &markdown(&summary(&EMULATED)));
    golden("table-counted.md", &markdown(&counted()));
}

#[test]
fn table_tex() {
    golden("table-measured.tex", &latex(&summary(&MEASURED)));
    golden("table-emulated.tex", &latex(&summary(&EMULATED)));
    golden("table-counted.tex", &latex(&counted()));
}

#[test]
fn on_a_terminal() {
    for (name, summary) in [
        ("measured", summary(&MEASURED)),
        ("emulated", summary(&EMULATED)),
        ("counted", counted()),
        ("models", models()),
    ] {
        let plain = terminal(&summary, Style::Plain);
        golden(&format!("terminal-{name}"), &plain);
        assert!(plain.lines().all(|l| l.chars().count() <= 80), "{plain}");
        assert!(!plain.contains('\x1b'));
        let coloured = terminal(&summary, Style::Colour);
        assert!(coloured.contains("\x1b["));
        // Whatever stands before and behind the table, it is on one page.
        assert!(plain.lines().count() < 45, "{plain}");
    }
}

/// Reads `table.txt` as the original's scripts do: a name, then lines of a word and
/// four numbers.
fn read_back(table: &str) -> Vec<(String, String, [f64; 4])> {
    let mut rows = Vec::new();
    let mut target = "";
    for block in table.split("\n\n") {
        for line in block.lines().filter(|l| !l.starts_with('#')) {
            let words: Vec<_> = line.split_whitespace().collect();
            let numbers: Vec<f64> = words.iter().skip(1).flat_map(|w| w.parse()).collect();
            match <[f64; 4]>::try_from(numbers) {
                Ok(numbers) if words.len() == 5 => {
                    rows.push((target.to_owned(), words[0].to_owned(), numbers));
                }
                _ if !line.starts_with('\t') => target = words[0],
                _ => {}
            }
        }
    }
    rows
}

#[test]
fn the_originals_layout_reads_back() {
    let summary = summary(&EMULATED);
    let rows = read_back(&text(&summary));
    let count: usize = summary.targets.iter().map(|t| t.rows.len()).sum();
    assert_eq!(rows.len(), 2 * count);
    let mut rows = rows.into_iter();
    for target in &summary.targets {
        for row in &target.rows {
            let (name, benchmark, ticks) = rows.next().unwrap();
            assert_eq!(name, target.info.name);
            assert_eq!(benchmark, row.benchmark.name());
            assert!((ticks[1] - row.ticks.median.0).abs() <= 0.005);
            let (_, benchmark, ns) = rows.next().unwrap();
            assert_eq!(benchmark, format!("{}_nsec", row.benchmark.name()));
            assert!((ns[3] - row.ns.unwrap().q3.0).abs() <= 0.005);
        }
    }
}

#[test]
fn every_row_from_an_emulator_says_so() {
    let summary = summary(&EMULATED);
    let rows = summary.targets.iter().filter(|t| t.info.emulated);
    let rows: usize = rows.map(|t| t.rows.len()).sum();
    let terminal = terminal(&summary, Style::Plain);
    for table in [markdown(&summary), latex(&summary), terminal] {
        // In the table of samples, and in that of boots; a terminal shows one.
        let tables = if table.contains("Routine call") { 2 } else { 1 };
        assert_eq!(table.matches("(emulated)").count(), tables * rows);
    }
    let text = text(&summary);
    assert_eq!(text.matches("(emulated by qemu: ").count(), 2);
}

#[test]
fn without_cycles_no_table_has_a_block_of_cycles() {
    let with = summary(&MEASURED);
    let mut without = with.clone();
    for row in without.targets.iter_mut().flat_map(|t| &mut t.rows) {
        row.cycles = None;
    }
    for table in [text, markdown, latex] {
        assert!(table(&with).contains("core cycles"));
        assert!(!table(&without).contains("core cycles"));
    }
    assert!(terminal(&with, Style::Plain).contains("cycles"));
    assert!(!terminal(&without, Style::Plain).contains("cycles"));
}

#[test]
fn instructions_are_a_column_of_their_own() {
    let summary = counted();
    for (table, columns) in [
        (
            markdown(&summary),
            "| instructions | instr./core cycle | boots/samples |",
        ),
        (
            latex(&summary),
            "instructions & instr./core cycle & boots/samples",
        ),
    ] {
        assert!(table.contains(columns), "{table}");
    }
    let markdown = markdown(&summary);
    let line = |call: &str| {
        let mut lines = markdown.lines();
        let line = lines.find(|l| l.starts_with("| Linux 6.12/KVM |") && l.contains(call));
        line.unwrap()
            .split(" | ")
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let call = line("| system call |");
    assert_eq!(call[7], "253");
    // Its core cycles are ticks times one and a half, and its path is another one.
    assert_eq!(call[8], "0.76\\*");
    assert_eq!(line("chain")[2], "–");
    // Two boots that differ give no number, and say so.
    assert!(
        markdown.contains("No count: boots differ: 8 in boot 0; 9 in boot 1."),
        "{markdown}"
    );
    assert!(markdown.contains("spectre\\_v2: “Mitigation: IBRS” and “Mitigation: Retpolines”"));
    // Without counts, the table does not have this column.
    assert!(!eval::table::markdown(&self::summary(&MEASURED)).contains("instructions"));
}

#[test]
fn models_that_make_no_difference_are_one_group() {
    let summary = models();
    let groups: Vec<_> = summary
        .model_groups()
        .iter()
        .map(|g| g.labels().join(" "))
        .collect();
    assert_eq!(groups, ["Skylake-Server Icelake-Server", "EPYC", "max"]);
    assert!(counted().model_groups().is_empty());
}

#[test]
fn a_table_from_an_unfit_machine_says_so_in_its_first_line() {
    let unfit = summary(&MEASURED);
    let mut fit = unfit.clone();
    fit.info.doctor = Some(Verdict::new(Vec::new(), None));
    for table in [
        text,
        markdown,
        latex,
        |summary: &Summary| terminal(summary, Style::Plain),
        |summary: &Summary| terminal(summary, Style::Colour),
    ] {
        let first = |summary| table(summary).lines().next().unwrap().to_owned();
        let says_so = "UNFIT FOR MEASURING according to tollgate doctor: turbo.";
        assert!(first(&unfit).ends_with(says_so), "{}", first(&unfit));
        assert!(!table(&fit).contains("UNFIT"));
        // Under the numbers stand the findings; on a terminal only a good verdict.
        if !table(&fit).contains("Routine call") && !table(&fit).contains("\t") {
            assert!(table(&fit).contains("Doctor: fit for measuring"));
            continue;
        }
        for (summary, line) in [
            (&unfit, "Doctor, unfit: turbo: turbo is on."),
            (&fit, "Doctor: fit for measuring"),
        ] {
            let table = table(summary);
            assert!(table.find("Routine call") < table.find(line), "{table}");
            assert!(table.find("linux") < table.find(line), "{table}");
        }
    }
}

fn hostile() -> Summary {
    let mut summary = summary(&MEASURED);
    summary.info.notes = vec!["50 % | _of_ <b>\n\\input{x} $1".into()];
    let label = "a|b\n\\x_{y}^~#%&$ <i>`*[z]\u{1b}[31m";
    for target in &mut summary.targets {
        target.info.method = Some(Method::Paper);
        target.info.label = label.into();
        target.info.name = label.into();
    }
    summary
}

#[test]
fn hostile_labels_stay_in_their_cell() {
    golden("hostile.md", &markdown(&hostile()));
    golden("hostile.tex", &latex(&hostile()));
    golden("hostile.txt", &text(&hostile()));
    let markdown = markdown(&hostile());
    for line in markdown.lines().filter(|l| l.starts_with("| a&")) {
        assert!([7, 9].contains(&line.matches('|').count()), "{line}");
    }
    for style in [Style::Plain, Style::Colour] {
        assert!(!terminal(&hostile(), style).contains("\x1b[31m"));
    }
}

#[test]
fn without_a_frequency_there_are_no_nanoseconds() {
    let (run, levels) = common::run(&MEASURED, 2, 5);
    let mut info = run.info;
    info.tsc = None;
    let targets: Vec<_> = run.targets.into_iter().map(|t| t.info).collect();
    let boots = common::in_turns(&targets, 2);
    let summary =
        eval::summary::summarize(info, targets, &boots, &levels, &Counts::default()).unwrap();
    assert!(!text(&summary).contains("nsec"));
    assert!(text(&summary).contains(Benchmark::Scall.name()));
    assert!(markdown(&summary).contains("| – |"));
}

#[test]
fn without_intervals_the_table_does_not_mention_the_bootstrap() {
    for (boots, spoken_of) in [(3, false), (8, true)] {
        let (summary, _) = common::run(&MEASURED, boots, 20);
        for table in [text(&summary), markdown(&summary), latex(&summary)] {
            assert_eq!(table.contains("bootstrap"), spoken_of, "{table}");
        }
    }
}

#[test]
fn counts_without_a_value_are_not_called_whole_numbers() {
    const WHOLE: &str = "whole numbers that are the same in every boot";
    let mut summary = counted();
    assert!(markdown(&summary).contains(WHOLE));
    for count in summary.targets.iter_mut().flat_map(|t| &mut t.counts) {
        count.instructions = None;
    }
    assert!(!markdown(&summary).contains(WHOLE));
}
