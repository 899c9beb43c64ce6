//! The program that uses this library.

/// A file's description of the program that wrote it.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// Its version, and the commit from which it was built.
    pub version: &'static str,
    /// The compiler that built it.
    pub compiler: &'static str,
}
