//! `projectionist init`: makes a project.

use std::fs;
use std::path::PathBuf;

use serde::Serialize;

use super::shell::Shell;
use crate::event::Fault;
use crate::project::{CONFIG_FILE, DEFAULT_CONFIG, Project};

/// What a project's repository had better not hold.
const GITIGNORE: &str = "# Read models and caches are rebuilt; the event store is data, not source.\n/data/\ntarget/\n";

/// Make a project: a folder with a documented `projectionist.toml` and a `plugins` folder
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  projectionist init\n  projectionist init shop && cd shop")]
pub(super) struct Init {
    /// The folder, made when it is not there
    #[arg(default_value = ".")]
    folder: PathBuf,
}

#[derive(Serialize)]
struct Made {
    project: String,
    config: String,
    plugins: String,
    store: String,
}

impl Init {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        let config = self.folder.join(CONFIG_FILE);
        if config.exists() {
            let fault = Fault::input(format!("{} is there already", config.display()));
            return Err(fault.hint("remove it to start over; nothing was changed").into());
        }
        let doing = |error| Fault::storage(format!("making a project in {}", self.folder.display()), error);
        fs::create_dir_all(&self.folder).map_err(doing)?;
        fs::write(&config, DEFAULT_CONFIG).map_err(doing)?;
        // Canonical, so that `init ../shop` names the folder as people do.
        let folder = self.folder.canonicalize().map_err(doing)?;
        let project = Project::open(&folder)?;
        fs::create_dir_all(&project.plugins).map_err(doing)?;
        fs::create_dir_all(&project.data).map_err(doing)?;
        project.event_store_for_appending()?;
        let gitignore = project.folder.join(".gitignore");
        if !gitignore.exists() {
            fs::write(gitignore, GITIGNORE).map_err(doing)?;
        }
        let made = Made {
            project: project.folder.display().to_string(),
            config: project.folder.join(CONFIG_FILE).display().to_string(),
            plugins: project.plugins.display().to_string(),
            store: project.store.display().to_string(),
        };
        shell.answer(&made, |made| made.project.clone())?;
        if !shell.json() {
            shell.say("next: `projectionist import FILE` brings events in, `projectionist new NAME` starts a plugin,");
            shell.say("      `projectionist serve` replays events into the plugins dropped into `plugins/`");
        }
        Ok(())
    }
}
