//! A **stored** log: its events in an event store, and histories of it in several sizes.

use std::fmt::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use projectionist::event::Position;
use projectionist::event_store::sqlite::SqliteStore;
use projectionist::history::{History, Pace, Sizes};
use projectionist::import::{Input, Options, Report, import};

use crate::log::Event;

/// A log in a store of its own, in a folder that goes away with it.
pub struct Stored {
    folder: tempfile::TempDir,
    pub store: SqliteStore,
    pub head: Position,
}

impl Stored {
    /// Records the events; a log always fits, or the generator is wrong.
    pub fn new(events: &[Event]) -> Stored {
        let folder = folder();
        let file = folder.path().join("log.jsonl");
        std::fs::write(&file, lines(events)).expect("a file");
        let store = SqliteStore::create(folder.path().join("events.sqlite")).expect("a store");
        let report = import(&store, Input::open(&file).expect("the log"), Options::default())
            .unwrap_or_else(|fault| panic!("the generator wrote what cannot be imported: {fault}"));
        assert_eq!(report.added, events.len() as u64, "every event is recorded once");
        Stored { folder, store, head: report.last.unwrap_or_default() }
    }

    /// Records those of these lines that are events, and puts the others into `bad`. None when the import ends early,
    /// as it may when the whole input is not what it seems to be.
    pub fn of_lines(bytes: &[u8], bad: &mut Vec<u8>) -> Option<(Stored, Report)> {
        let folder = folder();
        let file = folder.path().join("log.jsonl");
        std::fs::write(&file, bytes).expect("a file");
        let store = SqliteStore::create(folder.path().join("events.sqlite")).expect("a store");
        let options = Options { skip_bad: Some(bad), ..Options::default() };
        let report = import(&store, Input::open(&file).ok()?, options).ok()?;
        Some((Stored { folder, store, head: report.last.unwrap_or_default() }, report))
    }

    /// A history in the folder `name`, sealed as far as whole segments go up to `through`.
    pub fn history(&self, name: &str, sizes: Sizes, through: Position) -> History {
        let history = History::open_sized(&self.folder.path().join(name), &self.store, sizes).expect("a history");
        seal(&history, &self.store, through);
        history
    }

    /// A file that is not there yet.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.sqlite"))
    }
}

/// Seals what makes whole segments up to `through`.
pub fn seal(history: &History, store: &SqliteStore, through: Position) {
    let on = &mut |_| ControlFlow::Continue(());
    history.catch_up(store, through, Pace::Full, on).expect("segments");
}

/// Events as they are imported, one a line.
pub fn lines(events: &[Event]) -> String {
    let mut lines = String::new();
    for event in events {
        writeln!(lines, "{}", serde_json::to_string(event).expect("an event is JSON")).expect("a string");
    }
    lines
}

/// A temporary folder: in memory where there is such a place, since every read model is synced.
pub fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
    .expect("a folder")
}
