//! Numbers: short to read, with the exact value available.

use maud::{Markup, html};

use crate::digits;
use crate::units::Instructions;

/// A number with so many decimals; the exact one and its unit appear on hover, and are in
/// `value` for machines.
pub(super) fn rounded(value: f64, decimals: usize, unit: &str) -> Markup {
    html! { data value=(value) title={ (value) (unit) } { (format!("{value:.decimals$}")) } }
}

/// An interval, with enough decimals to show its width. The exact ends, their unit and `how`
/// they were computed appear on hover.
pub(super) fn interval(low: f64, high: f64, least: usize, unit: &str, how: &str) -> Markup {
    let decimals = digits::of_interval(low, high, least);
    let end = |end: f64| html! { data value=(end) { (format!("{end:.decimals$}")) } };
    html! {
        span .interval title={ "[" (low) ", " (high) "]" (unit) (how) } {
            "[" (end(low)) ", " (end(high)) "]"
        }
    }
}

/// A whole number, with thin spaces between its thousands.
pub(super) fn whole(value: u64) -> Markup {
    html! { data value=(value) { (thousands(value)) } }
}

/// Instructions for one operation, if there is a count.
pub(super) fn instructions(count: Option<Instructions>) -> Markup {
    let known = |Instructions(each)| {
        html! { data value=(each) title={ (each) " instructions" } { (each) } }
    };
    count.map_or_else(nothing, known)
}

/// A share, in percent.
pub(super) fn percent(share: f64) -> Markup {
    let percent = 100.0 * share;
    html! { data value=(share) title={ (percent) " %" } { (format!("{percent:.2}\u{a0}%")) } }
}

/// The text for a missing number.
pub(super) fn nothing() -> Markup {
    html! { span .nothing { "–" } }
}

fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            // Narrow, and never at the end of a line.
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_keeps_the_exact_value() {
        let exact = "<data value=\"4.0193750001\" title=\"4.0193750001 ticks\">4.02</data>";
        assert_eq!(rounded(4.019_375_000_1, 2, " ticks").into_string(), exact);
        assert_eq!(thousands(25), "25");
        assert_eq!(thousands(1_025_000), "1\u{202f}025\u{202f}000");
    }
}
