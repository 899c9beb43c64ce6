//! `tollgate usage emit`: a seccomp profile.

use anyhow::Result;
use usage::emit::{oci, systemd};

use crate::cli::{EmitArgs, EmitForm};
use crate::exit::Code;
use crate::output;

/// Prints the profile.
pub fn run(args: &EmitArgs) -> Result<Code> {
    let result = super::read(&args.result)?;
    output::print(&match args.form {
        EmitForm::Oci => oci(&result)?,
        EmitForm::Systemd => systemd(&result),
    })?;
    Ok(Code::Done)
}
