//! In which order a run boots its targets.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// One boot of the plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlannedBoot {
    /// The target's name.
    pub target: String,
    /// Which boot of this target, from 0.
    pub boot: u32,
}

/// All boots in blocks: every block boots each target once, in an order of its own,
/// so that a drift of the machine meets all targets alike.
pub fn plan(targets: &[String], boots: u32, seed: u64) -> Vec<PlannedBoot> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut block = targets.to_vec();
    let mut plan = Vec::new();
    for boot in 0..boots {
        block.shuffle(&mut random);
        plan.extend(block.iter().map(|target| PlannedBoot {
            target: target.clone(),
            boot,
        }));
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_block_boots_each_target_once(targets in 1usize..8, boots in 1u32..20, seed: u64) {
            let names: Vec<_> = (0..targets).map(|i| format!("t{i}")).collect();
            let plan = plan(&names, boots, seed);
            for (boot, block) in (0..).zip(plan.chunks(targets)) {
                let mut seen: Vec<_> = block.iter().map(|b| b.target.clone()).collect();
                seen.sort();
                prop_assert_eq!(&seen, &names);
                prop_assert!(block.iter().all(|b| b.boot == boot));
            }
            prop_assert_eq!(plan.len(), targets * boots as usize);
        }
    }

    #[test]
    fn the_seed_decides() {
        let names: Vec<_> = (0..4).map(|i| i.to_string()).collect();
        assert_eq!(plan(&names, 25, 1), plan(&names, 25, 1));
        assert_ne!(plan(&names, 25, 1), plan(&names, 25, 2));
    }
}
