//! A **stage**: a project with a log and a plugin in some state, copied for each kill.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use projectionist::event::{Position, Range};
use projectionist::event_store::sqlite::SqliteStore;
use projectionist::event_store::{Source, Wanted};
use projectionist::project::Project;
use projectionist::read_model::{Catalogue, Snapshot};

use crate::shim::{self, Harm};
use crate::support::plugin_bytes;

/// Calls of a scene that are tried in an ordinary run.
const TRIED: u64 = 14;

/// A folder with a project.
pub struct Stage(tempfile::TempDir);

/// What must be the same after any harm.
#[derive(Debug, PartialEq)]
pub struct Facts {
    /// Each event with its place, as text.
    events: Vec<String>,
    /// The rows that serve, and up to which event.
    rows: Option<(String, Position)>,
}

impl Stage {
    /// A project whose commits are small, so that there are many of them.
    pub fn new() -> Stage {
        let stage = Stage(tempfile::tempdir_in(place()).expect("a folder"));
        shim::init(stage.path());
        fs::write(stage.path().join("projectionist.toml"), "batch-events = 50\n[limits]\nflush-rows-max = 400\n")
            .expect("a configuration");
        stage
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A file of events, from one number to another.
    pub fn events(&self, name: &str, numbers: std::ops::Range<u64>) -> PathBuf {
        let line = |number: u64| {
            let kind = if number % 3 == 0 { "Withdrawn" } else { "Deposited" };
            let id = if number % 2 == 0 { format!(r#""id":"event-{number}","#) } else { String::new() };
            let stream = number * 7 % 113;
            format!(r#"{{{id}"stream":"account-{stream}","type":"{kind}","data":{{"amount":{number}}}}}"#)
        };
        let text: String = numbers.map(|number| line(number) + "\n").collect();
        let file = self.path().join(name);
        fs::write(&file, text).expect("a file of events");
        file
    }

    /// Drops in the ledger's balances; each number makes other bytes of the same plugin.
    pub fn drop_plugin(&self, number: u8) {
        let mut bytes = plugin_bytes("ledger-balances");
        // A custom section named `n` with one byte.
        bytes.extend([0, 3, 1, b'n', number]);
        fs::write(self.path().join("plugins/ledger.wasm"), bytes).expect("a plugin");
    }

    pub fn facts(&self) -> Facts {
        let project = Project::open(self.path()).expect("the project");
        let store = SqliteStore::open(&project.store).expect("the store");
        let mut reader = store.reader().expect("a reader");
        let range = Range { after: Position::START, through: reader.head().expect("a head") };
        let wanted = Wanted { streams: true, data: true, ..Wanted::default() };
        let mut events = Vec::new();
        let mut visit = |event: projectionist::event::EventRef<'_>| {
            let (stream, version) = (event.stream_name, event.stream_version);
            events.push(format!("{} {stream} {version} {} {}", event.position, event.type_name, event.data));
            Ok(ControlFlow::Continue(()))
        };
        reader.scan(range, &wanted, &mut visit).expect("the events");
        let catalogue = Catalogue::open(&project.data).expect("the catalogue");
        let rows = catalogue.serving("balances").expect("what serves").map(|serving| {
            let snapshot = Snapshot::open(&catalogue.generation_path("balances", serving.id)).expect("a read model");
            (snapshot.digest().expect("a digest").to_string(), snapshot.checkpoint())
        });
        Facts { events, rows }
    }

    fn copy(&self) -> Stage {
        let to = Stage(tempfile::tempdir_in(place()).expect("a folder"));
        copy(self.path(), to.path());
        to
    }

    /// Harms `command` at calls spread over all that it makes, and each time compares what comes after `recovery` with
    /// what comes of it undisturbed.
    pub fn harmed(&self, command: &[&str], recovery: &[&[&str]]) {
        let calm = self.copy();
        let calls = shim::count(calm.path(), command);
        recovery.iter().for_each(|command| shim::run(calm.path(), command));
        let expected = calm.facts();
        assert!(calls > 3, "{command:?} makes {calls} calls that change files");
        let mut killed = 0;
        let harms = harms(calls);
        for &harm in &harms {
            let stage = self.copy();
            killed += u64::from(shim::harm(stage.path(), command, harm));
            recovery.iter().for_each(|command| shim::run(stage.path(), command));
            let facts = stage.facts();
            assert_eq!(facts.rows, expected.rows, "the rows after {command:?} with {harm:?} of {calls} calls");
            assert_eq!(facts.events, expected.events, "the events after {command:?} with {harm:?} of {calls} calls");
        }
        // Threads do not make the same calls in each run, so a few may be over before they are harmed.
        assert!(killed * 2 >= harms.len() as u64, "{killed} of {} runs of {command:?} were killed", harms.len());
        println!("{command:?}: {} of {calls} calls harmed, {killed} times killed", harms.len());
    }
}

/// Kills, torn writes and full disks, spread over so many calls; all of them when asked for.
fn harms(calls: u64) -> Vec<Harm> {
    let step = match std::env::var("PROJECTIONIST_KILLS") {
        Ok(all) if all == "all" => 1,
        _ => calls.div_ceil(TRIED).max(1),
    };
    // The first calls, which make what is missing, and the last, which make it count, are always among them.
    let at = (1..=calls).filter(|call| (calls - call) % step == 0 || *call <= 2);
    at.enumerate()
        .map(|(number, call)| match number % 6 {
            2 => Harm::Full(call),
            1 | 4 => Harm::Tear(call),
            _ => Harm::Kill(call),
        })
        .collect()
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            fs::create_dir_all(&to).expect("a folder");
            copy(&path, &to);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&path).expect("a link"), &to).expect("a link");
        } else {
            fs::copy(&path, &to).expect("a file");
        }
    }
}

/// In memory where there is such a place: every copy is written and synced.
fn place() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}
