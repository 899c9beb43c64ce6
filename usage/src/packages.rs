//! The packages of Debian that are installed in a root, with their versions.

use std::fs;
use std::path::Path;

/// Each installed package with its version, one a line; empty where dpkg keeps no list.
pub fn installed(root: &Path) -> String {
    let status = fs::read(root.join("var/lib/dpkg/status")).unwrap_or_default();
    parse(&String::from_utf8_lossy(&status))
}

fn parse(status: &str) -> String {
    let mut lines: Vec<_> = status.split("\n\n").filter_map(package).collect();
    lines.sort();
    lines.concat()
}

fn package(paragraph: &str) -> Option<String> {
    let field = |name: &str| {
        let mut lines = paragraph.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let is_installed = field("Status")?.ends_with(" installed");
    let line = || Some(format!("{} {}\n", field("Package")?, field("Version")?));
    is_installed.then(line).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installed_packages_have_their_version() {
        let status = "Package: zlib1g\nStatus: install ok installed\nVersion: 1:1.2\n\n\
                      Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n\
                      Package: apt\nStatus: install ok installed\nDescription: Version: 0\nVersion: 2.6.1\n";
        assert_eq!(parse(status), "apt 2.6.1\nzlib1g 1:1.2\n");
        assert_eq!(installed(Path::new("/nowhere")), "");
    }
}
