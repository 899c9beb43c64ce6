//! What the kernel of each boot counted during the measurement, in order of time.

use super::PlotError;
use super::axis::Axis;
use super::canvas::{Align, Canvas, Fill, SMALL};
use super::palette;
use super::panel::{self, PANEL, Panel};
use super::picture::Caption;
use crate::boot::Boot;
use crate::summary::TargetSummary;

/// A counter's name and figures, the bars under them, and the axis under all.
const NAME: i32 = 18;
const BARS: i32 = 20;
const AXIS: i32 = 22;
/// Inside the ends of the axis, as with the boots' medians.
const NUMBERS: i32 = 46;
const INSET: i32 = 6;

/// The counters of one target.
pub(super) struct Counters<'b> {
    label: &'b str,
    boots: Vec<&'b Boot>,
    names: Vec<&'b str>,
    /// How many boots the whole run has.
    run: u32,
}

/// One target's panel; `None` if its kernel counted nothing.
pub(super) fn panel<'b>(target: &'b TargetSummary, boots: &'b [Boot]) -> Option<Counters<'b>> {
    let run = boots
        .iter()
        .map(|boot| boot.position)
        .max()?
        .saturating_add(1);
    let boots: Vec<_> = boots
        .iter()
        .filter(|boot| boot.target == target.info.name)
        .collect();
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in boots.iter().flat_map(|boot| &boot.disturbances) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    (!names.is_empty()).then_some(Counters {
        label: &target.info.label,
        boots,
        names,
        run,
    })
}

impl Panel for Counters<'_> {
    fn height(&self) -> i32 {
        self.names.len() as i32 * (NAME + BARS) + AXIS
    }

    fn heading(&self) -> String {
        "what the kernel counted".into()
    }

    fn caption(&self) -> Caption {
        let names = self.names.iter().map(|name| self.figures(name));
        Caption {
            title: format!("{}: disturbances in order of time", self.label),
            about: names.collect::<Vec<_>>().join("; ") + ".",
        }
    }

    fn draw(&self, canvas: &Canvas<'_>, (left, top): (i32, i32)) -> Result<(), PlotError> {
        let (begin, end) = (left + NUMBERS, left + PANEL);
        let ends = (begin + INSET, end - INSET);
        let times = Axis::linear(1.0, f64::from(self.run.max(2)), 5.0, ends);
        let fill = Fill {
            colour: palette::DISTURBED,
            hatched: false,
        };
        let mut foot = top;
        for name in &self.names {
            canvas.text(
                (left, foot + NAME / 2),
                Align::Left,
                SMALL,
                &self.figures(name),
                PANEL,
            )?;
            foot += NAME + BARS;
            canvas.line((begin, foot), (end, foot), palette::GRID, 1)?;
            let most = self.most(name).max(1) as f64;
            for (boot, count) in self.of(name).filter(|(_, count)| *count > 0) {
                let height = (count as f64 / most * f64::from(BARS - 2)).ceil() as i32;
                let x = times.pixel(f64::from(boot.position) + 1.0);
                canvas.bar((x - 1, foot - height), (x + 1, foot), fill)?;
            }
        }
        canvas.line((begin, foot), (end, foot), palette::AXIS, 1)?;
        panel::ticks(canvas, &times, foot)
    }
}

impl<'b> Counters<'b> {
    /// The values of one counter, boot by boot.
    fn of(&self, name: &str) -> impl Iterator<Item = (&'b Boot, u64)> {
        self.boots.iter().filter_map(move |boot| {
            let known = boot.disturbances.iter().find(|(n, _)| n == name);
            Some((*boot, known?.1))
        })
    }

    fn most(&self, name: &str) -> u64 {
        self.of(name).map(|(_, count)| count).max().unwrap_or(0)
    }

    fn figures(&self, name: &str) -> String {
        let counts = self.of(name).map(|(_, count)| count);
        let total = counts.fold(0, u64::saturating_add);
        match total {
            0 => format!("{name}: none"),
            _ => format!("{name}: {total}; most: {}", self.most(name)),
        }
    }
}
