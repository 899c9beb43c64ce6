use crate::log::Reading;

/// The header row. The names of the columns contain their units; `ops` are plain counts.
pub(super) const HEADER: [&str; 12] = [
    "target",
    "boot",
    "benchmark",
    "round",
    "align",
    "ops_n",
    "ticks_n",
    "ops_2n",
    "ticks_2n",
    "chain_before_ticks",
    "chain_after_ticks",
    "ticks_per_op",
];

/// The first of the reading's columns.
pub(super) const READING: usize = 4;
/// The value's column.
pub(super) const VALUE: usize = READING + READING_COLUMNS;
/// How many columns a reading has.
pub(super) const READING_COLUMNS: usize = 7;

/// A reading's columns; `None` is an empty one.
pub(super) type Fields = [Option<u64>; READING_COLUMNS];

pub(super) fn fields(reading: Reading) -> Fields {
    match reading {
        Reading::ValueOnly => [None; READING_COLUMNS],
        Reading::Batch { ops, ticks } => [None, Some(ops), Some(ticks), None, None, None, None],
        Reading::Slope {
            align,
            ops_n,
            ticks_n,
            ops_2n,
            ticks_2n,
            chain_before,
            chain_after,
        } => [
            align,
            ops_n,
            ticks_n,
            ops_2n,
            ticks_2n,
            chain_before,
            chain_after,
        ]
        .map(Some),
    }
}

/// The reading with these columns; `None` if no method fills exactly these.
pub(super) fn reading(fields: Fields) -> Option<Reading> {
    match fields {
        [None, None, None, None, None, None, None] => Some(Reading::ValueOnly),
        [None, Some(ops), Some(ticks), None, None, None, None] => {
            Some(Reading::Batch { ops, ticks })
        }
        [
            Some(align),
            Some(ops_n),
            Some(ticks_n),
            Some(ops_2n),
            Some(ticks_2n),
            Some(chain_before),
            Some(chain_after),
        ] => Some(Reading::Slope {
            align,
            ops_n,
            ticks_n,
            ops_2n,
            ticks_2n,
            chain_before,
            chain_after,
        }),
        _ => None,
    }
}
