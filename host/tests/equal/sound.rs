//! Whether a read model's file is **sound**, as SQLite itself sees it: its trees, and that indexes hold what tables do.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// Panics when SQLite finds something wrong with the file.
pub fn check(path: &Path) {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the read model");
    let mut statement = conn.prepare("PRAGMA integrity_check").expect("a check");
    let found = statement.query_map((), |row| row.get::<_, String>(0)).expect("a check");
    let found: Vec<String> = found.map(|line| line.expect("a line")).collect();
    assert_eq!(found, ["ok"], "{} is not sound", path.display());
}
