/// A number as Python's `str(round(x, 2))` prints it: `76.0`, `2.31`, `604.62`.
pub fn python(x: f64) -> String {
    // `{:.2}` rounds the exact binary value, half to even, as Python does; reading it
    // back and printing the shortest form drops the zeros that Python drops.
    match format!("{x:.2}").parse::<f64>() {
        Ok(rounded) => format!("{rounded:?}"),
        Err(_) => x.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::python;

    #[test]
    fn prints_what_python_prints() {
        // Each from `python3 -c 'print(round(x, 2))'`.
        for (x, printed) in [
            (76.0, "76.0"),
            (2.306, "2.31"),
            (604.6199, "604.62"),
            (0.125, "0.12"),
            (0.375, "0.38"),
            (2.675, "2.67"),
            (1.005, "1.0"),
            (29.1, "29.1"),
            (-0.001, "-0.0"),
            (0.004, "0.0"),
            (1234567.891, "1234567.89"),
            (99.995, "100.0"),
        ] {
            assert_eq!(python(x), printed);
        }
    }
}
