//! **Derived ids**: what makes importing the same file twice add nothing, for lines that bring no id.
//!
//! The id of such a line comes from all such lines up to it, so the same file, and the same file grown, gives the
//! same ids again, while the same line standing twice in a file gives two. A different file that begins with the
//! same lines counts as the same file grown: those lines are recorded once.
//!
//! Bad lines that are put aside do not count, so the file with such a line mended gives all later lines other ids:
//! what was put aside is mended and imported on its own. Ids that pass over a mended line would have to pass over
//! what lines say, and then different events in different files would be taken for the same, which nobody notices;
//! lines that are recorded twice show in the numbers of the report.
//!
//! Laid out so that ids grow within a file (indexes are filled in order), in the shape of UUID version 8: 32 bits
//! of the hash of the first line, the number of the line in 32 bits, and 58 bits of the chained hash.

use uuid::Uuid;

/// The ids of one file's lines without ids, one after the other.
#[derive(Default)]
pub(super) struct Derived {
    first: Option<u32>,
    line: u32,
    chain: [u8; blake3::OUT_LEN],
}

impl Derived {
    /// The id of the next line, given without its ending.
    pub fn next(&mut self, line: &[u8]) -> Uuid {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.chain).update(line);
        self.chain = *hasher.finalize().as_bytes();
        self.line = self.line.wrapping_add(1);
        let [a, b, c, d, e, f, g, h, ..] = self.chain;
        let hash = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let first = *self.first.get_or_insert((hash >> 32) as u32);
        let (line, hash) = (u128::from(self.line), u128::from(hash >> 6));
        // 48 bits, the version, 12 bits, the variant, 62 bits.
        let id = u128::from(first) << 96
            | (line >> 16) << 80
            | 0x8 << 76
            | (line >> 4 & 0xFFF) << 64
            | 0b10 << 62
            | (line & 0xF) << 58
            | hash;
        Uuid::from_u128(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_of_version_8_that_grow_with_the_line() {
        let mut derived = Derived::default();
        let ids: Vec<Uuid> = (0..100_000).map(|_| derived.next(b"the same line")).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(ids.iter().all(|id| id.get_version_num() == 8 && id.get_variant() == uuid::Variant::RFC4122));
    }

    #[test]
    fn a_line_that_differs_changes_all_ids_from_there_on() {
        let ids = |lines: [&str; 4]| {
            let mut derived = Derived::default();
            lines.map(|line| derived.next(line.as_bytes()))
        };
        let (one, other) = (ids(["a", "b", "c", "d"]), ids(["a", "b", "x", "d"]));
        assert_eq!(one[..2], other[..2]);
        assert_ne!(one[2], other[2]);
        assert_ne!(one[3], other[3]);
        // Ids are kept in stores: they may never change.
        assert_eq!(one[0].to_string(), ids(["a", "", "", ""])[0].to_string());
    }
}
