//! Text in lines and columns.

/// Wider lines are broken.
const WIDTH: usize = 80;

/// Words with commas between them, in lines that are indented.
pub(crate) fn list(indent: usize, words: &[impl ToString]) -> String {
    let mut text = String::new();
    let mut line = " ".repeat(indent);
    for (word, place) in words.iter().zip(1..) {
        let comma = if place < words.len() { "," } else { "" };
        let word = format!("{}{comma}", word.to_string());
        if line.len() > indent && line.len() + 1 + word.len() > WIDTH {
            text += &format!("{line}\n");
            line = " ".repeat(indent);
        }
        if line.len() > indent {
            line.push(' ');
        }
        line += &word;
    }
    text + &line + "\n"
}

/// Rows in columns: the first one from the left, the others from the right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell: &String| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).zip(0..);
        let cells = cells.map(|((cell, &width), place)| match place {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_broken_between_words() {
        let text = list(2, &["word"; 30]);
        assert!(
            text.lines()
                .all(|line| line.starts_with("  word") && line.len() <= WIDTH)
        );
        assert_eq!(text.matches("word").count(), 30);
        assert!(text.ends_with("word\n"));
    }

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [
            vec!["call".into(), "n".into()],
            vec!["read".into(), "1234".into()],
        ];
        assert_eq!(table(&rows), "call     n\nread  1234\n");
    }
}
