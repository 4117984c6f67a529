//! `projectionist dev`: from a save in a plugin crate to served.
//!
//! One thread hears of everything and builds ([`event_loop`]); the host runs on the main thread, unless another process
//! runs it already. The two meet in the plugin folder only: what is built is dropped there, as by hand. Reading order:
//! the sources and what they hold, builds and what is dropped in, tests, rows, reports and how they look, the loop.

mod sources;
mod content;
mod builds;
mod dropped;
mod native_tests;
mod row_changes;
mod payload_shape;
mod report;
mod text;
mod screen;
mod keyboard;
mod display;
mod look_on;
mod event_loop;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use crossbeam_channel::{Sender, bounded};

use super::cargo::{Package, Profile, TargetFolder};
use super::shell::Shell;
use super::stop;
use crate::event::Fault;
use crate::project::Project;
use crate::server::{self, Host, Stop};

use builds::Builds;
use content::Content;
use display::Display;
use dropped::Dropped;
use event_loop::{EventLoop, Message};
use keyboard::Keyboard;
use row_changes::RowChanges;
use sources::{SourceTree, Sources};

pub(super) use dropped::write_whole;

/// So many messages wait for the loop; whoever has more waits with them.
const MESSAGES_WAITING_MAX: usize = 1024;

/// Build a plugin crate at each save, drop it in and serve it: from save to served
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  projectionist dev revenue\n  projectionist dev revenue --test\n  \
    cd revenue && projectionist dev\n\n\
    Run it inside the project, or name the project with --project. It builds for a quick loop, with a profile of its \
    own that needs nothing in the crate; `projectionist build` makes the file to deploy. While a save does not compile, \
    or fails at an event, what served goes on serving. When no host runs the project, this command runs it.\n\n\
    Keys, on a terminal: r builds and replays again, t runs the tests, d shows all differences of the rows, w the \
    compiler's warnings, q ends.")]
pub(super) struct Dev {
    /// The folder of the plugin crate
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Run the crate's tests at each save too, natively
    #[arg(long)]
    test: bool,
    /// Build what is deployed: with the crate's release profile
    #[arg(long, conflicts_with = "profile")]
    release: bool,
    /// Build with this profile of the crate
    #[arg(long)]
    profile: Option<String>,
}

impl Dev {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        let project = shell.project()?;
        let package = Package::find(&self.folder)?;
        package.check_wasm()?;
        std::fs::create_dir_all(&project.plugins)
            .map_err(|error| Fault::storage(format!("creating {}", project.plugins.display()), error))?;
        let stop = stop::on_signals()?;
        let target = TargetFolder::of(&project, &package)?;
        let sources = Sources::watch(SourceTree::of(&package, &written_by_others(&project, &target)))?;
        let (sender, messages) = bounded(MESSAGES_WAITING_MAX);
        let pressed = sender.clone();
        // Declared before the display, so that the screen is left before the terminal is as it was.
        let keyboard = Keyboard::open(move |key| drop(pressed.send(Message::Key(key))));
        let dropped = Dropped::new(project.plugins.join(package.plugin_file()));
        let (file, is_waiting) = (dropped.name(), dropped.is_waiting());
        let event_loop = EventLoop {
            project: &project,
            display: Display::new(shell, &package.name, keyboard.is_some()),
            stop: &stop,
            sender: sender.clone(),
            builds: Builds::new(package, self.profile(), target)?,
            sources,
            content: Content::default(),
            dropped,
            rows: RowChanges::default(),
            runs_tests: self.test,
            tests: None,
            tests_started: 0,
            current: None,
            projection: None,
            again: false,
        };
        std::thread::scope(|scope| {
            let looping = scope.spawn(|| event_loop.run(&messages));
            let ended = host(shell, &project, (&file, &is_waiting), &stop, &sender);
            stop.ask();
            let _ = sender.send(Message::HostEnded);
            match looping.join() {
                Ok(None) => ended,
                Ok(Some(broken)) => Err(broken),
                Err(_) => Err(anyhow::anyhow!("the loop's thread panicked")),
            }
        })
    }

    fn profile(&self) -> Profile {
        match &self.profile {
            Some(name) => Profile::Named(name.clone()),
            None if self.release => Profile::release(),
            None => Profile::Loop,
        }
    }
}

/// What lies in the project and is nobody's source, should the crate be the project's own folder.
fn written_by_others(project: &Project, target: &TargetFolder) -> Vec<PathBuf> {
    let own = [&project.plugins, &project.data, &project.store, &project.history.folder, &target.path];
    // Roots are canonical, as cargo names them.
    own.iter().map(|path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf())).collect()
}

/// Runs the project's host, or looks on while another process does.
fn host(
    shell: &Shell,
    project: &Project,
    (file, is_waiting): (&str, &AtomicBool),
    stop: &Stop,
    sender: &Sender<Message>,
) -> anyhow::Result<()> {
    // Nobody listens any more only when the loop has panicked.
    let mut tell = |message| drop(sender.send(message));
    if let Some(process) = server::status(project)?.host {
        shell.say(format!("the host that runs as process {process} serves this project"));
        return look_on::look_on(project, file, is_waiting, stop, &mut tell);
    }
    Ok(Host::open(project)?.serve(stop, &mut |notice| tell(Message::Notice(notice)))?)
}
