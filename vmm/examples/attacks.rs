//! Tries, from inside a VMM's process, calls that its filter must refuse, and reports
//! whether it did: `attacks`. Each attempt runs in its own process, which the filter kills.

#[path = "../tests/attacks/mod.rs"]
mod attacks;
#[path = "../tests/tiny/mod.rs"]
mod tiny;

use std::error::Error;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use attacks::{ATTACKS, GUEST_SAYS, attempt};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [attack, kernel] = &arguments[..] {
        attempt(attack, Path::new(kernel));
        return Ok(ExitCode::SUCCESS);
    }
    let kernel = std::env::temp_dir().join(format!("attacks-{}", std::process::id()));
    let code = [tiny::print(GUEST_SAYS), tiny::exit(0)].concat();
    std::fs::write(&kernel, tiny::vmlinux(&code))?;
    let mut code = ExitCode::SUCCESS;
    for attack in ["none"].iter().chain(&ATTACKS) {
        let ourselves = std::env::current_exe()?;
        let status = Command::new(ourselves).arg(attack).arg(&kernel).status()?;
        let refused = status.signal() == Some(libc::SIGSYS);
        let word = if refused { "refused" } else { "went through" };
        println!("{word}: {attack} ({status})");
        if refused != (*attack != "none") {
            code = ExitCode::FAILURE;
        }
    }
    std::fs::remove_file(kernel)?;
    Ok(code)
}
