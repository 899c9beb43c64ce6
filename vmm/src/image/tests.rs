use proptest::prelude::*;

use super::*;
use crate::layout::HIGH_MEMORY;
use crate::tiny;

fn look(data: &[u8]) -> Result<Image, ImageError> {
    inspect(data, None)
}

/// A bzImage with only the fields that are read.
fn bzimage() -> Vec<u8> {
    let mut image = vec![0; 0x400 + 0x1000];
    image[0x1f1] = 1; // setup_sects
    image[0x1f4..0x1f8].copy_from_slice(&(0x1000u32 / 16).to_le_bytes());
    image[0x201] = 0x6a; // the header's end
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x206..0x208].copy_from_slice(&0x020fu16.to_le_bytes());
    image[0x211] = 1; // LOADED_HIGH
    image[0x236] = 1; // XLF_KERNEL_64
    image[0x258..0x260].copy_from_slice(&0x100_0000u64.to_le_bytes());
    image[0x260..0x264].copy_from_slice(&0x40_0000u32.to_le_bytes());
    image
}

fn all_good_images() -> Vec<Vec<u8>> {
    let code = tiny::exit(0);
    vec![
        bzimage(),
        tiny::vmlinux(&code),
        tiny::pvh(&code),
        tiny::multiboot_elf(&code),
        tiny::multiboot_flat(&code),
    ]
}

#[test]
fn the_protocol_is_found_from_the_image() {
    use Protocol::*;
    let found: Vec<_> = all_good_images()
        .iter()
        .map(|image| look(image).unwrap().protocol)
        .collect();
    assert_eq!(found, [Linux64, Linux64, Pvh, Multiboot, Multiboot]);
}

#[test]
fn a_bzimage_is_loaded_where_it_wants_to_be() {
    let image = look(&bzimage()).unwrap();
    assert_eq!(image.entry, 0x100_0200);
    assert_eq!(
        image.segments,
        [Segment {
            address: 0x100_0000,
            size: 0x40_0000,
            file_offset: 0x400,
            file_size: 0x1000
        }]
    );
}

#[test]
fn a_multiboot_header_with_addresses_says_everything_itself() {
    let code = tiny::exit(0);
    let image = look(&tiny::multiboot_flat(&code)).unwrap();
    assert_eq!(image.entry, HIGH_MEMORY + 32);
    let size = 32 + code.len() as u64;
    assert_eq!(
        image.segments,
        [Segment {
            address: HIGH_MEMORY,
            size: size + 0x1000,
            file_offset: 0,
            file_size: size
        }]
    );
}

#[test]
fn a_multiboot_entry_comes_from_the_header_not_from_the_elf_file() {
    let mut image = tiny::multiboot_elf(&tiny::exit(0));
    // The same file with address fields that load its code, at 0x1000, elsewhere.
    let (magic, flags) = (0x1bad_b002u32, 1u32 << 16);
    let checksum = 0u32.wrapping_sub(magic).wrapping_sub(flags);
    let at = 0x20_0000u32;
    let header = [magic, flags, checksum, at + 0x200, at, 0, 0, at + 0x1000];
    for (slot, word) in image[0x200..].chunks_mut(4).zip(header) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    let image = look(&image).unwrap();
    assert_eq!(image.entry, u64::from(at) + 0x1000);
    assert_eq!(image.segments[0].address, u64::from(at));
}

#[test]
fn a_forced_protocol_is_taken_or_refused() {
    let pvh = tiny::pvh(&tiny::exit(0));
    let forced = inspect(&pvh[..], Some(Protocol::Linux64)).unwrap();
    assert_eq!(forced.protocol, Protocol::Linux64);
    for (image, protocol) in [
        (&pvh, Protocol::Multiboot),
        (&bzimage(), Protocol::Pvh),
        (&bzimage(), Protocol::Multiboot),
    ] {
        let refused = inspect(&image[..], Some(protocol));
        assert!(matches!(refused, Err(ImageError::NotThisProtocol { .. })));
    }
}

#[test]
fn files_that_are_not_kernels_are_refused_by_name() {
    for data in [&b""[..], b"#!/bin/sh\n", &[0; 10_000], b"\x7fELF"] {
        assert!(look(data).is_err());
    }
    let program = std::fs::read("/proc/self/exe").unwrap();
    assert!(matches!(look(&program), Err(ImageError::Unsupported(_))));
}

#[test]
fn a_directory_and_a_missing_file_are_unreadable() {
    for path in ["/", "/dev/zero", "/nowhere/at/all"] {
        let opened = open(Path::new(path), None);
        assert!(matches!(opened, Err(ImageError::Unreadable { .. })));
    }
}

#[test]
fn a_truncated_elf_header_is_not_taken_for_a_32_bit_file() {
    let whole = tiny::vmlinux(&tiny::exit(0));
    for end in 4..64 {
        let error = look(&whole[..end]).unwrap_err().to_string();
        assert!(error.contains("cut short"), "{end} bytes: {error}");
    }
    let mut other = whole;
    other[4] = 1;
    let error = look(&other).unwrap_err().to_string();
    assert!(error.contains("32-bit"), "{error}");
}

/// What every accepted image promises the loader.
fn is_sound(image: &Image, data: &[u8]) -> bool {
    let inside = image.segments.iter().all(|s| {
        s.address >= HIGH_MEMORY
            && s.file_size <= s.size
            && s.file_offset + s.file_size <= data.len() as u64
            && s.address.checked_add(s.size).is_some()
    });
    let apart = image
        .segments
        .windows(2)
        .all(|s| s[0].end() <= s[1].address);
    inside && apart
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_mutated_image_is_sound_or_refused(
        which in 0usize..5,
        mutations in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        in_header in any::<bool>(),
        protocol in prop_oneof![
            Just(None),
            Just(Some(Protocol::Linux64)),
            Just(Some(Protocol::Pvh)),
            Just(Some(Protocol::Multiboot)),
        ],
    ) {
        let mut data = all_good_images().swap_remove(which);
        let reach = if in_header { data.len().min(0x300) } else { data.len() };
        for (index, byte) in mutations {
            data[index.index(reach)] = byte;
        }
        if let Ok(image) = inspect(&data[..], protocol) {
            prop_assert!(is_sound(&image, &data));
        }
    }

    #[test]
    fn a_cut_image_is_sound_or_refused(which in 0usize..5, at in any::<prop::sample::Index>()) {
        let mut data = all_good_images().swap_remove(which);
        data.truncate(at.index(data.len()));
        if let Ok(image) = look(&data) {
            prop_assert!(is_sound(&image, &data));
        }
    }

    #[test]
    fn random_bytes_are_sound_or_refused(data in proptest::collection::vec(any::<u8>(), 0..9000)) {
        if let Ok(image) = look(&data) {
            prop_assert!(is_sound(&image, &data));
        }
    }
}
