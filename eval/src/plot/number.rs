/// A value as a plot's label: three or four digits, whatever its size.
pub(super) fn label(x: f64) -> String {
    let digits = match x.abs() {
        a if a >= 1000.0 => 0,
        a if a >= 100.0 => 1,
        _ => 2,
    };
    format!("{x:.digits$}")
}

/// A tick of an axis, as short as its step allows.
pub(super) fn tick(x: f64, step: f64) -> String {
    let digits = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
    format!("{x:.digits$}")
}

/// A share, in percent.
pub(super) fn percent(part: usize, whole: usize) -> String {
    let percent = 100.0 * part as f64 / whole.max(1) as f64;
    match part {
        0 => "0 %".into(),
        _ if percent < 0.01 => "< 0.01 %".into(),
        _ if percent < 10.0 => format!("{percent:.2} %"),
        _ => format!("{percent:.0} %"),
    }
}

/// A share from 0 to 1, in percent.
pub(super) fn share(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}
