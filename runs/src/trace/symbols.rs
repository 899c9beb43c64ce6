//! The functions of a kernel, by address: from the symbol table of an ELF file, or from a
//! System.map (nm(1)).

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use object::read::elf::ElfFile64;
use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, SymbolKind, elf};

use host::files::{self, Damaged, FileError};

/// Symbols of code, with addresses as the kernel was linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbols {
    /// In ascending order, one for each address.
    functions: Vec<Symbol>,
    /// Address ranges of code.
    code: Vec<Range<u64>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Symbol {
    address: u64,
    scope: Scope,
    name: String,
}

/// The rank of a name; the better one comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Global,
    Weak,
    Local,
}

impl Symbols {
    /// Reads a file of symbols, an ELF file or a System.map. `None` if it has no symbols of
    /// code: a stripped image, or the stub that Debian puts into /boot.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is neither.
    pub fn read(path: &Path) -> Result<Option<Self>, FileError> {
        let bytes = files::read(path)?;
        let damaged = |reason: String| Damaged {
            path: path.to_owned(),
            reason,
            remedy: "name the kernel's vmlinux or System.map with --symbols",
        };
        let (functions, code) = if bytes.starts_with(&elf::ELFMAG) {
            of_elf(&bytes).map_err(|error| damaged(error.to_string()))?
        } else {
            let text = str::from_utf8(&bytes).ok().and_then(of_system_map);
            text.ok_or_else(|| damaged("it is neither an ELF file nor a System.map".into()))?
        };
        Ok((!functions.is_empty()).then(|| Self::new(functions, code)))
    }

    fn new(mut functions: Vec<Symbol>, code: Vec<Range<u64>>) -> Self {
        functions.retain(|symbol| code.iter().any(|code| code.contains(&symbol.address)));
        functions.sort_by(|a, b| (a.address, rank(a)).cmp(&(b.address, rank(b))));
        functions.dedup_by_key(|symbol| symbol.address);
        Self { functions, code }
    }

    /// The function that contains an address, and the offset from its start.
    pub fn find(&self, address: u64) -> Option<(&str, u64)> {
        if !self.code.iter().any(|code| code.contains(&address)) {
            return None;
        }
        let next = self.functions.partition_point(|s| s.address <= address);
        let symbol = self.functions.get(next.checked_sub(1)?)?;
        Some((&symbol.name, address - symbol.address))
    }

    /// The address of the function with that name.
    pub fn address_of(&self, name: &str) -> Option<u64> {
        let symbol = self.functions.iter().find(|symbol| symbol.name == name)?;
        Some(symbol.address)
    }
}

/// Which of several names to use for an address: Linux also gives a system call's function one
/// for 32-bit programs.
fn rank(symbol: &Symbol) -> (Scope, bool, &str) {
    let is_for_32_bits = symbol.name.contains("ia32");
    (symbol.scope, is_for_32_bits, &symbol.name)
}

type Found = (Vec<Symbol>, Vec<Range<u64>>);

fn of_elf(bytes: &[u8]) -> object::Result<Found> {
    let file = ElfFile64::<object::Endianness>::parse(bytes)?;
    let code: Vec<_> = file
        .sections()
        .filter(|section| match section.flags() {
            SectionFlags::Elf { sh_flags, .. } => sh_flags.contains(elf::SHF_EXECINSTR),
            _ => false,
        })
        .map(|section| section.address()..section.address() + section.size())
        .collect();
    let symbols = file.symbols().filter(|symbol| {
        // Labels in assembly do not have a type.
        let is_code = matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Unknown);
        is_code && symbol.is_definition()
    });
    let functions = symbols.filter_map(|symbol| {
        let name = symbol.name().ok().filter(|name| !name.is_empty())?;
        let scope = match (symbol.is_weak(), symbol.is_global()) {
            (true, _) => Scope::Weak,
            (_, true) => Scope::Global,
            _ => Scope::Local,
        };
        Some(Symbol {
            address: symbol.address(),
            scope,
            name: format!("{:#}", rustc_demangle::demangle(name)),
        })
    });
    Ok((functions.collect(), code))
}

/// One line per symbol: address, type, name. `None` if a line has another form.
fn of_system_map(text: &str) -> Option<Found> {
    let mut functions = Vec::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (address, kind, name) = (words.next()?, words.next()?, words.next()?);
        let address = u64::from_str_radix(address, 16).ok()?;
        let scope = match kind {
            "T" => Scope::Global,
            "W" => Scope::Weak,
            "t" => Scope::Local,
            _ => continue,
        };
        functions.push(Symbol {
            address,
            scope,
            name: name.to_owned(),
        });
    }
    let first = functions.iter().map(|symbol| symbol.address).min();
    let last = functions.iter().map(|symbol| symbol.address).max();
    // The last ones mark the end of code: `_etext`, `_einittext`.
    let code = first.zip(last).map(|(first, last)| first..last + 1);
    Some((functions, code.into_iter().collect()))
}

/// The symbols of an image, and the file with them: the image itself, or the places where
/// builds and distributions put those of a bzImage.
pub fn of_image(image: &Path) -> Option<(PathBuf, Symbols)> {
    let beside = |name: &str| image.with_file_name(name);
    let version = image.file_name().and_then(OsStr::to_str);
    let version = version.and_then(|name| name.strip_prefix("vmlinuz-"));
    let files = match (is_elf(image), version) {
        (true, _) => vec![image.to_owned()],
        (false, None) => vec![beside("vmlinux"), beside("System.map")],
        (false, Some(version)) => vec![
            PathBuf::from(format!("/usr/lib/debug/boot/vmlinux-{version}")),
            beside(&format!("System.map-{version}")),
        ],
    };
    files.into_iter().find_map(|file| {
        let symbols = Symbols::read(&file).ok()??;
        Some((file, symbols))
    })
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == elf::ELFMAG
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM_MAP: &str = "\
0000000000000000 A fixed_percpu_data
ffffffff81000000 T _stext
ffffffff81000000 T _text
ffffffff81000080 T entry_SYSCALL_64
ffffffff810000a0 t a_local_label
ffffffff81000100 t __do_sys_noop
ffffffff81000100 T __ia32_sys_noop
ffffffff81000100 W a_weak_alias
ffffffff81000100 T __x64_sys_noop
ffffffff81000120 d data
ffffffff81000200 T _etext
ffffffff82000000 D more_data
";

    fn symbols() -> Symbols {
        let (functions, code) = of_system_map(SYSTEM_MAP).unwrap();
        Symbols::new(functions, code)
    }

    #[test]
    fn an_address_belongs_to_the_nearest_symbol_of_code_at_or_below() {
        let symbols = symbols();
        for (address, expected) in [
            (0xffff_ffff_8100_007f, Some(("_stext", 0x7f))),
            (0xffff_ffff_8100_0080, Some(("entry_SYSCALL_64", 0))),
            (0xffff_ffff_8100_00a4, Some(("a_local_label", 4))),
            (0xffff_ffff_8100_0121, Some(("__x64_sys_noop", 0x21))),
            (0xffff_ffff_8100_0201, None),
            (0xffff_ffff_8200_0000, None),
            (0x1000, None),
        ] {
            assert_eq!(symbols.find(address), expected, "{address:x}");
        }
        let entry = symbols.address_of("entry_SYSCALL_64");
        assert_eq!(entry, Some(0xffff_ffff_8100_0080));
        assert_eq!(symbols.address_of("data"), None);
    }

    #[test]
    fn the_order_of_lines_decides_nothing() {
        let mut lines: Vec<_> = SYSTEM_MAP.lines().collect();
        lines.reverse();
        let (functions, code) = of_system_map(&lines.join("\n")).unwrap();
        assert_eq!(Symbols::new(functions, code), symbols());
    }

    #[test]
    fn a_file_without_symbols_of_code_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("System.map-6.12");
        let stub =
            "ffffffffffffffff B The real System.map is in the linux-image-6.12-dbg package\n";
        files::write(&path, stub).unwrap();
        assert_eq!(Symbols::read(&path).unwrap(), None);
        files::write(&path, "no symbols\n").unwrap();
        let error = Symbols::read(&path).unwrap_err().to_string();
        assert!(
            error.contains("System.map-6.12") && error.contains("--symbols"),
            "{error}"
        );
        files::write(&path, elf::ELFMAG).unwrap();
        assert!(Symbols::read(&path).is_err());
    }

    /// This test is an ELF file as well.
    #[test]
    fn functions_of_an_elf_file_are_found_by_their_own_names() {
        let symbols = Symbols::read(&std::env::current_exe().unwrap())
            .unwrap()
            .unwrap();
        let name = "main";
        let address = symbols.address_of(name).expect("a symbol of this program");
        assert_eq!(symbols.find(address + 1), Some((name, 1)));
    }

    #[test]
    fn symbols_lie_in_an_elf_image_or_beside_a_compressed_one() {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("bzImage");
        files::write(&image, "not ELF").unwrap();
        assert_eq!(of_image(&image), None);
        let map = folder.path().join("System.map");
        files::write(&map, SYSTEM_MAP).unwrap();
        assert_eq!(of_image(&image), Some((map, symbols())));
        // A stripped kernel of another kind does not use its neighbour's symbols.
        files::write(&image, elf::ELFMAG).unwrap();
        assert_eq!(of_image(&image), None);
    }
}
