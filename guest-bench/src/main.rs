//! The benchmark: measures the cost of a function call and of a system call.
//!
//! One static-PIE ELF without libc, the same bytes on every kernel: as `/init` or an
//! ordinary process on Linux, and as the program of an ELF loader that runs it in ring 0.
//! It therefore takes nothing for granted: no relocation is applied to it, RSP may come
//! unaligned, FS and GS are not set up, the environment is missing, and a system call may
//! push onto its stack and change XMM registers and RFLAGS.
#![no_std]
#![no_main]

mod args;
mod bodies;
mod calls;
mod console;
mod counter;
mod disturbance;
mod exact;
mod facts;
mod machine;
mod paper;
mod precise;
mod report;
mod rounds;
mod store;
mod syscall;
mod take_once;
mod trial;

use core::panic::PanicInfo;

use contract::{Method, SystemCall};
use guest_bench::options::usage;
use guest_bench::{Answers, Options};

use crate::args::Args;
use crate::console::Console;
use crate::counter::Counter;
use crate::disturbance::Watch;
use crate::machine::Status;
use crate::report::Found;
use crate::store::Store;

/// [`args::_start`] calls this with the stack that the kernel prepared.
fn run(args: Args) -> ! {
    let is_init = machine::is_init(&args);
    if is_init {
        // They would appear in the middle of the log's lines.
        syscall::silence_kernel_messages();
    }
    let status = match Console::take() {
        Some(mut console) => {
            let status = measure(&args, is_init, &mut console);
            console.close(status)
        }
        None => Status::Broken,
    };
    machine::end(status, is_init)
}

fn measure(args: &Args, is_init: bool, console: &mut Console) -> Status {
    if args.words().any(|word| word == "--help") {
        usage(|text| console.text(text));
        return Status::Done;
    }
    let options = match Options::parse(args.words()) {
        Ok(options) => options,
        Err(bad) => return report::complain(console, Status::BadWord, &[bad.word, bad.why]),
    };
    if options.calls {
        return calls::try_all(&options.skip, console);
    }
    let Some(mut store) = Store::with_room_for(&options) else {
        let why = "more samples or rounds than a boot can hold; use fewer rounds= or samples=";
        return report::complain(console, Status::BadWord, &[why]);
    };
    let ask = || {
        Answers::ask(&options, |call| {
            syscall::call([call.number(), 0, 0, 0, 0, 0])
        })
    };
    let answers = match ask() {
        Ok(answers) => answers,
        Err(call) => return unexpected(console, call),
    };
    let mut watch = machine::kernel_counts(is_init).then(Watch::take).flatten();
    machine::mark_start(is_init);
    let counter = (options.method != Method::Exact).then(Counter::examine);
    let measured = answers.measured(&options);
    let turns = match options.method {
        Method::Paper => paper::measure(&options, measured, &mut watch, &mut store),
        Method::Precise => precise::measure(&options, measured, &mut watch, &mut store),
        Method::Exact => exact::measure(&options, measured, &mut watch, &mut store),
    };
    if ask() != Ok(answers) {
        let why = "a system call changed its answer during the measurement";
        return report::complain(console, Status::UnexpectedAnswer, &[why]);
    }
    let found = Found {
        answers,
        counter,
        turns,
        store,
    };
    report::write(console, &options, &found, is_init)
}

fn unexpected(console: &mut Console, call: SystemCall) -> Status {
    let why =
        "this system call returned neither its own answer nor ENOSYS: another call has its number";
    report::complain(console, Status::UnexpectedAnswer, &[call.name(), why])
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    // Nothing here panics. If something did, the closing record would be missing.
    syscall::exit(Status::Broken as u64)
}
