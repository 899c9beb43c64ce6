//! CPUs that go, and policies that answer EBUSY without them.

use super::*;

const CPU2: &str = "/sys/devices/system/cpu/cpu2/online";

#[test]
fn what_cannot_be_read_keeps_the_journal() {
    for name in ["intel-pstate-active", "amd-pstate-active", "intel-hybrid"] {
        let bench = Bench::new(tree(name));
        let before = bench.fake.shown();
        bench.apply(&Request::default());
        bench.fake.set(CPU2, "0");
        assert!(!bench.restore().is_complete(), "{name}");
        assert!(bench.folder.header().unwrap().is_some(), "{name}");
        bench.fake.set(CPU2, "1");
        // The kernel does not move interrupts back.
        for (path, was) in before.iter().filter(|(path, _)| path.ends_with("_list")) {
            bench.fake.set(path, was);
        }
        let undone = bench.restore();
        assert!(undone.is_complete(), "{name}: {:#?}", undone.lines());
        same(&bench.fake, &before, name);
        assert!(bench.folder.header().unwrap().is_none(), "{name}");
    }
}

#[test]
fn a_cpu_that_was_offline_before_is_no_concern() {
    for name in ["intel-pstate-active", "amd-pstate-active"] {
        let bench = Bench::new(tree(name));
        bench.fake.set(CPU2, "0");
        let before = bench.fake.shown();
        bench.apply(&Request::default());
        assert!(bench.restore().is_complete(), "{name}");
        same(&bench.fake, &before, name);
    }
}
