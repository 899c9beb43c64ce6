//! `tollgate initramfs`: the archive that starts a program as /init.

use anyhow::{Context, Result};
use initramfs::Compression;

use crate::cli::{CompressionArg, InitramfsArgs};
use crate::exit::Code;
use host::{files, program};

/// Builds the archive.
pub fn run(args: &InitramfsArgs) -> Result<Code> {
    let compression = match args.compression {
        CompressionArg::None => Compression::None,
        CompressionArg::Gzip => Compression::Gzip,
        CompressionArg::Zstd => Compression::Zstd,
    };
    files::check_regular(&args.program)?;
    let init = files::read(&args.program)?;
    program::check_init(&args.program, &init)?;
    let archive = initramfs::build(&init, compression)
        .with_context(|| format!("cannot pack {}", args.program.display()))?;
    files::write(&args.output, archive)?;
    Ok(Code::Done)
}
