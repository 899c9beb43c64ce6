//! How many decimals a reader needs.

/// So many that the ends of an interval differ in two digits, and at least this many.
pub(crate) fn of_interval(low: f64, high: f64, least: usize) -> usize {
    const MOST: usize = 8;
    let width = high - low;
    if width.is_finite() && width > 0.0 {
        let decimals = 1.0 - width.log10().floor();
        (decimals.max(0.0) as usize).clamp(least, MOST)
    } else {
        least
    }
}

#[cfg(test)]
mod tests {
    use super::of_interval;

    #[test]
    fn an_interval_shows_its_width() {
        for (low, high, decimals) in [
            (221.84, 222.33, 2),
            (4.0173, 4.0212, 4),
            (0.0, 4000.0, 2),
            (34.0, 34.0, 2),
            (1.0, 1.0 + 1e-12, 8),
            (f64::NEG_INFINITY, 0.0, 2),
        ] {
            assert_eq!(of_interval(low, high, 2), decimals, "{low} {high}");
        }
    }
}
