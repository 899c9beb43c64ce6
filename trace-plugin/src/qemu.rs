//! The part of QEMU's plugin API, version 1, that is used here (QEMU 7.2,
//! include/qemu/qemu-plugin.h, docs/devel/tcg-plugins.rst). Debian does not ship the header.

use std::ffi::{c_char, c_int, c_uint, c_void};

/// The version of the API that the declarations below describe. Later versions changed them: 3
/// (QEMU 9.1) gave `qemu_plugin_insn_data` other arguments.
pub const API_VERSION: c_int = 1;

/// QEMU's number for a loaded plugin.
pub type Id = u64;

/// QEMU's description of itself: the beginning of `qemu_info_t`.
#[repr(C)]
pub struct Info {
    /// The architecture of the guest.
    pub target_name: *const c_char,
    /// The oldest version of the API that it supports.
    pub min_version: c_int,
    /// Its version of the API.
    pub version: c_int,
}

/// A block of instructions that is being translated.
#[repr(C)]
pub struct Block {
    opaque: [u8; 0],
}

/// An instruction that is being translated.
#[repr(C)]
pub struct Instruction {
    opaque: [u8; 0],
}

/// `enum qemu_plugin_cb_flags`: the callback reads no registers.
pub const NO_REGISTERS: c_int = 0;

/// Called when a block is translated.
pub type OnTranslation = unsafe extern "C" fn(Id, *mut Block);
/// Called when a vCPU executes something.
pub type OnExecution = unsafe extern "C" fn(c_uint, *mut c_void);
/// Called when QEMU exits.
pub type OnExit = unsafe extern "C" fn(Id, *mut c_void);

unsafe extern "C" {
    pub fn qemu_plugin_register_vcpu_tb_trans_cb(id: Id, callback: OnTranslation);
    pub fn qemu_plugin_register_vcpu_insn_exec_cb(
        instruction: *mut Instruction,
        callback: OnExecution,
        flags: c_int,
        userdata: *mut c_void,
    );
    pub fn qemu_plugin_register_atexit_cb(id: Id, callback: OnExit, userdata: *mut c_void);
    pub fn qemu_plugin_tb_n_insns(block: *const Block) -> usize;
    pub fn qemu_plugin_tb_get_insn(block: *const Block, index: usize) -> *mut Instruction;
    pub fn qemu_plugin_insn_data(instruction: *const Instruction) -> *const c_void;
    pub fn qemu_plugin_insn_size(instruction: *const Instruction) -> usize;
    pub fn qemu_plugin_insn_vaddr(instruction: *const Instruction) -> u64;
}
