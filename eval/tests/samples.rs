//! samples.csv: what is written is what is read, and damage is named.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::Write;
use std::sync::Arc;

use eval::levels::Levels;
use eval::log::{Reading, parse};
use eval::samples::{Reader, Sample, SamplesError, Writer, of_log};
use eval::units::Ticks;
use eval::{Benchmark, Method};
use proptest::collection::vec;
use proptest::prelude::*;

fn write(out: impl Write, samples: &[Sample]) -> Result<(), SamplesError> {
    let mut writer = Writer::new(out)?;
    samples.iter().try_for_each(|sample| writer.write(sample))?;
    writer.finish().map(drop)
}

fn read(file: &[u8]) -> Result<Vec<Sample>, SamplesError> {
    Reader::new(file)?.collect()
}

fn csv(samples: &[Sample]) -> String {
    let mut out = Vec::new();
    write(&mut out, samples).unwrap();
    String::from_utf8(out).unwrap()
}

fn reading() -> impl Strategy<Value = Reading> {
    let slope = any::<[u64; 7]>().prop_map(
        |[
            align,
            ops_n,
            ticks_n,
            ops_2n,
            ticks_2n,
            chain_before,
            chain_after,
        ]| Reading::Slope {
            align,
            ops_n,
            ticks_n,
            ops_2n,
            ticks_2n,
            chain_before,
            chain_after,
        },
    );
    let batch = any::<[u64; 2]>().prop_map(|[ops, ticks]| Reading::Batch { ops, ticks });
    prop_oneof![Just(Reading::ValueOnly), batch, slope]
}

fn sample() -> impl Strategy<Value = Sample> {
    let value = any::<f64>().prop_filter("finite", |v| v.is_finite());
    let target = prop_oneof!["linux", "[a-z\",\n\r é–]{0,12}"];
    (
        target,
        any::<[u32; 2]>(),
        prop::sample::select(&Benchmark::ALL[..]),
        reading(),
        value,
    )
        .prop_map(
            |(target, [boot, round], benchmark, reading, value)| Sample {
                target: target.into(),
                boot,
                benchmark,
                round,
                reading,
                value: Ticks(value),
            },
        )
}

proptest! {
    #[test]
    fn every_written_sample_reads_the_same(samples in vec(sample(), 0..30)) {
        let back = read(csv(&samples).as_bytes()).unwrap();
        prop_assert_eq!(back, samples);
    }

    #[test]
    fn a_damaged_file_never_panics(samples in vec(sample(), 1..5), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = csv(&samples).into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let _ = read(&bytes[..]);
        let _ = read(&bytes[..place]);
    }
}

#[test]
fn the_file_reads_as_documented() {
    let precise = parse(common::tollgate_log(Method::Precise, 1).as_bytes()).unwrap();
    let paper = parse(common::tollgate_log(Method::Paper, 1).as_bytes()).unwrap();
    let original = parse(common::original_log()).unwrap();
    let samples: Vec<_> = of_log("linux".into(), 0, &precise)
        .chain(of_log("host, \"bare\"".into(), 24, &paper))
        .chain(of_log("original".into(), 0, &original).take(3))
        .collect();
    assert_eq!(
        csv(&samples),
        "\
target,boot,benchmark,round,align,ops_n,ticks_n,ops_2n,ticks_2n,chain_before_ticks,chain_after_ticks,ticks_per_op
linux,0,tsc,0,16,0,70,0,70,1500,1501,70
linux,0,scall,0,16,128,28488,256,56906,1500,1501,222.015625
linux,0,fcall,0,16,128,586,256,1102,1500,1501,4.03125
\"host, \"\"bare\"\"\",24,tsc,0,,0,70,,,,,70
\"host, \"\"bare\"\"\",24,scall,0,,100000,22200072,,,,,222.00002
\"host, \"\"bare\"\"\",24,fcall,0,,100000,400074,,,,,4.00004
original,0,tsc,0,,,,,,,,156
original,0,scall,0,,,,,,,,518.576
original,0,fcall,0,,,,,,,,26.552
"
    );
}

#[test]
fn a_targets_name_is_kept_once() {
    let samples = common::samples(&common::MEASURED, 2, 3);
    let back = read(csv(&samples).as_bytes()).unwrap();
    assert!(Arc::ptr_eq(&back[0].target, &back[1].target));
}

const HEADER: &str = "target,boot,benchmark,round,align,ops_n,ticks_n,ops_2n,ticks_2n,chain_before_ticks,chain_after_ticks,ticks_per_op";

fn error(row: &str) -> String {
    let good = "a,0,tsc,0,,,,,,,,1\n";
    read(format!("{HEADER}\n{good}{row}\n").as_bytes())
        .unwrap_err()
        .to_string()
}

#[test]
fn damage_is_named_with_its_line_and_column() {
    for (row, part) in [
        (
            "a,x,tsc,0,,,,,,,,1",
            "line 3, column `boot`: \"x\" is not a whole number",
        ),
        ("a,-1,tsc,0,,,,,,,,1", "column `boot`"),
        ("a,0,tsk,0,,,,,,,,1", "column `benchmark`: \"tsk\""),
        ("a,0,tsc,0,,1.5,,,,,,1", "column `ops_n`"),
        (
            "a,0,tsc,0,,1,,,,,,1",
            "line 3: this combination of empty and filled columns",
        ),
        (
            "a,0,tsc,0,,,,,,,,",
            "column `ticks_per_op`: \"\" is not a number",
        ),
        (
            "a,0,tsc,0,,,,,,,,NaN",
            "column `ticks_per_op`: \"NaN\" is not a finite number",
        ),
        ("a,0,tsc,0,,,,,,,,1e999", "is not a finite number"),
        (
            "a,0,tsc,0,,,",
            "line 3: it has 7 columns instead of 12: is the file cut off?",
        ),
    ] {
        let error = error(row);
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn another_header_is_another_version() {
    for file in ["", "target,boot\n", "\u{0}\u{1}"] {
        let error = Reader::new(file.as_bytes()).err().unwrap();
        assert!(matches!(error, SamplesError::Header { .. }), "{error}");
    }
}

#[test]
fn a_full_disk_is_an_error() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let samples = common::samples(&common::MEASURED, 1, 1);
    assert!(matches!(
        write(Full, &samples),
        Err(SamplesError::Io(e)) if e.kind() == std::io::ErrorKind::StorageFull
    ));
    let summary = common::run(&common::MEASURED, 1, 2).0;
    assert!(eval::summary::write_json(Full, &summary).is_err());
    assert!(eval::summary::write_csv(Full, &summary).is_err());
}

/// A file of rounds, boots and targets that end anywhere.
fn lines(count: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let samples = (0..count).map(|i| {
        let target = if i < 35_000 { "linux" } else { "ring0" };
        let slope = Reading::Slope {
            align: u64::from(i % 4) * 16,
            ops_n: 64,
            ticks_n: 8450 + u64::from(i % 7) * 26,
            ops_2n: 128,
            ticks_2n: 16_770 + u64::from(i % 11) * 26,
            chain_before: 12_288,
            chain_after: 12_288 + u64::from(i % 150),
        };
        Sample {
            target: target.into(),
            boot: i / 9000,
            benchmark: Benchmark::ALL[(i / 100) as usize % 3],
            round: i / 700 % 13,
            reading: slope,
            value: Ticks((8320 + i % 5) as f64 / 64.3),
        }
    });
    write(&mut file, &samples.collect::<Vec<_>>()).unwrap();
    file
}

#[test]
fn levels_hold_what_the_lines_hold() {
    let file = lines(20_000);
    let one_by_one: Levels = read(&file).unwrap().into_iter().collect();
    let levels = Levels::read(&file[..]).unwrap();
    assert_eq!(format!("{levels:?}"), format!("{one_by_one:?}"));
    let last = format!("{HEADER}\nlinux,1,tsc,0,,,,,,,,x\n");
    let error = Levels::read(last.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("line 2, column `ticks_per_op`"), "{error}");
}
