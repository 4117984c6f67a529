//! A generation is filled in bulk, finished, and goes on live; whatever it refuses leaves it as it was.

use projectionist::event::{Blame, FaultKind, Position};
use projectionist::read_model::query::{Value, collect};
use projectionist::read_model::{Generation, Snapshot, Writer};

use crate::tables::*;

fn bulk(folder: &tempfile::TempDir) -> Generation {
    Generation::create(&folder.path().join("deep/er/1.sqlite"), &identity(), &manifest()).unwrap()
}

fn live(folder: &tempfile::TempDir) -> Generation {
    let mut generation = bulk(folder);
    generation.finish().unwrap();
    generation
}

fn every_kind() -> Vec<Row> {
    vec![
        vec![
            int(i64::MIN),
            text("2013-01-02"),
            int(1),
            Value::Real(1.5),
            text(r#"{"a": [1e400]}"#),
            Value::Blob(vec![0, 255]),
        ],
        vec![int(7), text("2013-01-01"), int(0), Value::Real(f64::NEG_INFINITY), text("null"), Value::Blob(vec![])],
        vec![int(-7), text("2013-01-01"), Value::Null, Value::Null, Value::Null, Value::Null],
        vec![int(i64::MAX), text("a\0b ü €"), int(0), Value::Real(-0.5), text("\"\""), Value::Blob(b"x".to_vec())],
    ]
}

#[test]
fn every_kind_of_value_comes_back_in_both_modes() {
    let folder = tempfile::tempdir().unwrap();
    let mut generation = bulk(&folder);
    assert!(generation.is_empty());
    generation.commit_changes(&[changes(DAYS, &every_kind(), &[])], range(0, 10)).unwrap();
    assert!(!generation.is_empty());
    for finished in [false, true] {
        if finished {
            generation.finish().unwrap();
        }
        let missing = vec![text("2013-01-01"), int(8)];
        let mut wanted: Vec<Row> = every_kind().iter().map(|row| vec![row[1].clone(), row[0].clone()]).collect();
        wanted.insert(1, missing);
        let rows = generation.lookup(DAYS, 5, &keys(DAYS, &wanted)).unwrap();
        assert_eq!(rows.found.to_vec(), [0b11101]);
        let kinds = manifest().tables[DAYS].columns.clone();
        for (place, column) in rows.columns.iter().enumerate() {
            let mut expected: Vec<_> = every_kind().iter().map(|row| row[place].clone()).collect();
            expected.insert(1, Value::Null);
            assert!(!column.is_valid(1));
            assert_eq!(*column, crate::tables::column(kinds[place].kind, &expected), "{}", kinds[place].name);
        }
        assert_eq!(
            generation.rows_as_json("days").unwrap(),
            [
                r#"{"n":-7,"day":"2013-01-01","late":null,"mean":null,"detail":null,"raw":null}"#,
                r#"{"n":7,"day":"2013-01-01","late":false,"mean":"-Infinity","detail":null,"raw":""}"#,
                r#"{"n":-9223372036854775808,"day":"2013-01-02","late":true,"mean":1.5,"detail":{"a": [1e400]},"raw":"00ff"}"#,
                r#"{"n":9223372036854775807,"day":"a\u0000b ü €","late":false,"mean":-0.5,"detail":"","raw":"78"}"#,
            ]
        );
    }
}

#[test]
fn a_finished_file_says_what_it_is_and_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut generation = bulk(&folder);
    generation.commit_changes(&[changes(ACCOUNTS, &[account("b", 2), account("a", 1)], &[])], range(0, 10)).unwrap();
    generation.finish().unwrap();
    generation.finish().unwrap(); // nothing more to do
    generation.commit_changes(&[changes(ACCOUNTS, &[account("b", 3)], &[vec![text("a")]])], range(10, 12)).unwrap();
    generation.commit_changes(&[], range(12, 20)).unwrap();
    let (path, digest) = (generation.path().to_owned(), generation.digest().unwrap());
    drop(generation);

    let mut generation = Generation::open(&path).unwrap();
    assert_eq!((generation.checkpoint(), generation.is_empty()), (Position(20), false));
    assert_eq!((generation.identity(), generation.manifest()), (&identity(), &manifest()));
    assert_eq!(generation.digest().unwrap(), digest);
    assert_eq!(generation.rows_as_json("accounts").unwrap(), [r#"{"account":"b","balance":3,"note":null}"#]);
    assert_eq!(generation.row_counts().unwrap()[0], ("accounts".to_owned(), 1));
    let schema = collect(
        &path,
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1",
        &Default::default(),
    );
    assert_eq!(
        schema.unwrap().rows.concat(),
        [text("accounts_by_balance"), text("entries_by_what"), text("seats_by_seat")]
    );

    // A reader keeps what it saw while the writer goes on.
    let snapshot = Snapshot::open(&path).unwrap();
    generation.commit_changes(&[changes(ACCOUNTS, &[account("z", 9)], &[])], range(20, 21)).unwrap();
    assert_eq!((snapshot.checkpoint(), snapshot.digest().unwrap()), (Position(20), digest));
    let now = Snapshot::open(&path).unwrap();
    assert_eq!((now.checkpoint(), now.digest().unwrap()), (Position(21), generation.digest().unwrap()));
}

#[test]
fn a_file_that_is_unfinished_foreign_or_damaged_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut unfinished = bulk(&folder);
    unfinished.commit_changes(&[changes(ACCOUNTS, &[account("a", 1)], &[])], range(0, 10)).unwrap();
    let path = unfinished.path().to_owned();
    assert!(Generation::create(&path, &identity(), &manifest()).unwrap_err().message.ends_with("is there already"));
    drop(unfinished);
    assert!(Generation::open(&path).unwrap_err().message.contains("was not finished"));
    assert!(Snapshot::open(&path).err().unwrap().message.contains("was not finished"));

    let other = tempfile::tempdir().unwrap();
    let mut whole = live(&other);
    whole.commit_changes(&[changes(ACCOUNTS, &[account("a", 1)], &[])], range(0, 10)).unwrap();
    let garbage = folder.path().join("2.sqlite");
    std::fs::write(&garbage, vec![7; 8192]).unwrap();
    assert_eq!(Generation::open(&garbage).unwrap_err().kind, FaultKind::Storage);
    let missing = folder.path().join("3.sqlite");
    assert!(Generation::open(&missing).unwrap_err().message.starts_with("there is no read model"));
    assert!(!missing.exists());
}

#[test]
fn another_writer_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = live(&folder);
    let mut second = Generation::open(first.path()).unwrap();
    first.commit_changes(&[changes(ACCOUNTS, &[account("a", 1)], &[])], range(0, 5)).unwrap();
    let fault = second.commit_changes(&[changes(ACCOUNTS, &[account("a", 2)], &[])], range(0, 6)).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Storage);
    assert_eq!(fault.message, "another process has moved this read model from 0 to 5");
    assert_eq!(second.rows_as_json("accounts").unwrap(), [r#"{"account":"a","balance":1,"note":null}"#]);
    // A gap is refused in the same way, live and in bulk.
    assert!(first.commit_changes(&[], range(6, 7)).is_err());
    assert!(first.commit_changes(&[], range(5, 4)).unwrap_err().message.contains("backwards"));
    first.commit_changes(&[], range(5, 7)).unwrap();
    let mut fresh = bulk(&tempfile::tempdir().unwrap());
    assert!(fresh.commit_changes(&[], range(1, 2)).is_err());
}

#[test]
fn a_key_that_a_flush_names_twice_is_the_plugins_fault() {
    let folder = tempfile::tempdir().unwrap();
    let mut generation = live(&folder);
    generation.commit_changes(&[changes(ACCOUNTS, &[account("a", 1)], &[])], range(0, 1)).unwrap();
    let before = generation.digest().unwrap();
    let a = || account("account-a", 1);
    let key = || vec![text("account-a")];
    let cases = [
        (vec![changes(ACCOUNTS, &[a(), account("account-b", 1), a()], &[])], "is upserted twice in one flush"),
        (vec![changes(ACCOUNTS, &[], &[key(), key()])], "is deleted twice in one flush"),
        (vec![changes(ACCOUNTS, &[a()], &[key()])], "is both upserted and deleted in one flush"),
        // From two partitions.
        (vec![changes(ACCOUNTS, &[a()], &[]), changes(ACCOUNTS, &[a()], &[])], "is upserted twice in one flush"),
    ];
    for (all, how) in cases {
        let fault = generation.commit_changes(&all, range(1, 2)).unwrap_err();
        assert_eq!((fault.kind, fault.blame), (FaultKind::Changes, Blame::Plugin));
        assert_eq!(fault.message, format!("table `accounts`: key (account = 'account-a') {how}"));
        assert_eq!((fault.projection.as_deref(), fault.range), (Some("fixture"), Some(range(1, 2))));
        assert_eq!((generation.digest().unwrap(), generation.checkpoint()), (before, Position(1)));
    }
    let apart = [changes(ACCOUNTS, &[a()], &[]), changes(ACCOUNTS, &[account("b", 1)], &[vec![text("a")]])];
    generation.commit_changes(&apart, range(1, 2)).unwrap();
    assert_eq!(generation.row_counts().unwrap()[ACCOUNTS].1, 2);
}

#[test]
fn insert_only_tables_take_each_key_once_and_nothing_else() {
    let entry = |position| vec![int(position), text("what")];
    for finished in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut generation = if finished { live(&folder) } else { bulk(&folder) };
        generation.commit_changes(&[changes(ENTRIES, &[entry(3), entry(1)], &[])], range(0, 3)).unwrap();
        let lookup = generation.lookup(ENTRIES, 1, &keys(ENTRIES, &[vec![int(1)]])).unwrap_err();
        assert!(lookup.message.contains("declared insert-only"), "{lookup}");
        // A build merges its rows at the end, and notices then.
        let again = generation.commit_changes(&[changes(ENTRIES, &[entry(4), entry(3)], &[])], range(3, 4));
        let again = again.and_then(|()| generation.finish()).unwrap_err();
        assert_eq!(again.kind, FaultKind::Changes);
        assert_eq!(
            again.message,
            "table `entries`: key (position = 3) is inserted again, but it is declared insert-only"
        );
        // Live, the fault left no trace; in bulk the build is over.
        let next = generation.commit_changes(&[changes(ENTRIES, &[entry(4)], &[])], range(3, 4));
        assert_eq!(next.is_ok(), finished);
        assert_eq!(generation.finish().is_ok(), finished);
    }
    let delete =
        bulk(&tempfile::tempdir().unwrap()).commit_changes(&[changes(ENTRIES, &[], &[vec![int(1)]])], range(0, 1));
    assert!(delete.unwrap_err().message.contains("declared insert-only"));
}

#[test]
fn unique_indexes_are_kept_and_judge_the_outcome_of_a_flush() {
    let seat = |flight, seat: &str| vec![int(flight), text(seat), int(0)];
    let folder = tempfile::tempdir().unwrap();
    let mut generation = live(&folder);
    generation
        .commit_changes(&[changes(SEATS, &[seat(1, "1A"), seat(2, "2B"), seat(3, "3C")], &[])], range(0, 1))
        .unwrap();
    // They change places, and one is freed and taken: no two rows have the same value in the end.
    let moves = changes(SEATS, &[seat(1, "2B"), seat(2, "1A"), seat(4, "3C")], &[vec![int(3), int(0)]]);
    generation.commit_changes(&[moves], range(1, 2)).unwrap();
    let nobody = |flight| vec![int(flight), Value::Null, int(0)];
    generation.commit_changes(&[changes(SEATS, &[nobody(7), nobody(8)], &[])], range(2, 3)).unwrap();
    let before = generation.digest().unwrap();
    let taken = generation.commit_changes(&[changes(SEATS, &[seat(9, "1A")], &[])], range(3, 4)).unwrap_err();
    assert_eq!(taken.kind, FaultKind::Changes);
    assert_eq!(
        taken.message,
        "table `seats`: the row with key (flight = 9, order = 0) repeats values of seats.seat, which a unique index forbids"
    );
    assert_eq!(generation.digest().unwrap(), before);

    let folder = tempfile::tempdir().unwrap();
    let mut generation = bulk(&folder);
    generation
        .commit_changes(&[changes(SEATS, &[seat(1, "1A"), nobody(2), nobody(3), seat(4, "1A")], &[])], range(0, 4))
        .unwrap();
    let fault = generation.finish().unwrap_err();
    assert_eq!(fault.kind, FaultKind::Changes);
    assert_eq!(fault.message, "table `seats`: two rows have (seat = '1A'), which a unique index forbids");
    assert!(generation.commit_changes(&[], range(4, 5)).unwrap_err().message.contains("failed before"));
}

#[test]
fn changes_of_the_wrong_shape_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut generation = live(&folder);
    let good = || changes(ACCOUNTS, &[account("a", 1)], &[]);
    let mut unknown = good();
    unknown.table = 9;
    let mut short = good();
    short.upserted = 2;
    let mut narrow = good();
    narrow.upserts.pop();
    let mut kind = good();
    kind.upserts.swap(0, 1);
    let absent = changes(ACCOUNTS, &[vec![Value::Null, int(1), Value::Null]], &[]);
    for (bad, message) in [
        (unknown, "table 9 was changed, of 4"),
        (short, "table `accounts`: column `account` does not hold 2 values"),
        (narrow, "table `accounts`: 2 columns came, not 3"),
        (kind, "table `accounts`: column `account` does not hold Text values"),
        (absent, "table `accounts`: column `account` is not nullable, but row 0 has no value"),
    ] {
        let fault = generation.commit_changes(&[good(), bad], range(0, 1)).unwrap_err();
        assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::Changes, message));
    }
    assert_eq!((generation.checkpoint(), generation.is_empty()), (Position(0), true));
    assert_eq!(generation.row_counts().unwrap()[ACCOUNTS].1, 0);
    assert!(generation.lookup(9, 0, &[]).is_err());
    assert!(generation.lookup(ACCOUNTS, 1, &[]).is_err());
}
