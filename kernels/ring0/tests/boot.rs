//! Boots the real image in QEMU's emulation, with small programs of every kind.
//!
//! Needs `qemu-system-x86_64`, gcc and the target x86_64-unknown-none, and fails
//! without them.
#![cfg(target_os = "linux")]

mod machine;

use elf::ElfBytes;
use elf::abi::PT_LOAD;
use elf::endian::LittleEndian;
use machine::{End, Machine, Program, image, image_without_multiboot, multiboot_header};

// Statuses of the kernel itself; README.md lists them.
const REFUSED: i32 = 125;
const EXCEPTION: i32 = 126;

/// Lines that the program `stack.c` prints for arguments "a" and "b c".
fn expected_stack_lines(name: &str) -> Vec<String> {
    format!(
        "rsp mod 16=0\nargument={name}\nargument=a\nargument=b c\n\
         end of argv=0\nend of envp=0\n\
         at_phdr plausible=1\nat_phent=56\nat_pagesz=4096\nat_entry right=1\nat_random set=1\n\
         initialised=42\nsum of bss=0\n3 * 0.5 * 100=150\nnoop=1"
    )
    .lines()
    .map(str::to_owned)
    .collect()
}

#[track_caller]
fn succeeds(end: &End) {
    assert_eq!(end.status, Some(0), "{}", end.console);
}

#[test]
fn boots_by_multiboot_which_qemu_prefers() {
    let program = Program::new("stack.c");
    let name = program.path().display().to_string();
    for machine in ["microvm,acpi=off", "pc", "q35"] {
        let machine = Machine {
            machine,
            ..Machine::new(&program)
        };
        let end = machine.arguments("a \"b c\"").run();
        assert_eq!(end.status, Some(0), "{}", end.console);
        assert_eq!(end.lines(), expected_stack_lines(&name));
    }
}

#[test]
fn boots_by_pvh() {
    let program = Program::new("stack.c");
    for machine in ["microvm,acpi=off", "pc", "q35"] {
        let machine = Machine {
            machine,
            image: image_without_multiboot(),
            ..Machine::new(&program)
        };
        let end = machine.arguments("a \"b c\"").run();
        assert_eq!(end.status, Some(0), "{}", end.console);
        // PVH has no module string under QEMU, so the default name is seen.
        assert_eq!(end.lines(), expected_stack_lines("guest-bench"));
    }
}

#[test]
fn the_image_serves_loaders_that_copy_it_and_loaders_that_read_elf() {
    let content = std::fs::read(image()).unwrap();
    let elf = ElfBytes::<LittleEndian>::minimal_parse(&content).unwrap();
    let loads: Vec<_> = elf
        .segments()
        .unwrap()
        .iter()
        .filter(|s| s.p_type == PT_LOAD)
        .collect();
    let [load] = loads[..] else {
        panic!("one PT_LOAD expected: {loads:?}");
    };
    let at = multiboot_header(&content);
    let field = |index: usize| {
        let bytes = &content[at + 4 * index..][..4];
        u64::from(u32::from_le_bytes(bytes.try_into().unwrap()))
    };
    assert_eq!((field(0) + field(1) + field(2)) as u32, 0, "checksum");
    assert_eq!(
        field(3) - load.p_paddr,
        at as u64 - load.p_offset,
        "header's place"
    );
    assert_eq!(field(4), load.p_paddr, "load address");
    assert_eq!(
        field(5),
        load.p_paddr + load.p_filesz,
        "end of what the file holds"
    );
    assert!(field(6) >= load.p_paddr + load.p_memsz, "end of bss");
    assert_eq!(field(7), elf.ehdr.e_entry, "entry");
}

#[test]
fn ends_with_the_programs_status() {
    let program = Program::new("exit.c");
    let status = |arguments: &str| Machine::new(&program).arguments(arguments).run();
    for expected in [0, 1, 42, 127] {
        let end = status(&expected.to_string());
        assert_eq!((end.status, &*end.console), (Some(expected), ""));
    }
    assert_eq!(status("7 60").status, Some(7), "exit(2)");
    assert_eq!(status("256").status, Some(0), "only 8 bits count");
    // The port carries 7 bits: 128 must not look like 0.
    for large in ["128", "200", "255"] {
        status(large).expect(127, &["ring0: the program's status is", large]);
    }
}

#[test]
fn ends_by_unikrafts_port_and_by_powering_off() {
    let program = Program::new("exit.c");
    let machine = |debug_exit, machine| Machine {
        debug_exit,
        machine,
        ..Machine::new(&program)
    };
    let end = machine(Some(0x501), "pc").arguments("9").run();
    assert_eq!((end.status, &*end.console), (Some(9), ""));
    // SeaBIOS puts the Q35's power management where port 0x604 is its control register.
    let end = machine(None, "q35").arguments("0").run();
    assert_eq!((end.status, &*end.console), (None, ""));
    let end = machine(None, "q35").arguments("9").run();
    assert_eq!(end.status, None);
    assert!(
        end.console.starts_with("ring0: ending with status 9"),
        "{}",
        end.console
    );
}

#[test]
fn answers_system_calls_as_documented() {
    let program = Program::new("calls.c");
    let bare = Machine::new(&program).run();
    let full = Machine::new(&program).with_full_handler().run();
    assert_eq!(bare.status, Some(0), "{}", bare.console);
    assert_eq!(full.status, Some(0), "{}", full.console);
    let expected = "\
half a line
ring0: system call 39 is not there (ENOSYS)

getpid=-38
half a line, 
ring0: system call 499 is not there (ENOSYS)
499=-38
ring0: system call 501 is not there (ENOSYS)
501=-38
ring0: system call 511 is not there (ENOSYS)
511=-38
ring0: system call 512 is not there (ENOSYS)
512=-38
ring0: system call 18446744073709551615 is not there (ENOSYS)
-1=-38
getpid again=-38
-1 again=-38
to stderr
stderr=10
fd 0=-9
fd 3=-9
fd -1=-9
nothing=0
null=-14
page 0=-14
high=-14
across=-14
wraps=-14
";
    assert_eq!(bare.console, expected);
    assert_eq!(full.console, expected);
}

#[test]
fn the_full_handler_has_a_stack_of_its_own() {
    let program = Program::new("no_stack.S");
    let full = Machine::new(&program).with_full_handler().run();
    assert_eq!(full.status, Some(7), "{}", full.console);
    let bare = Machine::new(&program).run();
    bare.expect(EXCEPTION, &["exception 14 (#PF page fault)"]);
}

#[test]
fn names_a_handler_that_is_not_there() {
    let program = Program::new("exit.c");
    let machine = Machine {
        command_line: "handler=ful -- a".to_owned(),
        ..Machine::new(&program)
    };
    machine.run().expect(
        REFUSED,
        &["ring0: there is no handler=ful: write handler=bare or handler=full"],
    );
}

#[test]
fn keeps_every_register_with_a_misaligned_stack() {
    let program = Program::new("registers.S");
    for machine in [
        Machine::new(&program),
        Machine::new(&program).with_full_handler(),
    ] {
        let end = machine.run();
        assert_eq!(
            end.status,
            Some(0),
            "the status is the number of the register that changed"
        );
        assert_eq!(end.lines()[0], "kept");
    }
}

fn crash(program: &Program, how: &str) -> End {
    Machine::new(program).arguments(how).run()
}

#[test]
fn names_exceptions_and_ends_with_a_failing_status() {
    let program = Program::new("crash.c");
    for (how, parts) in [
        (
            "null",
            &[
                "exception 14 (#PF page fault)",
                "error code=0x0",
                "CR2=0x0000000000000000",
            ][..],
        ),
        (
            "high",
            &[
                "exception 14 (#PF page fault)",
                "error code=0x2",
                "CR2=0x0000123456789000",
            ],
        ),
        (
            "noncanonical",
            &["exception 13 (#GP general protection)", "error code=0x0"],
        ),
        ("ud", &["exception 6 (#UD invalid opcode)", "RIP=0x"]),
        ("de", &["exception 0 (#DE divide error)"]),
        ("int80", &["exception 128 (INT 0x80"]),
        ("int255", &["exception 255 (interrupt)"]),
        (
            "text",
            &[
                "exception 14 (#PF page fault)",
                "error code=0x3",
                "CR2=0x0000000000100000",
            ],
        ),
        (
            "push",
            &["exception 14 (#PF page fault)", "CR2=0xfffffffffffffff8"],
        ),
        ("x87", &["exception 16 (#MF x87 floating point)"]),
    ] {
        let end = crash(&program, how);
        assert_eq!(end.lines()[0], "about to crash", "{how}");
        end.expect(EXCEPTION, parts);
        end.expect(
            EXCEPTION,
            &["the exception is the program's, at its offset 0x"],
        );
    }
}

#[test]
fn says_where_a_wild_jump_went() {
    let end = crash(&Program::new("crash.c"), "jump");
    // Low memory is mapped, and its contents raise some exception.
    end.expect(EXCEPTION, &["ring0: exception"]);
}

#[test]
fn reports_a_full_stack() {
    let end = crash(&Program::new("crash.c"), "stack");
    end.expect(
        EXCEPTION,
        &["exception 14 (#PF page fault)", "error code=0x2"],
    );
    end.expect(EXCEPTION, &["the program's stack is full: it has 1024 KiB"]);
}

#[test]
fn names_the_remedy_where_no_program_can_run() {
    Machine::without_program().run().expect(
        REFUSED,
        &["ring0: no program to run: pass the program as -initrd"],
    );
    let by_pvh = Machine {
        image: image_without_multiboot(),
        ..Machine::without_program()
    };
    by_pvh
        .run()
        .expect(REFUSED, &["pass the program as -initrd"]);

    let program = Program::new("exit.c");
    let mut two = Machine::new(&program);
    two.modules.push(program.path());
    two.run().expect(REFUSED, &["2 modules were passed"]);

    for (options, reason) in [
        (
            &["-static", "-no-pie"][..],
            "it requires a fixed address (ET_EXEC)",
        ),
        (
            &["-pie", "-Wl,--dynamic-linker=/lib/ld.so"],
            "it requires a dynamic linker (PT_INTERP)",
        ),
    ] {
        let program = Program::linked("exit.c", options);
        Machine::new(&program).run().expect(
            REFUSED,
            &["ring0: the program cannot run", reason, "-static-pie"],
        );
    }
}

#[test]
fn refuses_damaged_programs() {
    let random = std::iter::successors(Some(1u32), |x| {
        Some(x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
    });
    let random: Vec<u8> = random.map(|x| (x >> 24) as u8).take(9000).collect();
    Machine::new(&Program::of_bytes(&random)).run().expect(
        REFUSED,
        &["ring0: the program cannot run: it is not an ELF file"],
    );

    let whole = Program::new("stack.c").bytes();
    for length in [4, 63, 64, 200, 4096, whole.len() / 2, whole.len() - 1] {
        let end = Machine::new(&Program::of_bytes(&whole[..length])).run();
        end.expect(REFUSED, &["ring0: the program cannot run"]);
    }
    let mut other_machine = whole;
    other_machine[18] = 183; // EM_AARCH64
    Machine::new(&Program::of_bytes(&other_machine))
        .run()
        .expect(REFUSED, &["it is not a 64-bit program for x86-64"]);
}

#[test]
fn asks_for_memory_where_there_is_too_little() {
    let program = Program::new("large.c");
    let with = |memory_mib| Machine {
        memory_mib,
        ..Machine::new(&program)
    };
    with(48).run().expect(
        REFUSED,
        &["no room for 655", "give the machine more memory"],
    );
    succeeds(&with(80).run());
    let program = Program::new("exit.c");
    let small = Machine {
        memory_mib: 4,
        ..Machine::new(&program)
    };
    succeeds(&small.arguments("0").run());
    // The map's memory above 4 GiB is not used, and does no harm.
    let large = Machine {
        memory_mib: 6 << 10,
        ..Machine::new(&program)
    };
    succeeds(&large.arguments("0").run());
}

#[test]
fn runs_on_older_cpus_and_names_those_that_cannot() {
    let program = Program::new("exit.c");
    let with = |cpu| Machine {
        cpu,
        ..Machine::new(&program)
    };
    succeeds(&with("qemu64").arguments("0").run());
    with("qemu32")
        .run()
        .expect(REFUSED, &["ring0: this CPU has no long mode"]);
}

#[test]
fn arguments_of_every_length() {
    let program = Program::new("stack.c");
    let long = "x".repeat(3000);
    let end = Machine::new(&program).arguments(&long).run();
    assert_eq!(end.status, Some(0), "{}", end.console);
    assert!(end.lines().contains(&&*format!("argument={long}")));
    // Without "--", no word belongs to the program.
    let plain = Machine {
        command_line: "a b".to_owned(),
        ..Machine::new(&program)
    };
    let end = plain.run();
    let arguments = end
        .lines()
        .iter()
        .filter(|line| line.starts_with("argument="))
        .count();
    assert_eq!(arguments, 1, "{}", end.console);
}
