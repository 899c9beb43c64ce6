//! Names of the kernel's functions and tracepoints, from its own description of its types
//! (Linux, Documentation/bpf/btf.rst).

use std::collections::BTreeMap;

use super::{calls, info};
use crate::tree::Tree;

/// The types of the requested objects, each read once.
#[derive(Default)]
pub(super) struct Btf(BTreeMap<u32, Option<Vec<u8>>>);

impl Btf {
    /// The name of a type in the object with that number. Numbers of types of modules continue
    /// after those of vmlinux, and are not resolved.
    pub(super) fn name(&mut self, tree: &Tree, (object, id): (u32, u32)) -> Option<String> {
        let bytes = self.0.entry(object).or_insert_with(|| {
            let is_vmlinux = info::btf_object(object).is_ok_and(|name| name == "vmlinux");
            is_vmlinux.then(|| tree.bytes("/sys/kernel/btf/vmlinux"))?
        });
        let name = type_name(bytes.as_ref()?, id)?;
        // Tracepoints with types are typedefs (include/trace/bpf_probe.h).
        Some(match name.strip_prefix("btf_trace_") {
            Some(tracepoint) => tracepoint.to_owned(),
            None => name,
        })
    }
}

const MAGIC: u16 = 0xeb9f;
/// The record of each type: its name, its kind with a count, its size or another type.
const TYPE: usize = 12;

/// The name of a type; types are numbered from 1 in their order.
fn type_name(btf: &[u8], id: u32) -> Option<String> {
    let magic = u16::from_ne_bytes(*btf.first_chunk()?);
    if magic != MAGIC {
        return None;
    }
    let field = |at| calls::word(btf, at) as usize;
    let header = field(4);
    let types = section(btf, header.checked_add(field(8))?, field(12))?;
    let strings = section(btf, header.checked_add(field(16))?, field(20))?;
    let mut at = 0_usize;
    for _ in 1..id {
        types.get(at..at.checked_add(TYPE)?)?;
        at = at.checked_add(TYPE + more(calls::word(types, at + 4))?)?;
    }
    types.get(at..at.checked_add(TYPE)?)?;
    Some(calls::text(strings.get(calls::word(types, at) as usize..)?))
}

fn section(btf: &[u8], start: usize, length: usize) -> Option<&[u8]> {
    btf.get(start..start.checked_add(length)?)
}

/// How many bytes follow a type of that kind.
fn more(info: u32) -> Option<usize> {
    let count = (info & 0xffff) as usize;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An int, a struct of one member, and a typedef.
    fn described() -> Vec<u8> {
        let strings = b"\0int\0pair\0btf_trace_sys_enter\0";
        let words = [
            [1, 1 << 24, 4].as_slice(),
            &[32],
            &[5, 4 << 24 | 1, 4],
            &[0, 1, 0],
            &[10, 8 << 24, 1],
        ]
        .concat();
        let types: Vec<u8> = words
            .iter()
            .flat_map(|word: &u32| word.to_ne_bytes())
            .collect();
        let header = [24, 0, types.len(), types.len(), strings.len()];
        let mut btf = [0x9f, 0xeb, 1, 0].to_vec();
        btf.extend(header.iter().flat_map(|word| (*word as u32).to_ne_bytes()));
        btf.extend(types);
        btf.extend(strings);
        btf
    }

    #[test]
    fn types_are_numbered_from_1() {
        let btf = described();
        let names = [1, 2, 3].map(|id| type_name(&btf, id));
        let expected = ["int", "pair", "btf_trace_sys_enter"].map(|name| Some(name.to_owned()));
        assert_eq!(names, expected);
        assert_eq!(type_name(&btf, 4), None);
    }

    proptest! {
        #[test]
        fn damaged_descriptions_are_survived(
            at in 0_usize..110,
            byte: u8,
            length in 0_usize..120,
            id in 0_u32..9,
        ) {
            let mut btf = described();
            if let Some(place) = btf.get_mut(at) {
                *place = byte;
            }
            btf.truncate(length);
            let _ = type_name(&btf, id);
        }
    }
}
