//! Instructions of each call on each target, separate from the plots of time.

use contract::Benchmark;

use super::axis::Axis;
use super::canvas::{Align, BODY, Canvas, Fill, SMALL};
use super::panel::{self, PANEL, Panel};
use super::picture::{Caption, Picture};
use super::sheet::{self, Strip};
use super::{PlotError, palette};
use crate::summary::{Platform, Summary};
use crate::units::Instructions;

/// The legend of the bars.
pub(crate) fn explanation() -> String {
    "Instructions for one operation, which do not measure time: the number on which nine tenths \
     of the samples of every boot agree exactly, on the processor that QEMU emulates. If they do \
     not agree, the number is missing."
        .into()
}

/// An entry from top to bottom: a name, the count, the bar.
const NAME: i32 = 18;
const NUMBER: i32 = 15;
const MARK: i32 = 14;
const SPACE: i32 = 8;
const ENTRY: i32 = NAME + NUMBER + MARK + SPACE;
const AXIS: i32 = 22;
/// Within the axis' far end.
const INSET: i32 = 6;

/// One call on all targets.
pub(super) struct Bars {
    heading: String,
    entries: Vec<Entry>,
}

/// One target.
struct Entry {
    name: String,
    remark: String,
    count: Option<Instructions>,
}

/// All calls on one sheet.
pub(super) fn draw(summary: &Summary) -> Result<Picture, PlotError> {
    let panels = panels(summary);
    let heading = if panels.is_empty() { "not counted" } else { "" };
    let strip = Strip {
        heading: heading.into(),
        panels,
    };
    sheet::draw(summary, "Instructions", &explanation(), &[strip])
}

/// A panel for each call that was counted.
pub(super) fn panels(summary: &Summary) -> Vec<Bars> {
    let panels = Benchmark::calls().map(|call| Bars {
        heading: call.title().into(),
        entries: summary
            .platforms()
            .filter_map(|platform| entry(&platform, call))
            .collect(),
    });
    panels.filter(|panel| !panel.entries.is_empty()).collect()
}

fn entry(platform: &Platform<'_>, call: Benchmark) -> Option<Entry> {
    let lines = platform.lines();
    let line = lines.iter().find(|line| line.benchmark == call)?;
    let count = line.count?;
    let model = platform.counted?.info.cpu_model.as_deref();
    let on = model.map(|model| format!(", {model}")).unwrap_or_default();
    Some(Entry {
        name: platform.target.info.label.clone(),
        remark: match count.instructions {
            Some(Instructions(each)) => format!("{each} instructions{on}"),
            None => format!("no count{on}"),
        },
        count: count.instructions,
    })
}

impl Panel for Bars {
    fn height(&self) -> i32 {
        self.entries.len() as i32 * ENTRY + AXIS
    }

    fn heading(&self) -> String {
        self.heading.clone()
    }

    fn caption(&self) -> Caption {
        let entries = self.entries.iter();
        let entries = entries.map(|entry| format!("{}: {}.", entry.name, entry.remark));
        Caption {
            title: format!("{}: instructions", self.heading),
            about: entries.collect::<Vec<_>>().join(" "),
        }
    }

    fn draw(&self, canvas: &Canvas<'_>, (left, top): (i32, i32)) -> Result<(), PlotError> {
        let most = self.entries.iter().filter_map(|entry| entry.count).max();
        let most = most.map_or(1.0, |Instructions(most)| most as f64);
        let axis = Axis::linear(0.0, most.max(1.0), 5.0, (left, left + PANEL - INSET));
        let foot = top + self.entries.len() as i32 * ENTRY;
        for (entry, i) in self.entries.iter().zip(0..) {
            let y = top + i * ENTRY;
            canvas.text((left, y + NAME / 2), Align::Left, BODY, &entry.name, PANEL)?;
            let place = (left, y + NAME + NUMBER / 2);
            canvas.text(place, Align::Left, SMALL, &entry.remark, PANEL)?;
            if let Some(Instructions(each)) = entry.count {
                let bar = y + NAME + NUMBER;
                let right = axis.pixel(each as f64).max(left + 1);
                let fill = Fill {
                    colour: palette::COUNTED,
                    hatched: false,
                };
                canvas.bar((left, bar), (right, bar + MARK), fill)?;
            }
        }
        canvas.line((left, foot), (left + PANEL, foot), palette::AXIS, 1)?;
        panel::ticks(canvas, &axis, foot)
    }
}
