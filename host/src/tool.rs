//! The program that uses this library.

/// What a file says of the program that wrote it.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// Its version, and the commit that it was built from.
    pub version: &'static str,
    /// The compiler that built it.
    pub compiler: &'static str,
}
