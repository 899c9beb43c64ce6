//! The path of a crossing: a bar for each function, in the order of first entry.

use super::canvas::{Align, BODY, Canvas, Fill, MARGIN, NOTE, REMARK, ROOM, TITLE, WIDTH, paint};
use super::picture::{Caption, Picture};
use super::{PlotError, palette};
use crate::crossing::{self, Change, Crossing};

const HEAD: i32 = 72;
const ROW: i32 = 22;
const BAR: i32 = 14;
/// Function names end here.
const NAMES: i32 = MARGIN + 330;
const BARS: i32 = NAMES + 10;
/// Right of the longest bar, for its number.
const NUMBERS: i32 = 90;
const LONGEST: i32 = WIDTH - MARGIN - NUMBERS - BARS;

pub(super) fn draw(path: &Crossing, against: Option<&Crossing>) -> Result<Picture, PlotError> {
    let before = against.unwrap_or(path);
    let rows = crossing::both(&before.functions, &path.functions);
    let counts = rows.iter().map(|row| row.before.max(row.after));
    let most = counts.max().unwrap_or(0).max(1);
    let height = HEAD + rows.len() as i32 * ROW + MARGIN / 2;
    paint((WIDTH, height), caption(path, against, &rows), |canvas| {
        canvas.text((MARGIN, 26), Align::Left, TITLE, &title(path), ROOM)?;
        let remark = remark(path, against);
        canvas.text((MARGIN, 50), Align::Left, REMARK, &remark, ROOM)?;
        for (row, y) in rows.iter().zip((HEAD..).step_by(ROW as usize)) {
            bar(canvas, row, y + ROW / 2, most)?;
        }
        Ok(())
    })
}

fn bar(canvas: &Canvas<'_>, row: &Change, y: i32, most: u64) -> Result<(), PlotError> {
    let end = |instructions: u64| {
        let share = instructions as f64 / most as f64;
        BARS + (share * f64::from(LONGEST)).round() as i32
    };
    canvas.text((NAMES, y), Align::Right, BODY, &row.name, NAMES - MARGIN)?;
    let kept = end(row.before.min(row.after));
    let right = end(row.after);
    for (left, right, colour, hatched) in [
        (BARS, kept, palette::MEASURED, false),
        (kept, right, palette::DISTURBED, true),
    ] {
        if right > left {
            let fill = Fill { colour, hatched };
            canvas.bar((left, y - BAR / 2), (right, y + BAR / 2), fill)?;
        }
    }
    canvas.text((right + 6, y), Align::Left, NOTE, &number(row), NUMBERS)
}

fn number(row: &Change) -> String {
    match row.difference() {
        0 => row.after.to_string(),
        difference => format!("{} ({difference:+})", row.after),
    }
}

fn title(path: &Crossing) -> String {
    format!("{}: {} instructions a system call", path.target, path.total)
}

fn remark(path: &Crossing, against: Option<&Crossing>) -> String {
    let against = match against {
        Some(against) => format!(
            "; hatched: what {}, with {}, does not execute",
            against.target, against.total
        ),
        None => String::new(),
    };
    let Crossing {
        cpu_model, qemu, ..
    } = path;
    format!(
        "By function, in the order of first entry{against}. {cpu_model} as QEMU {qemu} emulates it; counts, no times."
    )
}

fn caption(path: &Crossing, against: Option<&Crossing>, rows: &[Change]) -> Caption {
    let rows = rows.iter();
    let rows = rows.map(|row| format!("{}: {}.", row.name, number(row)));
    let about = [remark(path, against)].into_iter().chain(rows);
    Caption {
        title: title(path),
        about: about.collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crossing::{FORMAT_VERSION, Function};

    fn path(target: &str, functions: &[(&str, u64)]) -> Crossing {
        let functions = functions.iter();
        let functions: Vec<_> = functions
            .map(|&(name, instructions)| Function {
                name: name.into(),
                instructions,
            })
            .collect();
        Crossing {
            version: FORMAT_VERSION,
            target: target.into(),
            benchmark: "scall".into(),
            cpu_model: "Skylake-Server".into(),
            qemu: "7.2.22".into(),
            kernel_inputs: "abc".into(),
            total: functions.iter().map(|f| f.instructions).sum(),
            functions,
            instructions: None,
        }
    }

    #[test]
    fn every_function_has_its_name_and_its_number() {
        let with = path("linux", &[("entry", 40), ("added<>", 51)]);
        let without = path("linux-nomitig", &[("entry", 42), ("gone", 3)]);
        let file = draw(&with, None).unwrap().file();
        for text in ["linux: 91 instructions", "entry", "added&lt;&gt;", "7.2.22"] {
            assert!(file.contains(text), "{text}: {file}");
        }
        let file = draw(&with, Some(&without)).unwrap().file();
        for text in ["40 (-2)", "51 (+51)", "0 (-3)", "linux-nomitig, with 45"] {
            assert!(file.contains(text), "{text}: {file}");
        }
        let nothing = path("none", &[]);
        assert!(draw(&nothing, None).is_ok());
    }
}
