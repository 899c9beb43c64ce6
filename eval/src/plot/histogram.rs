use crate::stats::Sorted;

/// The body is between these quantiles.
const BODY: (f64, f64) = (0.05, 0.95);
/// The part of the body's width that is shown on either side.
const MARGIN: f64 = 0.25;
/// More bars than this run into each other in a panel.
const MOST_BINS: usize = 72;

/// How a plot describes which part of the samples a panel shows.
pub(super) const SHOWN: &str = "5th to 95th percentile, and a quarter of that width on either side";

/// The samples' body, counted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Histogram {
    /// Where the first bin begins.
    pub(super) from: f64,
    /// Where the last one ends.
    pub(super) to: f64,
    /// Samples in each bin; all bins have the same width.
    pub(super) bins: Vec<usize>,
    /// Whether each bin is a single value, such as a whole number of ticks.
    pub(super) single_values: bool,
    /// Samples below `from`.
    pub(super) below: usize,
    /// Samples above `to`.
    pub(super) above: usize,
}

impl Histogram {
    pub(super) fn new(samples: &Sorted) -> Self {
        let Frame {
            from,
            to,
            count,
            single_values,
        } = frame(samples);
        let width = (to - from) / count as f64;
        let mut bins = vec![0; count];
        let (below, above) = (samples.below(from), samples.above(to));
        let shown = samples.values().len() - above;
        for value in samples.values().iter().take(shown).skip(below) {
            let bin = ((value - from) / width) as usize;
            if let Some(bin) = bins.get_mut(bin.min(count - 1)) {
                *bin += 1;
            }
        }
        Self {
            from,
            to,
            bins,
            single_values,
            below,
            above,
        }
    }
}

/// The start and end of the bins, their number, and whether each is a single value.
struct Frame {
    from: f64,
    to: f64,
    count: usize,
    single_values: bool,
}

fn frame(samples: &Sorted) -> Frame {
    let (from, to) = body(samples);
    let most = most_bins(samples.values().len());
    if to <= from {
        // All are equal: one bar in the middle, as wide as a float can resolve.
        let around = (from.abs() * 0.01).max(0.5);
        return Frame {
            from: from - around,
            to: from + around,
            count: 1,
            single_values: true,
        };
    }
    match step(samples, from, to) {
        // Bins with different numbers of steps would draw a comb that is not in the data.
        Some(step) => {
            let steps = ((to - from) / step).round() + 1.0;
            let together = (steps / most as f64).ceil();
            let count = (steps / together).ceil();
            let first = from - step / 2.0;
            Frame {
                from: first,
                to: first + count * together * step,
                count: count as usize,
                single_values: together == 1.0,
            }
        }
        None => Frame {
            from,
            to,
            count: most,
            single_values: false,
        },
    }
}

/// The shown range, from one sample to another, so that a few distant samples do not squash the
/// others.
fn body(samples: &Sorted) -> (f64, f64) {
    let (low, high) = (samples.quantile(BODY.0), samples.quantile(BODY.1));
    let margin = (high - low) * MARGIN;
    let at = |i: usize| samples.values().get(i).copied();
    let first = at(samples.below(low - margin)).unwrap_or(low);
    let last = at((samples.values().len() - samples.above(high + margin)).saturating_sub(1));
    (first, last.unwrap_or(high))
}

/// The step of which all differences are multiples, as between raw ticks; `None` if there is
/// none, as between quotients.
fn step(samples: &Sorted, from: f64, to: f64) -> Option<f64> {
    let body = samples.values();
    let body = body.get(samples.below(from)..body.len() - samples.above(to))?;
    let gaps = || body.windows(2).map(|pair| pair[1] - pair[0]);
    let step = gaps()
        .filter(|gap| *gap > 0.0)
        .fold(f64::INFINITY, f64::min);
    // A step below the resolution of a float does not count.
    let coarse = step.is_finite() && step > (to - from) * 1e-6;
    let multiple = |gap: f64| (gap / step - (gap / step).round()).abs() < 1e-6;
    (coarse && gaps().all(multiple)).then_some(step)
}

/// As many bins as the samples fill without random gaps.
fn most_bins(samples: usize) -> usize {
    ((samples as f64).sqrt() as usize).clamp(8, MOST_BINS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: Vec<f64>) -> Histogram {
        Histogram::new(&Sorted::new(values).expect("finite"))
    }

    #[test]
    fn an_outlier_does_not_squash_the_body() {
        let mut values: Vec<_> = (0..1000).map(|i| 222.0 + f64::from(i) * 0.001).collect();
        values.push(1e9);
        let h = histogram(values);
        assert!(h.to < 224.0);
        assert_eq!((h.below, h.above), (0, 1));
        assert_eq!(h.bins.iter().sum::<usize>() + h.above, 1001);
    }

    #[test]
    fn whole_ticks_get_a_bin_each() {
        let h = histogram([68.0, 70.0, 70.0, 72.0, 76.0].repeat(100));
        assert_eq!(h.bins, [100, 200, 100, 0, 100]);
        assert_eq!((h.from, h.to), (67.0, 77.0));
    }

    #[test]
    fn bins_of_many_whole_ticks_hold_equal_numbers_of_ticks() {
        let values = (0..20_000).map(|i| f64::from(i % 1000) * 2.0).collect();
        let h = histogram(values);
        assert!(h.bins.len() <= MOST_BINS);
        let whole = h.bins.len() - 1;
        assert!(h.bins[..whole].iter().all(|n| *n == h.bins[0]), "{h:?}");
    }

    #[test]
    fn equal_samples_make_one_bar() {
        for value in [0.0, 4.0, -1e12, 1e300] {
            let h = histogram(vec![value; 50]);
            assert_eq!(h.bins.iter().sum::<usize>(), 50);
            assert!(h.to > h.from && h.from.is_finite() && h.to.is_finite());
        }
    }
}
