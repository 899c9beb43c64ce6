//! The path of a crossing: a bar for each function, in the order of first entry.

use super::canvas::{Align, Canvas, Fill, MARGIN, NOTE, REMARK, ROOM, TITLE, WIDTH, paint};
use super::panel::PANEL;
use super::picture::{Caption, Picture};
use super::{PlotError, palette};
use crate::crossing::{self, Change, Crossing};
use crate::units::Instructions;

/// Where the remarks begin.
const HEAD: i32 = 50;
const LINE: i32 = 18;
/// A row from top to bottom: a name, its bar.
const NAME: i32 = 18;
const BAR: i32 = 12;
const ROW: i32 = NAME + BAR + 4;
/// Right of the longest bar, for its number.
const NUMBER: i32 = 70;

/// On a sheet of its own, under a title.
pub(super) fn draw(path: &Crossing, against: Option<&Crossing>) -> Result<Picture, PlotError> {
    let rows = rows(path, against);
    let remarks = remarks(path, against);
    let head = HEAD + remarks.len() as i32 * LINE;
    let size = (WIDTH, head + height(&rows) + MARGIN / 2);
    paint(size, caption(path, against), |canvas| {
        canvas.text((MARGIN, 26), Align::Left, TITLE, &title(path), ROOM)?;
        for (remark, y) in remarks.iter().zip((HEAD..).step_by(LINE as usize)) {
            canvas.text((MARGIN, y), Align::Left, REMARK, remark, ROOM)?;
        }
        bars(canvas, &rows, (MARGIN, head), ROOM)
    })
}

/// For a page, which already has a title; narrow enough for a phone.
pub(super) fn narrow(path: &Crossing) -> Result<Picture, PlotError> {
    let rows = rows(path, None);
    paint((PANEL, height(&rows)), caption(path, None), |canvas| {
        bars(canvas, &rows, (0, 0), PANEL)
    })
}

fn rows(path: &Crossing, against: Option<&Crossing>) -> Vec<Change> {
    let before = against.unwrap_or(path);
    crossing::both(&before.functions, &path.functions)
}

fn height(rows: &[Change]) -> i32 {
    rows.len() as i32 * ROW
}

fn bars(
    canvas: &Canvas<'_>,
    rows: &[Change],
    (left, top): (i32, i32),
    room: i32,
) -> Result<(), PlotError> {
    let counts = rows.iter().map(|row| row.before.max(row.after).0);
    let most = counts.max().unwrap_or(0).max(1);
    let end = |count: Instructions| {
        let share = count.0 as f64 / most as f64;
        left + (share * f64::from(room - NUMBER)).round() as i32
    };
    for (row, y) in rows.iter().zip((top..).step_by(ROW as usize)) {
        canvas.text((left, y + NAME / 2), Align::Left, NOTE, &row.name, room)?;
        let kept = end(row.before.min(row.after));
        let right = end(row.after);
        for (left, right, colour, hatched) in [
            (left, kept, palette::MEASURED, false),
            (kept, right, palette::DISTURBED, true),
        ] {
            if right > left {
                let fill = Fill { colour, hatched };
                canvas.bar((left, y + NAME), (right, y + NAME + BAR), fill)?;
            }
        }
        let middle = y + NAME + BAR / 2;
        canvas.text((right + 6, middle), Align::Left, NOTE, &number(row), NUMBER)?;
    }
    Ok(())
}

fn number(row: &Change) -> String {
    match row.difference() {
        0 => row.after.0.to_string(),
        difference => format!("{} ({difference:+})", row.after.0),
    }
}

fn title(path: &Crossing) -> String {
    let Crossing { target, total, .. } = path;
    format!("{target}: {} instructions per system call", total.0)
}

fn remarks(path: &Crossing, against: Option<&Crossing>) -> Vec<String> {
    let Crossing {
        cpu_model, qemu, ..
    } = path;
    let what = format!(
        "By function, in the order of first entry. {cpu_model} as QEMU {qemu} emulates it; \
         counts, not times."
    );
    let hatched = against.map(|against| {
        let Crossing { target, total, .. } = against;
        format!(
            "Hatched: instructions that {target}, with {}, does not execute.",
            total.0
        )
    });
    [what].into_iter().chain(hatched).collect()
}

fn caption(path: &Crossing, against: Option<&Crossing>) -> Caption {
    let rows = rows(path, against);
    let rows = rows.iter();
    let rows = rows.map(|row| format!("{}: {}.", row.name, number(row)));
    let about = remarks(path, against).into_iter().chain(rows);
    Caption {
        title: title(path),
        about: about.collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_its_name_and_its_number() {
        let with = Crossing::made_up("linux", &[("entry", 40), ("added<>", 51)]);
        let without = Crossing::made_up("linux-nomitig", &[("entry", 42), ("gone", 3)]);
        let file = draw(&with, None).unwrap().file();
        for text in ["linux: 91 instructions", "entry", "added&lt;&gt;", "7.2.22"] {
            assert!(file.contains(text), "{text}: {file}");
        }
        let file = draw(&with, Some(&without)).unwrap().file();
        for text in ["40 (-2)", "51 (+51)", "0 (-3)", "linux-nomitig, with 45"] {
            assert!(file.contains(text), "{text}: {file}");
        }
        let page = narrow(&with).unwrap().file();
        assert!(page.contains("added&lt;&gt;"), "{page}");
        let nothing = Crossing::made_up("none", &[]);
        assert!(draw(&nothing, None).is_ok());
    }
}
