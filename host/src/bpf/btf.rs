//! Names of the kernel's functions and tracepoints, from its own description of its types
//! (Linux, Documentation/bpf/btf.rst).

use std::collections::BTreeMap;

use super::{calls, info};
use crate::tree::Tree;

const FOLDER: &str = "/sys/kernel/btf";
const KERNEL: &str = "vmlinux";

/// The types of the requested objects, each read once.
#[derive(Default)]
pub(super) struct Btf {
    names: BTreeMap<u32, Option<String>>,
    files: BTreeMap<String, Option<Vec<u8>>>,
}

impl Btf {
    /// The name of a type in the object with that number: the kernel's own, or a module's.
    pub(super) fn name(&mut self, tree: &Tree, (object, id): (u32, u32)) -> Option<String> {
        let names = self.names.entry(object);
        let module = names
            .or_insert_with(|| info::btf_object(object).ok())
            .clone()?;
        self.read(tree, KERNEL);
        self.read(tree, &module);
        let file = |name: &str| self.files.get(name)?.as_deref();
        let kernel = Types::read(file(KERNEL)?)?;
        let name = if module == KERNEL {
            kernel.name(id)
        } else {
            kernel.name_in_module(&Types::read(file(&module)?)?, id)
        };
        let name = name?;
        // Tracepoints with types are typedefs (include/trace/bpf_probe.h).
        Some(match name.strip_prefix("btf_trace_") {
            Some(tracepoint) => tracepoint.to_owned(),
            None => name,
        })
    }

    fn read(&mut self, tree: &Tree, name: &str) {
        let file = self.files.entry(name.to_owned());
        // A program's own object has any name, but no file.
        let is_name = !name.is_empty() && !name.contains('/');
        file.or_insert_with(|| is_name.then(|| tree.bytes(&format!("{FOLDER}/{name}")))?);
    }
}

const MAGIC: u16 = 0xeb9f;
/// The record of each type: its name, its kind with a count, its size or another type.
const TYPE: usize = 12;

/// The types and strings of an object.
struct Types<'b> {
    types: &'b [u8],
    strings: &'b [u8],
}

impl<'b> Types<'b> {
    fn read(btf: &'b [u8]) -> Option<Self> {
        let magic = u16::from_ne_bytes(*btf.first_chunk()?);
        if magic != MAGIC {
            return None;
        }
        let field = |at| calls::word(btf, at) as usize;
        let header = field(4);
        Some(Self {
            types: section(btf, header.checked_add(field(8))?, field(12))?,
            strings: section(btf, header.checked_add(field(16))?, field(20))?,
        })
    }

    /// The offsets of the types' names in the strings, in the order of the types. Types are
    /// numbered from 1.
    fn names(&self) -> impl Iterator<Item = usize> + '_ {
        let mut at = 0_usize;
        std::iter::from_fn(move || {
            self.types.get(at..at.checked_add(TYPE)?)?;
            let name = calls::word(self.types, at) as usize;
            at = at.checked_add(TYPE + more(calls::word(self.types, at + 4))?)?;
            Some(name)
        })
    }

    /// The name of a type.
    fn name(&self, id: u32) -> Option<String> {
        let name = self.names().nth((id as usize).checked_sub(1)?)?;
        Some(calls::text(self.strings.get(name..)?))
    }

    /// The name of a type of a module that continues these: numbers and strings of modules go on
    /// where the kernel's own end ("split BTF", btf.rst).
    fn name_in_module(&self, module: &Types<'_>, id: u32) -> Option<String> {
        let own = self.names().count();
        let index = (id as usize).checked_sub(1)?;
        let Some(index) = index.checked_sub(own) else {
            return self.name(id);
        };
        let name = module.names().nth(index)?;
        let text = match name.checked_sub(self.strings.len()) {
            Some(name) => module.strings.get(name..)?,
            None => self.strings.get(name..)?,
        };
        Some(calls::text(text))
    }
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

    fn object(words: &[u32], strings: &[u8]) -> Vec<u8> {
        let types: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let header = [24, 0, types.len(), types.len(), strings.len()];
        let mut btf = [0x9f, 0xeb, 1, 0].to_vec();
        btf.extend(header.iter().flat_map(|word| (*word as u32).to_ne_bytes()));
        btf.extend(types);
        btf.extend(strings);
        btf
    }

    const STRINGS: &[u8] = b"\0int\0pair\0btf_trace_sys_enter\0";

    /// An int, a struct of one member, and a typedef.
    fn described() -> Vec<u8> {
        let words = [
            [1, 1 << 24, 4].as_slice(),
            &[32],
            &[5, 4 << 24 | 1, 4],
            &[0, 1, 0],
            &[10, 8 << 24, 1],
        ];
        object(&words.concat(), STRINGS)
    }

    fn type_name(btf: &[u8], id: u32) -> Option<String> {
        Types::read(btf)?.name(id)
    }

    #[test]
    fn types_are_numbered_from_1() {
        let btf = described();
        let names = [1, 2, 3].map(|id| type_name(&btf, id));
        let expected = ["int", "pair", "btf_trace_sys_enter"].map(|name| Some(name.to_owned()));
        assert_eq!(names, expected);
        assert_eq!(type_name(&btf, 0), None);
        assert_eq!(type_name(&btf, 4), None);
    }

    #[test]
    fn a_module_goes_on_where_the_kernel_ends() {
        let kernel = described();
        let end = STRINGS.len() as u32;
        // Two typedefs: one with a name of the module's own, one with a name of the kernel's.
        let module = object(&[end, 8 << 24, 1, 5, 8 << 24, 1], b"btf_trace_kvm_exit\0");
        let [kernel, module] = [&kernel, &module].map(|btf| Types::read(btf).unwrap());
        let names = [1, 4, 5, 6].map(|id| kernel.name_in_module(&module, id));
        let expected = [Some("int"), Some("btf_trace_kvm_exit"), Some("pair"), None];
        assert_eq!(names, expected.map(|name| name.map(str::to_owned)));
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
            let kernel = described();
            if let Some((kernel, module)) = Types::read(&kernel).zip(Types::read(&btf)) {
                let _ = kernel.name_in_module(&module, id);
            }
        }
    }
}
