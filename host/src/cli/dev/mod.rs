//! `projectionist dev`: from a save in a plugin crate to served.
//!
//! One thread watches and builds; the host runs on the main thread, unless another process runs it already. The
//! two meet in the plugin folder only: what is built is dropped there, as by hand.

mod build;
mod cargo;
mod sources;
mod saved;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::failure::lay_out_fault;
use super::render::Watch;
use super::shell::Shell;
use super::stop;
use crate::event::Fault;
use crate::project::Project;
use crate::server::{self, Host, Stop};

use build::Builder;
use cargo::Crate;
use saved::Saved;
use sources::Sources;

/// Build a plugin crate at each save, drop it in and serve it: from save to served
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  projectionist dev revenue\n  cd revenue && projectionist dev\n\n\
    Run it inside the project, or name the project with --project. Compiler errors are shown as rustc words them; \
    what served goes on serving. When no host runs the project, this command runs it.")]
pub(super) struct Dev {
    /// The folder of the plugin crate
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// The cargo profile to build with
    #[arg(long, default_value = "release")]
    profile: String,
}

impl Dev {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        let project = shell.project()?;
        let plugin = Crate::find(&self.folder, &self.profile)?;
        plugin.check_target()?;
        std::fs::create_dir_all(&project.plugins)
            .map_err(|error| Fault::storage(format!("creating {}", project.plugins.display()), error))?;
        let stop = stop::on_signals()?;
        let saved = Arc::new(Saved::default());
        let mut sources = Sources::watch(&plugin)?;
        let drop_as = project.plugins.join(plugin.file_name());
        let builder = Builder { shell, plugin: &plugin, drop_as: &drop_as, saved: &saved };

        std::thread::scope(|scope| {
            let watching = stop.clone();
            let building = scope.spawn(move || {
                // The first build is of what is there now.
                let mut changed = Some(std::time::SystemTime::now());
                while !watching.asked() {
                    if let Some(at) = changed {
                        builder.build(at);
                    }
                    changed = sources.wait(&watching);
                }
            });
            let ended = host(shell, &project, &stop, &saved);
            stop.ask();
            building.join().map_err(|_| anyhow::anyhow!("the builder's thread panicked"))?;
            ended
        })
    }
}

/// Runs the project's host, or looks on while another process does.
fn host(shell: &Shell, project: &Project, stop: &Stop, saved: &Saved) -> anyhow::Result<()> {
    if let Some(process) = server::status(project)?.host {
        shell.say(format!("the host that runs as process {process} serves this project"));
        return look_on(shell, project, stop, saved);
    }
    let mut watch = Watch::new(shell);
    let ended = Host::open(project)?.serve(stop, &mut |notice| {
        watch.notice(&notice);
        if let server::Notice::Swapped(report) = &notice {
            saved.served(shell, &report.hash);
        }
        if watch.broken.is_some() {
            stop.ask();
        }
    });
    match watch.broken.take() {
        Some(error) => Err(error),
        None => Ok(ended?),
    }
}

/// Waits for what was dropped to be served by another process's host, which says the rest itself.
fn look_on(shell: &Shell, project: &Project, stop: &Stop, saved: &Saved) -> anyhow::Result<()> {
    while !stop.asked() {
        std::thread::sleep(saved::LOOK_EVERY);
        if !saved.is_waiting() {
            continue;
        }
        for projection in server::status(project)?.projections {
            if let Some(hash) = projection.hash.filter(|_| projection.building.is_none()) {
                saved.served(shell, &hash);
            }
            if let Some(fault) = projection.refused.filter(|_| saved.is_waiting()) {
                shell.say(format!("refused {}: {}", projection.name, lay_out_fault(&fault)));
                saved.forget();
            }
        }
    }
    Ok(())
}

/// Whether a path is one that tools come and go with: hidden, a backup, a lock, a half-written file.
fn is_passing(name: &Path) -> bool {
    let name = name.as_os_str().to_string_lossy();
    name.starts_with(['.', '#'])
        || name.ends_with('~')
        || [".swp", ".swx", ".tmp", ".bak", ".orig"].iter().any(|end| name.ends_with(end))
        || name == "Cargo.lock"
        || name == "4913" // vim tries out with this name whether it may write
}
