use crate::stats::Sorted;

/// The quantiles between which the body lies.
const BODY: (f64, f64) = (0.05, 0.95);
/// How much of the body's width is shown beyond it on either side.
const MARGIN: f64 = 0.5;
/// More bars than this in a panel run into each other.
const MOST_BINS: usize = 72;

/// How a plot says which part of the samples a panel shows.
pub(super) const SHOWN: &str = "5th to 95th percentile, and half that width on either side";

/// The samples' body, counted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Histogram {
    /// Where the first bin begins.
    pub(super) from: f64,
    /// Where the last one ends.
    pub(super) to: f64,
    /// Samples in each bin, all equally wide.
    pub(super) bins: Vec<usize>,
    /// Samples below `from`.
    pub(super) below: usize,
    /// Samples above `to`.
    pub(super) above: usize,
}

impl Histogram {
    pub(super) fn new(samples: &Sorted) -> Self {
        let (from, to) = body(samples);
        let (from, to, count) = match whole_steps(samples, from, to) {
            Some(bins) => bins,
            None => (from, to, bins(samples.values().len())),
        };
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
            below,
            above,
        }
    }
}

/// What is shown, so that a few far samples do not squash the many.
fn body(samples: &Sorted) -> (f64, f64) {
    let (low, high) = (samples.quantile(BODY.0), samples.quantile(BODY.1));
    let margin = (high - low) * MARGIN;
    let from = (low - margin).max(samples.min());
    let to = (high + margin).min(samples.max());
    if to > from {
        (from, to)
    } else {
        // All the same: any width will do that a float can tell.
        let around = (from.abs() * 0.01).max(0.5);
        (from - around, from + around)
    }
}

/// Where all values are multiples of some step, as raw ticks are, bins that hold
/// unequally many of them would draw a comb that is not there: one bin a step.
fn whole_steps(samples: &Sorted, from: f64, to: f64) -> Option<(f64, f64, usize)> {
    let body = samples.values();
    let body = body.get(samples.below(from)..body.len() - samples.above(to))?;
    let gaps = || body.windows(2).map(|pair| pair[1] - pair[0]);
    let step = gaps()
        .filter(|gap| *gap > 0.0)
        .fold(f64::INFINITY, f64::min);
    let steps = ((to - from) / step).round();
    let regular = || gaps().all(|gap| (gap / step - (gap / step).round()).abs() < 1e-6);
    (step.is_finite() && steps < MOST_BINS as f64 && regular()).then(|| {
        let first = body.first().copied().unwrap_or(from);
        let last = body.last().copied().unwrap_or(to);
        let count = ((last - first) / step).round() as usize + 1;
        (first - step / 2.0, last + step / 2.0, count)
    })
}

/// As many bins as the samples fill without gaps of chance.
fn bins(samples: usize) -> usize {
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
    fn equal_samples_make_one_bar() {
        for value in [0.0, 4.0, -1e12, 1e300] {
            let h = histogram(vec![value; 50]);
            assert_eq!(h.bins.iter().sum::<usize>(), 50);
            assert!(h.to > h.from && h.from.is_finite() && h.to.is_finite());
        }
    }
}
