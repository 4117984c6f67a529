//! Tables of any shape, filled in flushes cut anywhere, beside the same rows kept by SQL alone: SQLite finds nothing
//! wrong, and every table and every index gives the same rows in the same order.

use std::collections::BTreeMap;
use std::fmt::Write;

use projectionist::event::{Changes, Index, Kind, Manifest, Table, TableColumn};
use projectionist::read_model::query::Value;
use projectionist::read_model::{BuildOptions, BulkWriter, Flush, Generation, MemoryModel, Writer};
use rusqlite::Connection;

use crate::tables::{Row, WriteChanges, WriteFlushes, column, identity, manifest, range};

/// Numbers that are the same for the same seed (xorshift).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        (0..8).for_each(|_| _ = random.next());
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, below: usize) -> usize {
        (self.next() >> 11) as usize % below
    }

    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }
}

/// Bytes of which many begin alike, hold zeros, or do not fit a page.
fn bytes(random: &mut Random) -> Vec<u8> {
    let head = random.one_of(&["", "", "account-", "\0", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"]);
    let length = match random.below(60) {
        0 => 980 + random.below(60),
        1 => 4_040 + random.below(60),
        2 => 9_000,
        3..20 => 0,
        _ => random.below(24),
    };
    let letters = random.one_of(&["\0", "a", "\0ab", "abcdefgh0123"]).as_bytes();
    let mut bytes = head.as_bytes().to_vec();
    bytes.extend((0..length).map(|_| random.one_of(letters)));
    bytes
}

fn value(random: &mut Random, kind: Kind) -> Value {
    let near = |random: &mut Random| {
        let edge = 1i64 << random.one_of(&[0u32, 7, 8, 15, 23, 31, 32, 47, 48, 53, 62]);
        let edge = edge.wrapping_add(random.below(3) as i64 - 1);
        if random.below(2) == 0 { edge } else { edge.wrapping_neg() }
    };
    match kind {
        Kind::Boolean => Value::Integer(random.below(2) as i64),
        Kind::Integer => Value::Integer(match random.below(4) {
            0 => random.below(5) as i64 - 2,
            1 => near(random),
            2 => random.one_of(&[i64::MIN, i64::MAX, i64::MIN + 1, 0, -1]),
            _ => random.next().cast_signed() >> random.below(60),
        }),
        Kind::Real => Value::Real(match random.below(4) {
            0 => random.one_of(&[0.0, -0.0, 1.0, -1.0, 0.5, 1e300, -1e300, 5e-324, f64::INFINITY, f64::NEG_INFINITY]),
            1 => near(random) as f64,
            2 => random.below(9) as f64 / 2.0 - 2.0,
            _ => random.next().cast_signed() as f64 / 1e6,
        }),
        Kind::Text => Value::Text(String::from_utf8(bytes(random)).unwrap()),
        Kind::Json => Value::Text(format!("\"{}\"", "x".repeat(random.below(30)))),
        Kind::Blob => Value::Blob(bytes(random)),
    }
}

/// A table and rows that may come into it.
fn table(random: &mut Random, number: usize) -> Table {
    let kinds =
        [Kind::Boolean, Kind::Integer, Kind::Integer, Kind::Real, Kind::Text, Kind::Text, Kind::Json, Kind::Blob];
    let length = if random.below(20) > 0 { 1 + random.below(6) } else { 120 + random.below(393) };
    let mut order: Vec<u16> = (0..length as u16).collect();
    let mut some = |random: &mut Random, most: usize| -> Vec<u16> {
        (0..length).for_each(|at| order.swap(at, random.below(length)));
        order[..1 + random.below(most.min(length))].to_vec()
    };
    let key = some(random, 3);
    let indexes = (0..random.below(3))
        .map(|_| Index { columns: some(random, 4 + length / 5), unique: random.below(3) == 0 })
        .collect::<Vec<_>>();
    let columns = (0..length as u16)
        .map(|column| TableColumn {
            name: format!("c{column}"),
            kind: random.one_of(&kinds),
            nullable: !key.contains(&column) && random.below(2) == 0,
        })
        .collect();
    Table { name: format!("t{number}"), columns, key, indexes, insert_only: false }
}

fn row(random: &mut Random, table: &Table) -> Row {
    let one = |column: &TableColumn| match column.nullable && random.below(3) == 0 {
        true => Value::Null,
        false => value(random, column.kind),
    };
    table.columns.iter().map(one).collect()
}

/// What makes two rows the same one.
fn key(table: &Table, row: &Row) -> String {
    let plain = |value: &Value| match value {
        Value::Real(real) => Value::Real(real + 0.0),
        other => other.clone(),
    };
    format!("{:?}", table.key.iter().map(|&column| plain(&row[usize::from(column)])).collect::<Vec<_>>())
}

/// What one flush says of each row: to be put, or to be deleted.
type Words = BTreeMap<String, (Row, bool)>;

fn words(random: &mut Random, table: &Table, known: &mut Vec<Row>) -> Words {
    let count = random.one_of(&[0, 1, 5, 9, 30, 300]).min(5_000 / table.columns.len());
    let mut words = Words::new();
    for _ in 0..count {
        let mut row = row(random, table);
        if !known.is_empty() && random.below(3) > 0 {
            let old = &known[random.below(known.len())];
            table.key.iter().for_each(|&column| row[usize::from(column)] = old[usize::from(column)].clone());
        }
        known.push(row.clone());
        words.insert(key(table, &row), (row, random.below(4) > 0));
    }
    words
}

fn changes(number: usize, table: &Table, words: &Words) -> Changes {
    let columns = |columns: &mut dyn Iterator<Item = usize>, is_put: bool| {
        let rows: Vec<_> = words.values().filter(|(_, put)| *put == is_put).map(|(row, _)| row).collect();
        let of =
            |at: usize| column(table.columns[at].kind, &rows.iter().map(|row| row[at].clone()).collect::<Vec<_>>());
        (rows.len(), columns.map(of).collect())
    };
    let (upserted, upserts) = columns(&mut (0..table.columns.len()), true);
    let (deleted, deletes) = columns(&mut table.key.iter().map(|&column| usize::from(column)), false);
    Changes { table: number, upserted, upserts, deleted, deletes }
}

fn names(columns: impl IntoIterator<Item = u16>) -> String {
    columns.into_iter().map(|column| format!("c{column}")).collect::<Vec<_>>().join(", ")
}

/// The same tables as SQL alone keeps them.
struct Plain(Connection);

impl Plain {
    fn new(tables: &[Table]) -> Plain {
        let conn = Connection::open_in_memory().unwrap();
        for table in tables {
            let mut sql = format!("CREATE TABLE {} (", table.name);
            for column in &table.columns {
                let kind = match column.kind {
                    Kind::Boolean | Kind::Integer => "INTEGER",
                    Kind::Real => "REAL",
                    Kind::Text | Kind::Json => "TEXT",
                    Kind::Blob => "BLOB",
                };
                write!(sql, "{} {kind}, ", column.name).unwrap();
            }
            conn.execute_batch(&format!("{sql} PRIMARY KEY ({})) STRICT", names(table.key.iter().copied()))).unwrap();
        }
        Plain(conn)
    }

    fn apply(&self, table: &Table, words: &Words) {
        let marks = vec!["?"; table.columns.len()].join(", ");
        let put = format!("INSERT OR REPLACE INTO {} VALUES ({marks})", table.name);
        let same = table.key.iter().map(|column| format!("c{column} = ?")).collect::<Vec<_>>().join(" AND ");
        let delete = format!("DELETE FROM {} WHERE {same}", table.name);
        for (row, is_put) in words.values() {
            let (sql, row) = match is_put {
                true => (&put, row.clone()),
                false => (&delete, table.key.iter().map(|&column| row[usize::from(column)].clone()).collect()),
            };
            let values = row.into_iter().map(|value| match value {
                Value::Null => rusqlite::types::Value::Null,
                Value::Integer(value) => rusqlite::types::Value::Integer(value),
                Value::Real(value) => rusqlite::types::Value::Real(value),
                Value::Text(value) => rusqlite::types::Value::Text(value),
                Value::Blob(value) => rusqlite::types::Value::Blob(value),
            });
            self.0.prepare_cached(sql).unwrap().execute(rusqlite::params_from_iter(values)).unwrap();
        }
    }

    /// Makes the indexes; false when a unique one is forbidden by the rows.
    fn index(&self, tables: &[Table]) -> bool {
        tables.iter().all(|table| {
            table.indexes.iter().enumerate().all(|(number, index)| {
                let unique = if index.unique { "UNIQUE" } else { "" };
                let columns = names(index.columns.iter().copied());
                let sql = format!("CREATE {unique} INDEX {}_{number} ON {} ({columns})", table.name, table.name);
                self.0.execute_batch(&sql).is_ok()
            })
        })
    }
}

/// All rows by key, and in the order of each index by way of it.
fn contents(conn: &Connection, tables: &[Table]) -> Vec<String> {
    let mut rows = Vec::new();
    let check: String = conn.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    for table in tables {
        let sql =
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL ORDER BY rowid";
        let mut indexes = conn.prepare(sql).unwrap();
        let indexes = indexes.query_map([&table.name], |row| row.get::<_, String>(0)).unwrap();
        let ways = indexes.map(|name| format!("INDEXED BY {}", name.unwrap()));
        let orders = table.indexes.iter().map(|index| index.columns.clone());
        let ways = [("NOT INDEXED".to_owned(), Vec::new())].into_iter().chain(ways.zip(orders));
        for (way, mut order) in ways {
            order.extend(&table.key);
            let all = names(0..table.columns.len() as u16);
            let sql = format!("SELECT {all} FROM {} {way} ORDER BY {}", table.name, names(order));
            let mut select = conn.prepare(&sql).unwrap();
            rows.push(sql.split("INDEXED").next().unwrap().to_owned());
            let row = |row: &rusqlite::Row<'_>| {
                Ok((0..table.columns.len()).map(|column| format!("{:?} ", row.get_ref(column).unwrap())).collect())
            };
            rows.extend(select.query_map((), row).unwrap().map(Result::<String, _>::unwrap));
        }
    }
    rows
}

/// One build and what is changed in it once it is live.
fn build(seed: u64) {
    let random = &mut Random::new(seed);
    let tables: Vec<_> = (0..1 + random.below(3)).map(|number| table(random, number)).collect();
    let manifest = Manifest { tables: tables.clone(), ..manifest() };
    manifest.check().unwrap();
    let plain = Plain::new(&tables);
    // Little memory makes temporary files; without pages rows are inserted by SQL.
    let options = BuildOptions {
        memory_bytes_max: [64 << 20, 20_000, 500][seed as usize % 3],
        writes_pages: !seed.is_multiple_of(4),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.sqlite");
    let mut generation = Generation::create_with(&path, &identity(), &manifest, options).unwrap();
    let mut memory = MemoryModel::new(&manifest);
    let mut known = vec![Vec::new(); tables.len()];
    let flush = |random: &mut Random, known: &mut [Vec<Row>]| {
        let mut all = Vec::new();
        for (number, (table, known)) in tables.iter().zip(known).enumerate() {
            if random.below(4) > 0 {
                let words = words(random, table, known);
                plain.apply(table, &words);
                all.push(changes(number, table, &words));
            }
        }
        all
    };
    for _ in 0..random.one_of(&[1, 1, 1, 2, 3]) {
        let flushes = (0..random.below(5)).map(|_| Flush { part: 0, changes: flush(random, &mut known) });
        let flushes: Vec<_> = flushes.collect();
        memory.write(flushes.clone()).unwrap();
        generation.write_flushes(flushes).unwrap();
    }
    generation.commit_changes(&[], range(0, 1)).unwrap();
    memory.commit_changes(&[], range(0, 1)).unwrap();
    let (is_right, finished) = (plain.index(&tables), generation.finish());
    assert_eq!(finished.is_ok(), is_right, "{finished:?}");
    assert_eq!(memory.check_unique().is_ok(), is_right);
    if !is_right {
        let message = finished.unwrap_err().message.clone();
        assert!(message.contains("two rows have (c") && message.contains(" = "), "{message}");
        return;
    }
    let counts = generation.row_counts().unwrap();
    let counted =
        |table: &Table| plain.0.query_row(&format!("SELECT COUNT(*) FROM {}", table.name), (), |row| row.get(0));
    for (table, (_, count)) in tables.iter().zip(counts) {
        assert_eq!(counted(table), Ok(count.cast_signed()), "{}", table.name);
    }
    assert_eq!(generation.row_counts().unwrap(), memory.row_counts().unwrap());
    assert_eq!(generation.digest().unwrap(), memory.digest().unwrap());
    drop(generation);
    let expected = contents(&plain.0, &tables);
    assert!(contents(&Connection::open(&path).unwrap(), &tables) == expected, "built");
    if tables.iter().flat_map(|table| &table.indexes).all(|index| !index.unique) {
        let mut generation = Generation::open(&path).unwrap();
        for number in 1..4 {
            let changes = flush(random, &mut known);
            memory.commit_changes(&changes, range(number, number + 1)).unwrap();
            generation.commit_changes(&changes, range(number, number + 1)).unwrap();
        }
        assert_eq!(generation.row_counts().unwrap(), memory.row_counts().unwrap());
        assert_eq!(generation.digest().unwrap(), memory.digest().unwrap());
        drop(generation);
        assert!(contents(&Connection::open(&path).unwrap(), &tables) == contents(&plain.0, &tables), "live");
    }
}

#[test]
fn any_table_is_as_sql_alone_makes_it() {
    for seed in 0..400 {
        if let Err(panic) = std::panic::catch_unwind(|| build(seed)) {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
