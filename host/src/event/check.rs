//! Checks that a manifest fits together, so that everything after it may rely on it.

use std::collections::HashSet;

use super::{Fault, FaultKind, Manifest, Partitioning, Result, Selection, Subscription, Table};

/// Names longer than this many bytes are refused.
const NAME_BYTES_MAX: usize = 63;
const TYPES_MAX: usize = 65_535;
const FIELDS_MAX: usize = 4_096;
const TABLES_MAX: usize = 64;
const COLUMNS_MAX: usize = 512;
const INDEXES_MAX: usize = 64;

impl Manifest {
    /// Checks every rule of `wit/*/manifests.wit`; the fault says which one is broken and where.
    pub fn check(&self) -> Result<()> {
        check_projection_name(&self.name)?;
        self.subscription.check()?;
        if self.tables.is_empty() || self.tables.len() > TABLES_MAX {
            return Err(broken(format!("a projection keeps 1 to {TABLES_MAX} tables, not {}", self.tables.len())));
        }
        distinct("table", self.tables.iter().map(|table| table.name.as_str()))?;
        self.tables.iter().try_for_each(Table::check)?;
        if let Partitioning::ByField(field) = &self.partitioning
            && let Some(kind) = self.subscription.types().iter().find(|kind| !kind.fields.contains(field))
        {
            return Err(broken(format!(
                "it is partitioned by field `{field}`, which type `{}` does not ask for",
                kind.name
            )));
        }
        Ok(())
    }
}

/// Projection names: `[a-z][a-z0-9-]*`, at most 63 bytes; they become file names.
pub fn check_projection_name(name: &str) -> Result<()> {
    let fits = name.len() <= NAME_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fits {
        return Ok(());
    }
    Err(broken(format!("`{}` is no projection name", name.escape_debug()))
        .hint("names are lower-case letters, digits and hyphens, start with a letter and have at most 63 bytes"))
}

impl Subscription {
    fn check(&self) -> Result<()> {
        if let Selection::Types(types) = &self.selection {
            if types.is_empty() || types.len() > TYPES_MAX {
                return Err(broken(format!("a subscription names 1 to {TYPES_MAX} event types, not {}", types.len())));
            }
            distinct("event type", types.iter().map(|kind| kind.name.as_str()))?;
        }
        for kind in self.types() {
            fields("payload", &kind.fields).map_err(|fault| inside(fault, format!("event type `{}`", kind.name)))?;
        }
        fields("metadata", &self.metadata_fields)
    }
}

fn fields(what: &str, names: &[String]) -> Result<()> {
    if names.len() > FIELDS_MAX {
        return Err(broken(format!("at most {FIELDS_MAX} {what} fields can be asked for, not {}", names.len())));
    }
    distinct(&format!("{what} field"), names.iter().map(String::as_str))
}

impl Table {
    fn check(&self) -> Result<()> {
        check_sql_name("table", &self.name)?;
        self.check_columns().map_err(|fault| inside(fault, format!("table `{}`", self.name)))
    }

    fn check_columns(&self) -> Result<()> {
        if self.columns.is_empty() || self.columns.len() > COLUMNS_MAX {
            return Err(broken(format!("a table has 1 to {COLUMNS_MAX} columns, not {}", self.columns.len())));
        }
        distinct("column", self.columns.iter().map(|column| column.name.as_str()))?;
        self.columns.iter().try_for_each(|column| check_sql_name("column", &column.name))?;
        self.check_indexes("the key", &self.key)?;
        if let Some(column) = self.key_columns().find(|column| column.nullable) {
            return Err(broken(format!("key column `{}` may not be nullable", column.name)));
        }
        if self.indexes.len() > INDEXES_MAX {
            return Err(broken(format!("at most {INDEXES_MAX} indexes, not {}", self.indexes.len())));
        }
        self.indexes.iter().try_for_each(|index| self.check_indexes("an index", &index.columns))
    }

    fn check_indexes(&self, what: &str, columns: &[u16]) -> Result<()> {
        if columns.is_empty() {
            return Err(broken(format!("{what} names no column")));
        }
        if let Some(&beyond) = columns.iter().find(|&&column| usize::from(column) >= self.columns.len()) {
            return Err(broken(format!("{what} names column {beyond} of {}", self.columns.len())));
        }
        if columns.iter().collect::<HashSet<_>>().len() != columns.len() {
            return Err(broken(format!("{what} names a column twice")));
        }
        Ok(())
    }
}

fn check_sql_name(what: &str, name: &str) -> Result<()> {
    let fits = name.len() <= NAME_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !name.starts_with("sqlite_")
        && !name.starts_with("projectionist_");
    if fits {
        return Ok(());
    }
    Err(broken(format!("`{}` is no {what} name", name.escape_debug())).hint(
        "names are lower-case letters, digits and underscores, at most 63 bytes, and start with neither a digit, `sqlite_` nor `projectionist_`",
    ))
}

fn distinct<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(broken(format!("{what} `{}` is there twice", name.escape_debug())));
        }
    }
    Ok(())
}

fn broken(message: String) -> Fault {
    Fault::new(FaultKind::Manifest, message)
}

fn inside(mut fault: Fault, place: String) -> Fault {
    fault.message = format!("{place}: {}", fault.message);
    fault
}
