//! Whether the alignment of a loop matters.

use super::boot::JudgedBoot;
use super::{AlignedMedian, Alignments};
use crate::stats::friedman::friedman;
use crate::stats::{MIN_BOOTS, median_of};
use crate::units::Ticks;

/// The alignments that every boot has; `None` if there are fewer than two, or too few boots.
pub(super) fn alignments(boots: &[JudgedBoot]) -> Option<Alignments> {
    if boots.len() < MIN_BOOTS {
        return None;
    }
    let first = boots.first()?.alignments.keys();
    let in_all = |align: &&u8| boots.iter().all(|boot| boot.alignments.contains_key(align));
    let common: Vec<u8> = first.filter(in_all).copied().collect();
    let at = |boot: &JudgedBoot, align: &u8| boot.alignments.get(align).copied();
    let medians = |boot: &JudgedBoot| common.iter().filter_map(|a| at(boot, a)).collect();
    // Each boot is ranked separately: differences between boots affect all of its alignments
    // alike.
    let blocks: Vec<Vec<f64>> = boots.iter().map(medians).collect();
    let test = friedman(&blocks)?;
    let median = |align: &u8| {
        let mut medians: Vec<f64> = boots.iter().filter_map(|boot| at(boot, align)).collect();
        AlignedMedian {
            align: *align,
            median_of_boot_medians: Ticks(median_of(&mut medians)),
        }
    };
    Some(Alignments {
        p: test.p,
        medians: common.iter().map(median).collect(),
    })
}
