//! Reads the relevant parts of one ELF file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use object::elf::{
    DT_NEEDED, DT_RPATH, DT_RUNPATH, EM_X86_64, R_X86_64_64, R_X86_64_GLOB_DAT, R_X86_64_IRELATIVE,
    R_X86_64_JUMP_SLOT, R_X86_64_RELATIVE, SHF_EXECINSTR,
};
use object::read::elf::{Dyn, ElfFile64, FileHeader, ProgramHeader};
use object::{
    Endianness, Object, ObjectKind, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget,
    SectionFlags, SectionKind, SymbolKind,
};

use super::StaticError;

/// One file, read.
pub(super) struct Elf {
    pub(super) path: PathBuf,
    /// Sections of code: address and bytes.
    pub(super) code: Vec<(u64, Vec<u8>)>,
    /// Where functions begin.
    pub(super) starts: BTreeSet<u64>,
    /// Functions that have a name.
    pub(super) names: BTreeMap<u64, String>,
    /// Symbols that other files find by name.
    pub(super) exports: HashMap<String, u64>,
    /// The loader's relocations.
    pub(super) slots: HashMap<u64, Slot>,
    /// Code addresses in data, apart from those that only code reads by their slot.
    pub(super) pointers: BTreeSet<u64>,
    pub(super) entry: u64,
    pub(super) loader: Option<PathBuf>,
    pub(super) needed: Vec<String>,
    pub(super) search: Vec<String>,
}

/// What a relocated word points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Symbol(String),
    Address(u64),
}

impl Elf {
    pub(super) fn read(path: &Path) -> Result<Self, StaticError> {
        let bytes = fs::read(path).map_err(|error| StaticError::Io {
            path: path.to_owned(),
            error,
        })?;
        let failed = |error| StaticError::Elf {
            path: path.to_owned(),
            error,
        };
        let file = ElfFile64::<Endianness>::parse(&*bytes).map_err(failed)?;
        if file.elf_header().e_machine(file.endian()) != EM_X86_64 || code(&file).is_empty() {
            return Err(StaticError::Foreign {
                path: path.to_owned(),
            });
        }
        let mut elf = Self {
            path: path.to_owned(),
            code: code(&file),
            starts: BTreeSet::new(),
            names: BTreeMap::new(),
            exports: HashMap::new(),
            slots: HashMap::new(),
            pointers: BTreeSet::new(),
            entry: file.entry(),
            loader: None,
            needed: Vec::new(),
            search: Vec::new(),
        };
        elf.dynamic(&file).map_err(failed)?;
        elf.symbols(&file);
        elf.unwinding(&file);
        elf.stubs(&file);
        elf.relocations(&file);
        elf.words(&file);
        Ok(elf)
    }

    /// Whether an address lies in code.
    pub(super) fn is_code(&self, address: u64) -> bool {
        let in_section = |(start, bytes): &(u64, Vec<u8>)| {
            (*start..start + bytes.len() as u64).contains(&address)
        };
        self.code.iter().any(in_section)
    }

    fn dynamic(&mut self, file: &ElfFile64<'_, Endianness>) -> object::Result<()> {
        let (endian, data) = (file.endian(), file.data());
        for segment in file.elf_program_headers() {
            if let Some(loader) = segment.interpreter(endian, data)? {
                self.loader = Some(PathBuf::from(String::from_utf8_lossy(loader).into_owned()));
            }
        }
        let Some((dynamic, link)) = file.elf_section_table().dynamic(endian, data)? else {
            return Ok(());
        };
        let strings = file.elf_section_table().strings(endian, data, link)?;
        for entry in dynamic {
            let text = || entry.string(endian, strings).ok();
            let text = || text().map(|text| String::from_utf8_lossy(text).into_owned());
            match entry.tag(endian) {
                DT_NEEDED => self.needed.extend(text()),
                DT_RUNPATH | DT_RPATH => {
                    let folders = text().unwrap_or_default();
                    self.search
                        .extend(folders.split(':').map(ToOwned::to_owned));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn symbols(&mut self, file: &ElfFile64<'_, Endianness>) {
        for symbol in file.dynamic_symbols().chain(file.symbols()) {
            let address = symbol.address();
            let is_function = symbol.kind() == SymbolKind::Text || is_ifunc(&symbol);
            let Ok(name) = symbol.name() else { continue };
            if symbol.is_undefined() || !is_function || !self.is_code(address) {
                continue;
            }
            self.starts.insert(address);
            if !name.is_empty() {
                self.names.entry(address).or_insert_with(|| name.to_owned());
            }
        }
        for symbol in file.dynamic_symbols() {
            if let (false, Ok(name)) = (symbol.is_undefined(), symbol.name())
                && self.is_code(symbol.address())
            {
                self.exports.insert(name.to_owned(), symbol.address());
            }
        }
        self.starts.insert(self.entry);
    }

    /// The functions in the search table of .eh_frame_hdr, which stripped files also have
    /// (Linux Standard Base Core, "Exception Frame Header").
    fn unwinding(&mut self, file: &ElfFile64<'_, Endianness>) {
        const DATA_RELATIVE_SDATA4: u8 = 0x3b;
        const UDATA4: u8 = 0x03;
        let Some(header) = file.section_by_name(".eh_frame_hdr") else {
            return;
        };
        let (base, Ok(bytes)) = (header.address(), header.data()) else {
            return;
        };
        let Some(&[1, _, UDATA4, DATA_RELATIVE_SDATA4]) = bytes.first_chunk() else {
            return;
        };
        // After the pointer to .eh_frame and the count: pairs of function and description.
        let table = bytes.get(12..).unwrap_or_default().chunks_exact(8);
        let offsets = table.filter_map(|pair| pair.first_chunk().copied());
        let starts = offsets.map(|o| base.wrapping_add_signed(i64::from(i32::from_le_bytes(o))));
        let starts: Vec<u64> = starts.filter(|start| self.is_code(*start)).collect();
        self.starts.extend(starts);
    }

    /// Each stub of a procedure linkage table is a function.
    fn stubs(&mut self, file: &ElfFile64<'_, Endianness>) {
        for section in file.sections() {
            let step = match section.name() {
                Ok(".plt" | ".plt.sec") => 16,
                Ok(".plt.got") => 8,
                _ => continue,
            };
            let end = section.address() + section.size();
            self.starts.extend((section.address()..end).step_by(step));
        }
    }

    fn relocations(&mut self, file: &ElfFile64<'_, Endianness>) {
        let tables: Vec<_> = file
            .sections()
            .filter(|section| section.name().is_ok_and(|name| name.starts_with(".got")))
            .map(|section| section.address()..section.address() + section.size())
            .collect();
        for (place, relocation) in file.dynamic_relocations().into_iter().flatten() {
            let RelocationFlags::Elf { r_type } = relocation.flags() else {
                continue;
            };
            let name = match relocation.target() {
                RelocationTarget::Symbol(index) => {
                    let table = file.dynamic_symbol_table();
                    use object::ObjectSymbolTable as _;
                    let symbol = table.and_then(|table| table.symbol_by_index(index).ok());
                    symbol.and_then(|symbol| symbol.name().ok().map(ToOwned::to_owned))
                }
                _ => None,
            };
            let slot = match (r_type, name) {
                (R_X86_64_RELATIVE | R_X86_64_IRELATIVE, _) => {
                    Slot::Address(relocation.addend().cast_unsigned())
                }
                (R_X86_64_GLOB_DAT | R_X86_64_JUMP_SLOT | R_X86_64_64, Some(name)) => {
                    Slot::Symbol(name)
                }
                _ => continue,
            };
            let of_code = tables.iter().any(|table| table.contains(&place));
            match &slot {
                Slot::Address(address) if !of_code && self.is_code(*address) => {
                    self.pointers.insert(*address);
                }
                Slot::Symbol(name) if !of_code => {
                    self.pointers.extend(self.exports.get(name));
                }
                _ => {}
            }
            self.slots.insert(place, slot);
        }
    }

    /// Words in data that hold a function's address: programs at fixed addresses need no
    /// relocations, and packed ones (RELR) keep the address in place.
    fn words(&mut self, file: &ElfFile64<'_, Endianness>) {
        const DATA: [&str; 6] = [
            ".data",
            ".data.rel.ro",
            ".init_array",
            ".fini_array",
            ".preinit_array",
            "__libc_subfreeres",
        ];
        for section in file.sections() {
            let name = section.name().unwrap_or_default();
            let fixed = file.kind() == ObjectKind::Executable && name == ".rodata";
            let Ok(bytes) = section.data() else { continue };
            if !(DATA.contains(&name) || name.starts_with("__libc_") || fixed) {
                continue;
            }
            for word in bytes.chunks_exact(8) {
                let address = word
                    .first_chunk()
                    .map_or(0, |word| u64::from_le_bytes(*word));
                if self.starts.contains(&address) {
                    self.pointers.insert(address);
                }
            }
        }
    }
}

fn is_ifunc<'d>(symbol: &impl ObjectSymbol<'d>) -> bool {
    use object::SymbolFlags;
    use object::elf::STT_GNU_IFUNC;
    matches!(symbol.flags(), SymbolFlags::Elf { st_info, .. } if st_info.st_type() == STT_GNU_IFUNC)
}

fn code(file: &ElfFile64<'_, Endianness>) -> Vec<(u64, Vec<u8>)> {
    let executable = |flags| match flags {
        SectionFlags::Elf { sh_flags, .. } => sh_flags.contains(SHF_EXECINSTR),
        _ => false,
    };
    let sections = file
        .sections()
        .filter(|section| section.kind() == SectionKind::Text || executable(section.flags()));
    let sections = sections.filter_map(|section| {
        let bytes = section.data().ok()?;
        (!bytes.is_empty()).then(|| (section.address(), bytes.to_vec()))
    });
    sections.collect()
}
