//! Axes: from values to pixels.

use super::number;

/// If the greatest bar is more than this many times the smallest, a linear axis would make the
/// smallest invisible.
const LINEAR_RATIO: f64 = 30.0;

/// An axis: from values to pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    scale: Scale,
    from: f64,
    to: f64,
    pixels: (i32, i32),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    Linear { step: f64 },
    Logarithmic,
}

impl Axis {
    /// For bars: from 0, or, where the values differ too much, from the power of ten
    /// below the smallest.
    pub fn bars(values: impl Iterator<Item = f64> + Clone, pixels: (i32, i32)) -> Self {
        let positive = values.filter(|v| *v > 0.0);
        let max = positive.clone().fold(0.0, f64::max);
        let min = positive.fold(f64::INFINITY, f64::min);
        if max > 0.0 && max / min > LINEAR_RATIO {
            Self {
                scale: Scale::Logarithmic,
                from: 10f64.powf(min.log10().floor()),
                to: above(max),
                pixels,
            }
        } else {
            let step = step(max.max(f64::MIN_POSITIVE), 6.0);
            Self {
                scale: Scale::Linear { step },
                from: 0.0,
                to: (max / step).ceil().max(1.0) * step,
                pixels,
            }
        }
    }

    /// From `from` to `to`, with about so many ticks.
    pub fn linear(from: f64, to: f64, ticks: f64, pixels: (i32, i32)) -> Self {
        Self {
            scale: Scale::Linear {
                step: step(to - from, ticks),
            },
            from,
            to,
            pixels,
        }
    }

    /// Whether equal steps are equal factors.
    pub fn is_logarithmic(&self) -> bool {
        self.scale == Scale::Logarithmic
    }

    /// Where it begins.
    pub fn from(&self) -> f64 {
        self.from
    }

    /// A value's pixel; one beyond an end is at that end.
    pub fn pixel(&self, value: f64) -> i32 {
        let part = match self.scale {
            Scale::Linear { .. } => (value - self.from) / (self.to - self.from),
            Scale::Logarithmic => (value.max(self.from) / self.from).log(self.to / self.from),
        };
        let (begin, end) = self.pixels;
        begin + (part.clamp(0.0, 1.0) * f64::from(end - begin)).round() as i32
    }

    /// The ticks and what is written at them; nothing at small ones.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        match self.scale {
            Scale::Linear { step } => {
                let first = (self.from / step).ceil() as i64;
                let last = (self.to / step).floor() as i64;
                (first..=last)
                    .take(100)
                    .map(|i| {
                        let value = i as f64 * step;
                        (value, number::tick(value, step))
                    })
                    .collect()
            }
            Scale::Logarithmic => {
                let first = self.from.log10().round() as i32;
                let last = self.to.log10().floor() as i32;
                // Many decades leave no room for numbers between them.
                let between = last - first <= 2;
                (first..=last)
                    .flat_map(|decade| [1.0, 2.0, 5.0].map(|s| (s, 10f64.powi(decade))))
                    .map(|(s, decade)| match s {
                        1.0 => (decade, number::tick(decade, decade)),
                        _ if between => (s * decade, number::tick(s * decade, decade)),
                        _ => (s * decade, String::new()),
                    })
                    .filter(|(value, _)| *value <= self.to * 1.000_001)
                    .collect()
            }
        }
    }
}

/// The first of 1, 2, 5, 10 … that is not below `x`.
fn above(x: f64) -> f64 {
    let decade = 10f64.powf(x.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|s| s * decade)
        .into_iter()
        .find(|tick| *tick >= x)
        .unwrap_or(x)
}

/// The step of 1, 2 or 5 times a power of ten that gives at most about `ticks` ticks.
fn step(range: f64, ticks: f64) -> f64 {
    above(range / ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn bars_of_one_size_begin_at_zero() {
        let axis = Axis::bars([222.0, 154.0, 84.0].into_iter(), (100, 600));
        assert!(!axis.is_logarithmic());
        assert_eq!(labels(&axis), ["0", "50", "100", "150", "200", "250"]);
        assert_eq!((axis.pixel(0.0), axis.pixel(250.0)), (100, 600));
        assert_eq!((axis.pixel(-7.0), axis.pixel(9e9)), (100, 600));
    }

    #[test]
    fn bars_of_very_different_sizes_get_a_logarithmic_axis() {
        let axis = Axis::bars([222.0, 4.0].into_iter(), (0, 1000));
        assert!(axis.is_logarithmic());
        let expected = ["1", "2", "5", "10", "20", "50", "100", "200", "500"];
        assert_eq!(labels(&axis), expected);
        assert_eq!(axis.pixel(1.0), 0);
        assert_eq!(axis.pixel(-4.0), 0);
        assert_eq!(axis.pixel(500.0), 1000);
    }

    #[test]
    fn small_and_odd_values_get_an_axis() {
        let axis = Axis::bars([0.02, 300.0].into_iter(), (0, 100));
        assert_eq!(labels(&axis)[..4], ["0.01", "", "", "0.1"]);
        for values in [vec![], vec![0.0], vec![-3.0], vec![5e-324], vec![1e300]] {
            let axis = Axis::bars(values.into_iter(), (0, 100));
            assert!(axis.ticks().len() < 100);
            assert!((0..=100).contains(&axis.pixel(1.0)));
        }
    }
}
