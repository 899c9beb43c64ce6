//! Plots of a database, in the style of a run's report.

mod cumulative;
mod heat;
mod histogram;
mod legend;

use eval::plot::palette::{COUNTED, EMULATED, MEASURED, PUBLISHED};
use eval::plot::{Picture, PlotError};
use eval::report::{Album, Plate};
use plotters::style::RGBColor;

use crate::search::{Cumulative, Heat, Profile, Selection, names};

const STATIC_SOURCES: RGBColor = PUBLISHED;
const STATIC_BINARY: RGBColor = EMULATED;
const USED: RGBColor = MEASURED;
const REQUIRED: RGBColor = COUNTED;

/// A plot and its name.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// Its name, for a file and in links.
    pub name: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// The drawing.
    pub picture: Picture,
}

/// The share of applications that have the N-th most frequent call.
///
/// # Errors
///
/// [`PlotError::Draw`].
pub fn cumulative(data: &Cumulative) -> Result<Drawn, PlotError> {
    Ok(Drawn {
        name: "cumulative",
        title: "Calls by importance",
        picture: cumulative::draw(data)?,
    })
}

/// The share of applications that have each call.
///
/// # Errors
///
/// [`PlotError::Draw`].
pub fn heat(data: &Heat) -> Result<Drawn, PlotError> {
    Ok(Drawn {
        name: "heatmap",
        title: "Heat map",
        picture: heat::draw(data)?,
    })
}

/// The number of calls of each application.
///
/// # Errors
///
/// [`PlotError::Draw`].
pub fn histogram(data: &[Profile]) -> Result<Drawn, PlotError> {
    Ok(Drawn {
        name: "histogram",
        title: "Applications",
        picture: histogram::draw(data)?,
    })
}

/// The plots on a page.
pub fn page(selection: &Selection, workloads: &str, plots: &[Drawn]) -> String {
    let applications = names(selection.applications.keys());
    let mut about = vec![format!(
        "{} applications; workloads: {workloads}. {}.",
        applications.len(),
        applications.join(", ")
    )];
    if !selection.no_data.is_empty() {
        let missing = names(&selection.no_data).join(", ");
        about.push(format!(
            "Without data, and therefore not plotted: {missing}."
        ));
    }
    let plates = plots.iter().map(|plot| Plate {
        id: plot.name,
        title: plot.title,
        picture: plot.picture.clone(),
    });
    let album = Album {
        question: "The system calls that programs need",
        title: "System calls of applications".into(),
        about,
        plates: plates.collect(),
    };
    album.html()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::database::Name;
    use crate::search::Needs;
    use crate::{Call, Need};

    fn selection() -> Selection {
        let needs = |calls: &[(u32, Need)]| {
            let calls = calls.iter().map(|(call, need)| (Call(*call), *need));
            let dynamic: BTreeMap<Call, Need> = calls.collect();
            Needs {
                bench: Some(dynamic.clone()),
                suite: None,
                static_binary: Some(dynamic.keys().copied().collect()),
                static_sources: Some(BTreeSet::from([Call(0)])),
                dynamic,
            }
        };
        let a = needs(&[(0, Need::Required), (1, Need::Stub), (435, Need::Fake)]);
        let b = needs(&[(0, Need::Required), (2, Need::Both)]);
        let names = ["a", "b"].map(|name| Name::new(name).unwrap());
        Selection {
            applications: names.into_iter().zip([a, b]).collect(),
            no_data: [Name::new("ghost").unwrap()].into(),
            chosen: Vec::new(),
        }
    }

    #[test]
    fn every_plot_is_drawn_and_says_in_words_what_it_shows() {
        let selection = selection();
        let data = Cumulative::new(&selection, true).unwrap();
        assert_eq!(data.used.0, [1.0, 0.5, 0.5, 0.5]);
        assert_eq!(data.required.0, [1.0]);
        let drawn = cumulative(&data).unwrap().picture.file();
        assert!(
            drawn.contains("used: 4 calls in any application, 1 in all."),
            "{drawn}"
        );
        let drawn = heat(&Heat::new(&selection, true).unwrap()).unwrap();
        assert!(
            drawn
                .picture
                .file()
                .contains("required: 1 calls, most often read 100 %.")
        );
        let drawn = histogram(&Profile::all(&selection)).unwrap();
        assert!(
            drawn
                .picture
                .file()
                .contains("a: source 1, files 3, bench 3.")
        );
    }

    #[test]
    fn a_page_needs_nothing_else() {
        let selection = selection();
        let plots = [histogram(&Profile::all(&selection)).unwrap()];
        let page = page(&selection, "bench", &plots);
        assert!(page.contains("Without data, and therefore not plotted: ghost."));
        for outside in ["src=", "href=\"http", "url(", "<script", "@import"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn nothing_is_compared_where_nothing_is_known() {
        assert_eq!(Cumulative::new(&Selection::default(), false), None);
        let mut selection = selection();
        for needs in selection.applications.values_mut() {
            needs.static_sources = None;
        }
        assert_eq!(Heat::new(&selection, true), None);
        assert!(Heat::new(&selection, false).is_some());
    }
}
