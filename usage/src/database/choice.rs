use std::fmt;
use std::str::FromStr;

use super::{Name, NameError, Workload};

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

#[cfg(test)]
mod tests {
    use super::*;

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
