//! How reports look as **text**: a few lines each, the same on a screen and in a log.

use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value};

use super::native_tests::TestRun;
use super::report::{Report, Served};
use crate::cli::cargo::Diagnostic;
use crate::cli::render::{grouped, time};
use crate::read_model::{Comparison, RowDifference, Sides, TableComparison};

pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const CALM: Style = AnsiColor::Cyan.on_default();
pub(super) const DIM: Style = Style::new().dimmed();

/// No more errors of the compiler are laid out; the first ones are those that count.
const ERRORS_SHOWN: usize = 5;
/// A value is shown up to so many characters.
const VALUE_CHARACTERS: usize = 40;

/// The lines of a report; none for what only a screen shows.
pub(super) fn lines(report: &Report) -> Vec<String> {
    match report {
        Report::FirstBuild { crates, target } => vec![format!(
            "the first build of this project compiles {crates} crates into {target}: about half a minute, and only \
             once; a change later takes a moment"
        )],
        Report::Compiling { cargo: Some(cargo), .. } => vec![format!("{DIM}cargo: {cargo}{DIM:#}")],
        Report::Compiling { .. } => Vec::new(),
        Report::NotCompiled { errors, warnings, cargo, after_save_ms } => {
            not_compiled(errors, warnings.len(), cargo.as_deref(), *after_save_ms)
        }
        Report::Compiled { build_ms, is_same: true, .. } => {
            vec![format!("compiled in {}: the same plugin as before", time(*build_ms))]
        }
        Report::Compiled { build_ms, bytes, warnings, .. } => {
            let warnings = match warnings.len() {
                0 => String::new(),
                count => format!(", {}", counted(count as u64, "warning")),
            };
            vec![format!("compiled in {}: {} bytes{warnings}", time(*build_ms), grouped(*bytes as u64))]
        }
        Report::Served(served) => vec![way(served)],
        Report::RowsChanged(comparison) => rows_changed(comparison),
        Report::FailedAt { position, stream, r#type, payload } => {
            vec![format!("    event {position}: {} of stream {}, {payload}", r#type, short(&stream.clone().into()))]
        }
        Report::Tested(run) => tested(run),
        Report::Failed { message } => vec![format!("{BAD}failed{BAD:#} {message}")],
    }
}

/// `save to served in 412 ms: notice 3 ms, build 341 ms, load 31 ms, replay 25 ms, swap 4.0 ms`
pub(super) fn way(served: &Served) -> String {
    let steps = [
        ("notice", Some(served.notice_ms)),
        ("build", Some(served.build_ms)),
        ("load", served.load_ms),
        ("replay", served.replay_ms),
        ("swap", served.swap_ms),
    ];
    let steps = steps.iter().filter_map(|(name, ms)| ms.map(|ms| format!("{name} {}", time(ms))));
    let steps = steps.collect::<Vec<_>>().join(", ");
    format!("save to served in {GOOD}{}{GOOD:#}: {steps}", time(served.save_to_served_ms))
}

fn not_compiled(errors: &[Diagnostic], warnings: usize, cargo: Option<&str>, after_save_ms: f64) -> Vec<String> {
    let count = match (errors.len(), warnings) {
        (0, _) => String::new(),
        (errors, 0) => format!(", {}", counted(errors as u64, "error")),
        (errors, warnings) => {
            format!(", {}, {}", counted(errors as u64, "error"), counted(warnings as u64, "warning"))
        }
    };
    let mut lines = vec![format!(
        "{BAD}it does not compile{BAD:#}{count} ({} after the save); what served goes on serving",
        time(after_save_ms)
    )];
    for error in errors.iter().take(ERRORS_SHOWN) {
        lines.extend(error.lines().into_iter().map(|line| format!("  {line}")));
    }
    if errors.len() > ERRORS_SHOWN {
        lines.push(format!("  {} more", counted((errors.len() - ERRORS_SHOWN) as u64, "error")));
    }
    lines.extend(cargo.into_iter().flat_map(str::lines).map(|line| format!("  {line}")));
    lines
}

/// What changed in the rows; the first differences of each table.
pub(super) fn rows_changed(comparison: &Comparison) -> Vec<String> {
    if comparison.is_empty() {
        let is_complete = comparison.tables.iter().all(|table| table.is_complete);
        let rows = comparison.tables.iter().map(|table| table.same).sum::<u64>();
        return match is_complete {
            true => vec!["rows: the same as before".into()],
            false => vec![format!("rows: the first {} are the same as before", grouped(rows))],
        };
    }
    let mut lines = Vec::new();
    for table in comparison.tables.iter().filter(|table| !table.is_empty()) {
        lines.push(format!("rows: {CALM}{}{CALM:#} {}", table.table, summary(table)));
        lines.extend(table.first.iter().map(|row| format!("  {}", difference(row))));
        let shown = table.first.len() as u64;
        let all = table.added + table.removed + table.changed;
        if table.tables == Sides::Both && all > shown {
            lines.push(format!("  {DIM}{} more{DIM:#}", grouped(all - shown)));
        }
    }
    lines
}

fn summary(table: &TableComparison) -> String {
    match table.tables {
        Sides::OnlyAfter => return format!("is new: {}", counted(table.added, "row")),
        Sides::OnlyBefore => return format!("is gone: it had {}", counted(table.removed, "row")),
        Sides::OtherKey => {
            let (before, after) = (counted(table.removed, "row"), counted(table.added, "row"));
            return format!("has another key: {before} before, {after} now");
        }
        Sides::Both => {}
    }
    let mut parts: Vec<String> = [(table.added, "added"), (table.removed, "removed"), (table.changed, "changed")]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", grouped(*count)))
        .collect();
    for (columns, what) in [(&table.columns_added, "new"), (&table.columns_removed, "gone")] {
        if !columns.is_empty() {
            let word = if columns.len() == 1 { "column" } else { "columns" };
            parts.push(format!("{word} {} {what}", columns.join(", ")));
        }
    }
    if !table.is_complete {
        let looked = table.added + table.removed + table.changed + table.same;
        parts.push(format!("in the first {}; `d` looks at all", counted(looked, "row")));
    }
    parts.join(", ")
}

/// `~ account-1: balance 5 -> 7`, `+ account-2: balance 7`, `- account-3: balance 1`
fn difference(row: &RowDifference) -> String {
    let key = row.key.values().map(short).collect::<Vec<_>>().join(" ");
    let columns = |side: &Map<String, Value>| {
        side.iter().map(|(name, value)| format!("{name} {}", short(value))).collect::<Vec<_>>().join(", ")
    };
    match (&row.before, &row.after) {
        (Some(before), Some(after)) => {
            let changes = after.iter().map(|(name, value)| {
                format!("{name} {} -> {}", short(before.get(name).unwrap_or(&Value::Null)), short(value))
            });
            format!("~ {key}: {}", changes.collect::<Vec<_>>().join(", "))
        }
        (None, Some(after)) => format!("+ {key}: {}", columns(after)),
        (Some(before), None) => format!("- {key}: {}", columns(before)),
        (None, None) => key,
    }
}

fn tested(run: &TestRun) -> Vec<String> {
    let took = time(run.ms);
    if !run.errors.is_empty() {
        let mut lines = vec![format!("tests: {BAD}they do not run{BAD:#} ({took})")];
        lines.extend(run.errors.iter().take(ERRORS_SHOWN).map(|line| format!("  {line}")));
        return lines;
    }
    if run.failed == 0 {
        return vec![format!("tests: {GOOD}{} passed{GOOD:#} ({took})", grouped(run.passed as u64))];
    }
    let mut lines = vec![format!("tests: {BAD}{} failed{BAD:#}, {} passed ({took})", run.failed, run.passed)];
    for failure in &run.failures {
        lines.push(format!("  {}", failure.name));
        lines.extend(failure.said.iter().map(|line| format!("    {line}")));
    }
    lines
}

/// A value as JSON, texts without quotes, cut to a few characters; nothing in it moves a cursor.
fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text
            .chars()
            .flat_map(|letter| match letter.is_control() {
                true => letter.escape_default().collect::<Vec<_>>(),
                false => vec![letter],
            })
            .collect(),
        other => other.to_string(),
    };
    match text.char_indices().nth(VALUE_CHARACTERS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::Position;

    fn plain(report: &Report) -> Vec<String> {
        lines(report).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn rows_are_shown_old_beside_new() {
        let table = TableComparison {
            table: "balances".into(),
            added: 1,
            removed: 0,
            changed: 1_200,
            same: 7,
            is_complete: true,
            first: vec![
                RowDifference {
                    key: object(json!({"account": "a\u{1b}[2J"})),
                    before: Some(object(json!({"entries": 1}))),
                    after: Some(object(json!({"entries": 2}))),
                },
                RowDifference {
                    key: object(json!({"account": "b"})),
                    before: None,
                    after: Some(object(json!({"balance": 7, "note": null}))),
                },
            ],
            ..TableComparison::default()
        };
        let comparison = Comparison { before: Position(9), after: Position(9), tables: vec![table] };
        assert_eq!(
            plain(&Report::RowsChanged(comparison)),
            [
                "rows: balances 1 added, 1,200 changed",
                "  ~ a\\u{1b}[2J: entries 1 -> 2",
                "  + b: balance 7, note null",
                "  1,199 more",
            ]
        );
    }

    #[test]
    fn the_way_of_a_save_names_each_step() {
        let served = Served {
            hash: "0123456789ab".into(),
            save_to_served_ms: 412.3,
            notice_ms: 4.2,
            build_ms: 341.0,
            load_ms: Some(31.0),
            replay_ms: Some(25.0),
            swap_ms: None,
        };
        assert_eq!(
            plain(&Report::Served(served)),
            ["save to served in 412 ms: notice 4.2 ms, build 341 ms, load 31 ms, replay 25 ms"]
        );
    }
}
