//! The files of /sys, /proc and /dev, or of a folder that stands for them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Settings as text files, by absolute path. Tests have a kernel of their own behind it.
pub trait Sys {
    /// What the file holds, without the line end.
    fn read(&self, path: &str) -> io::Result<String>;
    /// Writes a value, in one system call: the kernel takes each for a value of its own.
    fn write(&self, path: &str, value: &str) -> io::Result<()>;
    /// The names in a folder, sorted; none where there is no such folder.
    fn names(&self, folder: &str) -> Vec<String>;
}

/// What the file holds, if it is there, can be read and holds anything.
pub fn value(sys: &dyn Sys, path: &str) -> Option<String> {
    sys.read(path).ok().filter(|text| !text.is_empty())
}

/// A folder under which sys/, proc/ and dev/ lie: `/`, or a copy of some machine's.
#[derive(Clone, Debug)]
pub struct Root(PathBuf);

impl Root {
    /// The files below that folder.
    pub fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Where that file lies.
    pub fn path(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }
}

impl Sys for Root {
    fn read(&self, path: &str) -> io::Result<String> {
        Ok(fs::read_to_string(self.path(path))?.trim_end().to_owned())
    }

    fn write(&self, path: &str, value: &str) -> io::Result<()> {
        // Not created where it is missing. The kernel's files ignore the truncation.
        let mut file = OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(self.path(path))?;
        file.write_all(format!("{value}\n").as_bytes())
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten();
        let mut names: Vec<_> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort_unstable();
        names
    }
}
