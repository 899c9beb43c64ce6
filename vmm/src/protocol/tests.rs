//! Each protocol's hand-over, against the text of its specification.

use vm_memory::{Bytes, GuestAddress};

use super::*;
use crate::image::Segment;
use crate::{acpi, layout, load, memory};

const ENTRY: u64 = 0x10_0000;

fn image(protocol: Protocol) -> Image {
    Image {
        protocol,
        segments: vec![Segment {
            address: ENTRY,
            size: 0x2345,
            file_offset: 0,
            file_size: 0,
        }],
        entry: ENTRY,
        setup: None,
    }
}

struct Handed {
    memory: Memory,
    state: EntryState,
}

fn handed(protocol: Protocol, mib: u32, initrd: Option<(u64, u64)>) -> Handed {
    let memory = memory::map(mib).unwrap();
    let image = image(protocol);
    load::cmdline(&memory, &cmdline(protocol, "a b"), &image).unwrap();
    acpi::write(&memory, 1).unwrap();
    let state = hand_over(&memory, &image, &Loaded { initrd }).unwrap();
    Handed { memory, state }
}

impl Handed {
    fn word(&self, address: u64) -> u32 {
        self.memory.read_obj(GuestAddress(address)).unwrap()
    }

    fn long(&self, address: u64) -> u64 {
        self.memory.read_obj(GuestAddress(address)).unwrap()
    }

    fn text(&self, address: u64) -> String {
        (address..)
            .map(|at| self.memory.read_obj::<u8>(GuestAddress(at)).unwrap())
            .take_while(|&byte| byte != 0)
            .map(char::from)
            .collect()
    }
}

/// boot.rst, "64-bit Boot Protocol"; zero-page.rst for the offsets.
#[test]
fn linux64_entry_follows_the_specification() {
    let handed = handed(Protocol::Linux64, 64, Some((0x300_0000, 0x1234)));
    let state = handed.state;
    assert_eq!((state.mode, state.rip), (Mode::Long, ENTRY));
    assert_eq!(state.rflags & 1 << 9, 0, "interrupts are off");
    assert_eq!(state.cr0 & (1 << 31 | 1), 1 << 31 | 1, "paging, protection");
    assert_eq!(state.cr4 & 1 << 5, 1 << 5, "PAE");
    assert_eq!(state.efer & (1 << 8 | 1 << 10), 1 << 8 | 1 << 10);
    let sregs = state.sregs(Default::default());
    assert_eq!((sregs.cs.selector, sregs.cs.l, sregs.cs.db), (0x10, 1, 0));
    for segment in [sregs.ds, sregs.es, sregs.ss] {
        assert_eq!(segment.selector, 0x18);
    }
    let zero_page = state.rsi;
    assert_eq!(handed.word(zero_page + 0x202), u32::from_le_bytes(*b"HdrS"));
    assert_eq!(
        handed.word(zero_page + 0x210) & 0xff,
        0xff,
        "type_of_loader"
    );
    assert_eq!(handed.word(zero_page + 0x218), 0x300_0000, "ramdisk_image");
    assert_eq!(handed.word(zero_page + 0x21c), 0x1234, "ramdisk_size");
    assert_eq!(handed.text(handed.word(zero_page + 0x228).into()), "a b");
    assert_eq!(handed.long(zero_page + 0x70), layout::RSDP);
    assert_eq!(handed.word(zero_page + 0x1e8) & 0xff, 3, "e820_entries");
    assert_eq!(handed.long(zero_page + 0x2d0 + 2 * 20), 0x10_0000);
    assert_eq!(handed.long(zero_page + 0x2d0 + 2 * 20 + 8), 63 << 20);
}

#[test]
fn linux64_maps_four_gib_to_themselves() {
    let handed = handed(Protocol::Linux64, 4, None);
    for address in [0, 0x20_1234, 0x3fff_ffff, 0xfee0_0000, 0xffff_ffff] {
        let pdpt = handed.long(handed.state.cr3) & !0xfff;
        let directory = handed.long(pdpt + (address >> 30) * 8) & !0xfff;
        let page = handed.long(directory + (address >> 21 & 0x1ff) * 8);
        assert_eq!(page & 0x83, 0x83, "present, writable, large");
        assert_eq!(page & !0x1f_ffff, address & !0x1f_ffff);
    }
}

/// pvh.pandoc and start_info.h.
#[test]
fn pvh_entry_follows_the_specification() {
    let handed = handed(Protocol::Pvh, 64, Some((0x300_0000, 0x1234)));
    let state = handed.state;
    assert_eq!((state.mode, state.rip), (Mode::Protected, ENTRY));
    assert_eq!(state.cr0 & !(1 << 4), 1, "only PE, and the fixed ET");
    assert_eq!((state.cr4, state.efer), (0, 0));
    assert_eq!(state.rflags, 2, "VM, TF and IF are clear");
    let sregs = state.sregs(Default::default());
    let cs = sregs.cs;
    assert_eq!((cs.base, cs.limit, cs.db, cs.g), (0, 0xffff_ffff, 1, 1));
    assert_eq!((sregs.tr.base, sregs.tr.limit), (0, 0x67));
    let info = state.rbx;
    assert_eq!(handed.word(info), 0x336e_c578);
    assert_eq!(handed.word(info + 4), 1, "version");
    assert_eq!(handed.word(info + 12), 1, "nr_modules");
    let module = handed.long(info + 16);
    assert_eq!(
        (handed.long(module), handed.long(module + 8)),
        (0x300_0000, 0x1234)
    );
    assert_eq!(handed.text(handed.long(info + 24)), "a b");
    assert_eq!(handed.text(handed.long(info + 32))[..8], *"RSD PTR ");
    let (map, entries) = (handed.long(info + 40), handed.word(info + 48));
    assert_eq!(entries, 3);
    assert_eq!(handed.long(map + 2 * 24), 0x10_0000);
    assert_eq!(handed.word(map + 2 * 24 + 16), 1, "RAM");
}

/// Multiboot Specification 0.6.96, 3.2 and 3.3.
#[test]
fn multiboot_entry_follows_the_specification() {
    let handed = handed(Protocol::Multiboot, 64, Some((0x10_3000, 0x1234)));
    let state = handed.state;
    assert_eq!((state.mode, state.rip), (Mode::Protected, ENTRY));
    assert_eq!(state.rax, 0x2bad_b002);
    assert_eq!(state.cr0 & (1 << 31 | 1), 1, "PE without PG");
    assert_eq!(state.rflags & (1 << 17 | 1 << 9), 0, "VM and IF are clear");
    let info = state.rbx;
    assert_eq!(
        handed.word(info),
        0b100_1101,
        "memory, command line, modules, map"
    );
    assert_eq!(handed.word(info + 4), 0x9fc00 >> 10, "mem_lower");
    assert_eq!(handed.word(info + 8), 63 << 10, "mem_upper");
    assert_eq!(handed.text(handed.word(info + 16).into()), "kernel a b");
    assert_eq!(handed.word(info + 20), 1, "mods_count");
    let module = u64::from(handed.word(info + 24));
    assert_eq!(
        (handed.word(module), handed.word(module + 4)),
        (0x10_3000, 0x10_4234)
    );
    assert_eq!(handed.text(handed.word(module + 8).into()), "");
    let (length, map) = (handed.word(info + 44), u64::from(handed.word(info + 48)));
    assert_eq!(length, 3 * 24);
    assert_eq!(
        handed.word(map + 2 * 24),
        20,
        "the entry's size without this field"
    );
    assert_eq!(handed.long(map + 2 * 24 + 4), 0x10_0000);
}

/// Unikraft reads the list and the map without checking the flags, and everything through page
/// tables that map 0x9000 to 0x10fff, and from 1 MiB to 1 GiB.
#[test]
fn multiboot_suits_unikraft() {
    let handed = handed(Protocol::Multiboot, 2048, None);
    let info = handed.state.rbx;
    assert_eq!(handed.word(info + 20), 0, "mods_count");
    let map = u64::from(handed.word(info + 48));
    for address in [
        info,
        handed.word(info + 16).into(),
        handed.word(info + 24).into(),
        map,
    ] {
        assert!((0x9000..0x11000).contains(&address), "{address:#x}");
    }
    let high = map + 2 * 24;
    assert_eq!(handed.long(high + 4) + handed.long(high + 12), 1 << 30);
}
