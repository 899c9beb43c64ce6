use super::boots;
use super::grid::{self, WORDS};
use crate::summary::Summary;

/// The table in Markdown (GitHub's tables), with a separate block for the paper's published
/// values.
pub fn markdown(summary: &Summary) -> String {
    let notes = summary.info.headlines();
    let mut blocks: Vec<_> = notes.iter().map(|n| format!("> {}", escape(n))).collect();
    blocks.push(escape(&grid::caption(summary)));
    blocks.push(table(&grid::columns(summary), grid::measured(summary)));
    for unit in boots::units(summary) {
        blocks.push(escape(&boots::caption(summary, unit)));
        blocks.push(table(
            &boots::COLUMNS,
            boots::measured(summary, unit).map(|cells| cells.to_vec()),
        ));
    }
    blocks.extend(grid::footnotes(summary).iter().map(|n| escape(n)));
    blocks.push(escape(&grid::published_caption()));
    blocks.push(table(&grid::PUBLISHED, grid::published()));
    blocks.join("\n\n") + "\n"
}

fn table(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let header = columns.iter().map(|c| escape(c)).collect();
    let rule = (0..columns.len())
        .map(|i| if i < WORDS { "---" } else { "---:" }.into())
        .collect();
    let rows = rows.map(|cells| cells.iter().map(|c| escape(c)).collect());
    let lines: Vec<String> = [header, rule].into_iter().chain(rows).map(line).collect();
    lines.join("\n")
}

fn line(cells: Vec<String>) -> String {
    format!("| {} |", cells.join(" | "))
}

/// Text on one line, escaped so that Markdown shows it as it is.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // Entities, because in some readers a backslash does not escape a pipe or HTML.
            '|' => out.push_str("&#124;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_whitespace() => out.push(' '),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}
