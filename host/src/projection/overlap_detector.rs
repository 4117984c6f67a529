//! Which rows each partition **touched**, to notice a row that two of them did.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::quality::FixedState;

use crate::event::{Changes, Column, Manifest, Values};

/// Hashes of the keys that each partition flushed; 8 bytes a row. Two rows with the same 64 bits pass for one,
/// which costs a replay on one thread and nothing else.
pub(super) struct OverlapDetector {
    parts: Vec<Vec<u64>>,
    rows_max: usize,
}

impl OverlapDetector {
    pub fn new(parts: usize, rows_max: usize) -> OverlapDetector {
        OverlapDetector { parts: vec![Vec::new(); parts], rows_max }
    }

    /// Whether there were more rows than it compares.
    pub fn is_full(&self) -> bool {
        self.parts.iter().map(Vec::len).sum::<usize>() > self.rows_max
    }

    /// Notes the rows of a flush. An insert-only table notices a second row with the same key by itself.
    pub fn add(&mut self, part: usize, changes: &[Changes], manifest: &Manifest) {
        if self.parts.len() == 1 || self.is_full() {
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
        let mut all = Vec::with_capacity(self.parts.iter().map(Vec::len).sum());
        for mut keys in self.parts {
            keys.sort_unstable();
            keys.dedup(); // a partition may flush its own row again
            all.append(&mut keys);
        }
        all.sort_unstable();
        all.windows(2).any(|pair| pair[0] == pair[1])
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

/// A manifest with one table, partitioned by stream.
#[cfg(test)]
pub(super) fn manifest_of(table: crate::event::Table) -> Manifest {
    use crate::event::{Partitioning, Selection, Subscription};
    Manifest {
        name: "rows".into(),
        version: 1,
        description: String::new(),
        subscription: Subscription {
            selection: Selection::Every(Default::default()),
            stream_prefix: None,
            envelope: Default::default(),
            metadata_fields: Vec::new(),
        },
        partitioning: Partitioning::ByStream,
        tables: vec![table],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Kind, Table, TableColumn};

    fn manifest(insert_only: bool) -> Manifest {
        let column = TableColumn { name: "key".into(), kind: Kind::Integer, nullable: false };
        manifest_of(Table {
            name: "rows".into(),
            columns: vec![column],
            key: vec![0],
            indexes: Vec::new(),
            insert_only,
        })
    }

    fn changes(upserts: &[i64], deletes: &[i64]) -> Vec<Changes> {
        let column = |keys: &[i64]| vec![Column::from(Values::Integers(keys.to_vec().into()))];
        let (upserted, deleted) = (upserts.len(), deletes.len());
        vec![Changes { table: 0, upserted, upserts: column(upserts), deleted, deletes: column(deletes) }]
    }

    fn touched(flushes: &[(usize, &[i64], &[i64])], insert_only: bool) -> OverlapDetector {
        let mut touched = OverlapDetector::new(2, 4);
        let manifest = manifest(insert_only);
        flushes.iter().for_each(|(part, upserts, deletes)| touched.add(*part, &changes(upserts, deletes), &manifest));
        touched
    }

    #[test]
    fn a_row_of_two_partitions_is_noticed_however_they_touched_it() {
        assert!(touched(&[(0, &[1, 2], &[]), (1, &[3], &[]), (1, &[2], &[])], false).overlap());
        assert!(touched(&[(0, &[1], &[]), (1, &[], &[1])], false).overlap());
    }

    #[test]
    fn a_partition_may_touch_its_own_rows_again() {
        assert!(!touched(&[(0, &[1, 2], &[]), (0, &[1], &[2]), (1, &[3], &[])], false).overlap());
    }

    #[test]
    fn an_insert_only_table_is_left_to_its_key() {
        assert!(!touched(&[(0, &[1], &[]), (1, &[1], &[])], true).overlap());
    }

    #[test]
    fn so_many_rows_are_compared_and_no_more() {
        assert!(!touched(&[(0, &[1, 2], &[]), (1, &[3, 4], &[])], false).is_full());
        assert!(touched(&[(0, &[1, 2], &[]), (1, &[3, 4, 5], &[])], false).is_full());
    }
}
