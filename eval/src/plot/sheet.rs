//! A file full of panels: a strip for each target.

use super::canvas::{Align, BODY, Canvas, HEADING, MARGIN, ROOM, Remarks, TITLE, WIDTH, paint};
use super::panel::{COLUMNS, GAP, PANEL, Panel};
use super::picture::{Caption, Picture};
use super::{PlotError, palette};
use crate::summary::{Summary, TargetSummary};

const FIRST_REMARK: i32 = 58;
/// Above a strip, and above a panel.
const STRIP_HEADING: i32 = 30;
const PANEL_HEADING: i32 = 18;
const STRIP_GAP: i32 = 16;

/// The panels of all targets, under a title and what explains them.
pub(super) fn draw<'s, P: Panel>(
    summary: &'s Summary,
    what: &str,
    explanation: &str,
    panels: impl Fn(&'s TargetSummary) -> Result<Vec<P>, PlotError>,
) -> Result<Picture, PlotError> {
    let strips = summary
        .targets
        .iter()
        .map(|target| {
            Ok(Strip {
                target,
                panels: panels(target)?,
            })
        })
        .collect::<Result<Vec<_>, PlotError>>()?;
    let head = head(summary, explanation);
    let top = FIRST_REMARK + head.height();
    let height = top + strips.iter().map(Strip::height).sum::<i32>();
    let title = format!("{what} of experiment {}", summary.info.experiment);
    let caption = Caption {
        title: title.clone(),
        about: about(explanation, &strips),
    };
    paint((WIDTH, height), caption, |canvas| {
        canvas.text((MARGIN, 30), Align::Left, TITLE, &title, ROOM)?;
        head.draw(canvas, FIRST_REMARK)?;
        let mut y = top;
        for strip in &strips {
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

/// The sheet in words.
fn about<P: Panel>(explanation: &str, strips: &[Strip<'_, P>]) -> String {
    let panels = strips.iter().flat_map(|strip| &strip.panels);
    let captions = panels.map(|panel| {
        let Caption { title, about } = panel.caption();
        format!(" {title}: {about}")
    });
    explanation.to_owned() + &captions.collect::<String>()
}

/// One target.
struct Strip<'s, P> {
    target: &'s TargetSummary,
    panels: Vec<P>,
}

impl<P: Panel> Strip<'_, P> {
    fn rows(&self) -> i32 {
        (self.panels.len() as i32 + COLUMNS - 1) / COLUMNS
    }

    fn height(&self) -> i32 {
        STRIP_HEADING + self.rows() * (PANEL_HEADING + P::HEIGHT) + STRIP_GAP
    }

    fn heading(&self) -> String {
        let info = &self.target.info;
        let mut heading = info.label.clone();
        if info.emulated {
            heading += " (emulated: measures nothing)";
        }
        if let Some(missing) = &info.missing {
            heading = format!("{heading}: {}", missing.what);
        } else if self.panels.is_empty() {
            heading += ": no boot succeeded";
        }
        heading
    }

    fn draw(&self, canvas: &Canvas<'_>, top: i32) -> Result<(), PlotError> {
        canvas.line((MARGIN, top), (MARGIN + ROOM, top), palette::GRID, 1)?;
        let place = (MARGIN, top + STRIP_HEADING / 2);
        canvas.text(place, Align::Left, HEADING, &self.heading(), ROOM)?;
        for (panel, i) in self.panels.iter().zip(0..) {
            let x = MARGIN + i % COLUMNS * (PANEL + GAP);
            let y = top + STRIP_HEADING + i / COLUMNS * (PANEL_HEADING + P::HEIGHT);
            let place = (x, y + PANEL_HEADING / 2);
            canvas.text(place, Align::Left, BODY, &panel.heading(), PANEL)?;
            panel.draw(canvas, (x, y + PANEL_HEADING))?;
        }
        Ok(())
    }
}
