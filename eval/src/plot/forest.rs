//! A call's ratio on each machine, and over all of them.

use super::axis::Axis;
use super::canvas::{Align, Canvas, Fill, SMALL};
use super::panel::{self, PANEL, Panel};
use super::picture::Caption;
use super::{PlotError, palette};
use crate::digits;
use crate::summary::fleet::{Fleet, FleetRow};

/// The legend of the marks.
pub(crate) fn explanation(fleet: &Fleet) -> String {
    let scope = fleet.scope();
    format!(
        "Each machine's ratio to the reference target, with its 95 % interval from boots drawn on \
         both sides, where it has enough boots; below them, the ratio over all machines. Machines \
         that the doctor found unfit are hatched. {scope}"
    )
}

/// A line: a machine's name, its ratio in digits, the mark.
const LINE: i32 = 17;
const NAME: i32 = 128;
const AXIS: i32 = 22;
/// Inside the ends of the axis.
const INSET: i32 = 6;
/// Digits of a machine's identity that are shown.
const SHOWN: usize = 8;

/// One row of the fleet.
pub(super) struct Forest {
    title: String,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    ratio: f64,
    interval: Option<[f64; 2]>,
    fit: bool,
}

/// A panel for each row that has ratios.
pub(super) fn panels(fleet: &Fleet) -> Vec<Forest> {
    let rows = fleet.rows.iter();
    let forests = rows.map(|row| Forest {
        title: format!(
            "{} {} over {}",
            row.target,
            row.benchmark.name(),
            row.reference.as_deref().unwrap_or_default()
        ),
        entries: entries(fleet, row),
    });
    forests
        .filter(|forest| !forest.entries.is_empty())
        .collect()
}

fn entries(fleet: &Fleet, row: &FleetRow) -> Vec<Entry> {
    let machines = fleet.machines.iter().filter_map(|machine| {
        let cost = row
            .machines
            .iter()
            .find(|cost| cost.machine == machine.id)?;
        Some(Entry {
            name: machine.id.chars().take(SHOWN).collect(),
            ratio: cost.ratio?,
            interval: cost.interval,
            fit: machine.fit,
        })
    });
    let all = row.ratio.map(|ratio| Entry {
        name: "all machines".into(),
        ratio: ratio.value,
        interval: Some([ratio.low, ratio.high]),
        fit: true,
    });
    machines.chain(all).collect()
}

impl Entry {
    fn number(&self) -> String {
        match self.interval {
            Some([low, high]) => {
                let d = digits::of_interval(low, high, 3);
                format!("{:.d$} [{low:.d$}, {high:.d$}]", self.ratio)
            }
            None => format!("{:.3}", self.ratio),
        }
    }

    fn draw(&self, canvas: &Canvas<'_>, axis: &Axis, y: i32) -> Result<(), PlotError> {
        let ratio = axis.pixel(self.ratio);
        let [low, high] = self.interval.unwrap_or([self.ratio; 2]);
        let low = axis.pixel(low).min(ratio - 2);
        let high = axis.pixel(high).max(ratio + 2);
        let fill = Fill {
            colour: palette::bar(!self.fit),
            hatched: !self.fit,
        };
        canvas.bar((low, y - 3), (high, y + 3), fill)?;
        canvas.line((ratio, y - 6), (ratio, y + 6), palette::INK, 2)
    }
}

impl Panel for Forest {
    fn height(&self) -> i32 {
        2 * self.entries.len() as i32 * LINE + AXIS
    }

    fn heading(&self) -> String {
        self.title.clone()
    }

    fn caption(&self) -> Caption {
        let entries = self.entries.iter();
        let entries = entries.map(|entry| format!("{}: {}.", entry.name, entry.number()));
        Caption {
            title: self.title.clone(),
            about: entries.collect::<Vec<_>>().join(" "),
        }
    }

    fn draw(&self, canvas: &Canvas<'_>, (left, top): (i32, i32)) -> Result<(), PlotError> {
        let ends = self.entries.iter().flat_map(|entry| {
            let [low, high] = entry.interval.unwrap_or([entry.ratio; 2]);
            [low, entry.ratio, high]
        });
        let (low, high) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), end| {
            (low.min(end), high.max(end))
        });
        let axis = Axis::linear(low, high, 4.0, (left + INSET, left + PANEL - INSET));
        let foot = top + 2 * self.entries.len() as i32 * LINE;
        for (entry, i) in self.entries.iter().zip(0..) {
            let y = top + 2 * i * LINE;
            let (text, mark) = (y + LINE / 2, y + LINE + LINE / 2);
            canvas.text((left, text), Align::Left, SMALL, &entry.name, NAME)?;
            let number = (left + NAME, text);
            canvas.text(number, Align::Left, SMALL, &entry.number(), PANEL - NAME)?;
            canvas.line((left, mark), (left + PANEL, mark), palette::GRID, 1)?;
            entry.draw(canvas, &axis, mark)?;
        }
        canvas.line((left, foot), (left + PANEL, foot), palette::AXIS, 1)?;
        panel::ticks(canvas, &axis, foot)
    }
}
