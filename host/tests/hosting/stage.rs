//! A **stage** is a project in a temporary folder; a **show** is a host that runs on it in a thread of its own.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use projectionist::event::{ExpectedVersion, NewEvent, Result};
use projectionist::event_store::sqlite::SqliteStore;
use projectionist::project::Project;
use projectionist::server::{Host, Notice, Stop, SwapReport};
use rusqlite::{Connection, OpenFlags};

use crate::support::plugin_bytes;

/// Whatever a machine is busy with, nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Stage {
    pub project: Project,
    pub store: SqliteStore,
    _folder: tempfile::TempDir,
}

impl Stage {
    pub fn new() -> Stage {
        Stage::with("")
    }

    /// A project with this configuration.
    pub fn with(configuration: &str) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("projectionist.toml"), configuration).unwrap();
        let project = Project::open(folder.path()).unwrap();
        std::fs::create_dir_all(&project.plugins).unwrap();
        std::fs::create_dir_all(&project.data).unwrap();
        let store = SqliteStore::create(&project.store).unwrap();
        Stage { project, store, _folder: folder }
    }

    /// A project with this many deposits, whose balances serve.
    pub fn serving(deposits: usize) -> (Stage, Show) {
        let stage = Stage::new();
        stage.deposit(deposits);
        let mut show = stage.show();
        stage.drop_plugin("ledger.wasm", &balances(1));
        show.swapped();
        (stage, show)
    }

    /// Appends deposits of 1, `count` of them over ten accounts.
    pub fn deposit(&self, count: usize) {
        for number in 0..count {
            let stream = format!("account-{}", number % 10);
            append(&self.store, &stream, "Deposited", r#"{"amount":1}"#);
        }
    }

    /// Appends an event that tells the misbehaving plugin what to do.
    pub fn steer(&self, what: &str) {
        append(&self.store, "steering", "Steered", &format!(r#"{{"do":"{what}"}}"#));
    }

    /// Writes a plugin file in one go.
    pub fn drop_plugin(&self, file: &str, bytes: &[u8]) {
        std::fs::write(self.plugin(file), bytes).unwrap();
    }

    pub fn plugin(&self, file: &str) -> PathBuf {
        self.project.plugins.join(file)
    }

    pub fn show(&self) -> Show {
        self.try_show().unwrap()
    }

    /// Starts a host.
    pub fn try_show(&self) -> Result<Show> {
        let (stop, (sender, notices)) = (Stop::default(), channel());
        let asked = stop.clone();
        let mut host = Host::open(&self.project)?;
        let thread = std::thread::spawn(move || {
            host.serve(&asked, &mut |notice| {
                let _ = sender.send(notice);
            })
        });
        let mut show = Show { stop, notices, thread: Some(thread), seen: Vec::new() };
        show.until("serving", |notice| matches!(notice, Notice::Serving { .. }).then_some(()));
        Ok(show)
    }

    /// One number out of the serving read model, as any SQL tool would see it; none while nothing serves.
    pub fn try_number(&self, projection: &str, sql: &str) -> Option<i64> {
        let current = self.project.data.join("read-models").join(projection).join("current.sqlite");
        let model = Connection::open_with_flags(current, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        model.busy_timeout(PATIENCE).unwrap();
        model.query_row(sql, [], |row| row.get(0)).ok()
    }

    /// The sum of all balances, which is the number of deposits folded.
    pub fn balance(&self) -> Option<i64> {
        self.try_number("balances", "SELECT coalesce(sum(balance), 0) FROM balances")
    }

    pub fn wait_for_balance(&self, expected: i64) {
        let started = Instant::now();
        while self.balance() != Some(expected) {
            assert!(started.elapsed() < PATIENCE, "the balance is {:?} instead of {expected}", self.balance());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

pub fn append(store: &SqliteStore, stream: &str, kind: &str, data: &str) {
    let event = NewEvent { kind: kind.into(), data: data.into(), metadata: None, id: None, time: None };
    store.append(stream, ExpectedVersion::Any, &[event]).unwrap();
}

/// The ledger's balances; each number makes other bytes of the same plugin.
pub fn balances(number: u8) -> Vec<u8> {
    variant("ledger-balances", number)
}

/// Other bytes of the same plugin for each number.
pub fn variant(package: &str, number: u8) -> Vec<u8> {
    let mut bytes = plugin_bytes(package);
    // A custom section named `n` with one byte: https://webassembly.github.io/spec/core/binary/modules.html
    bytes.extend([0, 3, 1, b'n', number]);
    bytes
}

pub struct Show {
    stop: Stop,
    notices: Receiver<Notice>,
    thread: Option<JoinHandle<Result<()>>>,
    pub seen: Vec<Notice>,
}

impl Show {
    /// Waits for a notice that `pick` takes.
    pub fn until<T>(&mut self, what: &str, pick: impl Fn(&Notice) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(started.elapsed());
            let notice = self
                .notices
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("waited in vain for: {what}; seen: {:#?}", self.seen));
            let picked = pick(&notice);
            self.seen.push(notice);
            if let Some(picked) = picked {
                return picked;
            }
        }
    }

    pub fn swapped(&mut self) -> SwapReport {
        self.until("a swap", |notice| match notice {
            Notice::Swapped(report) => Some(report.clone()),
            Notice::Refused { fault, .. } | Notice::Parked { fault, .. } => panic!("{fault}"),
            _ => None,
        })
    }

    /// The last swap seen.
    pub fn last_swap(&self) -> SwapReport {
        let mut swaps = self.seen.iter().rev().filter_map(|notice| match notice {
            Notice::Swapped(report) => Some(report.clone()),
            _ => None,
        });
        swaps.next().expect("a swap was seen")
    }

    pub fn refused(&mut self) -> projectionist::event::Fault {
        self.until("a refusal", |notice| match notice {
            Notice::Refused { fault, .. } => Some(fault.clone()),
            Notice::Swapped(report) => panic!("swapped: {report:?}"),
            _ => None,
        })
    }

    /// Whether any notice seen so far, or waiting, is picked.
    pub fn saw(&mut self, pick: impl Fn(&Notice) -> bool) -> bool {
        self.seen.extend(self.notices.try_iter());
        self.seen.iter().any(pick)
    }

    /// Stops the host as a signal would.
    pub fn end(mut self) {
        self.stop.ask();
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        self.stop.ask();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
