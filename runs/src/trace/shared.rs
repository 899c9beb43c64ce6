//! The common path of a benchmark's operations. An interrupt lengthens an operation, and so
//! does the first use of a page: a single operation is not yet a path.

use std::collections::HashMap;

use eval::Benchmark;

use super::record::Operation;

/// Fewer operations prove nothing.
const FEWEST: usize = 10;

/// Why the operations do not have a common path.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPath {
    /// The program did not mark them, or not enough of them.
    #[error(
        "{found} operations of {benchmark} are marked, but {asked} were requested: the program is \
         from another version, or ended early"
    )]
    Few {
        /// Its name.
        benchmark: &'static str,
        /// Marked operations.
        found: usize,
        /// How many there should be.
        asked: usize,
    },
    /// No path is common to nine tenths of them.
    #[error(
        "the operations of {benchmark} do not have a common path: of {all}, at most {most} took \
         the same one; their lengths in instructions are {lengths}"
    )]
    Divided {
        /// Its name.
        benchmark: &'static str,
        /// Marked operations.
        all: usize,
        /// How many took the most frequent path.
        most: usize,
        /// The lengths, each with its frequency.
        lengths: String,
    },
}

/// The operation that represents all of a benchmark, and how many of them took another path.
///
/// # Errors
///
/// [`NoPath`] if fewer than nine tenths of them took one path, or fewer are marked than were
/// requested.
pub fn path(
    operations: &[Operation],
    benchmark: Benchmark,
    asked: usize,
) -> Result<(&Operation, usize), NoPath> {
    let of_benchmark = operations.iter().filter(|o| o.benchmark == benchmark);
    let all: Vec<_> = of_benchmark.collect();
    let benchmark = benchmark.name();
    if all.len() < asked.max(FEWEST) {
        return Err(NoPath::Few {
            benchmark,
            found: all.len(),
            asked,
        });
    }
    let mut paths: HashMap<_, (usize, &Operation)> = HashMap::new();
    for operation in &all {
        paths.entry(&operation.path).or_insert((0, operation)).0 += 1;
    }
    match paths.into_values().max_by_key(|(count, _)| *count) {
        Some((most, operation)) if most * 10 >= all.len() * 9 => Ok((operation, all.len() - most)),
        most => Err(NoPath::Divided {
            benchmark,
            all: all.len(),
            most: most.map_or(0, |(count, _)| count),
            lengths: lengths(&all),
        }),
    }
}

/// As "238 (20 times), 1402 (once)".
fn lengths(operations: &[&Operation]) -> String {
    let mut lengths: Vec<_> = operations.iter().map(|o| o.path.len()).collect();
    lengths.sort_unstable();
    let groups = lengths.chunk_by(|a, b| a == b);
    let groups = groups.filter_map(|group| match (group.first()?, group.len()) {
        (length, 1) => Some(format!("{length} (once)")),
        (length, times) => Some(format!("{length} ({times} times)")),
    });
    groups.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::trace::record::Instruction;

    fn operations(lengths: &[usize]) -> Vec<Operation> {
        let nop = Rc::new(Instruction {
            address: 0,
            bytes: vec![0x90],
        });
        let lengths = lengths.iter();
        lengths
            .map(|&length| Operation {
                benchmark: Benchmark::Scall,
                path: vec![nop.clone(); length],
            })
            .collect()
    }

    #[test]
    fn an_interrupted_operation_is_left_out() {
        let mut lengths = [238; 20];
        lengths[3] = 1402;
        lengths[7] = 900;
        let operations = operations(&lengths);
        let (path, others) = path(&operations, Benchmark::Scall, 20).unwrap();
        assert_eq!((path.path.len(), others), (238, 2));
    }

    #[test]
    fn operations_without_a_common_path_have_none() {
        let mut lengths = [238; 20];
        lengths[..2].fill(300);
        lengths[19] = 900;
        let operations = operations(&lengths);
        let error = path(&operations, Benchmark::Scall, 20).unwrap_err();
        let expected = "of 20, at most 17 took the same one; their lengths in instructions are \
                        238 (17 times), 300 (2 times), 900 (once)";
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn too_few_operations_show_nothing() {
        for (found, asked) in [(31, 32), (9, 9)] {
            let operations = operations(&vec![5; found]);
            let error = path(&operations, Benchmark::Scall, asked).unwrap_err();
            assert!(matches!(error, NoPath::Few { .. }), "{error}");
        }
        let error = path(&operations(&[5; 32]), Benchmark::Fcall, 32).unwrap_err();
        assert!(
            error.to_string().starts_with("0 operations of fcall"),
            "{error}"
        );
    }
}
