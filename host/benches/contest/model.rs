//! A **model** is the SQLite file that a native contender writes its rows to: the same tables, set up and made
//! durable in the same way as a generation of ours.

use std::fs::File;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Statement};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::workload::Table;

pub struct Model {
    connection: Connection,
    folder: TempDir,
}

impl Model {
    /// Makes the tables, in one transaction that ends with [`Model::finish`].
    pub fn create(beside: &Path, tables: &[Table]) -> Model {
        let folder = tempfile::tempdir_in(beside).expect("a folder");
        let connection = Connection::open(folder.path().join("model.sqlite")).expect("a read model");
        // What `read_model` sets while it builds.
        for (name, value) in [
            ("page_size", "4096"),
            ("journal_mode", "OFF"),
            ("synchronous", "OFF"),
            ("locking_mode", "EXCLUSIVE"),
            ("cache_size", "-65536"),
        ] {
            connection.pragma_update(None, name, value).expect("a pragma");
        }
        connection.execute_batch("BEGIN").expect("a transaction");
        for table in tables {
            connection.execute_batch(table.create).expect("a table");
        }
        Model { connection, folder }
    }

    pub fn insert(&self, table: &Table) -> Statement<'_> {
        let columns =
            self.connection.prepare(&format!("SELECT * FROM {}", table.name)).expect("the table").column_count();
        let values = (1..=columns).map(|number| format!("?{number}")).collect::<Vec<_>>().join(", ");
        self.connection.prepare(&format!("INSERT INTO {} VALUES ({values})", table.name)).expect("an insert")
    }

    pub fn execute(&self, sql: &str) {
        self.connection.execute_batch(sql).expect(sql);
    }

    /// Commits and makes the file and its name durable, to be read while it is written: what `read_model` does when
    /// a build is finished.
    pub fn finish(&self) {
        self.execute("COMMIT");
        for (name, value) in [("locking_mode", "NORMAL"), ("synchronous", "FULL"), ("journal_mode", "WAL")] {
            self.connection.pragma_update(None, name, value).expect("a pragma");
        }
        self.execute("BEGIN; PRAGMA user_version = 1; COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
        File::open(self.folder.path()).and_then(|folder| folder.sync_all()).expect("a durable name");
    }

    pub fn digest(&self, tables: &[Table]) -> String {
        let mut rows = Rows::default();
        tables.iter().for_each(|table| rows.add(&self.connection, table));
        rows.digest()
    }
}

/// SHA-256 of all rows in key order, each column as text and `|` after it, each row on a line. Every contender
/// computes it so, in its own language.
#[derive(Default)]
pub struct Rows(Sha256);

impl Rows {
    /// Of a read model that serves.
    pub fn add_file(&mut self, file: &Path, table: &Table) {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        self.add(&Connection::open_with_flags(file, flags).expect("the read model"), table);
    }

    pub fn add(&mut self, model: &Connection, table: &Table) {
        let mut statement =
            model.prepare(&format!("SELECT * FROM {} ORDER BY {}", table.name, table.key)).expect("the rows");
        let columns = statement.column_count();
        let mut rows = statement.query([]).expect("the rows");
        let mut line = Vec::new();
        while let Some(row) = rows.next().expect("a row") {
            line.clear();
            for column in 0..columns {
                match row.get_ref(column).expect("a value") {
                    ValueRef::Null => {}
                    ValueRef::Integer(integer) => line.extend(integer.to_string().bytes()),
                    ValueRef::Real(real) => line.extend(real.to_string().bytes()),
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => line.extend(bytes),
                }
                line.push(b'|');
            }
            line.push(b'\n');
            self.0.update(&line);
        }
    }

    pub fn digest(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
