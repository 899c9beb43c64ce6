//! A file full of panels: a strip for each target.

use super::canvas::{Align, BODY, Canvas, HEADING, MARGIN, ROOM, TITLE, WIDTH, paint};
use super::panel::{COLUMNS, GAP, PANEL, Panel};
use super::picture::{Caption, Picture};
use super::remarks::Remarks;
use super::{PlotError, palette};
use crate::summary::{Platform, Summary, TargetSummary};

const FIRST_REMARK: i32 = 58;
/// The space above a strip, and above a panel.
const STRIP_HEADING: i32 = 30;
const PANEL_HEADING: i32 = 18;
const STRIP_GAP: i32 = 16;
const ROW_GAP: i32 = 8;

/// A row of panels, or several, under one heading.
pub(super) struct Strip<P> {
    pub(super) heading: String,
    pub(super) panels: Vec<P>,
}

/// A strip for each target.
pub(super) fn of_targets<'s, P>(
    summary: &'s Summary,
    panels: impl Fn(&'s TargetSummary) -> Result<Vec<P>, PlotError>,
) -> Result<Vec<Strip<P>>, PlotError> {
    // Targets that were counted and not timed have nothing to show here.
    let timed = summary
        .platforms()
        .filter(|platform| !platform.is_counted_only());
    let strips = timed.map(|Platform { target, .. }| {
        let panels = panels(target)?;
        Ok(Strip {
            heading: heading(target, panels.is_empty()),
            panels,
        })
    });
    strips.collect()
}

fn heading(target: &TargetSummary, empty: bool) -> String {
    let info = &target.info;
    let mark = if info.measures_emulator() {
        " (emulated: does not measure time)"
    } else {
        ""
    };
    let label = &info.label;
    match &info.missing {
        Some(missing) => format!("{label}{mark}: {}", missing.what),
        None if empty => format!("{label}{mark}: {}", info.without_rows()),
        None => format!("{label}{mark}"),
    }
}

/// All strips, under a title and the explanations.
pub(super) fn draw<P: Panel>(
    summary: &Summary,
    what: &str,
    explanation: &str,
    strips: &[Strip<P>],
) -> Result<Picture, PlotError> {
    let head = head(summary, explanation);
    let top = FIRST_REMARK + head.height();
    let height = top + strips.iter().map(Strip::height).sum::<i32>();
    let title = format!("{what} of experiment {}", summary.info.experiment);
    let caption = Caption {
        title: title.clone(),
        about: about(explanation, strips),
    };
    paint((WIDTH, height), caption, |canvas| {
        canvas.text((MARGIN, 30), Align::Left, TITLE, &title, ROOM)?;
        head.draw(canvas, FIRST_REMARK)?;
        let mut y = top;
        for strip in strips {
            strip.draw(canvas, y)?;
            y += strip.height();
        }
        Ok(())
    })
}

fn head(summary: &Summary, explanation: &str) -> Remarks {
    let explanation = format!("Method: {}. {explanation}", summary.methods());
    Remarks::new(&summary.info.headlines(), &explanation)
}

/// The sheet as text.
fn about<P: Panel>(explanation: &str, strips: &[Strip<P>]) -> String {
    let panels = strips.iter().flat_map(|strip| &strip.panels);
    let captions = panels.map(|panel| {
        let Caption { title, about } = panel.caption();
        format!(" {title}: {about}")
    });
    explanation.to_owned() + &captions.collect::<String>()
}

impl<P: Panel> Strip<P> {
    fn rows(&self) -> impl Iterator<Item = &[P]> {
        self.panels.chunks(COLUMNS as usize)
    }

    fn height(&self) -> i32 {
        STRIP_HEADING + self.rows().map(row_height).sum::<i32>() + STRIP_GAP
    }

    fn draw(&self, canvas: &Canvas<'_>, top: i32) -> Result<(), PlotError> {
        canvas.line((MARGIN, top), (MARGIN + ROOM, top), palette::GRID, 1)?;
        let place = (MARGIN, top + STRIP_HEADING / 2);
        canvas.text(place, Align::Left, HEADING, &self.heading, ROOM)?;
        let mut y = top + STRIP_HEADING;
        for row in self.rows() {
            for (panel, column) in row.iter().zip(0..) {
                let x = MARGIN + column * (PANEL + GAP);
                let place = (x, y + PANEL_HEADING / 2);
                canvas.text(place, Align::Left, BODY, &panel.heading(), PANEL)?;
                panel.draw(canvas, (x, y + PANEL_HEADING))?;
            }
            y += row_height(row);
        }
        Ok(())
    }
}

fn row_height<P: Panel>(row: &[P]) -> i32 {
    PANEL_HEADING + row.iter().map(P::height).max().unwrap_or(0) + ROW_GAP
}
