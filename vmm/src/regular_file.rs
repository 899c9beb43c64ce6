//! Opens files that guests are loaded from.

use std::fs::File;
use std::io;
use std::path::Path;

/// Opens a regular file: a pipe would be waited for, perhaps for ever, and a device has
/// no size.
pub fn open(path: &Path) -> io::Result<File> {
    if std::fs::metadata(path)?.is_file() {
        File::open(path)
    } else {
        Err(io::Error::other("not a regular file"))
    }
}
