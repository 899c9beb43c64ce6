//! What each address belongs to.

use crate::single_core::SingleCore;
use ring0::memory::AddressRange;

/// The program's stack, without the guard page below it; bytes.
pub const STACK_SIZE: u64 = 1 << 20;

/// The addresses of everything, for [`place_of`].
struct Layout {
    program: AddressRange,
    stack_guard: AddressRange,
}

static LAYOUT: SingleCore<Layout> = SingleCore::new(Layout {
    program: AddressRange { start: 0, end: 0 },
    stack_guard: AddressRange { start: 0, end: 0 },
});

/// Remembers where the program and the page below its stack are.
pub fn remember(program: AddressRange, stack_guard: AddressRange) {
    // SAFETY: the closure only moves values.
    unsafe {
        LAYOUT.with(|layout| {
            *layout = Layout {
                program,
                stack_guard,
            };
        });
    }
}

/// What an address belongs to.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// The program, at this offset.
    Program(u64),
    /// The page below the program's stack.
    StackGuard,
    /// The kernel.
    Kernel,
    /// Anything else.
    Other,
}

/// The owner of `address`.
pub fn place_of(address: u64) -> Place {
    // SAFETY: the closure only reads values.
    let (program, guard) = unsafe { LAYOUT.with(|layout| (layout.program, layout.stack_guard)) };
    if program.contains(address) {
        Place::Program(address - program.start)
    } else if guard.contains(address) {
        Place::StackGuard
    } else if kernel_range().contains(address) {
        Place::Kernel
    } else {
        Place::Other
    }
}

unsafe extern "C" {
    static image_start: u8;
    static image_end: u8;
}

/// The image of the kernel.
pub fn kernel_range() -> AddressRange {
    AddressRange {
        start: (&raw const image_start) as u64,
        end: (&raw const image_end) as u64,
    }
}
