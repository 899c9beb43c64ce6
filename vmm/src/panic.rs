//! Recognises a Linux panic by the guest's messages.

use crate::End;

/// How Linux begins the line with the reason of its panic.
pub const PANIC: &[u8] = b"Kernel panic - not syncing: ";
/// If the machine stays down, Linux prints the panic twice, the second time as `---[ end Kernel
/// panic - not syncing: MESSAGE ]---` (kernel/panic.c).
const LAST_LINE_OPEN: &[u8] = b"---[ end ";
const LAST_LINE_CLOSE: &str = " ]---";
const EXITCODE: &str = "exitcode=0x";

/// The first panic on the console, if there is one.
pub fn find(console: &[u8]) -> Option<End> {
    let rest = after(console, PANIC)?;
    let line = rest
        .split(|&b| b == b'\n' || b == b'\r')
        .next()
        .unwrap_or_default();
    let text = String::from_utf8_lossy(line);
    let message = text
        .strip_suffix(LAST_LINE_CLOSE)
        .unwrap_or(&text)
        .to_owned();
    let exitcode = message.split_once(EXITCODE).and_then(|(_, hex)| {
        let end = hex
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(hex.len());
        u32::from_str_radix(&hex[..end], 16).ok()
    });
    Some(End::Panicked { exitcode, message })
}

/// Whether Linux has printed the whole of its last line after a panic.
pub(crate) fn holds_last_line(console: &[u8]) -> bool {
    after(console, &[LAST_LINE_OPEN, PANIC].concat())
        .is_some_and(|rest| after(rest, LAST_LINE_CLOSE.as_bytes()).is_some())
}

/// What follows the first of these texts.
fn after<'c>(console: &'c [u8], text: &[u8]) -> Option<&'c [u8]> {
    let at = console
        .windows(text.len())
        .position(|window| window == text)?;
    console.get(at + text.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panicked(exitcode: Option<u32>, message: &str) -> Option<End> {
        Some(End::Panicked {
            exitcode,
            message: message.into(),
        })
    }

    #[test]
    fn the_originals_end_is_a_panic_with_exitcode_zero() {
        let message = "Attempted to kill init! exitcode=0x00000000";
        let console =
            format!("fcall\t24.3\r\n[ 1.0] Kernel panic - not syncing: {message}\r\nCPU: 0\r\n");
        let end = find(console.as_bytes());
        assert_eq!(end, panicked(Some(0), message));
        assert!(!end.unwrap().is_fault());
    }

    #[test]
    fn a_failing_init_keeps_its_status() {
        let message = "Attempted to kill init! exitcode=0x00000100";
        let end = find(format!("Kernel panic - not syncing: {message}\n").as_bytes());
        assert_eq!(end, panicked(Some(0x100), message));
        assert!(end.unwrap().is_fault());
    }

    #[test]
    fn a_panic_without_exitcode_is_no_success() {
        let message = "VFS: Unable to mount root fs on unknown-block(0,0)";
        let end = find(format!("Kernel panic - not syncing: {message}").as_bytes());
        assert_eq!(end, panicked(None, message));
        assert!(end.unwrap().is_fault());
    }

    #[test]
    fn the_last_line_says_the_same() {
        let message = "Attempted to kill init! exitcode=0x00000100";
        let end = find(format!("---[ end Kernel panic - not syncing: {message} ]---\n").as_bytes());
        assert_eq!(end, panicked(Some(0x100), message));
    }

    #[test]
    fn the_last_line_counts_when_it_is_complete() {
        let line = b"x\n---[ end Kernel panic - not syncing: why ]---\n";
        assert!(holds_last_line(line));
        for end in 0..line.len() - 1 {
            assert!(!holds_last_line(&line[..end]), "{end}");
        }
    }

    proptest::proptest! {
        /// A guest can write anything to its console.
        #[test]
        fn any_console_has_an_answer(
            before in proptest::collection::vec(proptest::num::u8::ANY, 0..40),
            after in "(exitcode=0x)?[0-9a-fA-F]{0,20}(\\PC|\\n){0,20}",
        ) {
            let console = [&before, PANIC, after.as_bytes()].concat();
            let found = matches!(find(&console), Some(End::Panicked { .. }));
            proptest::prop_assert!(found);
        }
    }

    #[test]
    fn a_console_without_a_panic_has_none() {
        assert_eq!(find(b"Kernel panic - not"), None);
        assert_eq!(find(b""), None);
    }
}
