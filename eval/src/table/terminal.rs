use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, LineStyle, Table,
    TableStyle,
};

use super::boots;
use super::grid;
use crate::summary::{Summary, TargetSummary};

/// How a terminal table looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Colours and line-drawing characters.
    Colour,
    /// Neither: for pipes, files and `NO_COLOR`.
    Plain,
}

const RULES: TableStyle = rules('─');
const PLAIN_RULES: TableStyle = rules('-');

/// Rules above, below and under the titles, and nothing else.
const fn rules(character: char) -> TableStyle {
    let rule = LineStyle::none().fill(character).junction(character);
    TableStyle::new()
        .top_border(rule)
        .header_separator(rule)
        .bottom_border(rule)
}

/// Widest line of a table.
const WIDTH: u16 = 80;

/// Column titles, shorter than the other tables' to leave the platform its place.
const TITLES: [&str; 7] = [
    "platform, call",
    "avg",
    "median",
    "q1",
    "q3",
    "ns",
    "boots/\nsamples",
];

/// Titles of the block of boots.
const BOOT_TITLES: [&str; 5] = [
    "platform, call",
    "median",
    "95 % interval",
    "spread",
    "ratio",
];

/// The table for a terminal of 80 columns, in TSC ticks, with the median in
/// nanoseconds and the notes around it.
pub fn terminal(summary: &Summary, style: Style) -> String {
    let mut out = String::new();
    for line in &summary.info.headlines() {
        out += &wrap(line);
    }
    out += &wrap(&grid::caption(summary));
    let measured = |target: &TargetSummary| {
        let names = target.rows.iter().map(|row| Some(row.benchmark.name()));
        names
            .chain([None])
            .zip(grid::rows(summary, target))
            .collect()
    };
    out += &table(summary, style, &TITLES, measured).to_string();
    out.push('\n');
    for unit in boots::units(summary) {
        out += &wrap(&boots::caption(summary, unit));
        let boots = |target: &TargetSummary| {
            let rows = boots::rows(summary, target, unit);
            rows.map(|(row, cells)| (Some(row.benchmark.name()), cells))
                .collect()
        };
        out += &table(summary, style, &BOOT_TITLES, boots).to_string();
        out.push('\n');
    }
    for line in grid::footnotes(summary) {
        out += &wrap(&line);
    }
    out
}

fn table<const N: usize>(
    summary: &Summary,
    style: Style,
    titles: &[&str],
    rows: impl Fn(&TargetSummary) -> Vec<(Option<&'static str>, [String; N])>,
) -> Table {
    let mut all = Vec::new();
    for target in &summary.targets {
        let look = match target.info.emulated {
            true => Look::Emulated,
            false if target.rows.is_empty() => Look::Missing,
            false => Look::Measured,
        };
        let rows = rows(target);
        if rows.is_empty() {
            continue;
        }
        // A platform is named once, in a line above its rows; that it is emulated, in each.
        let platform = grid::platform(summary, target);
        let platform = platform.trim_end_matches(grid::EMULATED).trim_end();
        let mut heading = vec![platform.to_owned()];
        heading.resize(titles.len(), String::new());
        all.push((heading, look));
        for (name, cells) in rows {
            let mut cells = cells.into_iter().skip(1);
            let routine = cells.next();
            let call = name.map(String::from).or(routine);
            let mark = match target.info.emulated {
                true => format!(" {}", grid::EMULATED),
                false => String::new(),
            };
            let call = format!(" {}{mark}", call.unwrap_or_default());
            all.push((std::iter::once(call).chain(cells).collect(), look));
        }
    }
    ruled(style, titles, 1, all.into_iter())
}

/// How a row stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Measured,
    Emulated,
    Missing,
}

/// A table of [`WIDTH`] letters whose first columns, so many, hold words.
pub(crate) fn ruled(
    style: Style,
    titles: &[&str],
    words: usize,
    rows: impl Iterator<Item = (Vec<String>, Look)>,
) -> Table {
    let mut table = Table::new();
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH);
    match style {
        Style::Plain => table.load_style(PLAIN_RULES).force_no_tty(),
        Style::Colour => table.load_style(RULES).enforce_styling(),
    };
    table.set_header(
        titles
            .iter()
            .map(|title| Cell::new(title).add_attribute(Attribute::Bold)),
    );
    for (cells, look) in rows {
        table.add_row(cells.iter().map(|text| cell(text, look)));
    }
    for (column, i) in table.column_iter_mut().zip(0..) {
        column.set_padding((0, 1));
        if i > 0 {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
        if i >= words {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn cell(text: &str, look: Look) -> Cell {
    // A label must not steer the terminal.
    let cell = Cell::new(text.replace(char::is_control, ""));
    match look {
        Look::Emulated => cell.fg(Color::Yellow),
        Look::Missing => cell.add_attribute(Attribute::Dim),
        Look::Measured => cell,
    }
}

/// A text in lines that fit.
pub(crate) fn wrap(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let word: String = word.chars().filter(|c| !c.is_control()).collect();
        let width = word.chars().count();
        if column > 0 && column + 1 + width > usize::from(WIDTH) {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out += &word;
        column += width;
    }
    out + "\n"
}
