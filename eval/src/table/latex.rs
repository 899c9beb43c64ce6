use super::boots;
use super::grid::{self, WORDS};
use crate::summary::Summary;

/// The table in LaTeX: plain `tabular` that does not need a package, with a separate one for
/// the paper's published values.
pub fn latex(summary: &Summary) -> String {
    let mut paragraphs: Vec<_> = summary.info.headlines().iter().map(|n| escape(n)).collect();
    paragraphs.push(escape(&grid::caption(summary)));
    paragraphs.push(tabular(&grid::columns(summary), grid::measured(summary)));
    for unit in boots::units(summary) {
        paragraphs.push(escape(&boots::caption(summary, unit)));
        paragraphs.push(tabular(
            &boots::COLUMNS,
            boots::measured(summary, unit).map(|cells| cells.to_vec()),
        ));
    }
    paragraphs.extend(grid::footnotes(summary).iter().map(|n| escape(n)));
    paragraphs.push(escape(&grid::published_caption()));
    paragraphs.push(tabular(&grid::PUBLISHED, grid::published()));
    paragraphs.join("\n\n") + "\n"
}

fn tabular(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let alignment: String = (0..columns.len())
        .map(|i| if i < WORDS { 'l' } else { 'r' })
        .collect();
    let mut out = format!("\\begin{{tabular}}{{{alignment}}}\n\\hline\n");
    out += &line(columns.iter().map(|c| escape(c)));
    out += "\\hline\n";
    for cells in rows {
        out += &line(cells.iter().map(|c| escape(c)));
    }
    out + "\\hline\n\\end{tabular}"
}

fn line(cells: impl Iterator<Item = String>) -> String {
    cells.collect::<Vec<_>>().join(" & ") + " \\\\\n"
}

/// Text on one line, escaped so that LaTeX sets it as it is.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\textbackslash{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '<' => out.push_str("\\textless{}"),
            '>' => out.push_str("\\textgreater{}"),
            '|' => out.push_str("\\textbar{}"),
            '"' => out.push_str("\\symbol{34}"),
            '“' => out.push_str("``"),
            '”' => out.push_str("''"),
            '–' => out.push_str("--"),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            // Otherwise `\\` would take a bracket at the start of the next row as its argument.
            '[' | ']' => {
                out.push('{');
                out.push(c);
                out.push('}');
            }
            c if c.is_whitespace() => out.push(' '),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}
