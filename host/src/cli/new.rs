//! `projectionist new`: starts a plugin crate that compiles, passes its test and can be dropped in.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::failure::Usage;
use super::sdk;
use super::shell::Shell;
use crate::event::{Fault, check_projection_name};

/// The files of a plugin crate, with `{{name}}` and `{{sdk}}` to be filled in.
const TEMPLATE: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("templates/plugin.toml")),
    ("src/lib.rs", include_str!("templates/lib.rs")),
    ("README.md", include_str!("templates/README.md")),
    (".gitignore", "/target/\n"),
];

/// Crate names that clash with Rust's own.
const TAKEN: [&str; 6] = ["alloc", "core", "proc-macro", "projectionist-sdk", "std", "test"];

/// Start a plugin crate in ./NAME that compiles, passes its test and can be dropped in
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  projectionist new revenue && projectionist dev revenue\n  \
                        projectionist new revenue --sdk ~/projectionist/plugins/sdk\n\n\
                        The SDK that this program carries is written to .projectionist/ in the project's folder, or \
                        in the current one outside a project, and the crate depends on it by path.")]
pub(super) struct New {
    /// The projection's name: lower-case letters, digits and hyphens
    name: String,
    /// Depend on the SDK's crate in this folder instead of the one that this program carries
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

#[derive(Serialize)]
struct Made {
    name: String,
    folder: String,
    sdk: String,
}

impl New {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        check_projection_name(&self.name).map_err(|fault| Usage(format!("{}: {}", fault, hint_of(&fault))))?;
        if TAKEN.contains(&self.name.as_str()) {
            return Err(Usage(format!("`{}` is taken by Rust; name the projection otherwise", self.name)).into());
        }
        let here = fs::canonicalize(".").map_err(|error| Fault::storage("opening the current folder", error))?;
        let folder = here.join(&self.name);
        if folder.exists() {
            let fault = Fault::input(format!("{} is there already", folder.display()));
            return Err(fault.hint("choose another name, or remove it; nothing was changed").into());
        }
        let sdk = match &self.sdk {
            Some(named) => sdk::check(named)?,
            None => sdk::write_below(&self.home(shell, here)?)?,
        };
        write_crate(&folder, &self.name, &sdk::relative(&folder, &sdk))?;
        let made = Made { name: self.name, folder: folder.display().to_string(), sdk: sdk.display().to_string() };
        shell.answer(&made, |made| made.folder.clone())?;
        if !shell.json() {
            let name = &made.name;
            shell.say(format!("next: `cargo test --manifest-path {name}/Cargo.toml` runs its test,"));
            shell.say(format!("      `projectionist dev {name}` builds it, drops it in and serves it at each save,"));
            shell.say(format!("      `projectionist build {name}` makes the file to deploy"));
        }
        Ok(())
    }

    /// Where the SDK goes: the project's folder, or this one outside a project.
    fn home(&self, shell: &Shell, here: PathBuf) -> anyhow::Result<PathBuf> {
        match shell.project_folder() {
            Some(folder) => Ok(fs::canonicalize(folder)?),
            None => Ok(here),
        }
    }
}

fn write_crate(folder: &Path, name: &str, sdk: &Path) -> Result<(), Fault> {
    // A literal TOML string, so that no character of the path is special.
    let sdk = sdk.display().to_string();
    if sdk.contains('\'') {
        return Err(Fault::input(format!("the SDK's path has a quote in it: {sdk}"))
            .hint("put the SDK elsewhere and name it with `--sdk`"));
    }
    for (file, text) in TEMPLATE {
        let path = folder.join(file);
        let doing = |error| Fault::storage(format!("writing {}", path.display()), error);
        fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(doing)?;
        let text = text.replace("{{name}}", name).replace("{{sdk}}", &sdk);
        fs::write(&path, text).map_err(doing)?;
    }
    Ok(())
}

fn hint_of(fault: &Fault) -> &str {
    fault.hint.as_deref().unwrap_or("choose another")
}
