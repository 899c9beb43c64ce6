//! Which features of a processor QEMU's emulator leaves out.

use std::io::{self, Write};
use std::process::{Command, Output, Stdio};

use super::PROGRAM;
use crate::engine::EngineError;

/// QEMU's message about each feature that its emulator leaves out, up to its name.
const WARNING: &str = "TCG doesn't support requested feature: ";

/// The features of that model that the emulator leaves out, by QEMU's names
/// (`CPUID.07H:EBX.invpcid`), in its order.
///
/// # Errors
///
/// QEMU cannot be run, or does not have such a model.
pub fn left_out(model: &str) -> Result<Vec<String>, EngineError> {
    let refused = |reason: String| EngineError::CpuModel {
        model: model.to_owned(),
        reason,
    };
    let output = ask(model).map_err(|error| refused(error.to_string()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(refused(said.trim().to_owned()));
    }
    Ok(features(&said))
}

/// Creates a machine with such a processor, and ends QEMU before the machine runs.
fn ask(model: &str) -> io::Result<Output> {
    let mut qemu = Command::new(PROGRAM)
        .args(["-machine", "microvm", "-accel", "tcg", "-cpu", model])
        .args(["-nodefaults", "-no-user-config", "-display", "none"])
        .args(["-S", "-qmp", "stdio"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut monitor) = qemu.stdin.take() {
        let quit = b"{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"quit\"}\n";
        // A QEMU that has already ended gives the reason.
        let _ = monitor.write_all(quit);
    }
    qemu.wait_with_output()
}

fn features(said: &str) -> Vec<String> {
    let lines = said.lines();
    let named = lines.filter_map(|line| line.split_once(WARNING)?.1.split(' ').next());
    named.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_read_from_qemus_warnings() {
        let said = "\
qemu-system-x86_64: warning: TCG doesn't support requested feature: CPUID.01H:ECX.pcid [bit 17]
qemu-system-x86_64: warning: something else
qemu-system-x86_64: warning: TCG doesn't support requested feature: CPUID.0DH:EAX.xsaves [bit 3]
";
        assert_eq!(
            features(said),
            ["CPUID.01H:ECX.pcid", "CPUID.0DH:EAX.xsaves"]
        );
    }
}
