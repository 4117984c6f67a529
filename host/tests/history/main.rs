//! History on disk, as a user of the library meets it.
//!
//! | module | what it shows |
//! | --- | --- |
//! | `values` | any JSON gives the same values through a segment as without |
//! | `blocks` | a long log: everything recorded comes back, dictionaries go on, limits hold |
//! | `damage` | cut off, torn, flipped: found, and never misread |
//! | `folder` | sealing, catching up, gaps, another log, several at once |
//! | `killing` | `kill -9` while sealing |
//! | `whole` | events rebuilt from a segment, and columns decoded |
//! | `shred` | any JSON comes back from columns, under any cut |
//! | `generate` | the JSON that it is tried with |
//! | `reference` | the slow reading of JSON that it is compared with |

mod values;
mod blocks;
mod damage;
mod folder;
mod killing;
mod whole;

mod shred;
mod generate;
mod reference;

use std::io::Cursor;
use std::ops::ControlFlow;

use projectionist::event::{Position, Range};
use projectionist::event_store::Source;
use projectionist::event_store::sqlite::SqliteStore;
use projectionist::history::{CaughtUp, History, Pace};
use projectionist::import::{Input, Options, import};

/// A log in a folder that goes away with the test.
struct Log {
    store: SqliteStore,
    folder: tempfile::TempDir,
}

impl Log {
    fn new() -> Log {
        let folder = tempfile::tempdir().unwrap();
        Log { store: SqliteStore::create(folder.path().join("events.sqlite")).unwrap(), folder }
    }

    /// A log of `count` deposits and withdrawals.
    fn of_ledger(count: u64) -> Log {
        let log = Log::new();
        log.add((0..count).map(ledger));
        log
    }

    /// Appends lines as `projectionist import` takes them.
    fn add(&self, lines: impl Iterator<Item = String>) {
        let text: String = lines.map(|line| line + "\n").collect();
        let input = Input::new("test", Cursor::new(text.into_bytes())).unwrap();
        let report = import(&self.store, input, Options { again: true, ..Options::default() }).unwrap();
        assert_eq!(report.added, report.lines);
    }

    fn head(&self) -> Position {
        self.store.reader().unwrap().head().unwrap()
    }

    fn history_folder(&self) -> std::path::PathBuf {
        self.folder.path().join("history")
    }

    fn history(&self) -> History {
        History::open(&self.history_folder(), &self.store).unwrap()
    }

    /// The history of everything that can be sealed.
    fn sealed(&self) -> History {
        let history = self.history();
        let caught_up = catch_up(&history, self);
        assert!(!caught_up.is_elsewhere && !caught_up.is_stopped);
        history
    }
}

fn catch_up(history: &History, log: &Log) -> CaughtUp {
    history.catch_up(&log.store, log.head(), Pace::Full, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn ledger(number: u64) -> String {
    let kind = if number.is_multiple_of(3) { "Withdrawn" } else { "Deposited" };
    let account = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 51;
    format!(
        r#"{{"stream":"account-{account}","type":"{kind}","data":{{"account":"acct-{account:06}","amount":{},"note":"{}"}}}}"#,
        number % 997,
        ["salary", "rent", "food"][(number % 3) as usize]
    )
}

fn range(after: u64, through: u64) -> Range {
    Range { after: Position(after), through: Position(through) }
}
