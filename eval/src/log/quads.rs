//! Quads: the samples of the exact method, and the precise method's checks of its slope.

use contract::{Benchmark, Quad};

use super::LogError;
use super::tollgate::{check_align, check_answer, check_rounds, within};

/// A quad, and its line.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) line: usize,
    pub(super) quad: Quad,
}

/// The quads, checked against the header and the facts.
pub(super) fn quads(
    raw: Vec<Raw>,
    meta: &[(String, String)],
    rounds: u32,
) -> Result<Vec<Quad>, LogError> {
    let mut places = Vec::new();
    for Raw { line, quad } in &raw {
        check_operations(*line, quad)?;
        check_answer(*line, quad.benchmark, meta)?;
        check_align(*line, quad.align)?;
        places.push((quad.benchmark, within(*line, quad.round, rounds)?));
    }
    check_rounds(places.into_iter(), rounds)?;
    Ok(raw.into_iter().map(|raw| raw.quad).collect())
}

/// The divisor is not zero, and the greatest of the four batches can be counted.
fn check_operations(line: usize, quad: &Quad) -> Result<(), LogError> {
    let bad = |problem| {
        Err(LogError::Operations {
            line,
            benchmark: quad.benchmark,
            ops: quad.copies.saturating_mul(quad.turns),
            problem,
        })
    };
    let greatest = quad
        .copies
        .checked_mul(quad.turns)
        .and_then(|ops| ops.checked_mul(4));
    match greatest {
        _ if quad.benchmark == Benchmark::Tsc => bad("an empty measurement does not have any"),
        Some(0) => bad("the divisor is zero"),
        Some(_) => Ok(()),
        None => bad("the numbers are too large"),
    }
}
