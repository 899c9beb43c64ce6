//! `tollgate usage static`: what a program's files and its source hold.

use std::fmt::Display;

use anyhow::Result;
use serde::Serialize;
use usage::{static_binary, static_source};

use crate::cli::{PathArgs, StaticArgs, StaticCommand};
use crate::exit::Code;
use crate::output;

/// Prints what was found.
pub fn run(args: &StaticArgs) -> Result<Code> {
    match &args.command {
        StaticCommand::Binary(args) => print(args, &static_binary::analyse(&args.path)?),
        StaticCommand::Source(args) => print(args, &static_source::analyse(&args.path)?),
    }
}

fn print(args: &PathArgs, found: &(impl Display + Serialize)) -> Result<Code> {
    output::print(&if args.json {
        output::json(found)?
    } else {
        found.to_string()
    })?;
    Ok(Code::Done)
}
