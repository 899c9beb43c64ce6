//! Every way in which a guest ends, with tiny guests on the machine's own KVM.
//! Where there is none, nothing is tested here: `vmm/rig` brings its own.

#![allow(clippy::unwrap_used, reason = "a failed preparation fails the test")]

mod run;
mod tiny;

use std::fs;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use run::{has_kvm, run, run_with, spec};
use vmm::End;
use vmm::kvm::{Io, KvmOptions, boot};

#[test]
fn statuses_come_through_both_debug_exit_ports() {
    if !has_kvm() {
        return;
    }
    for status in [0, 1, 42] {
        let run = run(&tiny::exit(status));
        assert_eq!(
            *run.end(),
            End::Exited {
                status: status.into()
            }
        );
    }
    assert_eq!(
        *run(&tiny::out(0x501, 41)).end(),
        End::Exited { status: 41 }
    );
}

#[test]
fn a_port_of_the_users_choice_exits_too() {
    if !has_kvm() {
        return;
    }
    let options = KvmOptions {
        debug_exit_ports: vec![0x10],
        ..Default::default()
    };
    let run = run_with(&tiny::out(0x10, 7), &options, |_| {});
    assert_eq!(*run.end(), End::Exited { status: 7 });
}

#[test]
fn power_off_and_reset_are_told_apart() {
    if !has_kvm() {
        return;
    }
    assert_eq!(*run(&tiny::out16(0x604, 0x2000)).end(), End::PoweredOff);
    assert_eq!(*run(&tiny::out(0x64, 0xfe)).end(), End::Rebooted);
}

#[test]
fn unikrafts_end_is_a_power_off() {
    if !has_kvm() {
        return;
    }
    let code = [
        tiny::out16(0x604, 0x2000),
        tiny::out16(0x501, 41),
        tiny::halt(),
    ]
    .concat();
    assert_eq!(*run(&code).end(), End::PoweredOff);
}

#[test]
fn a_hang_ends_when_its_time_is_up() {
    if !has_kvm() {
        return;
    }
    let begin = Instant::now();
    let timeout = Duration::from_millis(2500);
    let run = run_with(&tiny::hang(), &KvmOptions::default(), |spec| {
        spec.timeout = timeout;
    });
    assert_eq!(*run.end(), End::TimedOut);
    assert!(begin.elapsed() >= timeout && begin.elapsed() < timeout * 2);
}

#[test]
fn a_guest_that_nothing_can_wake_has_ended() {
    if !has_kvm() {
        return;
    }
    for cpus in [1, 2] {
        let run = run_with(&tiny::halt(), &KvmOptions::default(), |spec| {
            spec.cpus = cpus;
        });
        assert_eq!(*run.end(), End::Halted, "{cpus} vCPUs");
        assert!(run.report.diagnosis.is_some());
    }
}

#[test]
fn a_guest_that_waits_with_interrupts_on_goes_on() {
    if !has_kvm() {
        return;
    }
    let run = run_with(&tiny::wait(), &KvmOptions::default(), |spec| {
        spec.timeout = Duration::from_millis(3500);
    });
    assert_eq!(*run.end(), End::TimedOut);
}

#[test]
fn the_user_can_stop_a_guest() {
    if !has_kvm() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let kernel = folder.path().join("kernel");
    fs::write(&kernel, tiny::vmlinux(&tiny::hang())).unwrap();
    let io = Io {
        console: &mut |_| {},
        input: None,
        stop: &AtomicBool::new(true),
    };
    let report = boot(&spec(kernel), &KvmOptions::default(), io);
    assert_eq!(report.outcome.end, End::Interrupted);
}

#[test]
fn the_console_arrives_whole_and_once() {
    if !has_kvm() {
        return;
    }
    let code = [tiny::print("to\rll\ngate"), tiny::exit(0)].concat();
    let run = run(&code);
    assert_eq!(run.heard, b"to\rll\ngate");
    assert_eq!(run.report.outcome.console, run.heard);
    let timings = &run.report.outcome.timings;
    assert!(timings.guest_started.is_some() && timings.guest_started < timings.first_byte);
    assert!(timings.first_byte < Some(timings.ended));
}

#[test]
fn linux_panics_are_read_from_the_console() {
    if !has_kvm() {
        return;
    }
    let words = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100";
    let stays = format!("{words}\n---[ end {words} ]---\n");
    let reboots = format!("{words}\n");
    for code in [
        [tiny::print(&stays), tiny::hang()].concat(),
        [tiny::print(&reboots), tiny::out(0x64, 0xfe)].concat(),
    ] {
        let run = run(&code);
        assert!(
            matches!(
                run.end(),
                End::Panicked {
                    exitcode: Some(0x100),
                    ..
                }
            ),
            "{:?}",
            run.end()
        );
    }
    assert!(matches!(
        run(&tiny::out(0x505, 1)).end(),
        End::Panicked { .. }
    ));
}

#[test]
fn a_console_flood_is_bounded() {
    if !has_kvm() {
        return;
    }
    let options = KvmOptions {
        console_limit: 5000,
        ..Default::default()
    };
    let run = run_with(&tiny::flood(b'x'), &options, |_| {});
    assert!(matches!(run.end(), End::EngineFailed { reason } if reason.contains("floods")));
    assert_eq!(run.heard.len(), 5000);
    assert!(run.report.diagnosis.is_some());
}

#[test]
fn unknown_ports_are_answered_and_counted() {
    if !has_kvm() {
        return;
    }
    let code = [tiny::out(0x1234, 1), tiny::exit_with_port(0x4321)].concat();
    let run = run(&code);
    assert_eq!(*run.end(), End::Exited { status: 0xff });
    let stats = run.report.stats;
    assert_eq!(Vec::from_iter(stats.unknown_ports), [0x1234, 0x4321]);
    assert_eq!(stats.ports[&0x1234], 1);
    assert_eq!(stats.exits["port read"], 1);
}

#[test]
fn the_benchmarks_start_is_noted() {
    if !has_kvm() {
        return;
    }
    let run = run(&[tiny::out(0x5a0, 0), tiny::exit(0)].concat());
    let stats = run.report.stats;
    assert!(stats.vm_created < stats.benchmark_started);
}

#[test]
fn exits_count_as_a_disturbance_from_the_mark_to_the_next_word() {
    if !has_kvm() {
        return;
    }
    let code = [
        tiny::out(0x80, 0),
        tiny::out(0x5a0, 0),
        tiny::out(0x80, 0),
        tiny::out(0x80, 0),
        tiny::print("x\n"),
        tiny::out(0x80, 0),
        tiny::exit(0),
    ]
    .concat();
    let exits = run(&code).report.outcome.exits.unwrap();
    assert_eq!(exits.boot["port write"], 8);
    assert_eq!(exits.measuring.unwrap()["port write"], 2);
    // With the console's first byte; none before Linux 5.14.
    if let Some(counted) = exits.measuring_in_kvm {
        assert!(counted["exits"] >= 3, "{counted:?}");
    }
    let unmarked = run(&tiny::exit(0)).report.outcome.exits.unwrap();
    assert_eq!(unmarked.measuring, None);
}

#[test]
fn the_cmos_clock_is_never_updating() {
    if !has_kvm() {
        return;
    }
    let code = [tiny::out(0x70, 0x0a), tiny::exit_with_port(0x71)].concat();
    assert_eq!(*run(&code).end(), End::Exited { status: 0x26 });
}

#[test]
fn typed_input_reaches_the_guest() {
    if !has_kvm() {
        return;
    }
    // Waits for the line status to say "data ready", and exits with the byte.
    let wait_for_byte = [0x66, 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xfb];
    let code = [wait_for_byte.to_vec(), tiny::exit_with_port(0x3f8)].concat();
    let folder = tempfile::tempdir().unwrap();
    let (kernel, input) = (folder.path().join("kernel"), folder.path().join("input"));
    fs::write(&kernel, tiny::vmlinux(&code)).unwrap();
    fs::write(&input, "k").unwrap();
    let input = fs::File::open(input).unwrap();
    let io = Io {
        console: &mut |_| {},
        input: Some(std::os::fd::AsFd::as_fd(&input)),
        stop: &AtomicBool::new(false),
    };
    let report = boot(&spec(kernel), &KvmOptions::default(), io);
    assert_eq!(
        report.outcome.end,
        End::Exited {
            status: b'k'.into()
        }
    );
}

#[test]
fn whatever_the_guests_code_is_it_ends_somehow() {
    if !has_kvm() {
        return;
    }
    // Not random, so that a failure can be looked at again.
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    for _ in 0..60 {
        let code: Vec<u8> = (0..64).map(|_| noise()).collect();
        run_with(&code, &KvmOptions::default(), |spec| {
            spec.timeout = Duration::from_millis(50);
        });
    }
}
