//! **Ours**: a project with the prepared log, through the same doors as everybody's.

use std::io::{BufWriter, pipe};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use projectionist::event_store::Source;
use projectionist::event_store::sqlite::SqliteStore;
use projectionist::history::{History, Pace};
use projectionist::import::{Input, Options};
use projectionist::project::Project;
use projectionist::projection::Proceed;
use projectionist::server::{Host, Notice, Stop, SwapReport};
use projectionist::{import, plugin, replay};

use super::contender::Job;
use super::measure::{Measured, Stage, Watch, percentile};
use super::model::Rows;
use super::transfers::{self, Form};
use super::workload::{Table, Workload};

/// Plugin files written into the folder of a running host, until all their read models serve. Nothing of an earlier
/// run is left: no compiled code, no read model.
pub fn served(job: &Job) -> Measured {
    let project = job.project();
    forget(&project);
    seal(&project);
    let plugins = job.plugins.iter().map(|file| (file, read(file))).collect::<Vec<_>>();
    let mut measured = hosting(&project, |notices| {
        let watch = Watch::start();
        for (file, bytes) in &plugins {
            drop_plugin(&project, file, bytes);
        }
        let stages = plugins.iter().map(|_| stage(swapped(notices))).collect();
        Measured { stages, ..watch.stop() }
    });
    measured.rows_digest = Some(digest(&project, job.workload.tables()));
    measured
}

/// Brings history up, as an import on the command line does.
pub fn seal(project: &Project) {
    let store = SqliteStore::open(&project.store).expect("the store");
    let history = History::open(&project.history.folder, &store).expect("the history");
    let head = store.reader().and_then(|mut reader| reader.head()).expect("the head");
    history.catch_up(&store, head, Pace::Full, &mut |_| ControlFlow::Continue(())).expect("the history");
}

/// A plugin that serves, changed many times: each time other bytes, so that its code is compiled anew.
pub fn changed(job: &Job) -> Measured {
    let project = job.project();
    forget(&project);
    let (file, bytes) = (&job.plugins[0], read(&job.plugins[0]));
    let mut measured = hosting(&project, |notices| {
        drop_plugin(&project, file, &bytes);
        swapped(notices);
        let watch = Watch::start();
        let (samples, stages): (Vec<_>, Vec<_>) = (0..job.samples)
            .map(|number| {
                let changed = with_section(&bytes, number);
                let started = Instant::now();
                drop_plugin(&project, file, &changed);
                let report = swapped(notices);
                (started.elapsed().as_secs_f64(), stage(report))
            })
            .unzip();
        Measured { seconds: percentile(&samples, 0.5), samples, stages, ..watch.stop() }
    });
    measured.rows_digest = Some(digest(&project, job.workload.tables()));
    measured
}

/// A dry run into a file, of plugins that were compiled before.
pub fn replay(job: &Job) -> Measured {
    let (project, file) = (job.project(), &job.plugins[0]);
    seal(&project);
    let compiled = project.data.join("compiled");
    plugin::Engine::new(Some(&compiled)).expect("an engine").load(&read(file), &project.limits).expect("the plugin");
    let out = tempfile::tempdir_in(&job.folder).expect("a folder");
    let model = out.path().join("model.sqlite");
    let watch = Watch::start();
    let report =
        replay::run(&project, file, None, Some(&model), &mut |_| Proceed::On, &mut |_| ()).expect("the replay");
    let mut measured = watch.stop();
    measured.stages = vec![Stage {
        projection: report.projection,
        load_ms: report.load_ms,
        replay_ms: report.replay_ms,
        finish_ms: (measured.seconds * 1_000.0 - report.load_ms - report.replay_ms).max(0.0),
        served_ms: measured.seconds * 1_000.0,
    }];
    let mut rows = Rows::default();
    job.workload.tables().iter().for_each(|table| rows.add_file(&model, table));
    measured.rows_digest = Some(rows.digest());
    measured
}

/// Lines into the event store of a new project, made while they are read.
pub fn import(job: &Job) -> Measured {
    let project = make_project(&job.folder);
    let input = match job.workload {
        Workload::Flights => Input::open(&job.plugins[0]).expect("the flights"),
        _ => {
            let (reader, writer) = pipe().expect("a pipe");
            let events = job.events;
            std::thread::spawn(move || {
                let mut out = BufWriter::with_capacity(1 << 16, writer);
                transfers::write(&mut out, Form::Jsonl, events, events).expect("the import reads on");
            });
            Input::new("transfers", reader).expect("the pipe")
        }
    };
    let watch = Watch::start();
    let store = SqliteStore::create(&project.store).expect("the store");
    let report = import::import(&store, input, Options::default()).expect("the import");
    assert_eq!(report.added, job.events, "every event is new");
    watch.stop()
}

/// A project in `folder` with the default configuration.
pub fn make_project(folder: &Path) -> Project {
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::write(folder.join("projectionist.toml"), "").expect("the configuration");
    let project = Project::open(folder).expect("the project");
    std::fs::create_dir_all(&project.data).expect("the data folder");
    std::fs::create_dir_all(&project.plugins).expect("the plugin folder");
    project
}

/// Leaves the log (and what is kept of it in columns) and removes what plugins made.
pub fn forget(project: &Project) {
    for folder in [&project.plugins, &project.data.join("read-models"), &project.data.join("compiled")] {
        let _ = std::fs::remove_dir_all(folder);
    }
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(project.data.join(format!("catalogue.sqlite{suffix}")));
    }
    std::fs::create_dir_all(&project.plugins).expect("the plugin folder");
}

/// Runs `work` beside a host that serves the project, with what the host tells.
pub fn hosting<T>(project: &Project, work: impl FnOnce(&Receiver<Notice>) -> T) -> T {
    let (stop, (sender, notices)) = (Stop::default(), channel());
    std::thread::scope(|scope| {
        let host = scope.spawn(|| {
            let mut host = Host::open(project).expect("the host");
            // What is told after the work is done has no listener.
            host.serve(&stop, &mut |notice| drop(sender.send(notice))).expect("serving")
        });
        // Asked also when the work panics, or the scope would wait for the host forever.
        let asked = AskAtEnd(&stop);
        assert!(matches!(notices.recv(), Ok(Notice::Serving { .. })), "the host comes up");
        let done = work(&notices);
        drop(asked);
        host.join().expect("the host");
        done
    })
}

struct AskAtEnd<'a>(&'a Stop);

impl Drop for AskAtEnd<'_> {
    fn drop(&mut self) {
        self.0.ask();
    }
}

pub fn drop_plugin(project: &Project, file: &Path, bytes: &[u8]) {
    std::fs::write(project.plugins.join(file.file_name().expect("a file")), bytes).expect("the plugin file");
}

/// Waits for the next swap.
pub fn swapped(notices: &Receiver<Notice>) -> SwapReport {
    loop {
        match notices.recv().expect("the host tells") {
            Notice::Swapped(report) => return report,
            Notice::Refused { fault, .. } | Notice::Parked { fault, .. } | Notice::Warning { fault } => {
                panic!("{fault}")
            }
            _ => {}
        }
    }
}

fn stage(report: SwapReport) -> Stage {
    let SwapReport { projection, load_ms, replay_ms, finish_ms, served_ms, .. } = report;
    Stage { projection, load_ms, replay_ms, finish_ms, served_ms }
}

/// The same plugin in other bytes: with a custom section at the end, named `n`, that holds `number`
/// (https://webassembly.github.io/spec/core/binary/modules.html).
fn with_section(bytes: &[u8], number: usize) -> Vec<u8> {
    let number = u32::try_from(number).expect("few changes").to_le_bytes();
    let mut changed = bytes.to_vec();
    changed.extend([0, 2 + number.len() as u8, 1, b'n']);
    changed.extend(number);
    changed
}

/// Of the rows that serve.
pub fn digest(project: &Project, tables: &[Table]) -> String {
    let mut rows = Rows::default();
    for table in tables {
        rows.add_file(&serving(project, table.projection), table);
    }
    rows.digest()
}

/// The read model that serves.
pub fn serving(project: &Project, projection: &str) -> PathBuf {
    project.data.join("read-models").join(projection).join("current.sqlite")
}

fn read(file: &Path) -> Vec<u8> {
    std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
