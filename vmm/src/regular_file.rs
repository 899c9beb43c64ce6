//! Opens files from which guests are loaded.

use std::fs::File;
use std::io;
use std::path::Path;

/// Opens a regular file: opening a pipe might block for ever, and a device does not have a
/// size.
pub fn open(path: &Path) -> io::Result<File> {
    if std::fs::metadata(path)?.is_file() {
        File::open(path)
    } else {
        Err(io::Error::other("not a regular file"))
    }
}
