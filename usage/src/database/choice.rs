use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::{Measurement, Name, NameError, Workload};

/// A measurement that the user chose: `APP/WORKLOAD/ID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The application.
    pub application: Name,
    /// Its workload.
    pub workload: Workload,
    /// The measurement.
    pub id: Name,
}

impl FromStr for Choice {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError(text.to_owned());
        let parts: Vec<&str> = text.trim_end_matches('/').split('/').collect();
        let [application, workload, id] = parts[..] else {
            return Err(wrong());
        };
        Ok(Self {
            application: Name::new(application)?,
            workload: Workload::of_folder(workload).ok_or_else(wrong)?,
            id: Name::new(id)?,
        })
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            application,
            workload,
            id,
        } = self;
        write!(f, "{application}/{workload}/{id}")
    }
}

/// Which of two measurements of one workload stands for it: the one with the newer
/// recorded date; one with a date before one without; one whose recipe is there before an
/// imported one; then by name. The file system's dates say when a copy was made.
pub(super) fn preference(a: &Measurement, b: &Measurement) -> Ordering {
    let recipe = |m: &Measurement| m.id.as_str() != IMPORTED;
    a.recorded
        .cmp(&b.recorded)
        .then_with(|| recipe(a).cmp(&recipe(b)))
        .then_with(|| b.id.cmp(&a.id))
}

/// A measurement without a recipe.
const IMPORTED: &str = "imported";

#[cfg(test)]
mod tests {
    use super::*;

    fn measurement(id: &str, recorded: Option<&str>) -> Measurement {
        Measurement {
            application: Name::new("app").unwrap(),
            workload: Workload::of_folder("suite").unwrap(),
            id: Name::new(id).unwrap(),
            recorded: recorded.map(|date| date.parse().unwrap()),
            path: "app/suite".into(),
        }
    }

    fn chosen(of: [(&str, Option<&str>); 2]) -> String {
        let of = of.map(|(id, date)| measurement(id, date));
        let chosen = of.iter().max_by(|a, b| preference(a, b)).unwrap();
        chosen.id.to_string()
    }

    #[test]
    fn the_newest_recorded_date_counts() {
        let (old, new) = (Some("2024-01-01T00:00:00Z"), Some("2026-01-01T00:00:00Z"));
        assert_eq!(chosen([("aaaa", old), ("bbbb", new)]), "bbbb");
        assert_eq!(chosen([("aaaa", new), ("bbbb", old)]), "aaaa");
        assert_eq!(chosen([("aaaa", None), ("imported", old)]), "imported");
    }

    #[test]
    fn without_dates_a_recipe_counts_and_then_the_name() {
        assert_eq!(chosen([("imported", None), ("zzzz", None)]), "zzzz");
        assert_eq!(chosen([("bbbb", None), ("aaaa", None)]), "aaaa");
    }

    #[test]
    fn a_choice_has_three_parts() {
        let choice: Choice = "nginx/suite-nginx-tests/imported".parse().unwrap();
        assert_eq!(choice.to_string(), "nginx/suite-nginx-tests/imported");
        for wrong in [
            "",
            "nginx",
            "nginx/suite",
            "../suite/x",
            "a/data/x",
            "a/suite/..",
        ] {
            assert!(wrong.parse::<Choice>().is_err(), "{wrong}");
        }
    }
}
