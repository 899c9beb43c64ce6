//! Tables for a terminal of 80 columns: rules, groups of rows under a name, and colours.

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ContentArrangement, LineStyle, Table, TableStyle,
};

/// The look of a terminal table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Colours and line-drawing characters.
    Colour,
    /// Neither: for pipes, files and `NO_COLOR`.
    Plain,
}

const RULES: TableStyle = rules('─');
const PLAIN_RULES: TableStyle = rules('-');

/// Rules above, below and under the headings, and nothing else.
const fn rules(character: char) -> TableStyle {
    let rule = LineStyle::none().fill(character).junction(character);
    TableStyle::new()
        .top_border(rule)
        .header_separator(rule)
        .bottom_border(rule)
}

/// The widest line.
const WIDTH: usize = 80;

/// How a row is highlighted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Measured,
    Emulated,
    Missing,
}

/// Rows under the name of their platform, which has separate lines so that it is never broken
/// within a word, however little room the numbers leave.
pub(crate) struct Block {
    pub(crate) name: String,
    pub(crate) look: Look,
    pub(crate) rows: Vec<Vec<String>>,
}

/// The table. Its first column has text, the others numbers.
pub(crate) fn ruled(style: Style, titles: &[&str], blocks: &[Block]) -> String {
    let mut table = empty(style);
    table.set_header(
        titles
            .iter()
            .map(|title| Cell::new(title).add_attribute(Attribute::Bold)),
    );
    for block in blocks {
        for cells in &block.rows {
            let cells = cells.iter().enumerate();
            table.add_row(cells.map(|(i, text)| match i {
                0 => cell(&format!(" {text}"), block.look),
                _ => cell(text, block.look),
            }));
        }
    }
    for (column, i) in table.column_iter_mut().zip(0..) {
        column.set_padding((0, 1));
        if i > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut lines = table.lines();
    // A rule, the headings, a rule.
    let titles = titles.iter().map(|title| title.lines().count()).max();
    let mut out: Vec<String> = lines.by_ref().take(2 + titles.unwrap_or(1)).collect();
    for block in blocks {
        out.extend(heading(style, block));
        out.extend(lines.by_ref().take(block.rows.len()));
    }
    out.extend(lines);
    let lines = out.iter().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}

fn empty(style: Style) -> Table {
    let mut table = Table::new();
    // Rows are not wrapped: each is one line.
    table.set_content_arrangement(ContentArrangement::Disabled);
    match style {
        Style::Plain => table.load_style(PLAIN_RULES).force_no_tty(),
        Style::Colour => table.load_style(RULES).enforce_styling(),
    };
    table
}

fn heading(style: Style, block: &Block) -> Vec<String> {
    let mut table = empty(style);
    table.load_style(TableStyle::new());
    for line in wrap(&block.name).lines() {
        table.add_row([cell(line, block.look)]);
    }
    if let Some(column) = table.column_mut(0) {
        column.set_padding((0, 0));
    }
    table.lines().collect()
}

fn cell(text: &str, look: Look) -> Cell {
    // A label must not send control sequences to the terminal.
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
        if column > 0 && column + 1 + width > WIDTH {
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
