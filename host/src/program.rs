//! Whether a file is a program that can be started.

use std::path::{Path, PathBuf};

/// A file is not a program, or not one that starts where it is wanted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} cannot be started{place}: {reason} (fix: {FIX})")]
pub struct NotAProgram {
    path: PathBuf,
    place: &'static str,
    reason: &'static str,
}

const FIX: &str = "name a static ELF program for x86-64, like build/guest-bench";

/// Checks what has to be a process of this machine: an ELF program, or a script.
///
/// # Errors
///
/// It is neither.
pub fn check(path: &Path, bytes: &[u8]) -> Result<(), NotAProgram> {
    if bytes.starts_with(b"#!") {
        return Ok(());
    }
    elf(bytes).map_err(|reason| NotAProgram {
        path: path.to_owned(),
        place: "",
        reason,
    })
}

/// Checks what has to be the only program in a guest, its `/init`.
///
/// # Errors
///
/// It is not an ELF program for x86-64.
pub fn check_init(path: &Path, bytes: &[u8]) -> Result<(), NotAProgram> {
    elf(bytes).map_err(|reason| NotAProgram {
        path: path.to_owned(),
        place: " as a guest's /init",
        reason: if bytes.starts_with(b"#!") {
            "it is a script, and the guest does not have its interpreter"
        } else {
            reason
        },
    })
}

/// The beginning of a 64-bit little-endian file, and what its fields say (elf(5)).
fn elf(bytes: &[u8]) -> Result<(), &'static str> {
    const MAGIC: &[u8] = b"\x7fELF";
    const CLASS_64: u8 = 2;
    const LITTLE_ENDIAN: u8 = 1;
    const EXECUTABLE: u16 = 2;
    const DYNAMIC: u16 = 3;
    const X86_64: u16 = 62;
    if !bytes.starts_with(MAGIC) {
        return Err("it is not an ELF file");
    }
    let field = |at: usize| match bytes.get(at..at + 2) {
        Some(&[low, high]) => u16::from_le_bytes([low, high]),
        _ => 0,
    };
    let is_wide = bytes.get(4..6) == Some(&[CLASS_64, LITTLE_ENDIAN]);
    if !is_wide || field(18) != X86_64 {
        return Err("it is an ELF file of another architecture, or cut off");
    }
    if ![EXECUTABLE, DYNAMIC].contains(&field(16)) {
        return Err("it is an ELF file, but not an executable one");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(kind: u8, machine: u8) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(64, 0);
        (bytes[16], bytes[18]) = (kind, machine);
        bytes
    }

    #[test]
    fn only_programs_start() {
        let file = Path::new("file");
        let said = |bytes: &[u8]| check_init(file, bytes).unwrap_err().to_string();
        for kind in [2, 3] {
            assert_eq!(check(file, &header(kind, 62)), Ok(()));
            assert_eq!(check_init(file, &header(kind, 62)), Ok(()));
        }
        assert!(
            said(b"text").contains("file cannot be started as a guest's /init: it is not an ELF")
        );
        assert!(said(&header(1, 62)).contains("not an executable one"));
        assert!(said(&header(2, 183)).contains("another architecture"));
        assert!(said(&header(2, 62)[..12]).contains("cut off"));
        assert!(check(file, b"text").is_err());
    }

    #[test]
    fn a_script_starts_only_where_its_interpreter_is() {
        let (file, script) = (Path::new("file"), b"#!/bin/sh\n");
        assert_eq!(check(file, script), Ok(()));
        let refused = check_init(file, script).unwrap_err().to_string();
        assert!(refused.contains("it is a script"), "{refused}");
    }
}
