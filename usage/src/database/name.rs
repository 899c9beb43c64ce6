use std::fmt;
use std::path::Path;

use thiserror::Error;

/// The name of one folder, which cannot lead anywhere else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// A name that would lead elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} cannot be the name of a database folder: use letters, digits and . _ + -, and do not \
     begin with a dot or a dash"
)]
pub struct NameError(pub(super) String);

impl Name {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// [`NameError`].
    pub fn new(name: &str) -> Result<Self, NameError> {
        let letter = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
        let good = !name.is_empty() && name.chars().all(letter) && !name.starts_with(['.', '-']);
        if good {
            Ok(Self(name.to_owned()))
        } else {
            Err(NameError(name.to_owned()))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<Path> for Name {
    fn as_ref(&self) -> &Path {
        self.0.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_database_are_names() {
        for name in [
            "nginx",
            "tesseract-ocr",
            "python2",
            "g++",
            "7zip",
            "a.b_c",
            "imported",
        ] {
            assert_eq!(Name::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_that_leave_the_folder_are_not() {
        for name in [
            "", ".", "..", "../x", "a/b", "/etc", ".git", "a\0b", "a\nb", "-rf", "é",
        ] {
            assert!(Name::new(name).is_err(), "{name:?}");
        }
    }
}
