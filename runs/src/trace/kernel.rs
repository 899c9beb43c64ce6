//! What a kernel was built from and with, as one hash.

use std::fs;
use std::path::Path;

use host::files::{self, FileError};

/// The file that our Linux build leaves in the folder of its images: first the hash of source,
/// patch, configuration, compiler and binutils, then the images' hashes.
const STAMP: &str = "stamp";
const INPUTS: &str = "# inputs ";

/// The hash of what an image was built from and with, if its build recorded it for this image;
/// otherwise the image's own hash, which depends on the same.
///
/// # Errors
///
/// The image cannot be read.
pub fn inputs(image: &Path) -> Result<String, FileError> {
    let hash = files::sha256_of(image)?;
    Ok(stamped(image, &hash).unwrap_or(hash))
}

fn stamped(image: &Path, hash: &str) -> Option<String> {
    let stamp = fs::read_to_string(image.with_file_name(STAMP)).ok()?;
    let name = image.file_name()?.to_str()?;
    let mut lines = stamp.lines();
    let inputs = lines.next()?.strip_prefix(INPUTS)?;
    let line = format!("{hash}  {name}");
    lines.any(|built| built == line).then(|| inputs.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of "abc" (FIPS 180-2, B.1).
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_build_names_its_inputs_and_other_images_are_their_own_hash() {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("bzImage");
        files::write(&image, "abc").unwrap();
        assert_eq!(inputs(&image).unwrap(), ABC);
        let stamp = folder.path().join(STAMP);
        files::write(&stamp, format!("# inputs 1234\n{ABC}  bzImage\n")).unwrap();
        assert_eq!(inputs(&image).unwrap(), "1234");
        // An image that somebody put in place of the built one.
        files::write(&stamp, "# inputs 1234\nabcd  bzImage\n").unwrap();
        assert_eq!(inputs(&image).unwrap(), ABC);
    }
}
