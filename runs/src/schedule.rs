//! The order in which a run boots its targets.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::shard::Shard;

/// One boot of the plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlannedBoot {
    /// The target's name.
    pub target: String,
    /// Which boot of this target, from 0.
    pub boot: u32,
}

/// All boots in blocks: every block boots each remaining target once, in an order of its own,
/// so that a drift of the machine affects all targets alike. `targets` are names and numbers of
/// boots. A shard has some of the blocks, in an order that no other shard has.
pub fn plan(targets: &[(String, u32)], seed: u64, shard: Option<Shard>) -> Vec<PlannedBoot> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(shard.map_or(0, |shard| shard.index.into()));
    let mut block = targets.to_vec();
    let mut plan = Vec::new();
    for boot in (0..blocks(targets)).filter(|boot| shard.is_none_or(|shard| shard.has(*boot))) {
        block.retain(|(_, boots)| *boots > boot);
        block.shuffle(&mut random);
        plan.extend(block.iter().map(|(target, _)| PlannedBoot {
            target: target.clone(),
            boot,
        }));
    }
    plan
}

/// How many blocks there are.
pub fn blocks(targets: &[(String, u32)]) -> u32 {
    let boots = targets.iter().map(|(_, boots)| *boots);
    boots.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_block_boots_each_target_once_that_has_boots_left(
            boots in prop::collection::vec(1u32..20, 1..8),
            seed: u64,
        ) {
            let targets: Vec<_> = (0..).map(|i: u32| format!("t{i}")).zip(boots.clone()).collect();
            let mut plan = plan(&targets, seed, None);
            prop_assert_eq!(plan.len(), boots.iter().sum::<u32>() as usize);
            prop_assert!(plan.is_sorted_by_key(|planned| planned.boot));
            plan.sort();
            let mut all: Vec<_> = targets
                .iter()
                .flat_map(|(target, boots)| (0..*boots).map(|boot| (target.clone(), boot)))
                .collect();
            all.sort();
            let planned: Vec<_> = plan.into_iter().map(|p| (p.target, p.boot)).collect();
            prop_assert_eq!(planned, all);
        }
    }

    #[test]
    fn the_seed_decides() {
        let targets: Vec<_> = (0..4).map(|i| (i.to_string(), 25)).collect();
        assert_eq!(plan(&targets, 1, None), plan(&targets, 1, None));
        assert_ne!(plan(&targets, 1, None), plan(&targets, 2, None));
    }

    #[test]
    fn shards_share_the_blocks_and_each_has_its_own_order() {
        let targets: Vec<_> = (0..5).map(|i| (i.to_string(), 21 - i)).collect();
        let shards = (1..=4).map(|index| Shard { index, of: 4 });
        let plans: Vec<_> = shards.map(|s| plan(&targets, 7, Some(s))).collect();
        let mut together = plans.concat();
        together.sort();
        let mut whole = plan(&targets, 7, None);
        whole.sort();
        assert_eq!(together, whole);
        for (at, boots) in plans.iter().enumerate() {
            assert!(boots.iter().all(|boot| boot.boot % 4 == at as u32));
        }
        let order = |plan: &[PlannedBoot]| -> Vec<_> {
            let targets = plan.iter().take(10);
            targets.map(|boot| boot.target.clone()).collect()
        };
        assert_ne!(order(&plans[0]), order(&plans[1]));
    }
}
