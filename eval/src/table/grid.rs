//! The common part of the tables for readers: Table 1 of the paper, row by row.

use contract::Method;

use crate::reference::{self, Published};
use crate::summary::{Line, Platform, Summary, TargetSummary};
use crate::units::{Instructions, Nanoseconds, Ticks};

/// Column headings of the published block, and the first headings of the measured one.
pub(super) const PUBLISHED: [&str; 7] = [
    "Platform",
    "Routine call",
    "avg",
    "median",
    "q1",
    "q3",
    "ns (median)",
];
/// The number of leading columns with text; the others have numbers.
pub(super) const WORDS: usize = 2;

/// The text for a missing number.
pub(super) const NOTHING: &str = "–";

/// A row of cells, not escaped.
pub(super) type Cells = Vec<String>;

/// Column headings of the measured block: instructions only if there are any.
pub(super) fn columns(summary: &Summary) -> Vec<&'static str> {
    let mut columns = PUBLISHED.to_vec();
    if summary.has_counts() {
        columns.push("instructions");
    }
    if has_instructions_per_cycle(summary) {
        columns.push("instr./core cycle");
    }
    columns.push("boots/samples");
    columns
}

/// The mark of a row from an emulator.
pub(super) const EMULATED: &str = "(emulated)";

/// The caption above the measured block.
pub(super) fn caption(summary: &Summary) -> String {
    let methods = summary.methods();
    let mut caption = format!(
        "Experiment {}, {methods} method{}: ",
        summary.info.experiment,
        if methods.contains(" and ") { "s" } else { "" },
    );
    let timed = summary.targets.iter().any(|t| !t.rows.is_empty());
    if timed || !summary.has_counts() {
        caption += "TSC ticks for one operation";
        if let Some(tsc) = &summary.info.tsc {
            caption += &format!(" at {:.3} MHz ({})", tsc.hz.0 / 1e6, tsc.source);
        }
    }
    caption += match (timed, summary.has_counts()) {
        (_, false) => "",
        (true, true) => "; instructions, exactly",
        (false, true) => "instructions for one operation, exactly",
    };
    caption + "."
}

/// The caption above the published block.
pub(super) fn published_caption() -> String {
    format!(
        "Published, not measured here: {}, on an {}.",
        reference::SOURCE,
        reference::MACHINE
    )
}

/// The lines below the measured block.
pub(super) fn footnotes(summary: &Summary) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(emulated(summary));
    notes.extend(counted_on(summary));
    notes.extend(another_path(summary));
    for target in &summary.targets {
        let info = &target.info;
        if let Some(missing) = &info.missing {
            notes.push(format!(
                "{}: {}; {}",
                info.label, missing.what, missing.hint
            ));
        }
        notes.extend(target.info.failed_boots());
    }
    notes.extend(summary.footnotes());
    notes
}

/// Explains rows that time an emulator.
pub(super) fn emulated(summary: &Summary) -> Option<String> {
    let any = summary.platforms().any(|platform| platform.is_emulated());
    any.then(|| {
        "Rows marked “emulated” ran on an emulated processor: they show that the pipeline works, but do not measure time."
            .into()
    })
}

/// The processors for which instructions were counted, one line each.
pub(crate) fn counted_on(summary: &Summary) -> Vec<String> {
    let mut models: Vec<(String, Vec<&str>)> = Vec::new();
    for platform in summary.platforms() {
        let Some(on) = platform.counted_on().filter(|_| platform.has_counts()) else {
            continue;
        };
        let label = platform.target.info.label.as_str();
        match models.iter_mut().find(|(model, _)| *model == on) {
            Some((_, labels)) => labels.push(label),
            None => models.push((on, vec![label])),
        }
    }
    let only = models.len() == 1;
    let targets = &summary.targets;
    let mut counts = targets.iter().flat_map(|target| &target.counts);
    let repeated = counts.any(|count| count.instructions.is_some());
    let line = |(on, labels): (String, Vec<&str>)| {
        if only && repeated {
            format!("Instructions were {on}: whole numbers that are the same in every boot.")
        } else if only {
            format!("Instructions were {on}.")
        } else {
            format!("Instructions of {} were {on}.", labels.join("; "))
        }
    };
    models.into_iter().map(line).collect()
}

/// The meaning of the mark [`OTHER_PATH`].
pub(crate) fn another_path(summary: &Summary) -> Option<String> {
    let marked = |platform: &Platform| {
        let mut lines = platform.lines().into_iter();
        lines.any(|line| {
            platform.counts_another_path(line.benchmark) && line.instructions_per_cycle().is_some()
        })
    };
    let any = summary.platforms().any(|platform| marked(&platform));
    any.then(|| {
        format!(
            "{OTHER_PATH} Instructions of a guest with other mitigations than the timed one, divided by the timed one’s core cycles."
        )
    })
}

/// The measured block.
pub(super) fn measured(summary: &Summary) -> impl Iterator<Item = Cells> {
    let per_cycle = has_instructions_per_cycle(summary);
    summary.platforms().flat_map(move |platform| {
        let name = self::platform(summary, platform.target);
        let lines = platform.lines();
        let nothing = lines.is_empty();
        let nothing = nothing.then(|| without_numbers(summary, name.clone(), platform.target));
        let rows = lines.into_iter().map(move |line| {
            let mut cells = with_numbers(name.clone(), &line);
            if summary.has_counts() {
                cells.push(instructions(&line));
            }
            if per_cycle {
                cells.push(per_core_cycle(&platform, &line));
            }
            cells.push(boots_and_samples(&line));
            cells
        });
        nothing.into_iter().chain(rows)
    })
}

/// Whether any row has both instructions and core cycles.
pub(super) fn has_instructions_per_cycle(summary: &Summary) -> bool {
    let lines = summary.platforms().flat_map(|platform| platform.lines());
    lines
        .into_iter()
        .any(|line| line.instructions_per_cycle().is_some())
}

/// A whole number, or an empty cell.
pub(super) fn instructions(line: &Line<'_>) -> String {
    let each = line.instructions();
    each.map_or(NOTHING.into(), |Instructions(each)| each.to_string())
}

/// The mark of instructions per cycle that were counted on another path.
pub(crate) const OTHER_PATH: &str = "*";

/// Instructions per core cycle.
pub(super) fn per_core_cycle(platform: &Platform<'_>, line: &Line<'_>) -> String {
    let mark = if platform.counts_another_path(line.benchmark) {
        OTHER_PATH
    } else {
        ""
    };
    let per_cycle = line.instructions_per_cycle();
    per_cycle.map_or(NOTHING.into(), |ratio| number(ratio) + mark)
}

/// The number of samples and boots behind a line: of what was timed, or else of what was
/// counted.
fn boots_and_samples(line: &Line<'_>) -> String {
    let timed = line.row.map(|row| (row.boots, row.samples));
    let counted = line.count.map(|count| (count.boots, count.samples));
    timed
        .or(counted)
        .map_or(NOTHING.into(), |(boots, samples)| {
            format!("{boots}/{samples}")
        })
}

/// The published block.
pub(super) fn published() -> impl Iterator<Item = Cells> {
    reference::PUBLISHED.iter().map(|p: &Published| {
        let Nanoseconds(ns) = p.median_ns();
        let [mean, median, q1, q3] = [p.mean, p.median, p.q1, p.q3].map(|Ticks(t)| number(t));
        vec![
            p.platform.into(),
            p.benchmark.title().into(),
            mean,
            median,
            q1,
            q3,
            number(ns),
        ]
    })
}

/// A target as the tables name it.
pub(super) fn platform(summary: &Summary, target: &TargetSummary) -> String {
    let mut platform = target.info.label.clone();
    if summary.is_mixed() && target.info.method != Some(Method::Exact) {
        platform += &format!(" ({} method)", target.info.method_name());
    }
    if target.info.measures_emulator() {
        platform += &format!(" {EMULATED}");
    }
    platform
}

/// The columns that the published block also has.
fn with_numbers(platform: String, line: &Line<'_>) -> Cells {
    let ticks = line.row.map(|row| row.ticks.map(|Ticks(t)| number(t)));
    let ns = line.row.and_then(|row| row.ns);
    let ticks = match ticks {
        Some(ticks) => [ticks.mean, ticks.median, ticks.q1, ticks.q3],
        None => std::array::from_fn(|_| NOTHING.into()),
    };
    let mut cells = vec![platform, line.benchmark.title().into()];
    cells.extend(ticks);
    cells.push(ns.map_or(NOTHING.into(), |ns| number(ns.median.0)));
    cells
}

/// Why a target has no numbers, in two words.
pub(super) fn why_nothing(target: &TargetSummary) -> String {
    match &target.info.missing {
        Some(missing) => missing.what.clone(),
        None => target.info.without_rows().into(),
    }
}

fn without_numbers(summary: &Summary, platform: String, target: &TargetSummary) -> Cells {
    let mut cells = vec![platform, why_nothing(target)];
    cells.resize(columns(summary).len(), NOTHING.into());
    cells
}

pub(super) fn number(x: f64) -> String {
    format!("{x:.2}")
}
