//! Writes the tests' tiny guests into the folder that it is given, one file each.

#[path = "../tests/tiny/mod.rs"]
mod tiny;

use std::path::PathBuf;
use std::{fs, io};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_default());
    let panic =
        "Kernel panic - not syncing: tiny\n---[ end Kernel panic - not syncing: tiny ]---\n";
    let exit = tiny::exit(42);
    let kernels = [
        ("exit-linux64", tiny::vmlinux(&exit)),
        ("exit-pvh", tiny::pvh(&exit)),
        ("exit-multiboot-elf", tiny::multiboot_elf(&exit)),
        ("exit-multiboot-flat", tiny::multiboot_flat(&exit)),
        ("exit-0", tiny::vmlinux(&tiny::exit(0))),
        (
            "say-0",
            tiny::vmlinux(&[tiny::print("x\n"), tiny::exit(0)].concat()),
        ),
        ("firmware", tiny::firmware()),
        ("hang", tiny::vmlinux(&tiny::hang())),
        ("halt", tiny::vmlinux(&tiny::halt())),
        ("triple-fault", tiny::vmlinux(&tiny::triple_fault())),
        (
            "panic",
            tiny::vmlinux(&[tiny::print(panic), tiny::hang()].concat()),
        ),
    ];
    for (name, image) in kernels {
        fs::write(folder.join(name), image)?;
    }
    Ok(())
}
