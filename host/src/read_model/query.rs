//! A **query** is SQL that someone else wrote, run on a read model: it reads only, and is bounded in rows and time.
//!
//! The file is opened for reading only, one statement is taken, and everything but reading is refused while it is
//! compiled. A generation that stops serving meanwhile stays whole for those who have it open.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode};
use serde::{Deserialize, Serialize};

use super::storage::{connect_read_only, failed, message};
use crate::event::{Fault, Result};

/// What one query may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct QueryLimits {
    /// The most rows returned; more are cut off, and the outcome says so.
    pub rows_max: usize,
    /// Wall time, in milliseconds; longer is a fault.
    pub ms_max: u64,
}

impl Default for QueryLimits {
    /// 10,000 rows, 10 seconds.
    fn default() -> Self {
        QueryLimits { rows_max: 10_000, ms_max: 10_000 }
    }
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// INTEGER; booleans are 0 and 1.
    Integer(i64),
    /// REAL.
    Real(f64),
    /// TEXT; bytes that are no UTF-8 are replaced.
    Text(String),
    /// BLOB.
    Blob(Vec<u8>),
}

impl Value {
    /// The value as SQLite takes it.
    pub(super) fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Integer(value) => ValueRef::Integer(*value),
            Value::Real(value) => ValueRef::Real(*value),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }
    }

    /// What its text or blob takes.
    fn bytes(&self) -> usize {
        match self {
            Value::Text(text) => text.len(),
            Value::Blob(bytes) => bytes.len(),
            Value::Null | Value::Integer(_) | Value::Real(_) => 0,
        }
    }
}

/// Receives the answer as it is found.
pub trait Sink {
    /// Called once, first, with the names of the columns.
    fn columns(&mut self, names: &[String]) -> Result<()>;
    /// Called with each row, one value a column; breaking ends the query after that row.
    fn row(&mut self, values: &[Value]) -> Result<ControlFlow<()>>;
}

/// How a query ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Rows handed over.
    pub rows: usize,
    /// Whether there were more than `rows_max`.
    pub cut: bool,
}

/// A whole answer in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CollectedRows {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, one value a column.
    pub rows: Vec<Vec<Value>>,
    /// Whether there were more rows than the limit.
    pub cut: bool,
}

impl Sink for CollectedRows {
    fn columns(&mut self, names: &[String]) -> Result<()> {
        self.columns = names.to_vec();
        Ok(())
    }

    fn row(&mut self, values: &[Value]) -> Result<ControlFlow<()>> {
        self.rows.push(values.to_vec());
        Ok(ControlFlow::Continue(()))
    }
}

/// Text and blobs longer than this are refused: a query cannot make the host hold more.
const VALUE_BYTES_MAX: i32 = 64 << 20;
/// An answer is cut once its texts and blobs hold this many bytes.
const ANSWER_BYTES_MAX: usize = 128 << 20;
/// How many of SQLite's instructions pass between two looks at the clock.
const INSTRUCTIONS_A_LOOK: i32 = 4_000;
/// Pragmas that only describe tables.
const PRAGMAS: &[&str] = &["table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo"];

/// Runs one statement on the read model in the file and hands its rows to the sink.
///
/// SQL that SQLite refuses, that would write, or that runs out of time is an input fault.
pub fn run(path: &Path, sql: &str, limits: &QueryLimits, sink: &mut dyn Sink) -> Result<Outcome> {
    if !path.is_file() {
        return Err(Fault::storage(format!("cannot open {}", path.display()), "there is no such file"));
    }
    let mut conn = connect_read_only(path)?;
    guard(&mut conn, limits).map_err(|error| failed("cannot open", path, &error))?;
    let explain = |error: rusqlite::Error| explain(&conn, path, limits, &error);
    let mut statement = conn.prepare(sql).map_err(explain)?;
    if !statement.readonly() {
        return Err(refused());
    }
    let names: Vec<_> = statement.column_names().map(str::to_owned).collect();
    sink.columns(&names)?;
    let mut outcome = Outcome { rows: 0, cut: false };
    let mut bytes = 0;
    let mut values = Vec::with_capacity(names.len());
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(explain)? {
        if outcome.rows == limits.rows_max || bytes > ANSWER_BYTES_MAX {
            outcome.cut = true;
            break;
        }
        values.clear();
        for column in 0..names.len() {
            values.push(match row.get_ref(column).map_err(explain)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(value) => Value::Integer(value),
                ValueRef::Real(value) => Value::Real(value),
                ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
            });
        }
        outcome.rows += 1;
        bytes += values.iter().map(Value::bytes).sum::<usize>();
        if sink.row(&values)?.is_break() {
            break;
        }
    }
    Ok(outcome)
}

/// Runs one statement and keeps its rows.
pub fn collect(path: &Path, sql: &str, limits: &QueryLimits) -> Result<CollectedRows> {
    let mut answer = CollectedRows::default();
    answer.cut = run(path, sql, limits, &mut answer)?.cut;
    Ok(answer)
}

fn guard(conn: &mut Connection, limits: &QueryLimits) -> rusqlite::Result<()> {
    conn.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)?;
    conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    conn.authorizer(Some(authorize))?;
    let deadline = Instant::now() + Duration::from_millis(limits.ms_max);
    conn.progress_handler(INSTRUCTIONS_A_LOOK, Some(move || Instant::now() >= deadline))
}

fn authorize(context: AuthContext<'_>) -> Authorization {
    let allowed = match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => true,
        AuthAction::Function { function_name } => !function_name.eq_ignore_ascii_case("load_extension"),
        AuthAction::Pragma { pragma_name, .. } => PRAGMAS.iter().any(|name| name.eq_ignore_ascii_case(pragma_name)),
        _ => false,
    };
    if allowed { Authorization::Allow } else { Authorization::Deny }
}

fn refused() -> Fault {
    Fault::input("a query may only read").hint("use one SELECT statement; rows change through events alone")
}

fn explain(conn: &Connection, path: &Path, limits: &QueryLimits, error: &rusqlite::Error) -> Fault {
    match error {
        rusqlite::Error::MultipleStatement => {
            return Fault::input("a query is one statement").hint("run them one by one");
        }
        rusqlite::Error::Empty => return Fault::input("the query is empty").hint("try `SELECT * FROM TABLE LIMIT 10`"),
        rusqlite::Error::NulError(_) => return Fault::input("the query holds a NUL character"),
        _ => {}
    }
    let code = match error {
        rusqlite::Error::SqliteFailure(error, _) | rusqlite::Error::SqlInputError { error, .. } => Some(error.code),
        _ => None,
    };
    match code {
        Some(ErrorCode::OperationInterrupted) => {
            Fault::input(format!("the query took longer than {} ms", limits.ms_max))
                .hint("select less, or let the projection keep what the query computes")
        }
        Some(ErrorCode::AuthorizationForStatementDenied) => refused(),
        // A forbidden function is an ordinary error with this message.
        Some(ErrorCode::Unknown) if message(error).starts_with("not authorized") => refused(),
        Some(ErrorCode::TooBig) => {
            Fault::input(format!("the query makes a value of over {} MiB", VALUE_BYTES_MAX >> 20))
        }
        Some(ErrorCode::Unknown) => {
            let message = message(error);
            let mut fault = Fault::input(match error {
                rusqlite::Error::SqlInputError { sql, offset, .. } => place(&message, sql, *offset),
                _ => message.clone(),
            });
            if message.contains("no such table")
                && let Ok(tables) = tables(conn)
            {
                fault = fault.hint(format!("the tables are {tables}"));
            }
            if message.contains("no such column") {
                fault = fault.hint("`PRAGMA table_info(TABLE)` lists the columns");
            }
            fault
        }
        _ => failed("cannot read", path, error),
    }
}

/// The message with the word it is about: ``near "FORM": syntax error, at character 10``.
fn place(message: &str, sql: &str, offset: i32) -> String {
    match usize::try_from(offset).ok().and_then(|offset| sql.get(..offset)) {
        Some(before) => format!("{message}, at character {}", before.chars().count() + 1),
        None => message.to_owned(),
    }
}

fn tables(conn: &Connection) -> rusqlite::Result<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'projectionist\\_%' ESCAPE '\\'
               AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    let mut statement = conn.prepare(sql)?;
    let names = statement.query_map((), |row| row.get::<_, String>(0))?;
    Ok(names.collect::<Result<Vec<_>, _>>()?.join(", "))
}
