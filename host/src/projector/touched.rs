//! Which rows each partition **touched**, to notice a row that two of them did.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::quality::FixedState;

use crate::event::{Changes, Column, Manifest, Values};

/// Hashes of the keys that each partition flushed; 8 bytes a row. Two rows with the same 64 bits pass for one,
/// which costs a replay on one thread and nothing else.
pub(super) struct Touched {
    parts: Vec<Vec<u64>>,
}

impl Touched {
    pub fn new(parts: usize) -> Touched {
        Touched { parts: vec![Vec::new(); parts] }
    }

    /// Notes the rows of a flush. An insert-only table notices a second row with the same key by itself.
    pub fn add(&mut self, part: usize, changes: &[Changes], manifest: &Manifest) {
        if self.parts.len() == 1 {
            return;
        }
        for changes in changes {
            let table = &manifest.tables[changes.table];
            if table.insert_only {
                continue;
            }
            let upserted: Vec<&Column> = match changes.upserted {
                0 => Vec::new(),
                _ => table.key.iter().map(|&column| &changes.upserts[usize::from(column)]).collect(),
            };
            let deleted: Vec<&Column> = changes.deletes.iter().collect();
            let keys = &mut self.parts[part];
            keys.extend((0..changes.upserted).map(|row| key(changes.table, &upserted, row)));
            keys.extend((0..changes.deleted).map(|row| key(changes.table, &deleted, row)));
        }
    }

    /// Whether two partitions touched the same row.
    pub fn overlap(self) -> bool {
        let of_part = |(number, keys): (usize, Vec<u64>)| keys.into_iter().map(move |key| (key, number));
        let mut all: Vec<(u64, usize)> = self.parts.into_iter().enumerate().flat_map(of_part).collect();
        all.sort_unstable();
        all.windows(2).any(|pair| pair[0].0 == pair[1].0 && pair[0].1 != pair[1].1)
    }
}

fn key(table: usize, columns: &[&Column], row: usize) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    table.hash(&mut hasher);
    for column in columns {
        match &column.values {
            Values::Booleans(values) => values[row].hash(&mut hasher),
            Values::Integers(values) => values[row].hash(&mut hasher),
            // 0.0 and -0.0 are one key.
            Values::Reals(values) => (values[row] + 0.0).to_bits().hash(&mut hasher),
            Values::Texts(values) | Values::Json(values) => values.get(row).hash(&mut hasher),
            Values::Blobs(values) => values.get(row).hash(&mut hasher),
            Values::Nothing | Values::Symbols(_) => {}
        }
    }
    hasher.finish()
}
