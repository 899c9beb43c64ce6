use linux_loader::loader::bootparam::setup_header;

use std::io::Write;

use proptest::prelude::*;

use super::*;
use crate::image::{self, Segment};
use crate::{memory, tiny};

fn image(protocol: Protocol) -> Image {
    Image {
        protocol,
        segments: vec![Segment {
            address: 0x10_0000,
            size: 0x2345,
            file_offset: 0,
            file_size: 0,
        }],
        entry: 0x10_0000,
        setup: None,
    }
}

#[test]
fn linux_gets_its_ramdisk_as_high_as_it_may_lie() {
    let mut image = image(Protocol::Linux64);
    let ram = 64 << 20;
    assert_eq!(place_initrd(&image, ram, 0x1801).unwrap(), ram - 0x2000);
    image.setup = Some(setup_header {
        initrd_addr_max: 0x1ff_ffff,
        ..Default::default()
    });
    assert_eq!(
        place_initrd(&image, ram, 0x1801).unwrap(),
        0x200_0000 - 0x2000
    );
}

#[test]
fn multiboot_gets_its_module_low_and_page_aligned() {
    let image = image(Protocol::Multiboot);
    assert_eq!(place_initrd(&image, 64 << 20, 5).unwrap(), 0x10_3000);
}

#[test]
fn a_ramdisk_that_does_not_fit_is_refused() {
    let ram = 4 << 20;
    for size in [3 << 20, u64::MAX, u64::MAX - 0xfff, i64::MAX as u64] {
        for protocol in [Protocol::Linux64, Protocol::Pvh, Protocol::Multiboot] {
            let refused = place_initrd(&image(protocol), ram, size);
            assert!(matches!(refused, Err(LoadError::InitrdTooBig { .. })));
        }
    }
}

#[test]
fn a_kernel_beyond_the_memory_is_refused() {
    let memory = memory::map(2).unwrap();
    let mut image = image(Protocol::Pvh);
    image.segments[0].size = 6 << 20;
    let refused = kernel(&memory, &mut File::open("/dev/null").unwrap(), &image);
    let needed = 7;
    assert!(
        matches!(refused, Err(LoadError::KernelTooBig { needed: n, available: 2 }) if n == needed)
    );
}

#[test]
fn command_lines_end_where_their_room_ends() {
    let memory = memory::map(2).unwrap();
    let image = image(Protocol::Pvh);
    let write = |text: &str| cmdline(&memory, text, &image);
    assert!(write(&"x".repeat(2047)).is_ok());
    assert!(matches!(
        write(&"x".repeat(2048)),
        Err(LoadError::CmdlineTooLong {
            length: 2048,
            limit: 2047
        })
    ));
    assert!(matches!(write("a\0b"), Err(LoadError::CmdlineNul)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever an image contains, it is loaded or refused, and the bounds of guest memory
    /// hold.
    #[test]
    fn a_mutated_image_is_loaded_or_refused(
        kind in 0usize..4,
        mutations in proptest::collection::vec((0usize..0x300, any::<u8>()), 1..10),
    ) {
        let code = tiny::exit(0);
        let mut data = match kind {
            0 => tiny::vmlinux(&code),
            1 => tiny::pvh(&code),
            2 => tiny::multiboot_elf(&code),
            _ => tiny::multiboot_flat(&code),
        };
        for (at, byte) in mutations {
            let at = at % data.len();
            data[at] = byte;
        }
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&data).unwrap();
        if let Ok(image) = image::inspect(&data[..], None) {
            let memory = memory::map(4).unwrap();
            let fits = image.end() <= 4 << 20;
            prop_assert_eq!(kernel(&memory, &mut file, &image).is_ok(), fits);
            prop_assert!(is_untouched_outside(&memory, &image));
        }
    }
}

/// Whether only the image's pages are written to.
fn is_untouched_outside(memory: &Memory, image: &Image) -> bool {
    let mut page = [0; PAGE as usize];
    (0..end_of_low_ram(memory))
        .step_by(PAGE as usize)
        .all(|at| {
            let of_image = |s: &Segment| s.address < at + PAGE && at < s.end();
            memory.read_slice(&mut page, GuestAddress(at)).unwrap();
            image.segments.iter().any(of_image) || page == [0; PAGE as usize]
        })
}
