//! The contents of the archive, read back by the format's own reader and by `cpio`'s rules.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::io::{Cursor, Read};

use cpio::newc;
use flate2::read::GzDecoder;
use initramfs::{Compression, build};
use proptest::prelude::*;

struct Found {
    path: String,
    mode: u32,
    device: (u32, u32),
    content: Vec<u8>,
}

fn read(archive: &[u8]) -> Vec<Found> {
    let mut rest = Cursor::new(archive.to_vec());
    let mut found = vec![];
    loop {
        let mut reader = newc::Reader::new(rest).unwrap();
        if reader.entry().is_trailer() {
            return found;
        }
        let entry = reader.entry();
        assert_eq!((entry.uid(), entry.gid(), entry.mtime()), (0, 0, 0));
        let (path, mode) = (entry.name().to_owned(), entry.mode());
        let device = (entry.rdev_major(), entry.rdev_minor());
        let mut content = vec![];
        reader.read_to_end(&mut content).unwrap();
        found.push(Found {
            path,
            mode,
            device,
            content,
        });
        rest = reader.finish().unwrap();
    }
}

#[test]
fn holds_init_and_what_init_needs() {
    let archive = build(b"the program", Compression::None).unwrap();
    let found = read(&archive);
    let paths: Vec<_> = found.iter().map(|f| (f.path.as_str(), f.mode)).collect();
    let expected = [
        ("dev", 0o040_755),
        ("dev/console", 0o020_600),
        ("proc", 0o040_555),
        ("sys", 0o040_555),
        ("init", 0o100_755),
    ];
    assert_eq!(paths, expected);
    assert_eq!(found[1].device, (5, 1));
    assert_eq!(found[4].content, b"the program");
}

#[test]
fn compressed_archives_hold_the_same() {
    let plain = build(b"the program", Compression::None).unwrap();
    let gzip = build(b"the program", Compression::Gzip).unwrap();
    let mut unpacked = vec![];
    GzDecoder::new(gzip.as_slice())
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, plain);
    let zstd = build(b"the program", Compression::Zstd).unwrap();
    assert_eq!(zstd::decode_all(zstd.as_slice()).unwrap(), plain);
}

proptest! {
    // zstd at its level takes a while in a debug build.
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn any_program_comes_back_and_twice_the_same(init in prop::collection::vec(any::<u8>(), 0..5000)) {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            prop_assert_eq!(build(&init, compression).unwrap(), build(&init, compression).unwrap());
        }
        let archive = build(&init, Compression::None).unwrap();
        let found = read(&archive);
        prop_assert_eq!(&found.last().unwrap().content, &init);
    }
}
