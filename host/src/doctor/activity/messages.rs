//! The kernel's messages during the noise test (Linux, Documentation/ABI/testing/dev-kmsg).

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;

use crate::tree::Tree;

/// The kernel's messages from now on. Only root may read them where `kernel.dmesg_restrict` is
/// set.
#[derive(Debug)]
pub struct Messages(Option<File>);

impl Messages {
    /// Begins to listen.
    pub fn listen(tree: &Tree) -> Self {
        let open = || {
            let mut options = OpenOptions::new();
            options.read(true).custom_flags(libc::O_NONBLOCK);
            let mut file = options.open(tree.place("/dev/kmsg")).ok()?;
            file.seek(SeekFrom::End(0)).ok()?;
            Some(file)
        };
        Self(open())
    }

    /// The messages since then at the level of a warning or worse; `None` if they cannot be
    /// read.
    pub fn warnings(mut self) -> Option<Vec<String>> {
        let file = self.0.as_mut()?;
        let mut warnings = Vec::new();
        // A record at most; the longest has 8 KiB.
        let mut record = vec![0; 8192];
        // EAGAIN is the end; EPIPE, that records were lost, is followed by others.
        for _ in 0..1000 {
            match file.read(&mut record) {
                Ok(0) => break,
                Ok(length) => {
                    let text = String::from_utf8_lossy(record.get(..length).unwrap_or_default());
                    warnings.extend(warning(&text));
                }
                Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {}
                Err(_) => break,
            }
        }
        Some(warnings)
    }
}

/// `PRIORITY,NUMBER,TIME,FLAGS;TEXT`, of which facility 0 is the kernel's, and levels up to 4
/// are warnings and worse.
fn warning(record: &str) -> Option<String> {
    let (prefix, text) = record.split_once(';')?;
    let priority: u32 = prefix.split(',').next()?.parse().ok()?;
    let text = text.lines().next()?.trim();
    (priority <= 4).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::laid_out;

    #[test]
    fn warnings_of_the_kernel_count() {
        let text = "4,1234,99,-;CPU1: Core temperature is above threshold\n SUBSYSTEM=cpu\n";
        let expected = "CPU1: Core temperature is above threshold";
        assert_eq!(warning(text).as_deref(), Some(expected));
        assert_eq!(warning("6,1,2,-;usb 1-1: new device"), None);
        // A service's own line: facility 1.
        assert_eq!(warning("12,1,2,-;systemd[1]: hello"), None);
        assert_eq!(warning("nothing"), None);
    }

    #[test]
    fn a_machine_without_messages_says_nothing() {
        let (_folder, tree) = laid_out::<&str>(&[]);
        assert_eq!(Messages::listen(&tree).warnings(), None);
    }
}
