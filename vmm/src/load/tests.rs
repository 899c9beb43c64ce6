use super::*;
use crate::image::Segment;
use crate::memory;

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
    let mut setup = linux_loader::loader::bootparam::setup_header::default();
    setup.initrd_addr_max = 0x1ff_ffff;
    image.setup = Some(setup);
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
