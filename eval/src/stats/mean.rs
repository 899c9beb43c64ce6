/// The arithmetic mean, with Neumaier's compensated sum, so that the order of ten million
/// samples makes no visible difference.
pub(super) fn mean(values: &[f64]) -> f64 {
    let (mut sum, mut lost) = (0.0, 0.0);
    for &value in values {
        let total: f64 = sum + value;
        lost += if sum.abs() >= value.abs() {
            (sum - total) + value
        } else {
            (value - total) + sum
        };
        sum = total;
    }
    (sum + lost) / values.len() as f64
}

/// The mean of two values, rounded as by NumPy.
pub(super) fn midpoint(a: f64, b: f64) -> f64 {
    (a + b) / 2.0
}
