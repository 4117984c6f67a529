//! What is flushed while a generation is built waits in runs until it is finished: the newest flush of a row counts, rows that
//! two partitions touched are noticed, and little memory is enough.

use std::collections::BTreeSet;
use std::path::Path;

use projectionist::event::{Changes, FaultKind};
use projectionist::read_model::{
    BuildOptions, BuildingGeneration, BulkWriter, Flush, LiveGeneration, MemoryModel, Writer,
};

use crate::tables::*;

/// Everything goes to temporary files at once.
const NO_MEMORY: BuildOptions = BuildOptions { memory_bytes_max: 0, writes_pages: true };
const WAYS: [BuildOptions; 4] = [
    BuildOptions { memory_bytes_max: 64 << 20, writes_pages: true },
    BuildOptions { memory_bytes_max: 20_000, writes_pages: true },
    NO_MEMORY,
    BuildOptions { memory_bytes_max: 20_000, writes_pages: false },
];

fn create(folder: &Path, options: BuildOptions) -> BuildingGeneration {
    BuildingGeneration::create_with(&folder.join("1.sqlite"), &identity(), &manifest(), options).unwrap()
}

fn flush(part: usize, upserts: &[Row], deletes: &[Row]) -> Flush {
    Flush { part, changes: vec![changes(ACCOUNTS, upserts, deletes)] }
}

fn name(number: u64) -> String {
    format!("account-{number:04}")
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Flush `number` of two partitions, one with the even keys and one with the odd ones; some rows are deleted.
fn some_flush(number: u64) -> Flush {
    let part = number % 2;
    let keys: BTreeSet<u64> = (0..40).map(|place| (number * 131 + place * 37) % 500 * 2 + part).collect();
    let (gone, put): (Vec<u64>, Vec<u64>) = keys.into_iter().partition(|key| (key + number).is_multiple_of(5));
    let deletes: Vec<_> = gone.into_iter().map(|key| vec![text(&name(key))]).collect();
    // In no order: the host brings them into one.
    let upserts: Vec<_> = put.into_iter().rev().map(|key| account(&name(key), number as i64)).collect();
    flush(part as usize, &upserts, &deletes)
}

/// More flushes than runs that are merged into one, twice over.
#[test]
fn the_newest_flush_of_a_row_counts_however_many_there_are() {
    for options in WAYS {
        let folder = tempfile::tempdir().unwrap();
        let mut building = create(folder.path(), options);
        let mut memory = MemoryModel::new(&manifest());
        for number in 0..700 {
            building.write(vec![some_flush(number)]).unwrap();
            memory.write(vec![some_flush(number)]).unwrap();
            if number % 69 == 0 {
                let asked: Vec<_> = (0..1_100).rev().map(|key| vec![text(&name(key))]).collect();
                let asked = keys(ACCOUNTS, &asked);
                let found = building.lookup(ACCOUNTS, 1_100, &asked).unwrap();
                assert_eq!(found, memory.lookup(ACCOUNTS, 1_100, &asked).unwrap());
            }
        }
        assert_eq!(files(folder.path()), ["1.sqlite"], "temporary files have no name");
        assert_eq!(building.row_counts().unwrap(), memory.row_counts().unwrap());
        assert_eq!(building.digest().unwrap(), memory.digest().unwrap());
        building.commit(Vec::new(), range(0, 9).into()).unwrap();
        let live = building.finish().unwrap();
        assert_eq!(live.row_counts().unwrap(), memory.row_counts().unwrap());
        assert_eq!(live.digest().unwrap(), memory.digest().unwrap());
    }
}

#[test]
fn a_row_that_two_partitions_touched_is_noticed_however_and_whenever_they_did() {
    let put = |part| flush(part, &[account("shared", 1)], &[]);
    let delete = |part| flush(part, &[], &[vec![text("shared")]]);
    for options in WAYS {
        for between in [0, 3, 40] {
            for (first, second) in [(put(0), put(1)), (put(1), delete(0)), (delete(0), put(1)), (delete(1), delete(0))]
            {
                let folder = tempfile::tempdir().unwrap();
                let mut building = create(folder.path(), options);
                building.write(vec![first]).unwrap();
                (0..between).for_each(|number| building.write(vec![some_flush(number)]).unwrap());
                building.write(vec![second]).unwrap();
                building.commit(Vec::new(), range(0, 9).into()).unwrap();
                let fault = building.finish().unwrap_err();
                assert_eq!(fault.kind, FaultKind::Overlap);
                let message = "table `accounts`: key (account = 'shared') was touched by two partitions";
                assert_eq!((fault.message.as_str(), fault.projection.as_deref()), (message, Some("fixture")));
            }
        }
        // One partition may come back to its own row.
        let folder = tempfile::tempdir().unwrap();
        let mut building = create(folder.path(), options);
        building.write(vec![put(1), delete(1), put(1)]).unwrap();
        assert_eq!(building.row_counts().unwrap()[ACCOUNTS].1, 1);
        building.finish().unwrap();
    }
}

#[test]
fn deleting_what_is_not_there_is_harmless() {
    for options in WAYS {
        let folder = tempfile::tempdir().unwrap();
        let mut building = create(folder.path(), options);
        building.write(vec![flush(0, &[], &[vec![text("nobody")]])]).unwrap();
        assert!(building.is_empty());
        let mut live = building.finish().unwrap();
        live.commit_changes(&[changes(ACCOUNTS, &[], &[vec![text("nobody")]])], range(0, 1)).unwrap();
        live.commit_changes(&[changes(SEATS, &[], &[vec![int(1), int(2)]])], range(1, 2)).unwrap();
        assert!(live.is_empty());
    }
    let mut memory = MemoryModel::new(&manifest());
    memory.write(vec![flush(0, &[], &[vec![text("nobody")]])]).unwrap();
    assert!(memory.is_empty());
}

#[test]
fn an_insert_only_table_takes_rows_in_order_and_in_none_and_each_key_once() {
    let inserts = |positions: &mut dyn Iterator<Item = i64>| -> Vec<Changes> {
        let entries: Vec<Row> = positions.map(|position| vec![int(position), text("what")]).collect();
        vec![changes(ENTRIES, &entries, &[])]
    };
    for options in WAYS {
        let folder = tempfile::tempdir().unwrap();
        let mut building = create(folder.path(), options);
        for flush in 0..50 {
            let ascending = inserts(&mut (flush * 100..flush * 100 + 100));
            let scattered = inserts(&mut (0..40).map(|number| 10_000 + (number * 50 + flush) * 7 % 2_000));
            building.write(vec![Flush { part: 0, changes: ascending }, Flush { part: 1, changes: scattered }]).unwrap();
        }
        let live = building.finish().unwrap();
        assert_eq!(live.row_counts().unwrap()[ENTRIES].1, 7_000);

        let folder = tempfile::tempdir().unwrap();
        let mut building = create(folder.path(), options);
        for flush in 0..50 {
            let scattered = inserts(&mut (0..10).map(|number| number * 50 + flush));
            building.write(vec![Flush::whole(scattered)]).unwrap();
        }
        let again = building.write(vec![Flush::whole(inserts(&mut [7].into_iter()))]);
        let fault = again.and_then(|()| building.finish().map(|_| ())).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Changes);
        assert_eq!(
            fault.message,
            "table `entries`: key (position = 7) is inserted again, but it is declared insert-only"
        );
    }
}

/// As when the disk is full: what cannot be spilled stays where it was.
#[test]
fn what_cannot_be_spilled_is_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (inside, aside) = (folder.path().join("inside"), folder.path().join("aside"));
    let mut building = create(&inside, NO_MEMORY);
    building.write(vec![flush(0, &[account("a", 1)], &[])]).unwrap();
    std::fs::rename(&inside, &aside).unwrap();
    let fault = building.write(vec![flush(0, &[account("b", 2)], &[])]).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Storage);
    assert!(fault.message.contains("keeping rows beside"), "{fault}");
    std::fs::rename(&aside, &inside).unwrap();
    building.write(vec![flush(0, &[account("c", 3)], &[])]).unwrap();
    let rows = building.rows_as_json("accounts").unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(building.finish().unwrap().rows_as_json("accounts").unwrap(), rows);
}

#[test]
fn a_file_knows_how_many_rows_it_has_without_counting_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut building = create(folder.path(), NO_MEMORY);
    building.write(vec![flush(0, &[account("a", 1), account("b", 1)], &[])]).unwrap();
    let mut live = building.finish().unwrap();
    let path = live.path().to_owned();
    let count = |live: &LiveGeneration| live.row_counts().unwrap()[ACCOUNTS].1;
    let change = |upserts: &[Row], deletes: &[Row]| [changes(ACCOUNTS, upserts, deletes)];
    live.commit_changes(&change(&[account("a", 2), account("c", 1)], &[vec![text("x")]]), range(0, 1)).unwrap();
    assert_eq!(count(&live), 3);
    live.commit_changes(&change(&[], &[vec![text("a")], vec![text("c")]]), range(1, 2)).unwrap();
    assert_eq!(count(&live), 1);
    live.commit_changes(&change(&[account("d", 1), account("d", 1)], &[]), range(2, 3)).unwrap_err();
    assert_eq!(count(&live), 1, "what was refused does not count");
    // Rows of a table with a unique index leave and come back when they change.
    let seat = |flight, seat: &str| vec![int(flight), text(seat), int(0)];
    live.commit_changes(&[changes(SEATS, &[seat(1, "1A"), seat(2, "2B")], &[])], range(2, 3)).unwrap();
    live.commit_changes(&[changes(SEATS, &[seat(1, "2B"), seat(2, "1A"), seat(3, "3C")], &[])], range(3, 4)).unwrap();
    live.commit_changes(&[changes(SEATS, &[seat(3, "1A")], &[vec![int(2), int(0)]])], range(4, 5)).unwrap();
    drop(live);
    let live = LiveGeneration::open(&path).unwrap();
    let counts = live.row_counts().unwrap();
    assert_eq!(counts.iter().map(|(_, rows)| *rows).collect::<Vec<_>>(), [1, 0, 0, 2]);
    let conn = rusqlite::Connection::open(&path).unwrap();
    for (table, rows) in counts {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        assert_eq!(conn.query_row(&sql, (), |row| row.get::<_, i64>(0)).unwrap().cast_unsigned(), rows, "{table}");
    }
}
