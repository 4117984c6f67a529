//! What is **expected** of a read model, in files that people read and expectations that tests hold; the forms are
//! described in `sample-events/README.md`.

use std::fs;
use std::path::{Path, PathBuf};

use projectionist::event::Position;
use projectionist::read_model::Writer;
use projectionist::read_model::query::{self, QueryLimits, Value};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::replayed::Replayed;

/// Compares a read model with a folder of expectations: its tables, queries, and its fault or end. Each difference
/// is a line or two for a person.
pub fn differences(folder: &Path, replayed: &Replayed, head: Position) -> Vec<String> {
    let mut differences = Vec::new();
    for table in &replayed.generation.manifest().tables {
        let rows = replayed.generation.rows_as_json(&table.name).expect("the rows");
        let (lines, digest) = (folder.join(format!("{}.jsonl", table.name)), digest_file(folder, &table.name));
        if !lines.exists() && !digest.exists() {
            differences.push(format!("no expectation: neither {} nor {}", lines.display(), digest.display()));
        }
        if lines.exists() {
            differences.extend(compare(&lines, &rows));
        }
        if digest.exists() {
            differences.extend(compare(&digest, &[digest_line(&rows)]));
        }
    }
    for question in queries(folder) {
        differences.extend(compare(&question.with_extension("jsonl"), &ask(&question, &replayed.file)));
    }
    let checkpoint = replayed.generation.checkpoint();
    match (fault_line(replayed), folder.join("fault.json")) {
        (None, file) if file.exists() => differences.push(format!("no fault, but {} expects one", file.display())),
        (None, _) if checkpoint != head => {
            differences.push(format!("it ended at {checkpoint}, not at the head {head}"))
        }
        (None, _) => {}
        (Some(fault), file) if file.exists() => differences.extend(compare(&file, &[fault])),
        (Some(fault), _) => differences.push(format!("an unexpected fault: {fault}")),
    }
    differences
}

/// Writes down what a read model holds as what is expected.
pub fn bless(folder: &Path, replayed: &Replayed) {
    let write = |file: PathBuf, lines: &[String]| {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(&file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    };
    for table in &replayed.generation.manifest().tables {
        let rows = replayed.generation.rows_as_json(&table.name).expect("the rows");
        write(folder.join(format!("{}.jsonl", table.name)), &rows);
    }
    for question in queries(folder) {
        write(question.with_extension("jsonl"), &ask(&question, &replayed.file));
    }
    match fault_line(replayed) {
        Some(fault) => write(folder.join("fault.json"), &[fault]),
        None => drop(fs::remove_file(folder.join("fault.json"))),
    }
}

fn digest_file(folder: &Path, table: &str) -> PathBuf {
    folder.join(format!("{table}.digest.json"))
}

fn digest_line(rows: &[String]) -> String {
    let mut hasher = Sha256::new();
    for row in rows {
        hasher.update(row);
        hasher.update("\n");
    }
    format!("{{\"rows\": {}, \"sha256\": \"{:x}\"}}", rows.len(), hasher.finalize())
}

fn fault_line(replayed: &Replayed) -> Option<String> {
    let fault = replayed.fault.as_ref()?;
    let checkpoint = replayed.generation.checkpoint();
    let parts = [
        ("checkpoint", json!(checkpoint)),
        ("position", json!(fault.position)),
        ("kind", json!(fault.kind)),
        ("field", json!(fault.field)),
        ("message", json!(fault.message)),
    ];
    Some(object(parts.iter().map(|(name, value)| (*name, value.to_string()))))
}

/// The `.sql` files of a folder.
fn queries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of expectations");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    files
}

/// The rows of a query as JSON objects, one a line, as SQLite holds the values.
fn ask(question: &Path, file: &Path) -> Vec<String> {
    let sql = fs::read_to_string(question).expect("a query");
    let answer = query::collect(file, &sql, &QueryLimits::default())
        .unwrap_or_else(|fault| panic!("{}: {fault}", question.display()));
    assert!(!answer.cut, "{} has too many rows to compare", question.display());
    let value = |value: &Value| match value {
        Value::Null => "null".to_owned(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => json!(value).to_string(),
        Value::Text(text) => json!(text).to_string(),
        Value::Blob(_) => panic!("{}: expectations are JSON, which has no bytes", question.display()),
    };
    let names = answer.columns.iter().map(String::as_str);
    answer.rows.iter().map(|row| object(names.clone().zip(row.iter().map(value)))).collect()
}

/// A compact JSON object of members in this order.
fn object<'a>(members: impl Iterator<Item = (&'a str, String)>) -> String {
    let members: Vec<_> = members.map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    format!("{{{}}}", members.join(","))
}

/// The first line that differs, and how many there are.
fn compare(file: &Path, found: &[String]) -> Option<String> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let expected: Vec<&str> = text.lines().collect();
    let same = |number: usize| expected.get(number).copied() == found.get(number).map(String::as_str);
    let number = (0..expected.len().max(found.len())).find(|&number| !same(number))?;
    Some(format!(
        "{}:{} ({} lines expected, {} found)\n    expected: {}\n    found:    {}",
        file.display(),
        number + 1,
        expected.len(),
        found.len(),
        expected.get(number).unwrap_or(&"(nothing)"),
        found.get(number).map_or("(nothing)", String::as_str)
    ))
}
