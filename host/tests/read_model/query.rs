//! Other people's SQL reads, and does nothing else.

use std::ops::ControlFlow;

use projectionist::event::{FaultKind, Result};
use projectionist::read_model::Generation;
use projectionist::read_model::query::{Outcome, QueryLimits, Sink, Value, collect, run};

use crate::tables::*;

const LIMITS: QueryLimits = QueryLimits { rows_max: 100, ms_max: 10_000 };

fn filled(folder: &tempfile::TempDir, rows: i64) -> Generation {
    let mut generation = Generation::create(&folder.path().join("1.sqlite"), &identity(), &manifest()).unwrap();
    let accounts: Vec<_> = (0..rows).map(|number| account(&format!("account-{number:04}"), number)).collect();
    let day = vec![int(1), text("d"), int(1), Value::Real(0.5), text("{}"), Value::Blob(vec![1])];
    generation.commit_changes(&[changes(ACCOUNTS, &accounts, &[]), changes(DAYS, &[day], &[])], range(0, 10)).unwrap();
    generation.finish().unwrap();
    generation
}

#[test]
fn answers_come_with_names_and_types() {
    let folder = tempfile::tempdir().unwrap();
    let generation = filled(&folder, 3);
    let days = collect(generation.path(), "SELECT *, NULL AS none FROM days;", &LIMITS).unwrap();
    assert_eq!(days.columns, ["n", "day", "late", "mean", "detail", "raw", "none"]);
    let row = vec![int(1), text("d"), int(1), Value::Real(0.5), text("{}"), Value::Blob(vec![1]), Value::Null];
    assert_eq!((days.rows, days.cut), (vec![row], false));
    let info = collect(generation.path(), "PRAGMA table_info(accounts)", &LIMITS).unwrap();
    assert_eq!(info.rows.len(), 3);
    let info = collect(generation.path(), "SELECT name FROM pragma_table_info('accounts')", &LIMITS).unwrap();
    assert_eq!(info.rows.len(), 3);
    let empty = collect(generation.path(), "SELECT account FROM accounts WHERE 0", &LIMITS).unwrap();
    assert_eq!((empty.columns, empty.rows.len()), (vec!["account".to_owned()], 0));
    let recursive = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT sum(i) FROM n";
    assert_eq!(collect(generation.path(), recursive, &LIMITS).unwrap().rows, [[int(15)]]);
}

#[test]
fn rows_are_bounded_and_the_cut_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let generation = filled(&folder, 101);
    let all = collect(generation.path(), "SELECT * FROM accounts", &LIMITS).unwrap();
    assert_eq!((all.rows.len(), all.cut), (100, true));
    let exactly = collect(generation.path(), "SELECT * FROM accounts LIMIT 100", &LIMITS).unwrap();
    assert_eq!((exactly.rows.len(), exactly.cut), (100, false));

    struct Two(usize);
    impl Sink for Two {
        fn columns(&mut self, _: &[String]) -> Result<()> {
            Ok(())
        }
        fn row(&mut self, _: &[Value]) -> Result<ControlFlow<()>> {
            self.0 += 1;
            Ok(if self.0 == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        }
    }
    let outcome = run(generation.path(), "SELECT * FROM accounts", &LIMITS, &mut Two(0)).unwrap();
    assert_eq!(outcome, Outcome { rows: 2, cut: false });
}

#[test]
fn time_and_size_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let generation = filled(&folder, 1);
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let started = std::time::Instant::now();
    let fault = collect(generation.path(), endless, &QueryLimits { rows_max: 10, ms_max: 50 }).unwrap_err();
    assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::Input, "the query took longer than 50 ms"));
    assert!(started.elapsed().as_secs() < 5);
    let large = collect(generation.path(), "SELECT zeroblob(100000000)", &LIMITS).unwrap_err();
    assert_eq!(large.message, "the query makes a value of over 64 MiB");
}

#[test]
fn whatever_is_not_reading_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut generation = filled(&folder, 1);
    let before = generation.digest().unwrap();
    let other = folder.path().join("other.sqlite");
    for sql in [
        "DELETE FROM accounts",
        "INSERT INTO accounts VALUES ('x', 1, NULL)",
        "UPDATE projectionist_checkpoint SET position = 0",
        "WITH x AS (SELECT 1) DELETE FROM accounts",
        "DROP TABLE accounts",
        "CREATE TEMP TABLE t (a)",
        "PRAGMA query_only = OFF",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA wal_checkpoint",
        "BEGIN IMMEDIATE",
        "VACUUM",
        &format!("VACUUM INTO '{}'", other.display()),
        &format!("ATTACH '{}' AS other", other.display()),
        "SELECT load_extension('x')",
        "REINDEX",
    ] {
        let fault = collect(generation.path(), sql, &LIMITS).unwrap_err();
        assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::Input, "a query may only read"), "{sql}");
    }
    assert!(!other.exists());
    assert_eq!(generation.digest().unwrap(), before);
    generation.commit_changes(&[], range(10, 11)).unwrap();
}

#[test]
fn mistakes_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let generation = filled(&folder, 1);
    let fault = |sql: &str| collect(generation.path(), sql, &LIMITS).unwrap_err();
    let table = fault("SELECT * FROM account");
    assert_eq!(table.message, "no such table: account");
    assert_eq!(table.hint.as_deref(), Some("the tables are accounts, days, entries, seats"));
    assert_eq!(fault("SELECT wrong FROM accounts").message, "no such column: wrong, at character 8");
    assert!(fault("SELECT 'ü' FORM accounts WHERE").message.contains("syntax error, at character"));
    assert_eq!(fault("SELECT 1; SELECT 2").message, "a query is one statement");
    assert_eq!(fault(" -- nothing").message, "the query is empty");
    assert_eq!(fault("SELECT '\0'").kind, FaultKind::Input);
    assert!(
        collect(&folder.path().join("9.sqlite"), "SELECT 1", &LIMITS).unwrap_err().message.contains("no such file")
    );
}

#[test]
fn an_answer_is_bounded_in_bytes_too() {
    let folder = tempfile::tempdir().unwrap();
    let generation = filled(&folder, 1);
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
               SELECT hex(zeroblob(1000000)) FROM n";
    let answer = collect(generation.path(), sql, &QueryLimits { rows_max: 1000, ms_max: 60_000 }).unwrap();
    assert!(answer.cut && answer.rows.len() < 100, "{} rows", answer.rows.len());
}
