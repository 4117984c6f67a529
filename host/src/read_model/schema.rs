//! The **schema** of a generation: the SQL that a manifest's tables become.

use std::collections::HashSet;
use std::fmt::Write;

use crate::event::{Index, Kind, Manifest, Table};

/// Marks a generation's file for tools like `file`: "PRJN".
pub(super) const APPLICATION_ID: i32 = 0x5052_4A4E;
/// The format of the file, as `user_version`; raised when an older host could not read it any more.
pub(super) const FILE_FORMAT: i32 = 2;

/// What the host keeps beside the declared tables. Each holds one row. The checkpoint stands alone because it is
/// rewritten by every commit, the manifest may be large. With it stand what the event at the checkpoint is known by, and
/// how many rows each table has (`[12,0]`), which would take seconds to count.
pub(super) const HOUSEKEEPING: &str = "
    CREATE TABLE projectionist_generation (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        projection TEXT NOT NULL,
        plugin_version INTEGER NOT NULL,
        plugin_hash TEXT NOT NULL,
        settings TEXT NOT NULL,
        contract TEXT NOT NULL,
        created_at TEXT NOT NULL,
        manifest TEXT NOT NULL,
        finished INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE projectionist_checkpoint (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        position INTEGER NOT NULL,
        fingerprint TEXT NOT NULL,
        row_counts TEXT NOT NULL
    ) STRICT;";

/// The statements that one table needs.
#[derive(Clone, Debug)]
pub(super) struct Statements {
    /// Puts a row without looking for one with its key: a second one is an error.
    pub insert: String,
    /// Puts a row unless there is one with its key.
    pub insert_missing: String,
    /// Changes the row with the key of this one, if there is one; none for a table whose columns are all in the key.
    pub update: Option<String>,
    /// Removes the row with a key, the key columns being the parameters in key order.
    pub delete: String,
    /// Finds the row with a key; all columns in manifest order.
    pub select: String,
    /// All rows in key order; all columns in manifest order.
    pub scan: String,
}

impl Statements {
    /// For a table.
    pub fn new(table: &Table) -> Statements {
        let name = quoted(&table.name);
        let columns = list(table.columns.iter().map(|column| quoted(&column.name)));
        let key = list(table.key_columns().map(|column| quoted(&column.name)));
        let values = list((1..=table.columns.len()).map(|number| format!("?{number}")));
        let mut matches = String::new();
        for (number, column) in table.key_columns().enumerate() {
            let and = if number == 0 { "" } else { " AND " };
            let _ = write!(matches, "{and}{} = ?{}", quoted(&column.name), number + 1);
        }
        let is_key = |number: usize| table.key.iter().any(|&key| usize::from(key) == number);
        let named = || table.columns.iter().enumerate().map(|(number, column)| (number, quoted(&column.name)));
        let equal = |(number, name): (usize, String)| format!("{name} = ?{}", number + 1);
        let others: Vec<_> = named().filter(|(number, _)| !is_key(*number)).map(equal).collect();
        let same: Vec<_> = named().filter(|(number, _)| is_key(*number)).map(equal).collect();
        let update = format!("UPDATE {name} SET {} WHERE {}", others.join(", "), same.join(" AND "));
        let insert = format!("INSERT INTO {name} ({columns}) VALUES ({values})");
        Statements {
            insert_missing: format!("{insert} ON CONFLICT ({key}) DO NOTHING"),
            insert,
            update: (!others.is_empty()).then_some(update),
            delete: format!("DELETE FROM {name} WHERE {matches}"),
            select: format!("SELECT {columns} FROM {name} WHERE {matches}"),
            scan: format!("SELECT {columns} FROM {name} ORDER BY {key}"),
        }
    }
}

/// `CREATE TABLE` for a declared table. Rows lie in key order in one tree: by row id when the key is one integer,
/// else `WITHOUT ROWID`, which is half the size and the work of a row id with a unique index beside it.
pub(super) fn create_table(table: &Table) -> String {
    let single = row_id(table);
    let mut sql = format!("CREATE TABLE {} (", quoted(&table.name));
    for (number, column) in table.columns.iter().enumerate() {
        let kind = match column.kind {
            Kind::Boolean | Kind::Integer => "INTEGER",
            Kind::Real => "REAL",
            Kind::Text | Kind::Json => "TEXT",
            Kind::Blob => "BLOB",
        };
        let _ = write!(sql, "{} {kind}", quoted(&column.name));
        if single == Some(number) {
            sql.push_str(" PRIMARY KEY");
        }
        if !column.nullable {
            sql.push_str(" NOT NULL");
        }
        sql.push_str(", ");
    }
    if single.is_some() {
        sql.truncate(sql.len() - 2);
        sql.push_str(") STRICT");
    } else {
        let key = list(table.key_columns().map(|column| quoted(&column.name)));
        let _ = write!(sql, "PRIMARY KEY ({key})) STRICT, WITHOUT ROWID");
    }
    sql
}

/// The column that is the row id of a table, if one is.
pub(super) fn row_id(table: &Table) -> Option<usize> {
    match table.key[..] {
        [only] => Some(usize::from(only)).filter(|&only| is_integer(table.columns[only].kind)),
        _ => None,
    }
}

fn is_integer(kind: Kind) -> bool {
    matches!(kind, Kind::Boolean | Kind::Integer)
}

/// A secondary index with the SQL that makes it.
pub(super) struct IndexSql<'a> {
    pub table: &'a Table,
    /// The table's index in the manifest.
    pub number: usize,
    pub index: &'a Index,
    pub name: String,
    pub create: String,
}

/// `CREATE INDEX` for every secondary index, named `TABLE_by_COLUMN_COLUMN`. Tables and indexes share their names
/// in SQLite, so a name that is taken gets a number.
pub(super) fn create_indexes(manifest: &Manifest) -> Vec<IndexSql<'_>> {
    let mut taken: HashSet<String> = manifest.tables.iter().map(|table| table.name.clone()).collect();
    let mut all = Vec::new();
    for (number, table) in manifest.tables.iter().enumerate() {
        for index in &table.indexes {
            let columns = index_columns(table, index);
            let stem = format!("{}_by_{}", table.name, columns.join("_"));
            let mut name = stem.clone();
            for next in 2.. {
                if taken.insert(name.clone()) {
                    break;
                }
                name = format!("{stem}_{next}");
            }
            let unique = if index.unique { "UNIQUE " } else { "" };
            let create = format!(
                "CREATE {unique}INDEX {} ON {} ({})",
                quoted(&name),
                quoted(&table.name),
                list(columns.iter().map(|column| quoted(column)))
            );
            all.push(IndexSql { table, number, index, name, create });
        }
    }
    all
}

/// The names of the columns of an index.
pub(super) fn index_columns<'a>(table: &'a Table, index: &Index) -> Vec<&'a str> {
    index.columns.iter().map(|&column| table.columns[usize::from(column)].name.as_str()).collect()
}

/// A name as SQL takes it whatever it is, keywords included. Names in manifests hold no quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// Joins with commas.
pub(super) fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::TableColumn;

    fn table(name: &str, kinds: &[(&str, Kind)], key: &[u16], indexes: &[(&[u16], bool)]) -> Table {
        Table {
            name: name.into(),
            columns: kinds
                .iter()
                .map(|&(name, kind)| TableColumn { name: name.into(), kind, nullable: false })
                .collect(),
            key: key.to_vec(),
            indexes: indexes.iter().map(|&(columns, unique)| Index { columns: columns.to_vec(), unique }).collect(),
            insert_only: false,
        }
    }

    #[test]
    fn keys_decide_how_rows_lie() {
        let by_number = table("order", &[("group", Kind::Integer), ("b", Kind::Json)], &[0], &[]);
        assert_eq!(
            create_table(&by_number),
            r#"CREATE TABLE "order" ("group" INTEGER PRIMARY KEY NOT NULL, "b" TEXT NOT NULL) STRICT"#
        );
        let composite = table("delays", &[("n", Kind::Integer), ("day", Kind::Text)], &[1, 0], &[]);
        assert_eq!(
            create_table(&composite),
            r#"CREATE TABLE "delays" ("n" INTEGER NOT NULL, "day" TEXT NOT NULL, PRIMARY KEY ("day", "n")) STRICT, WITHOUT ROWID"#
        );
        assert_eq!(Statements::new(&composite).delete, r#"DELETE FROM "delays" WHERE "day" = ?1 AND "n" = ?2"#);
        assert_eq!(Statements::new(&composite).update, None);
        let update = r#"UPDATE "order" SET "b" = ?2 WHERE "group" = ?1"#;
        assert_eq!(Statements::new(&by_number).update.as_deref(), Some(update));
    }

    #[test]
    fn index_names_do_not_collide_with_tables_or_each_other() {
        let a = table("a", &[("b", Kind::Integer)], &[0], &[(&[0], false), (&[0], true)]);
        let clash = table("a_by_b", &[("b", Kind::Integer)], &[0], &[]);
        let manifest = Manifest {
            name: "x".into(),
            version: 1,
            description: String::new(),
            subscription: crate::event::Subscription {
                selection: crate::event::Selection::Every(Default::default()),
                stream_prefix: None,
                envelope: Default::default(),
                metadata_fields: vec![],
            },
            partitioning: crate::event::Partitioning::Whole,
            tables: vec![a, clash],
        };
        let sql: Vec<_> = create_indexes(&manifest).into_iter().map(|index| index.create).collect();
        assert_eq!(sql, [r#"CREATE INDEX "a_by_b_2" ON "a" ("b")"#, r#"CREATE UNIQUE INDEX "a_by_b_3" ON "a" ("b")"#]);
    }
}
