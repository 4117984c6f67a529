//! Which **ranges** segments cover, how their files are called, and which of them are live.

use std::collections::BTreeMap;

use crate::event::{Position, Range};

/// What the name of a file that is still being written begins with.
pub(super) const NEW: &str = "new-";
const ENDING: &str = ".segment";

/// The file of the segment of `range`.
pub(super) fn file_name(range: Range) -> String {
    format!("{:012}-{:012}{ENDING}", range.after.0, range.through.0)
}

/// The range of the segment in a file of that name; none when it is not one of ours.
pub(super) fn range_of(name: &str, sizes: &[u64; 3]) -> Option<Range> {
    let (after, through) = name.strip_suffix(ENDING)?.split_once('-')?;
    let range = Range { after: Position(after.parse().ok()?), through: Position(through.parse().ok()?) };
    let size = range.through.0.checked_sub(range.after.0)?;
    let is_ours = sizes.contains(&size) && range.after.0.is_multiple_of(size) && file_name(range) == name;
    is_ours.then_some(range)
}

/// The ranges that a history of everything through `through` consists of: the largest first, then what is left in
/// smaller ones. What is beyond the last whole smallest one is not sealed.
pub(super) fn wanted(through: Position, sizes: &[u64; 3]) -> Vec<Range> {
    let mut ranges = Vec::new();
    let mut after = 0;
    for size in sizes.iter().rev() {
        while through.0 - after >= *size {
            ranges.push(Range { after: Position(after), through: Position(after + size) });
            after += size;
        }
    }
    ranges
}

/// Of the segments there are, those that are used: from the start without a gap, at each place the largest.
pub(super) fn live<T: Clone>(there: &BTreeMap<(u64, u64), T>) -> Vec<T> {
    let mut used = Vec::new();
    let mut after = 0;
    while let Some((&(_, through), one)) = there.range((after, 0)..=(after, u64::MAX)).next_back() {
        used.push(one.clone());
        after = through;
    }
    used
}

/// How a map of segments is ordered.
pub(super) fn key(range: Range) -> (u64, u64) {
    (range.after.0, range.through.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::sizes::SIZES;

    fn range(after: u64, through: u64) -> Range {
        Range { after: Position(after), through: Position(through) }
    }

    #[test]
    fn a_name_is_the_range_and_other_names_are_not_ours() {
        for one in [range(0, 16_384), range(131_072, 262_144), range(5 << 40, (5 << 40) + (1 << 20))] {
            assert_eq!(range_of(&file_name(one), &SIZES), Some(one));
        }
        for name in [
            "000000000001-000000016385.segment", // not aligned
            "000000000000-000000016383.segment", // of no size of ours
            "0-16384.segment",
            "new-000000000000-000000016384.segment",
            "000000016384-000000000000.segment",
            "notes.txt",
        ] {
            assert_eq!(range_of(name, &SIZES), None, "{name}");
        }
    }

    #[test]
    fn a_long_log_wants_the_largest_first_and_leaves_the_newest() {
        let [small, middle, large] = SIZES;
        assert!(wanted(Position(small - 1), &SIZES).is_empty());
        assert_eq!(wanted(Position(small), &SIZES), [range(0, small)]);
        assert_eq!(wanted(Position(middle - 1), &SIZES).len(), 7);
        assert_eq!(wanted(Position(middle), &SIZES), [range(0, middle)]);
        let through = 2 * large + middle + small + 5;
        let expected = [
            range(0, large),
            range(large, 2 * large),
            range(2 * large, 2 * large + middle),
            range(2 * large + middle, 2 * large + middle + small),
        ];
        assert_eq!(wanted(Position(through), &SIZES), expected);
    }

    #[test]
    fn a_gap_ends_what_is_live_and_larger_ones_win() {
        let ranges = [range(0, 16_384), range(16_384, 32_768), range(0, 131_072), range(131_072, 147_456)];
        let mut there: BTreeMap<_, _> = ranges.iter().map(|&one| (key(one), one)).collect();
        assert_eq!(live(&there), [ranges[2], ranges[3]]);
        there.remove(&key(ranges[2]));
        assert_eq!(live(&there), [ranges[0], ranges[1]]);
        there.remove(&key(ranges[0]));
        assert!(live(&there).is_empty());
    }
}
