//! Reads `samples.csv` on all cores.

use std::io::{self, Read};
use std::sync::Arc;
use std::thread;

use contract::Benchmark;

use super::{BootValues, Levels};
use crate::parallel;
use crate::samples::{Block, Blocks, Sample, SamplesError};

/// Bytes of a block.
const BLOCK: usize = 1 << 17;
/// Blocks for each thread at a time: enough that starting the threads costs nothing.
const BLOCKS: usize = 16;

impl Levels {
    /// Reads `samples.csv`.
    ///
    /// # Errors
    ///
    /// [`SamplesError`] if `input` fails, has other columns, or is damaged.
    pub fn read<R: Read>(input: R) -> Result<Self, SamplesError> {
        read(Blocks::new(input, BLOCK))
    }
}

/// While some blocks are read by all threads, this one takes the next from the file.
fn read<R: Read>(mut blocks: Blocks<R>) -> Result<Levels, SamplesError> {
    let mut levels = Levels::default();
    let mut taken = take(&mut blocks)?;
    if taken.is_empty() {
        // An empty file lacks the header row.
        return blocks.one_by_one(taken)?.collect();
    }
    while !taken.is_empty() {
        let (parts, next) = thread::scope(|scope| {
            let parts = scope.spawn(|| parallel::map(&taken, parts));
            let next = take(&mut blocks);
            (parallel::join(parts), next)
        });
        for (place, parts) in parts.into_iter().enumerate() {
            let Some(parts) = parts? else {
                let from = taken.into_iter().skip(place).chain(next?);
                for sample in blocks.one_by_one(from)? {
                    levels.add(&sample?);
                }
                return Ok(levels);
            };
            for part in parts {
                let values = levels.boot(&part.target, part.boot, part.benchmark);
                values.append(part.values);
            }
        }
        taken = next?;
    }
    Ok(levels)
}

/// The next blocks for all threads.
fn take<R: Read>(blocks: &mut Blocks<R>) -> io::Result<Vec<Block>> {
    let blocks = std::iter::from_fn(|| blocks.take().transpose());
    blocks.take(BLOCKS * parallel::threads()).collect()
}

/// Consecutive samples of one boot's benchmark.
struct Part {
    target: Arc<str>,
    boot: u32,
    benchmark: Benchmark,
    values: BootValues,
}

impl Part {
    fn has(&self, sample: &Sample) -> bool {
        (self.boot, self.benchmark) == (sample.boot, sample.benchmark)
            && Arc::ptr_eq(&self.target, &sample.target)
    }
}

/// A block's samples; `None` if they have to be read one by one.
fn parts(block: &Block) -> Result<Option<Vec<Part>>, SamplesError> {
    let mut parts: Vec<Part> = Vec::new();
    let plain = block.samples(|sample| {
        if !parts.last().is_some_and(|part| part.has(sample)) {
            parts.push(Part {
                target: sample.target.clone(),
                boot: sample.boot,
                benchmark: sample.benchmark,
                values: BootValues::default(),
            });
        }
        if let Some(part) = parts.last_mut() {
            part.values
                .add(sample.round, sample.reading, sample.value.0);
        }
    })?;
    Ok(plain.then_some(parts))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::log::Reading;
    use crate::samples::{Reader, Writer};
    use crate::units::Ticks;

    fn written(samples: &[Sample]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).unwrap();
        samples
            .iter()
            .for_each(|sample| writer.write(sample).unwrap());
        writer.finish().unwrap()
    }

    fn in_blocks(file: &[u8], size: usize) -> String {
        described(read(Blocks::new(file, size)))
    }

    fn one_by_one(file: &[u8]) -> String {
        described(Reader::new(file).and_then(Iterator::collect))
    }

    fn described(levels: Result<Levels, SamplesError>) -> String {
        match levels {
            Ok(levels) => format!("{levels:?}"),
            Err(error) => error.to_string(),
        }
    }

    fn sample() -> impl Strategy<Value = Sample> {
        let reading = prop_oneof![
            Just(Reading::ValueOnly),
            any::<[u64; 2]>().prop_map(|[ops, ticks]| Reading::Batch { ops, ticks }),
            (0..4u64, 1..500u64, any::<bool>()).prop_map(|(align, ticks, moved)| Reading::Slope {
                align: align * 16,
                ops_n: 64,
                ticks_n: ticks * 26,
                ops_2n: 128,
                ticks_2n: ticks * 52,
                chain_before: 12_288,
                chain_after: 12_288 + 600 * u64::from(moved),
            }),
        ];
        let target = prop_oneof![
            20 => Just("linux".to_owned()),
            20 => Just("ring0".to_owned()),
            1 => "[a-z\",\n\r ]{0,4}",
        ];
        let benchmark = prop::sample::select(&Benchmark::ALL[..]);
        (target, 0..3u32, benchmark, 0..3u32, reading, 0..10_000u32).prop_map(
            |(target, boot, benchmark, round, reading, value)| Sample {
                target: target.into(),
                boot,
                benchmark,
                round,
                reading,
                value: Ticks(f64::from(value) / 64.0),
            },
        )
    }

    proptest! {
        #[test]
        fn blocks_hold_what_the_file_holds(samples in vec(sample(), 0..60), size in 0..900usize) {
            let file = written(&samples);
            prop_assert_eq!(in_blocks(&file, size), one_by_one(&file));
        }

        #[test]
        fn damage_is_found_at_the_same_place(
            samples in vec(sample(), 1..30),
            size in 0..900usize,
            place in any::<prop::sample::Index>(),
            byte in prop_oneof![any::<u8>(), prop::sample::select(&b",\"\r0x-+."[..])],
            cut in any::<bool>(),
        ) {
            let mut file = written(&samples);
            let place = place.index(file.len());
            if cut {
                file.truncate(place);
            } else {
                file[place] = byte;
            }
            // The csv crate counts an empty line to the row after it.
            prop_assume!(!file.windows(2).any(|two| two == b"\n\n") && !file.starts_with(b"\n"));
            prop_assert_eq!(in_blocks(&file, size), one_by_one(&file));
        }
    }
}
