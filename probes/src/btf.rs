//! The number of a type of the kernel, by its name (Linux, Documentation/bpf/btf.rst).

use std::fs;
use std::io;
use std::sync::OnceLock;

const PATH: &str = "/sys/kernel/btf/vmlinux";
const MAGIC: u16 = 0xeb9f;
/// The record of each type: its name, its kind with a count, its size or another type.
const TYPE: usize = 12;

/// Kinds of types.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    Typedef = 8,
    Function = 12,
}

/// The number of that type; `None` if the kernel does not describe it.
///
/// # Errors
///
/// The kernel does not describe its types at all.
pub fn number(kind: Kind, name: &str) -> io::Result<Option<u32>> {
    static BTF: OnceLock<Vec<u8>> = OnceLock::new();
    let btf = match BTF.get() {
        Some(btf) => btf,
        None => {
            let bytes = fs::read(PATH)?;
            BTF.get_or_init(|| bytes)
        }
    };
    Ok(find(btf, kind, name))
}

/// Types are numbered from 1 in their order.
fn find(btf: &[u8], kind: Kind, name: &str) -> Option<u32> {
    if u16::from_ne_bytes(*btf.first_chunk()?) != MAGIC {
        return None;
    }
    let header = word(btf, 4)?;
    let types = section(btf, header.checked_add(word(btf, 8)?)?, word(btf, 12)?)?;
    let strings = section(btf, header.checked_add(word(btf, 16)?)?, word(btf, 20)?)?;
    let mut at = 0_usize;
    for id in 1.. {
        let info = word(types, at + 4)?;
        if info >> 24 & 0x1f == kind as usize && is_named(strings, word(types, at)?, name) {
            return Some(id);
        }
        at = at.checked_add(TYPE + more(info)?)?;
    }
    None
}

fn is_named(strings: &[u8], at: usize, name: &str) -> bool {
    let rest = strings
        .get(at..)
        .and_then(|text| text.strip_prefix(name.as_bytes()));
    rest.is_some_and(|rest| rest.first() == Some(&0))
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes) as usize)
}

fn section(btf: &[u8], start: usize, length: usize) -> Option<&[u8]> {
    btf.get(start..start.checked_add(length)?)
}

/// How many bytes follow a type of that kind.
fn more(info: usize) -> Option<usize> {
    let count = info & 0xffff;
    Some(match info >> 24 & 0x1f {
        // Pointers, forward declarations, typedefs, qualifiers, functions, floats, type tags.
        2 | 7..=12 | 16 | 18 => 0,
        // Integers, variables, declaration tags.
        1 | 14 | 17 => 4,
        // Arrays.
        3 => 12,
        // Structures, unions, sections, enumerations of 64 bits.
        4 | 5 | 15 | 19 => 12 * count,
        // Enumerations, prototypes.
        6 | 13 => 8 * count,
        _ => return None,
    })
}
