//! Where the plugin is, and with which QEMU it was tested.

use std::env;
use std::path::{Path, PathBuf};

use super::TraceError;
use crate::companions;

/// Names the plugin's file, if it is elsewhere.
pub const VARIABLE: &str = "TOLLGATE_TRACE_PLUGIN";
/// The plugin's file.
const NAME: &str = "libtollgate-trace.so";
/// The QEMU from which the plugin's declarations were taken, and with which it was tested.
const TESTED: &str = "7.2";

/// The plugin: the named file, or the one that came with this program.
///
/// # Errors
///
/// [`TraceError::NoPlugin`].
pub fn find(named: Option<&Path>) -> Result<PathBuf, TraceError> {
    let named = named.map(Path::to_owned);
    let named = named.or_else(|| env::var_os(VARIABLE).map(PathBuf::from));
    let path = named.unwrap_or_else(|| {
        let [beside, _] = companions::places(NAME);
        companions::find(NAME).unwrap_or(beside)
    });
    // The loader searches other folders for a name without a folder.
    match path.canonicalize() {
        Ok(found) if found.is_file() => Ok(found),
        _ => Err(TraceError::NoPlugin { path }),
    }
}

/// A warning about a QEMU with which the plugin was never tested.
pub fn warning(version: &str) -> Option<String> {
    let tested = version
        .strip_prefix(TESTED)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    (!tested).then(|| {
        format!(
            "the trace plugin has only been tested with QEMU {TESTED}, not with \
            {version}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tested_version_is_silent() {
        assert_eq!(warning("7.2"), None);
        assert_eq!(warning("7.2.22"), None);
        for version in ["7.20", "8.2.1", "7.1.9", "unknown"] {
            let warning = warning(version).unwrap();
            assert!(warning.contains("only been tested") && warning.contains(version));
        }
    }

    #[test]
    fn a_plugin_that_is_not_there_is_named_with_the_remedy() {
        let error = find(Some(Path::new("/nowhere/plugin.so"))).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("/nowhere/plugin.so"), "{message}");
        assert!(message.contains("make trace-plugin"), "{message}");
    }
}
