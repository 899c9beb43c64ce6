//! The contents of /proc and /sys, or a copy: tests contain descriptions of machines that
//! are not available.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::cpus;

/// The folder that contains proc and sys.
#[derive(Clone, Debug)]
pub struct Tree(PathBuf);

impl Default for Tree {
    /// This machine.
    fn default() -> Self {
        Self::at("/")
    }
}

impl Tree {
    /// The tree below that folder.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    /// A file's text without surrounding whitespace; `None` if it cannot be read.
    pub fn text(&self, path: &str) -> Option<String> {
        let bytes = fs::read(self.place(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// A file's bytes; `None` if it cannot be read.
    pub fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.place(path)).ok()
    }

    /// A file with one number.
    pub fn number<T: FromStr>(&self, path: &str) -> Option<T> {
        self.text(path)?.parse().ok()
    }

    /// A file with a list of CPUs, which may be empty: `0,2-3`.
    pub fn cpus(&self, path: &str) -> Option<Vec<usize>> {
        match self.text(path)?.as_str() {
            "" => Some(Vec::new()),
            list => cpus::parse_list(list).ok(),
        }
    }

    /// The entries of a folder, in alphabetical order; empty if it cannot be read.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.place(folder)).into_iter().flatten();
        let mut names: Vec<_> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// Whether it describes the machine that we run on.
    pub fn is_this_machine(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// The path of that file.
    pub fn place(&self, path: &str) -> PathBuf {
        self.0.join(Path::new(path.trim_start_matches('/')))
    }
}

/// A tree with these files, in a folder that is removed with the first value.
#[cfg(test)]
pub fn laid_out<P: AsRef<Path>>(files: &[(P, &str)]) -> (tempfile::TempDir, Tree) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let tree = Tree::at(folder.path());
    (folder, tree)
}
