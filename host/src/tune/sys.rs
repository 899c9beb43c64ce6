//! The files of /sys and /proc as settings: to read, and to write.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};

use crate::tree::Tree;

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

impl Sys for Tree {
    fn read(&self, path: &str) -> io::Result<String> {
        Ok(fs::read_to_string(self.place(path))?.trim_end().to_owned())
    }

    fn write(&self, path: &str, value: &str) -> io::Result<()> {
        // Not created where it is missing. The kernel's files ignore the truncation.
        let mut file = OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(self.place(path))?;
        file.write_all(format!("{value}\n").as_bytes())
    }

    fn names(&self, folder: &str) -> Vec<String> {
        self.names(folder)
    }
}
