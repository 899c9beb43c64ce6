//! `tollgate usage static`: what a program's files and its source hold.

use std::fmt::Display;

use anyhow::Result;
use serde::Serialize;
use usage::static_binary::Share;
use usage::{static_binary, static_source};

use crate::cli::{BinaryArgs, PathArgs, StaticArgs, StaticCommand};
use crate::exit::Code;
use crate::output;

/// Prints the result.
pub fn run(args: &StaticArgs) -> Result<Code> {
    match &args.command {
        StaticCommand::Binary(args) => binary(args),
        StaticCommand::Source(args) => print(args, &static_source::analyse(&args.path)?),
    }
}

fn binary(args: &BinaryArgs) -> Result<Code> {
    let found = static_binary::analyse(&args.path.path)?;
    match &args.seen {
        Some(result) => print(&args.path, &Share::new(&super::read(result)?, &found)),
        None => print(&args.path, &found),
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
