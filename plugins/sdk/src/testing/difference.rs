//! The **difference** between the rows that a test expects and those that it found, for a person.

use std::fmt::Write;

use super::store::Rows;
use super::value::Value;
use crate::bindings::manifests::Table;

/// At most this many rows are shown.
const SHOWN_MAX: usize = 20;

/// None when the rows are the same.
pub(crate) fn between(table: &Table, expected: &Rows, found: &Rows) -> Option<String> {
    let mut lines = Vec::new();
    let mut keys: Vec<_> = expected.keys().chain(found.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        match (expected.get(key), found.get(key)) {
            (Some(expected), None) => lines.push(format!("  - {}", show(table, expected))),
            (None, Some(found)) => lines.push(format!("  + {}", show(table, found))),
            (Some(expected), Some(found)) if !same(expected, found) => {
                lines.push(format!("  - {}", show(table, expected)));
                lines.push(format!("  + {}", show(table, found)));
            }
            _ => {}
        }
    }
    if lines.is_empty() {
        return None;
    }
    let mut text = format!("the rows of `{}` differ (- expected, + found):", table.name);
    lines.iter().take(SHOWN_MAX).for_each(|line| _ = write!(text, "\n{line}"));
    if lines.len() > SHOWN_MAX {
        _ = write!(text, "\n  and {} more", lines.len() - SHOWN_MAX);
    }
    Some(text)
}

fn same(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
}

fn show(table: &Table, row: &[Value]) -> String {
    let cells = table.columns.iter().zip(row).map(|(column, value)| format!("{}: {value}", column.name));
    cells.collect::<Vec<_>>().join(", ")
}
