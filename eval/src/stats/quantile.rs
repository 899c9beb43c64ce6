/// NumPy's `quantile(…, method="linear")` over ascending values, with the same operations
/// (`_lerp` in numpy/lib/_function_base_impl.py), so that the last bit agrees.
pub(super) fn linear(sorted: &[f64], q: f64) -> f64 {
    let place = q.clamp(0.0, 1.0) * (sorted.len().saturating_sub(1)) as f64;
    let below = place.floor();
    let at = |index: usize| sorted.get(index).copied();
    match (at(below as usize), at(below as usize + 1)) {
        (Some(a), Some(b)) => interpolate(a, b, place - below),
        (Some(last), None) => last,
        (None, _) => f64::NAN,
    }
}

pub(super) fn interpolate(a: f64, b: f64, t: f64) -> f64 {
    let step = b - a;
    // From the nearer end, so that the result never leaves a..=b.
    if t >= 0.5 {
        b - step * (1.0 - t)
    } else {
        a + step * t
    }
}
