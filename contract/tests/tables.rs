//! The tables are consistent.

use std::collections::HashSet;

use contract::{Answer, Benchmark, Disturbance, Fact, Method, Operation, SystemCall};

#[test]
fn names_are_unique_and_read_back() {
    let mut names = HashSet::new();
    for benchmark in Benchmark::ALL {
        assert!(names.insert(benchmark.name()));
        assert_eq!(Benchmark::from_name(benchmark.name()), Some(benchmark));
    }
    for fact in Fact::ALL {
        assert_eq!(Fact::from_name(fact.name()), Some(fact));
    }
    assert_eq!(Benchmark::Tsc.name(), "tsc");
    assert_eq!(Benchmark::FcallChain.name(), "fcall_chain");
    assert_eq!(Method::ALL.map(Method::name), ["paper", "precise", "exact"]);
    let disturbances = ["switches", "run_delay_ns", "steal_cs", "interrupts"];
    assert_eq!(Disturbance::ALL.map(Disturbance::name), disturbances);
    for wrong in ["", "fcal", "fcallx", "TSC"] {
        assert_eq!(Benchmark::from_name(wrong), None);
    }
}

/// The cost of one must never pass as the cost of the other, and a table has room for both.
#[test]
fn every_system_call_has_a_benchmark_for_each_answer() {
    for call in SystemCall::ALL {
        let of = |answer| Benchmark::of_call(call, answer).unwrap();
        let (works, refused) = (of(Answer::Works), of(Answer::Enosys));
        assert_eq!(
            [works, refused].map(Benchmark::system_call),
            [Some(call); 2]
        );
        assert_eq!(works.answer(), Some(Answer::Works));
        assert_eq!(refused.answer(), Some(Answer::Enosys));
        assert_eq!((works.choice(), refused.choice()), (works, works));
        assert!(works.is_choice() && !refused.is_choice());
        assert_ne!(works.title(), refused.title());
        for method in Method::ALL {
            assert_eq!(works.is_by(method), refused.is_by(method));
        }
        assert_eq!(SystemCall::from_name(call.name()), Some(call));
    }
}

/// Experiments that do not choose benchmarks stay comparable with last year's runs.
#[test]
fn what_is_measured_by_default_stays_the_same() {
    let all = Benchmark::in_a_round();
    let default = all.into_iter().filter(|b| b.is_default());
    let by = |method| -> Vec<_> {
        let of_method = default.clone().filter(|b| b.is_by(method));
        of_method.map(Benchmark::name).collect()
    };
    assert_eq!(by(Method::Paper), ["tsc", "scall", "fcall"]);
    assert_eq!(
        by(Method::Precise),
        ["tsc", "scall", "fcall", "fcall_chain"]
    );
    assert_eq!(by(Method::Exact), ["scall", "fcall", "fcall_chain"]);
    assert!(Benchmark::calls().all(|b| b.operation() != Operation::Nothing));
}

#[test]
fn a_fact_is_found_by_its_key() {
    let found = Fact::of_key("chain_ops");
    assert_eq!(found, Some((Fact::ChainOps, "")));
    let found = Fact::of_key("vulnerability.meltdown");
    assert_eq!(found, Some((Fact::Vulnerability, "meltdown")));
    let found = Fact::of_key("syscall_500");
    assert_eq!(found, Some((Fact::SystemCall, "500")));
    assert_eq!(Fact::of_key("chain_opsx"), None);
    assert_eq!(Fact::of_key("batch"), None);
}

#[test]
fn a_fact_has_a_value_that_it_can_have() {
    assert_eq!(Fact::Release.check("6.12 (any)"), Ok(()));
    assert_eq!(Fact::TscStep.check("0"), Ok(()));
    assert!(Fact::TscStep.check("1.5").is_err());
    assert!(Fact::ChainOps.check("0").is_err());
    assert_eq!(Fact::ChainOps.check("4096"), Ok(()));
}
