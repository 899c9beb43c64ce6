//! Links the kernel at its fixed address.
//!
//! The target's default is a static PIE, but 32-bit boot code contains absolute addresses, and
//! a Multiboot loader does not apply relocations. Position-independent code works just as well
//! in an image linked at one address, so changing only the link is enough, without a
//! `.cargo/config.toml`.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=kernel.ld");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return; // A host build has only the library and its tests to link.
    }
    let folder = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    for argument in [
        "--no-pie",
        "--build-id=none",
        "--orphan-handling=error",
        "-zmax-page-size=0x1000",
        &format!("--script={folder}/kernel.ld"),
    ] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}
