//! **Lifting** takes row changes and lookup keys out of a guest and checks them against the manifest.
//!
//! What is left to the read model is whether a key comes twice, which it sees for nothing when it sorts.

use super::Limits;
use super::bindings::{columns, tables};
use super::column::{self, Wrong};
use super::limits::breach;
use crate::event::{Changes, Column, Fault, FaultKind, Manifest, Result, Table, TableColumn};

/// The changes of one flush, within the limits and as the manifest says. Changes without rows are left out.
pub(super) fn changes(guest: Vec<tables::Changes>, manifest: &Manifest, limits: &Limits) -> Result<Vec<Changes>> {
    within(&guest, limits)?;
    let mut lifted: Vec<Changes> = Vec::with_capacity(guest.len());
    for guest in guest {
        let table = declared(guest.table, manifest)?;
        let index = usize::from(guest.table);
        if lifted.iter().any(|earlier| earlier.table == index) {
            return Err(broken(format!("table `{}` comes twice in one flush", table.name)));
        }
        let (upserted, deleted) = (guest.upserted as usize, guest.deleted as usize);
        if table.insert_only && deleted > 0 {
            return Err(broken(format!("it deletes from table `{}`, which is insert-only", table.name)));
        }
        let changes = Changes {
            table: index,
            upserted,
            upserts: columns(
                guest.upserts,
                upserted,
                &table.columns.iter().collect::<Vec<_>>(),
                Place { table, what: "upserts" },
            )?,
            deleted,
            deletes: columns(
                guest.deletes,
                deleted,
                &table.key_columns().collect::<Vec<_>>(),
                Place { table, what: "deletes" },
            )?,
        };
        if upserted + deleted > 0 {
            lifted.push(changes);
        }
    }
    Ok(lifted)
}

/// The keys of a lookup.
pub(super) fn keys(
    table: u16,
    length: usize,
    keys: Vec<columns::ColumnResult>,
    manifest: &Manifest,
) -> Result<Vec<Column>> {
    let table = declared(table, manifest)?;
    if table.insert_only {
        return Err(broken(format!("it looked up in table `{}`, which is insert-only", table.name)));
    }
    columns(keys, length, &table.key_columns().collect::<Vec<_>>(), Place { table, what: "lookup keys" })
}

fn within(guest: &[tables::Changes], limits: &Limits) -> Result<()> {
    let rows: u64 = guest.iter().map(|changes| u64::from(changes.upserted) + u64::from(changes.deleted)).sum();
    let most = limits.flush_rows_max;
    if rows > most {
        let message = format!("`flush` returned {rows} rows; its `flush-rows-max` is {most}");
        return Err(breach(FaultKind::Output, "flush-rows-max", message));
    }
    let bytes: usize =
        guest.iter().flat_map(|changes| changes.upserts.iter().chain(&changes.deletes)).map(column::bytes).sum();
    if bytes as u64 > limits.flush_bytes_max() {
        let message = format!(
            "`flush` returned {} MiB; its `flush-mib-max` is {}",
            bytes.div_ceil(1 << 20),
            limits.flush_mib_max
        );
        return Err(breach(FaultKind::Output, "flush-mib-max", message));
    }
    Ok(())
}

fn declared(table: u16, manifest: &Manifest) -> Result<&Table> {
    manifest
        .tables
        .get(usize::from(table))
        .ok_or_else(|| broken(format!("it names table {table}, but its manifest declares {}", manifest.tables.len())))
}

/// Where columns belong, for messages.
#[derive(Clone, Copy)]
struct Place<'a> {
    table: &'a Table,
    what: &'static str,
}

/// As many columns as there are shapes; none without rows.
fn columns(
    guest: Vec<columns::ColumnResult>,
    rows: usize,
    shapes: &[&TableColumn],
    place: Place<'_>,
) -> Result<Vec<Column>> {
    if rows == 0 {
        return Ok(Vec::new());
    }
    if guest.len() != shapes.len() {
        let (Place { table, what }, expected) = (place, shapes.len());
        return Err(broken(format!("table `{}`: {what} have {expected} columns, not {}", table.name, guest.len())));
    }
    guest
        .into_iter()
        .zip(shapes)
        .map(|(guest, shape)| column::lift(guest, rows, shape).map_err(|wrong| place.fault(shape, wrong)))
        .collect()
}

impl Place<'_> {
    fn fault(self, column: &TableColumn, wrong: Wrong) -> Fault {
        let row = wrong.row.map(|row| format!(", row {row}")).unwrap_or_default();
        broken(format!(
            "table `{}`, column `{}`{row} of its {}: {}",
            self.table.name, column.name, self.what, wrong.message
        ))
    }
}

fn broken(message: String) -> Fault {
    Fault::new(FaultKind::Changes, message)
}
