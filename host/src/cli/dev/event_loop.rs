//! The **event loop** of `dev`: one thread that hears of saves, builds, swaps, tests and keys, and does what follows.
//!
//! A save is looked at: when the sources hold what is built already, nothing happens. Otherwise the build that runs is
//! stopped and another one starts; when it ends and the sources are still the same, its plugin is dropped in. So
//! nothing is ever dropped in that was compiled from a mixture of two saves.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, select};

use super::builds::{Builds, Built, Save};
use super::content::Content;
use super::display::Display;
use super::dropped::Dropped;
use super::keyboard::Key;
use super::native_tests::{NativeTests, TestRun};
use super::payload_shape::shape;
use super::report::Report;
use super::row_changes::RowChanges;
use super::sources::{SourceTree, Sources};
use crate::cli::cargo::{Ended, Outcome, Package, Progress};
use crate::cli::failure::lay_out_fault;
use crate::event::{Fault, Result};
use crate::project::Project;
use crate::read_model::Comparison;
use crate::server::{self, Command, Notice, Stop};

/// An editor's save is several changes; it is looked at once none followed for so long.
const QUIET: Duration = Duration::from_millis(2);
/// Under changes without end it is looked at all the same after this long.
const PATIENCE: Duration = Duration::from_millis(60);
/// How often a stop is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A file that claims to be saved longer ago was moved into place.
const SAVED_WITHIN: Duration = Duration::from_secs(10);

/// What the loop hears, besides changes of the sources.
pub(super) enum Message {
    /// The host tells something.
    Notice(Notice),
    /// The host of another process serves the plugin with this hash.
    ServedElsewhere(String),
    /// A build goes on or ends.
    Build(u64, Progress),
    /// Tests have run.
    Tested(u64, TestRun),
    /// Rows were compared; all of them, when a person asked for it.
    Compared { all: bool, comparison: Result<Comparison> },
    /// A key was pressed.
    Key(Key),
    /// Something that was asked for could not be done.
    Failed(Fault),
    /// No host runs any more: the loop ends.
    HostEnded,
}

pub(super) struct EventLoop<'a> {
    pub project: &'a Project,
    pub display: Display<'a>,
    pub stop: &'a Stop,
    pub sender: Sender<Message>,
    pub builds: Builds,
    pub sources: Sources,
    pub content: Content,
    pub dropped: Dropped,
    pub rows: RowChanges,
    /// Whether tests run at each save.
    pub runs_tests: bool,
    pub tests: Option<NativeTests>,
    pub tests_started: u64,
    /// What the newest build was, or is, made of.
    pub current: Option<blake3::Hash>,
    /// The projection's name, once the host has said it.
    pub projection: Option<String>,
    /// A person asked for the same again.
    pub again: bool,
}

impl EventLoop<'_> {
    /// Runs until the host has ended; what could not be printed.
    pub fn run(mut self, messages: &Receiver<Message>) -> Option<anyhow::Error> {
        let changed = self.sources.changed.clone();
        self.look(SystemTime::now());
        loop {
            select! {
                recv(messages) -> message => match message {
                    Ok(Message::HostEnded) | Err(_) => break,
                    Ok(message) => self.react(message),
                },
                recv(changed) -> at => if let Ok(at) = at && !self.stop.asked() {
                    self.settle(&changed);
                    self.look(at);
                },
                default(LOOK_EVERY) => {}
            }
            if self.display.broken().is_some() {
                self.stop.ask();
            }
            if self.stop.asked() {
                self.end();
            }
        }
        self.end();
        self.display.broken().take()
    }

    /// Whatever is under way is not waited for.
    fn end(&mut self) {
        self.builds.stop();
        self.tests = None;
        if let Some(screen) = self.display.screen() {
            screen.leave();
        }
    }

    fn settle(&self, changed: &Receiver<SystemTime>) {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            match changed.recv_timeout(QUIET) {
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Looks at the sources, and builds them when they hold something new.
    fn look(&mut self, at: SystemTime) {
        if let Err(fault) = self.try_look(at) {
            self.failed(&fault);
        }
    }

    fn try_look(&mut self, at: SystemTime) -> Result<()> {
        // A folder that cannot be watched was removed again.
        let _ = self.sources.watch_new_folders();
        let mut looked = self.content.look(&self.sources.tree());
        if self.current == Some(looked.hash) {
            return Ok(());
        }
        self.builds.stop();
        self.tests = None;
        self.current = Some(looked.hash);
        // At first everything is new; nobody saved it just now.
        let newest = self.content.newest(&looked.changed).filter(|_| self.content.has_looked_before());
        let at = newest.filter(|time| time.elapsed().is_ok_and(|ago| ago < SAVED_WITHIN)).unwrap_or(at);
        let is_manifest = |file: &PathBuf| file.file_name().is_some_and(|name| name == "Cargo.toml");
        if self.content.has_looked_before() && looked.changed.iter().any(is_manifest) {
            let more = self.read_manifest()?;
            if let Some(more) = more {
                looked.changed.extend(more.changed);
                looked.hash = more.hash;
                self.current = Some(more.hash);
            }
        }
        if let Some(built) = self.builds.kept(looked.hash) {
            let save = Save { content: looked.hash, at, notice_ms: 0.0 };
            return self.drop_in(&built, &save, 0.0);
        }
        if self.builds.is_first() {
            let (crates, target) = (self.builds.package.crates, self.builds.target.path.display().to_string());
            self.display.report(&Report::FirstBuild { crates, target });
        }
        self.display.report(&Report::Compiling { crates: None, cargo: None });
        let sender = self.sender.clone();
        // Nobody listens any more only when the loop has ended.
        let tell = move |number, progress| drop(sender.send(Message::Build(number, progress)));
        self.builds.start(&looked, at, tell)
    }

    /// A manifest changed: the crate may be called otherwise now, or depend on other folders.
    fn read_manifest(&mut self) -> Result<Option<super::content::Looked>> {
        // A manifest that cannot be read is cargo's to explain.
        let Ok(package) = Package::find(&self.builds.package.folder) else { return Ok(None) };
        if package == self.builds.package {
            return Ok(None);
        }
        if package.plugin_file() != self.dropped.name() {
            // The file under the old name would claim the projection; it was put there by this loop.
            let _ = std::fs::remove_file(&self.dropped.file);
            self.dropped.rename(self.project.plugins.join(package.plugin_file()));
        }
        self.builds.package = package;
        let tree = SourceTree::of(&self.builds.package, &self.sources.tree().others);
        self.sources.replace(tree)?;
        Ok(Some(self.content.look(&self.sources.tree())))
    }

    fn react(&mut self, message: Message) {
        match message {
            Message::Notice(notice) => self.hear(&notice),
            Message::ServedElsewhere(hash) => self.served(&hash, None),
            Message::Build(number, progress) => self.build_goes_on(number, progress),
            Message::Tested(number, run) if number == self.tests_started => {
                self.tests = None;
                self.display.report(&Report::Tested(run));
            }
            Message::Tested(..) => {}
            Message::Compared { comparison: Err(fault), .. } => self.failed(&fault),
            Message::Compared { all: false, comparison: Ok(comparison) } => {
                self.display.report(&Report::RowsChanged(comparison));
            }
            Message::Compared { all: true, comparison: Ok(comparison) } => {
                let lines = super::text::rows_changed(&comparison);
                if let Some(screen) = self.display.screen() {
                    screen.cover(&lines);
                }
            }
            Message::Key(key) => self.press(key),
            Message::Failed(fault) => self.failed(&fault),
            Message::HostEnded => {}
        }
    }

    fn build_goes_on(&mut self, number: u64, progress: Progress) {
        if self.builds.running().is_none_or(|running| running.number != number) || self.stop.asked() {
            return; // it was stopped
        }
        match progress {
            Progress::Crates(crates) => {
                self.display.report(&Report::Compiling { crates: Some(crates), cargo: None });
            }
            Progress::Talk(line) => {
                let matters = ["Blocking", "Downloading", "Updating", "Locking"].iter();
                if matters.clone().any(|word| line.starts_with(word)) {
                    self.display.report(&Report::Compiling { crates: None, cargo: Some(line) });
                }
            }
            Progress::Ended(ended) => {
                if let Err(fault) = self.build_ended(ended) {
                    self.failed(&fault);
                }
            }
        }
    }

    fn build_ended(&mut self, ended: Ended) -> Result<()> {
        let Some(running) = self.builds.finish() else { return Ok(()) };
        let build_ms = running.started.elapsed().as_secs_f64() * 1_000.0;
        let (errors, warnings) = ended.diagnostics.into_iter().partition(|diagnostic| diagnostic.is_error);
        match ended.outcome {
            Outcome::Failed { cargo } => {
                let after_save_ms = running.save.age_ms();
                self.display.report(&Report::NotCompiled { errors, warnings, cargo, after_save_ms });
                // A save during the build may have mended it.
                self.look(SystemTime::now());
                Ok(())
            }
            Outcome::Built(file) => {
                let built = self.builds.take(&file, &running.save, warnings)?;
                if self.content.look(&self.sources.tree()).hash != running.save.content {
                    // Saved while it was compiled: this may be a mixture.
                    self.builds.forget(running.save.content);
                    self.current = None;
                    self.look(SystemTime::now());
                    return Ok(());
                }
                self.drop_in(&built, &running.save, build_ms)
            }
        }
    }

    fn drop_in(&mut self, built: &Built, save: &Save, build_ms: f64) -> Result<()> {
        let is_same = self.dropped.is_there(built);
        self.display.report(&Report::Compiled {
            build_ms,
            bytes: built.bytes.len(),
            hash: built.hash.to_hex()[..12].to_owned(),
            warnings: built.warnings.clone(),
            is_same,
        });
        match (is_same, std::mem::take(&mut self.again)) {
            (true, true) => self.replay_again(),
            (true, false) => {}
            (false, _) => self.dropped.put(built, save, build_ms)?,
        }
        if self.runs_tests { self.start_tests() } else { Ok(()) }
    }

    fn replay_again(&self) {
        let Some(name) = self.projection.clone() else { return };
        let (project, sender) = (self.project.clone(), self.sender.clone());
        std::thread::spawn(move || {
            if let Err(fault) = server::ask(&project, &Command::Rebuild { name }, &mut |_| {}) {
                let _ = sender.send(Message::Failed(fault));
            }
        });
    }

    fn start_tests(&mut self) -> Result<()> {
        self.tests = None;
        self.tests_started += 1;
        let (number, sender) = (self.tests_started, self.sender.clone());
        let tell = move |run| drop(sender.send(Message::Tested(number, run)));
        let temporary = self.builds.temporary();
        self.builds.tests_begin();
        self.tests = Some(NativeTests::start(&self.builds.package, &self.builds.target, &temporary, tell)?);
        Ok(())
    }

    fn hear(&mut self, notice: &Notice) {
        self.display.notice(notice);
        match notice {
            Notice::Swapped(report) => {
                let is_ours = self.dropped.waiting().is_some_and(|hash| hash.starts_with(&report.hash));
                if is_ours || self.projection.as_ref() == Some(&report.projection) {
                    self.projection = Some(report.projection.clone());
                    let sender = self.sender.clone();
                    let told = move |comparison| drop(sender.send(Message::Compared { all: false, comparison }));
                    if let Err(fault) = self.rows.swapped(self.project, &report.projection, told) {
                        self.failed(&fault);
                    }
                }
                self.served(&report.hash, Some(report));
            }
            Notice::Refused { file, fault, projection, .. } if *file == self.dropped.name() => {
                self.dropped.forget();
                self.projection = projection.clone().or(self.projection.take());
                self.show_event(fault);
            }
            Notice::Parked { projection, fault, .. } if self.projection.as_ref() == Some(projection) => {
                self.show_event(fault);
            }
            _ => {}
        }
    }

    fn served(&mut self, hash: &str, swap: Option<&server::SwapReport>) {
        if let Some(served) = self.dropped.served(hash, swap) {
            self.display.report(&Report::Served(served));
        }
    }

    /// The event that a fault is at, without its values.
    fn show_event(&mut self, fault: &Fault) {
        let Some(position) = fault.position else { return };
        // The fault was shown; without the event it still says where it is.
        if let Ok(Some((stream, kind, data))) = super::look_on::event_at(self.project, position) {
            self.display.report(&Report::FailedAt { position, stream, r#type: kind, payload: shape(&data) });
        }
    }

    fn press(&mut self, key: Key) {
        if self.display.screen().is_some_and(super::screen::Screen::uncover) {
            return;
        }
        match key {
            Key::Quit => self.stop.ask(),
            Key::Again => {
                if let Some(content) = self.current.take() {
                    self.builds.forget(content);
                }
                self.again = true;
                self.look(SystemTime::now());
            }
            Key::Tests => {
                if let Err(fault) = self.start_tests() {
                    self.failed(&fault);
                }
            }
            Key::Differences => {
                let sender = self.sender.clone();
                self.rows.compare_all(move |comparison| drop(sender.send(Message::Compared { all: true, comparison })));
            }
            Key::Warnings => {
                if let Some(screen) = self.display.screen() {
                    screen.toggle_warnings();
                }
            }
            Key::Other => {}
        }
    }

    fn failed(&mut self, fault: &Fault) {
        self.display.report(&Report::Failed { message: lay_out_fault(fault) });
    }
}
