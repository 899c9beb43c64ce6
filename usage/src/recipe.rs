//! A recipe: a folder that says how an application is explored.
//!
//! ```text
//! recipe.toml   packages, command, ready, stdin, requests
//! test          decides whether it works; without one, the exit status does
//! …             what the command and the test need
//! ```

use std::fs;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::Ready;

/// How an application is explored.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Its folder, in which the program runs.
    pub folder: PathBuf,
    /// Packages of Debian that the command and the test need.
    pub packages: Vec<String>,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// What makes a server ready.
    pub ready: Option<Ready>,
    /// The file of its standard input.
    pub stdin: Option<PathBuf>,
    /// The test, if there is one.
    pub test: Option<PathBuf>,
    /// The requests that the test makes.
    pub requests: Option<NonZeroU64>,
}

/// Why a recipe cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// A file cannot be read.
    #[error("{}: {error}; fix: name a folder with a recipe.toml with --recipe", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It says what cannot be.
    #[error("{}: {reason}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The place, and what is wrong there.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    packages: Vec<String>,
    command: Vec<String>,
    ready: Option<String>,
    stdin: Option<PathBuf>,
    requests: Option<NonZeroU64>,
}

impl Recipe {
    /// Reads the recipe in a folder.
    ///
    /// # Errors
    ///
    /// `recipe.toml` cannot be read, or is wrong.
    pub fn read(folder: &Path) -> Result<Self, RecipeError> {
        let path = folder.join("recipe.toml");
        let io = |error| RecipeError::Io {
            path: path.clone(),
            error,
        };
        let wrong = |reason: String| RecipeError::Wrong {
            path: path.clone(),
            reason,
        };
        let text = fs::read_to_string(&path).map_err(io)?;
        let file: File = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if file.command.is_empty() {
            return Err(wrong("`command` needs a program".into()));
        }
        let ready = file.ready.map(|ready| ready.parse::<Ready>());
        let ready = ready
            .transpose()
            .map_err(|error| wrong(error.to_string()))?;
        let folder = fs::canonicalize(folder).map_err(io)?;
        let test = folder.join("test");
        Ok(Self {
            stdin: file.stdin.map(|stdin| folder.join(stdin)),
            test: test.exists().then_some(test),
            packages: file.packages,
            command: file.command,
            ready,
            requests: file.requests,
            folder,
        })
    }

    /// Every file of the folder, by its path in it.
    ///
    /// # Errors
    ///
    /// One cannot be read.
    pub fn files(&self) -> Result<Vec<(PathBuf, Vec<u8>)>, RecipeError> {
        let mut files = Vec::new();
        collect(&self.folder, Path::new(""), &mut files)?;
        files.sort();
        Ok(files)
    }
}

fn collect(
    root: &Path,
    below: &Path,
    files: &mut Vec<(PathBuf, Vec<u8>)>,
) -> Result<(), RecipeError> {
    let folder = root.join(below);
    let io = |error| RecipeError::Io {
        path: folder.clone(),
        error,
    };
    for entry in fs::read_dir(&folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let path = below.join(entry.file_name());
        if entry.file_type().map_err(io)?.is_dir() {
            collect(root, &path, files)?;
        } else {
            let content = fs::read(entry.path()).map_err(io)?;
            files.push((path, content));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_that_ships_is_whole() {
        let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
        let mut names = Vec::new();
        for entry in fs::read_dir(recipes).unwrap() {
            let folder = entry.unwrap().path();
            if !folder.is_dir() {
                continue;
            }
            let recipe = Recipe::read(&folder).unwrap();
            assert!(
                recipe.test.is_some() && !recipe.packages.is_empty(),
                "{folder:?}"
            );
            let files = recipe.files().unwrap();
            assert!(files.iter().any(|(path, _)| path == Path::new("test")));
            names.push(
                folder
                    .file_name()
                    .unwrap()
                    .to_owned()
                    .into_string()
                    .unwrap(),
            );
        }
        names.sort();
        let expected = "haproxy iperf3 lighttpd memcached nginx perl python3 redis sqlite3";
        assert_eq!(names.join(" "), expected);
    }

    #[test]
    fn wrong_recipes_are_named_with_the_place() {
        let folder = tempfile::tempdir().unwrap();
        let read = |text: &str| {
            fs::write(folder.path().join("recipe.toml"), text).unwrap();
            Recipe::read(folder.path()).unwrap_err().to_string()
        };
        for (text, said) in [
            ("command = []", "needs a program"),
            ("command = \"nginx\"", "line 1"),
            ("command = [\"x\"]\nreadiness = \"tcp:80\"", "readiness"),
            ("command = [\"x\"]\nready = \"tcp:x\"", "65535"),
            ("command = [\"x\"]\nrequests = 0", "line 2"),
        ] {
            let error = read(text);
            assert!(
                error.contains("recipe.toml") && error.contains(said),
                "{error}"
            );
        }
        let gone = Recipe::read(Path::new("/nowhere")).unwrap_err().to_string();
        assert!(gone.contains("/nowhere/recipe.toml"), "{gone}");
    }
}
