//! A plugin for QEMU's translator: it writes down which instructions a guest executes
//! between a begin marker and an end marker of `guest-bench`, and nothing else. A log
//! of everything that Linux does until then would hold some 60 GB.
//!
//! `qemu-system-x86_64 -plugin file=libtrace_plugin.so,out=FILE`; `docs/FORMATS.md`
//! describes the file. `tollgate trace` loads the plugin and reads the file.

mod marker;
// QEMU resolves what this module calls when it loads the plugin: no test program can.
#[cfg(not(test))]
mod plugin;
#[cfg(not(test))]
mod qemu;
mod recorder;
