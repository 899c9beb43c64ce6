//! Files that belong to this program but are not part of it.

use std::env;
use std::path::{Path, PathBuf};

/// Where such a file may be: in the program's folder, as in build/, or where `make install`
/// puts it.
pub fn places(name: &str) -> [PathBuf; 2] {
    places_of(&env::current_exe().unwrap_or_default(), name)
}

fn places_of(program: &Path, name: &str) -> [PathBuf; 2] {
    let beside = program.with_file_name(name);
    let prefix = program.parent().and_then(Path::parent).unwrap_or(program);
    [beside, prefix.join("lib/tollgate").join(name)]
}

/// The first such file that exists.
pub fn find(name: &str) -> Option<PathBuf> {
    places(name).into_iter().find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_the_program_and_below_its_prefix() {
        let places = places_of(Path::new("/opt/t/bin/tollgate"), "x.so");
        let expected = ["/opt/t/bin/x.so", "/opt/t/lib/tollgate/x.so"];
        assert_eq!(places, expected.map(PathBuf::from));
    }
}
