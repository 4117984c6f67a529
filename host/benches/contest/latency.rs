//! **Latency**: from an append that was acknowledged, durable, to its row in the read models that serve.
//!
//! One event at a time is appended; then the read models are asked, each by a connection of its own, until all of
//! them show it. The clock starts when `append` has returned.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use projectionist::event::{ExpectedVersion, NewEvent};
use projectionist::event_store::sqlite::SqliteStore;
use projectionist::project::Project;
use rusqlite::{CachedStatement, Connection, OpenFlags};

use super::contender::Job;
use super::measure::{Measured, Watch, percentile};
use super::ours::{hosting, make_project, serving, swapped};

/// What `plugins/transfers/examples/crowd.rs` is called.
const NAME: &str = "crowd-of-projections-that-follow-one-log-number-00";
/// Events before the first measured one.
const WARM: usize = 50;
/// Between two appends, as in a system with work to do in between.
const PAUSE: Duration = Duration::from_millis(5);
/// Between two looks at a row.
const LOOK: Duration = Duration::from_micros(20);
const PATIENCE: Duration = Duration::from_secs(30);

/// The host and the appends in one process.
pub fn library(job: &Job) -> Measured {
    let stage = Stage::new(job);
    hosting(&stage.project, |notices| {
        stage.drop_plugins();
        stage.names.iter().for_each(|_| drop(swapped(notices)));
        stage.measure(job.samples)
    })
}

/// The host in a process of its own: `projectionist serve`.
pub fn process(job: &Job) -> Measured {
    let stage = Stage::new(job);
    stage.drop_plugins();
    let this = std::env::current_exe().expect("this program");
    let mut host = Command::new(this)
        .args(["--host".as_ref(), stage.project.folder.as_os_str()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts itself");
    let mut lines = BufReader::new(host.stdout.take().expect("piped")).lines();
    for _ in &stage.names {
        assert_eq!(lines.next().expect("the host tells").expect("text"), "swapped");
    }
    let mut measured = stage.measure(job.samples);
    measured.rss_mib = peak_mib(host.id());
    measured.own_mib = None;
    host.kill().expect("the host is there");
    host.wait().expect("the host is there");
    measured
}

/// Serves a project until it is killed, and prints a line for each swap: the other process of [`process`].
pub fn host(folder: &Path) {
    let project = Project::open(folder).expect("the project");
    hosting(&project, |notices| {
        loop {
            swapped(notices);
            println!("swapped");
        }
    })
}

struct Stage {
    project: Project,
    store: SqliteStore,
    /// The names of the projections.
    names: Vec<String>,
    plugin: Vec<u8>,
    _folder: tempfile::TempDir,
}

impl Stage {
    fn new(job: &Job) -> Stage {
        std::fs::create_dir_all(&job.folder).expect("a folder");
        let folder = tempfile::tempdir_in(&job.folder).expect("a folder");
        let project = make_project(folder.path());
        let store = SqliteStore::create(&project.store).expect("the store");
        let plugin = std::fs::read(&job.plugins[0]).expect("the plugin");
        let names = (0..job.projections)
            .map(|number| format!("{}{number:02}", NAME.strip_suffix("00").expect("its digits")))
            .collect();
        let stage = Stage { project, store, names, plugin, _folder: folder };
        (0..WARM).for_each(|_| stage.append());
        stage
    }

    /// One plugin under many names: its own is replaced by another of the same length.
    fn drop_plugins(&self) {
        for name in &self.names {
            let renamed = replaced(&self.plugin, NAME.as_bytes(), name.as_bytes());
            std::fs::write(self.project.plugins.join(name).with_extension("wasm"), renamed).expect("the plugin file");
        }
    }

    fn append(&self) {
        let event =
            NewEvent { kind: "Deposited".into(), data: r#"{"amount":1}"#.into(), metadata: None, id: None, time: None };
        self.store.append("account-1", ExpectedVersion::Any, &[event]).expect("an append");
    }

    fn measure(&self, samples: usize) -> Measured {
        let models = self.names.iter().map(|name| self.model(name)).collect::<Vec<_>>();
        let mut looks = models.iter().map(look).collect::<Vec<_>>();
        let mut entries = entries(&mut looks[0]);
        let mut waits = Vec::with_capacity(samples);
        let watch = Watch::start();
        for number in 0..WARM + samples {
            std::thread::sleep(PAUSE);
            self.append();
            entries += 1;
            let started = Instant::now();
            for look in &mut looks {
                while self::entries(look) < entries {
                    assert!(started.elapsed() < PATIENCE, "the row does not come");
                    std::thread::sleep(LOOK);
                }
            }
            if number >= WARM {
                waits.push(started.elapsed().as_secs_f64());
            }
        }
        Measured { seconds: percentile(&waits, 0.5), samples: waits, ..watch.stop() }
    }

    fn model(&self, name: &str) -> Connection {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let model = Connection::open_with_flags(serving(&self.project, name), flags).expect("the read model");
        model.busy_timeout(PATIENCE).expect("a timeout");
        model
    }
}

fn look(model: &Connection) -> CachedStatement<'_> {
    model.prepare_cached("SELECT entries FROM accounts WHERE account = 'account-1'").expect("a look")
}

fn entries(look: &mut CachedStatement<'_>) -> i64 {
    look.query_row([], |row| row.get(0)).expect("the row")
}

fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut out = bytes.to_vec();
    let mut found = (0..bytes.len().saturating_sub(old.len())).filter(|&at| &bytes[at..at + old.len()] == old);
    let at = found.next().expect("the plugin's name lies in its file");
    out[at..at + new.len()].copy_from_slice(new);
    assert_eq!(found.next(), None, "once");
    out
}

fn peak_mib(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}
