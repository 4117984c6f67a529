//! About how many **distinct keys** history partitions a projection by: from the dictionaries of its segments.

use std::collections::HashSet;
use std::sync::Arc;

use crate::event::{Manifest, Partitioning};
use crate::history::{Damaged, Found, KeyColumn, SealedColumn, Segment, Words};

/// So many hashes at most are compared; the standard error is then 0.4 %.
const SAMPLED_MAX: u64 = 1 << 16;

/// About how many there are; nothing where no dictionary tells. The exact number does not matter below `enough`: then it
/// may be several times too large, and is less than that.
pub(super) fn distinct_keys(segments: &[Arc<Segment>], manifest: &Manifest, enough: u64) -> Option<u64> {
    // Damage is found by whoever reads the events, and mended there.
    let dictionaries: Vec<Words> =
        segments.iter().filter_map(|segment| of_segment(segment, manifest).ok()).flatten().collect();
    let words: u64 = dictionaries.iter().map(|words| words.hashes.len() as u64).sum();
    if dictionaries.is_empty() || words <= enough {
        return (!dictionaries.is_empty()).then_some(words);
    }
    let share = words.div_ceil(SAMPLED_MAX).next_power_of_two();
    // The lower bits: the upper ones tell the parts apart.
    let hashes = dictionaries.iter().flat_map(|words| words.hashes.iter());
    let sampled: HashSet<u64> = hashes.copied().filter(|hash| hash & (share - 1) == 0).collect();
    Some(sampled.len() as u64 * share)
}

/// The dictionaries of what tells the parts apart, each once.
fn of_segment(segment: &Segment, manifest: &Manifest) -> Result<Vec<Words>, Damaged> {
    let mut numbers = Vec::new();
    for block in segment.blocks() {
        match &manifest.partitioning {
            Partitioning::Whole => {}
            Partitioning::ByStream => numbers.push(block.stream_words()),
            Partitioning::ByField(field) => {
                for kind in manifest.subscription.types() {
                    let Some(number) = block.type_number(&kind.name) else { continue };
                    if let Found::Column(SealedColumn::Keys(KeyColumn { dictionary, .. })) =
                        block.field(number, field)?
                    {
                        numbers.push(dictionary);
                    }
                }
            }
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers.into_iter().map(|number| segment.dictionary(number)).collect()
}
