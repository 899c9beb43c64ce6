//! A plugin for QEMU's translator. It records only the instructions that a guest executes
//! between a begin marker and an end marker of `guest-bench`. A log of everything that Linux
//! does until then would take some 60 GB.
//!
//! `qemu-system-x86_64 -plugin file=libtrace_plugin.so,out=FILE`; `docs/FORMATS.md` describes
//! the file. `tollgate trace` loads the plugin and reads the file.

mod marker;
// QEMU resolves this module's imports when it loads the plugin; a test program cannot.
#[cfg(not(test))]
mod plugin;
#[cfg(not(test))]
mod qemu;
mod recorder;
