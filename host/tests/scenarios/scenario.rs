//! A **scenario** is a folder of `sample-events/`: events, and for each plugin the rows that they make.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use projectionist::event::Position;
use projectionist::event_store::Source;
use projectionist::event_store::sqlite::SqliteStore;
use projectionist::import::{Input, Options, import};
use projectionist::plugin::{Engine, Limits, Plugin};

use crate::support;

/// A scenario whose events lie in a store.
pub struct Scenario {
    pub folder: PathBuf,
    pub store: SqliteStore,
    pub head: Position,
    _place: tempfile::TempDir,
}

/// The folders of all scenarios.
pub fn folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(support::workspace().join("sample-events")).expect("sample-events");
    let mut folders: Vec<_> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.join("expected").is_dir()).collect();
    folders.sort();
    folders
}

impl Scenario {
    /// Imports the scenario of this name, once in each test process.
    pub fn named(name: &str) -> &'static Scenario {
        static IMPORTED: OnceLock<Mutex<BTreeMap<String, &'static Scenario>>> = OnceLock::new();
        let mut imported = IMPORTED.get_or_init(Mutex::default).lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        imported.entry(name.to_owned()).or_insert_with(|| Box::leak(Box::new(Scenario::import(name))))
    }

    fn import(name: &str) -> Scenario {
        let folder = support::workspace().join("sample-events").join(name);
        let place = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::create(place.path().join("events.sqlite")).expect("a store");
        let events = ["events.jsonl", "events.jsonl.gz"].map(|file| folder.join(file));
        let events = events.iter().find(|file| file.exists()).expect("a scenario has events");
        let report = import(&store, Input::open(events).expect("the events"), Options::default())
            .unwrap_or_else(|fault| panic!("{fault}"));
        let head = store.reader().expect("a reader").head().expect("a head");
        assert_eq!(head.0, report.added, "positions have no gaps, so the expectations can name them");
        Scenario { folder, store, head, _place: place }
    }

    /// The plugins that the scenario has expectations for: packages of this workspace.
    pub fn plugins(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.join("expected")).expect("a scenario has expectations");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect();
        names.sort();
        names
    }

    /// The last position that a plugin is expected to fold.
    pub fn sound_until(&self, plugin: &str) -> u64 {
        let Ok(text) = std::fs::read_to_string(self.expected(plugin).join("fault.json")) else {
            return self.head.0;
        };
        let fault: serde_json::Value = serde_json::from_str(&text).expect("a fault is JSON");
        fault["checkpoint"].as_u64().expect("a fault has a checkpoint")
    }

    /// Where the rows of a plugin are written down.
    pub fn expected(&self, plugin: &str) -> PathBuf {
        self.folder.join("expected").join(plugin)
    }
}

/// A plugin of this workspace, built, checked and compiled once in each test process.
pub fn plugin(package: &str) -> Plugin {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    static LOADED: OnceLock<Mutex<BTreeMap<String, Plugin>>> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| Engine::new(None).expect("an engine"));
    let mut loaded = LOADED.get_or_init(Mutex::default).lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let load = || engine.load(&support::plugin_bytes(package), &Limits::default());
    loaded
        .entry(package.to_owned())
        .or_insert_with(|| load().unwrap_or_else(|fault| panic!("{package}: {fault}")))
        .clone()
}
