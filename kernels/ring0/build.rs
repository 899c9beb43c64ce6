//! Links the kernel at its fixed address.
//!
//! The target's default is a static PIE, but 32-bit boot code has absolute
//! addresses in it, and a Multiboot loader applies no relocations. Code compiled
//! as position-independent works just as well in an image linked at one address,
//! so changing the link alone is enough, and no `.cargo/config.toml` is needed.

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
