//! The note by which loaders find PVH's entry, which is Multiboot's: [`crate::boot32`].

use core::arch::global_asm;

/// `XEN_ELFNOTE_PHYS32_ENTRY`, from Xen's public header `xen/include/public/elfnote.h`.
const PHYS32_ENTRY: u32 = 18;

// Its word is 8 bytes, as in Linux's images: some loaders read 4 of them, some all.
global_asm!(
    ".pushsection .note.pvh, \"a\", @note",
    ".balign 4",
    "  .long 4",
    "  .long 8",
    "  .long {kind}",
    "  .asciz \"Xen\"",
    "  .quad start32",
    ".popsection",
    kind = const PHYS32_ENTRY,
);
