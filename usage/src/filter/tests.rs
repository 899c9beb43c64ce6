//! The programs are run by an interpreter of the few instructions that they use.

use super::*;

const X86_64: u32 = AUDIT_ARCH_X86_64;
const I386: u32 = 3 | 0x4000_0000;

/// What the kernel would return for a call.
fn answer(program: &[sock_filter], arch: u32, number: u32, first: u64) -> u32 {
    let words = [number, arch, 0, 0, first as u32, (first >> 32) as u32];
    let (mut at, mut loaded) = (0, 0);
    loop {
        let step = program[at];
        at += 1;
        match step.code {
            0x20 => loaded = words[step.k as usize / 4],
            0x54 => loaded &= step.k,
            0x05 => at += step.k as usize,
            0x15 if loaded == step.k => at += step.jt as usize,
            0x35 if loaded >= step.k => at += step.jt as usize,
            0x15 | 0x35 => at += step.jf as usize,
            0x06 => return step.k,
            code => panic!("no seccomp filter has the instruction {code:#x}"),
        }
    }
}

const ALLOW: u32 = 0x7fff_0000;
const NOTIFY: u32 = 0x7fc0_0000;
const ENOSYS: u32 = 0x0005_0026;

#[test]
fn each_call_gets_its_own_action() {
    let actions = [
        (Call(0), Action::Allow),
        (Call(1), Action::Errno(0)),
        (Call(59), Action::Errno(38)),
        (Call(60), Action::Allow),
        (Call(435), Action::Errno(38)),
    ];
    let calls = actions.map(|(call, action)| (call, action.into())).into();
    let program = filter(&calls, Action::Notify);
    let expected = [
        (0, ALLOW),
        (1, 0x0005_0000),
        (2, NOTIFY),
        (58, NOTIFY),
        (59, ENOSYS),
        (60, ALLOW),
        (61, NOTIFY),
        (434, NOTIFY),
        (435, ENOSYS),
        (436, NOTIFY),
        (5000, NOTIFY),
    ];
    for (number, action) in expected {
        assert_eq!(answer(&program, X86_64, number, 7), action, "{number}");
    }
}

#[test]
fn a_large_table_answers_like_a_small_one() {
    let calls = (0..800)
        .step_by(2)
        .map(|n| (Call(n), Action::Errno(n as u16).into()));
    let program = filter(&calls.collect(), Action::Allow);
    assert!(program.len() < 4096, "{}", program.len());
    for number in 0..900 {
        let expected = match number {
            n if n < 800 && n % 2 == 0 => 0x0005_0000 | n,
            _ => ALLOW,
        };
        assert_eq!(answer(&program, X86_64, number, 0), expected, "{number}");
    }
}

#[test]
fn other_abis_are_notified() {
    let program = filter(&BTreeMap::new(), Action::Allow);
    assert_eq!(answer(&program, I386, 1, 0), NOTIFY);
    assert_eq!(answer(&program, X86_64, 0x4000_0001, 0), NOTIFY);
    assert_eq!(answer(&program, X86_64, u32::MAX, 0), NOTIFY);
}

#[test]
fn only_our_own_execve_passes_a_stub() {
    let stubbed = BTreeMap::from([(Call(59), Action::Errno(38).into())]);
    let program = filter(&stubbed, Action::Allow);
    let own = OWN_EXEC_PATH as u64;
    assert_eq!(answer(&program, X86_64, 59, own), ALLOW);
    for other in [0, own + 1, own & 0xffff_ffff, own | 1 << 63] {
        assert_eq!(answer(&program, X86_64, 59, other), ENOSYS, "{other:#x}");
    }
    assert_eq!(answer(&program, X86_64, 60, own), ALLOW);
}

#[test]
fn an_argument_decides_under_its_mask() {
    let case = |mask, value, action| Case {
        mask,
        value,
        action,
    };
    let by_argument = Treatment::ByArgument {
        index: 0,
        cases: vec![
            case(0xf, 2, Action::Errno(38)),
            case(0x20, 0x20, Action::Errno(0)),
            case(u32::MAX, 7, Action::Allow),
        ],
        otherwise: Action::Notify,
    };
    let calls = BTreeMap::from([
        (Call(8), Action::Allow.into()),
        (Call(9), by_argument),
        (Call(10), Action::Errno(38).into()),
    ]);
    let program = filter(&calls, Action::Notify);
    let expected = [
        (2, ENOSYS),
        (0x12, ENOSYS),
        // The upper half does not count.
        (0x1_0000_0002, ENOSYS),
        (0x21, 0x0005_0000),
        (7, ALLOW),
        (8, NOTIFY),
    ];
    for (first, action) in expected {
        assert_eq!(answer(&program, X86_64, 9, first), action, "{first:#x}");
    }
    assert_eq!(answer(&program, X86_64, 8, 2), ALLOW);
    assert_eq!(answer(&program, X86_64, 10, 0x20), ENOSYS);
    assert_eq!(answer(&program, X86_64, 11, 0x20), NOTIFY);
}
