//! A **contender** folds the prepared ledger into balances: account, balance, entries.

use std::path::Path;
use std::sync::mpsc;
use std::time::Instant;

use clap::ValueEnum;
use projectionist::projector::Proceed;
use projectionist::read_model::Generation;
use projectionist::supervisor::{Host, Notice, Stop};
use projectionist::{plugin, replay};
use rusqlite::Connection;
use serde::Deserialize;

use super::ledger::project;
use super::measure::Measured;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Contender {
    /// Hand-written Rust: SQLite rows, serde_json, an array of balances, rows written to SQLite.
    Native,
    /// A replay by this host into a throw-away read model, plugin already compiled.
    Replay,
    /// The same, compiling the plugin for the first time.
    ReplayCold,
    /// A plugin file dropped into a served project, until its read model serves.
    Served,
}

impl Contender {
    pub fn all() -> impl Iterator<Item = Contender> {
        Contender::value_variants().iter().copied()
    }

    pub fn name(self) -> &'static str {
        match self {
            Contender::Native => "native",
            Contender::Replay => "replay",
            Contender::ReplayCold => "replay-cold",
            Contender::Served => "served",
        }
    }

    pub fn run(self, folder: &Path, plugin: &Path) -> Measured {
        match self {
            Contender::Native => native(folder),
            Contender::Replay => replay(folder, plugin, false),
            Contender::ReplayCold => replay(folder, plugin, true),
            Contender::Served => served(folder, plugin),
        }
    }
}

/// What the typed projection decodes of a payload.
#[derive(Deserialize)]
struct Amount {
    amount: i64,
}

fn native(folder: &Path) -> Measured {
    let started = Instant::now();
    let log = Connection::open(&project(folder).store).expect("the store");
    let number = |name: &str| -> i64 {
        log.query_row("SELECT id FROM types WHERE name = ?", [name], |row| row.get(0)).expect("the event type")
    };
    let deposited = number("Deposited");
    let mut balances: Vec<(i64, u64)> = Vec::new();
    let mut statement = log.prepare("SELECT stream, type, data FROM events ORDER BY position").expect("a scan");
    let mut rows = statement.query([]).expect("a scan");
    while let Some(row) = rows.next().expect("a row") {
        let stream = row.get::<_, i64>(0).expect("a stream") as usize;
        let kind = row.get::<_, i64>(1).expect("a type");
        let Amount { amount } =
            serde_json::from_str(row.get_ref(2).expect("data").as_str().expect("text")).expect("JSON");
        if balances.len() <= stream {
            balances.resize(stream + 1, (0, 0));
        }
        let balance = &mut balances[stream];
        balance.0 += if kind == deposited { amount } else { -amount };
        balance.1 += 1;
    }
    let mut names = log.prepare("SELECT id, name FROM streams ORDER BY name").expect("the streams");
    let out = tempfile::tempdir_in(folder).expect("a folder");
    let mut model = Connection::open(out.path().join("balances.sqlite")).expect("a read model");
    model
        .execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
             CREATE TABLE balances (account TEXT PRIMARY KEY, balance INTEGER, entries INTEGER) WITHOUT ROWID",
        )
        .expect("a table");
    let transaction = model.transaction().expect("a transaction");
    let mut insert = transaction.prepare("INSERT INTO balances VALUES (?, ?, ?)").expect("an insert");
    let mut names = names.query([]).expect("the streams");
    while let Some(row) = names.next().expect("a stream") {
        let (stream, name): (i64, String) = (row.get(0).expect("a number"), row.get(1).expect("a name"));
        let (balance, entries) = balances[stream as usize];
        insert.execute((name, balance, entries as i64)).expect("a row");
    }
    drop(insert);
    transaction.commit().expect("the rows");
    let seconds = started.elapsed().as_secs_f64();
    Measured::new(seconds, Some(digest(&model)))
}

fn replay(folder: &Path, plugin: &Path, is_cold: bool) -> Measured {
    let project = project(folder);
    let compiled = project.data.join("compiled");
    if is_cold {
        let _ = std::fs::remove_dir_all(&compiled);
    } else {
        let bytes = std::fs::read(plugin).expect("the plugin");
        plugin::Engine::new(Some(&compiled)).expect("an engine").load(&bytes, &project.limits).expect("the plugin");
    }
    let out = tempfile::tempdir_in(folder).expect("a folder");
    let file = out.path().join("balances.sqlite");
    let started = Instant::now();
    replay::run(&project, plugin, None, Some(&file), &mut |_| Proceed::On, &mut |_| ()).expect("the replay");
    let seconds = started.elapsed().as_secs_f64();
    Measured::new(seconds, Some(digest(&Connection::open(&file).expect("the read model"))))
}

fn served(folder: &Path, plugin: &Path) -> Measured {
    let project = project(folder);
    let _ = std::fs::remove_dir_all(&project.plugins);
    std::fs::create_dir_all(&project.plugins).expect("the plugin folder");
    for used in ["catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm"] {
        let _ = std::fs::remove_file(project.data.join(used));
    }
    let _ = std::fs::remove_dir_all(project.data.join("read-models"));
    let _ = std::fs::remove_dir_all(project.data.join("compiled"));
    let bytes = std::fs::read(plugin).expect("the plugin");
    let (stop, (sender, notices)) = (Stop::default(), mpsc::channel());
    let seconds = std::thread::scope(|scope| {
        let host = scope.spawn(|| {
            let mut host = Host::open(&project).expect("the host");
            host.serve(&stop, &mut |notice| sender.send(notice).expect("the benchmark listens")).expect("serving")
        });
        assert!(matches!(notices.recv(), Ok(Notice::Serving { .. })));
        let started = Instant::now();
        std::fs::write(project.plugins.join("ledger.wasm"), bytes).expect("the plugin file");
        while !matches!(notices.recv().expect("a notice"), Notice::Swapped(_)) {}
        let seconds = started.elapsed().as_secs_f64();
        stop.ask();
        host.join().expect("the host");
        seconds
    });
    let current = project.data.join("read-models/balances/current.sqlite");
    Generation::open(&current).expect("the generation");
    Measured::new(seconds, Some(digest(&Connection::open(&current).expect("the read model"))))
}

/// BLAKE3 of all rows in key order.
fn digest(model: &Connection) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut statement =
        model.prepare("SELECT account, balance, entries FROM balances ORDER BY account").expect("the balances");
    let mut rows = statement.query([]).expect("the balances");
    while let Some(row) = rows.next().expect("a row") {
        let (account, balance, entries): (String, i64, i64) = row.try_into().expect("a balance");
        hasher.update(format!("{account}|{balance}|{entries}\n").as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}
