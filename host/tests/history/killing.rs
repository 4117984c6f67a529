//! Killing: `kill -9` while sealing leaves the old segments or the new ones.
//!
//! The child process is this test program again, told by the environment what to do.

use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::process::{Command, Stdio};
use std::time::Duration;

use projectionist::event::Position;
use projectionist::event_store::Source;
use projectionist::event_store::sqlite::SqliteStore;
use projectionist::history::{History, Pace, SIZES};

use crate::whole::{of_segment, of_source};
use crate::{Log, catch_up};

const LOG: &str = "PROJECTIONIST_TEST_HISTORY";

/// Not a test of its own: what the child runs. Seals everything, drops it and seals again until it dies.
#[test]
fn child_seals() {
    let Ok(folder) = std::env::var(LOG) else { return };
    let folder = std::path::Path::new(&folder);
    let store = SqliteStore::open(folder.join("events.sqlite")).unwrap();
    let history = History::open(&folder.join("history"), &store).unwrap();
    let head = store.reader().unwrap().head().unwrap();
    for round in 0.. {
        println!("sealing {round}");
        history.catch_up(&store, head, Pace::Full, &mut |_| ControlFlow::Continue(())).unwrap();
        history.drop_all().unwrap();
    }
}

#[test]
fn kill_9_while_sealing_leaves_whole_segments() {
    let log = Log::of_ledger(3 * SIZES[0]);
    let mut cut_short = 0;
    for delay_ms in [0, 3, 7, 15, 30, 45, 60, 80, 110, 150] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killing::child_seals", "--nocapture", "--test-threads=1"])
            .env(LOG, log.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap().contains("sealing")));
        std::thread::sleep(Duration::from_millis(delay_ms));
        child.kill().unwrap();
        child.wait().unwrap();

        let entries = std::fs::read_dir(log.history_folder()).into_iter().flatten();
        cut_short +=
            entries.filter(|one| one.as_ref().unwrap().file_name().to_str().unwrap().starts_with("new-")).count();
        let history = log.history();
        assert!(history.status(log.head()).unwrap().damaged.is_empty(), "what has its name is whole");
        for segment in history.segments().unwrap() {
            segment.verify().unwrap();
            assert_eq!(of_segment(&segment).unwrap(), of_source(&log.store, segment.range()));
        }
        catch_up(&history, &log);
        assert_eq!(history.through(), Position(3 * SIZES[0]));
        let names = std::fs::read_dir(log.history_folder()).unwrap();
        let unfinished = names.filter(|one| one.as_ref().unwrap().file_name().to_str().unwrap().starts_with("new-"));
        assert_eq!(unfinished.count(), 0, "what was never finished is swept");
        history.drop_all().unwrap();
    }
    assert!(cut_short > 0, "at least one was killed in the middle");
}
