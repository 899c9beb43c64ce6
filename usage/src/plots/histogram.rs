use eval::plot::axis::Axis;
use eval::plot::canvas::{
    Align, BODY, Canvas, Fill, MARGIN, ROOM, SMALL, TITLE, WIDTH, paint, width,
};
use eval::plot::palette::{AXIS, BAND, DISTURBED, GRID, MEASURED, PUBLISHED};
use eval::plot::{Caption, Picture, PlotError, Remarks};

use super::legend::{self, plain};
use super::{STATIC_BINARY, STATIC_SOURCES};
use crate::search::{Bar, Profile};

const FIRST_REMARK: i32 = 58;
const LEGEND: i32 = 30;
/// Names of applications, and of their bars.
const NAMES: i32 = 130;
const KINDS: i32 = 48;
/// A bar and what is left above it; above an application.
const BAR: i32 = 13;
const GROUP_GAP: i32 = 9;
/// For the number at a bar's end.
const NUMBER: i32 = 34;
const AXIS_HEIGHT: i32 = 26;

/// A bar: its name and its parts from the left.
type Parts = (&'static str, Vec<(usize, Fill)>);

/// How to read it.
fn explanation() -> String {
    "The number of system calls of each application, found in four ways: in its source, in its \
     files, made by its test suite, made by its benchmark. The bars of calls that were made also \
     show for how many a stub or a fake works."
        .into()
}

/// A group of bars for each application.
pub(super) fn draw(profiles: &[Profile]) -> Result<Picture, PlotError> {
    let groups: Vec<_> = profiles
        .iter()
        .map(|p| (&p.application, parts(p)))
        .collect();
    let remarks = Remarks::new(&[], &explanation());
    let title = "System calls of each application";
    let caption = Caption {
        title: title.into(),
        about: format!("{} {}", explanation(), in_words(profiles)),
    };
    let top = FIRST_REMARK + remarks.height() + LEGEND + AXIS_HEIGHT;
    let bars = groups
        .iter()
        .map(|(_, bars)| bars.len() as i32 * BAR + GROUP_GAP);
    let bottom = top + bars.sum::<i32>() + GROUP_GAP;
    paint((WIDTH, bottom + AXIS_HEIGHT), caption, |canvas| {
        canvas.text((MARGIN, 30), Align::Left, TITLE, title, ROOM)?;
        remarks.draw(canvas, FIRST_REMARK)?;
        let (left, right) = (MARGIN + NAMES + KINDS, MARGIN + ROOM - NUMBER);
        legend::draw(canvas, (MARGIN, top - AXIS_HEIGHT - LEGEND / 2), &meaning())?;
        let most = groups.iter().flat_map(|(_, bars)| bars).map(total).max();
        let axis = Axis::linear(0.0, most.unwrap_or(0).max(1) as f64, 10.0, (left, right));
        ground(canvas, &axis, (top, bottom))?;
        let mut y = top + GROUP_GAP;
        for (name, bars) in &groups {
            let middle = y + BAR / 2;
            canvas.text(
                (MARGIN, middle),
                Align::Left,
                BODY,
                name.as_str(),
                NAMES - 6,
            )?;
            for bar in bars {
                draw_bar(canvas, &axis, (left, y), bar)?;
                y += BAR;
            }
            y += GROUP_GAP;
        }
        Ok(())
    })
}

fn meaning() -> Vec<(Fill, String)> {
    let [required, stub, fake, both] = FILLS;
    vec![
        (plain(STATIC_SOURCES), "in the source".into()),
        (plain(STATIC_BINARY), "in the files".into()),
        (required, "required".into()),
        (stub, "a stub works".into()),
        (fake, "a fake works".into()),
        (both, "either works".into()),
    ]
}

/// Required, stub, fake, both.
const FILLS: [Fill; 4] = [
    Fill {
        colour: MEASURED,
        hatched: false,
    },
    Fill {
        colour: PUBLISHED,
        hatched: true,
    },
    Fill {
        colour: DISTURBED,
        hatched: true,
    },
    Fill {
        colour: BAND,
        hatched: false,
    },
];

fn parts(profile: &Profile) -> Vec<Parts> {
    let made = |bar: Bar| {
        let counts = [bar.required, bar.stub, bar.fake, bar.both];
        counts.into_iter().zip(FILLS).collect::<Vec<_>>()
    };
    let found = |count, colour| vec![(count, plain(colour))];
    let (sources, binary) = (profile.static_sources, profile.static_binary);
    let bars = [
        sources.map(|count| ("source", found(count, STATIC_SOURCES))),
        binary.map(|count| ("files", found(count, STATIC_BINARY))),
        profile.suite.map(|bar| ("suite", made(bar))),
        profile.bench.map(|bar| ("bench", made(bar))),
    ];
    bars.into_iter().flatten().collect()
}

fn total((_, parts): &Parts) -> usize {
    parts.iter().map(|(count, _)| count).sum()
}

fn in_words(profiles: &[Profile]) -> String {
    let words = profiles.iter().map(|profile| {
        let bars = parts(profile);
        let bars = bars.iter().map(|bar| format!("{} {}", bar.0, total(bar)));
        let bars = bars.collect::<Vec<_>>().join(", ");
        format!("{}: {bars}.", profile.application)
    });
    words.collect::<Vec<_>>().join(" ")
}

fn ground(canvas: &Canvas<'_>, axis: &Axis, (top, bottom): (i32, i32)) -> Result<(), PlotError> {
    for (value, label) in axis.ticks() {
        let x = axis.pixel(value);
        canvas.line((x, top), (x, bottom), GRID, 1)?;
        for y in [top - 10, bottom + 12] {
            canvas.text((x, y), Align::Centre, SMALL, &label, ROOM)?;
        }
    }
    let left = axis.pixel(0.0);
    canvas.line((left, top), (left, bottom), AXIS, 1)
}

fn draw_bar(
    canvas: &Canvas<'_>,
    axis: &Axis,
    (left, y): (i32, i32),
    bar: &Parts,
) -> Result<(), PlotError> {
    let middle = y + BAR / 2;
    let (kind, parts) = bar;
    canvas.text((left - 6, middle), Align::Right, SMALL, kind, KINDS)?;
    let mut count = 0;
    for (part, fill) in parts {
        let from = axis.pixel(count as f64);
        count += part;
        let to = axis.pixel(count as f64);
        if to > from {
            canvas.bar((from, y + 1), (to, y + BAR - 1), *fill)?;
        }
    }
    let number = count.to_string();
    let place = (axis.pixel(count as f64) + 5, middle);
    canvas.text_on_white(place, SMALL, &number, width(&number, SMALL))
}
