//! `projectionist build`: makes the plugin file to deploy.

use std::path::PathBuf;

use crossbeam_channel::bounded;
use serde::Serialize;

use super::cargo::{Compile, Diagnostic, Outcome, Package, Profile, Progress, TargetFolder};
use super::check;
use super::dev::write_whole;
use super::failure::{Said, Usage};
use super::shell::Shell;
use crate::event::Fault;
use crate::plugin::read_file;

/// Build the plugin file to deploy: small, fast and checked
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  projectionist build revenue\n  \
    projectionist build revenue --out deploy/revenue.wasm --json\n\n\
    It builds with the crate's release profile, as `cargo build --release` does, says what `check` says of the file, and \
    puts it into the current folder. A plugin that this host refuses is not put anywhere. Run it inside the project, or \
    name the project with --project.")]
pub(super) struct Build {
    /// The folder of the plugin crate
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Where the file goes; ./NAME.wasm when absent
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Build with this profile of the crate
    #[arg(long, default_value = "release")]
    profile: String,
}

#[derive(Serialize)]
struct Made {
    file: String,
    bytes: usize,
    hash: Option<String>,
    warnings: Vec<Diagnostic>,
    check: check::Answer,
}

impl Build {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        let project = shell.project()?;
        let package = Package::find(&self.folder)?;
        package.check_wasm()?;
        let out = self.out.clone().unwrap_or_else(|| PathBuf::from(package.plugin_file()));
        if out.is_dir() {
            return Err(Usage(format!("--out names a folder: {}; name a file in it", out.display())).into());
        }
        let target = TargetFolder::of(&project, &package)?;
        let (built, warnings) = compile(shell, &package, Profile::Named(self.profile), &target)?;
        let bytes = read_file(&built)?;
        let file = out.display().to_string();
        let answer = check::Answer::of(Some(&project), file.clone(), &bytes);
        let is_accepted = answer.is_accepted();
        if is_accepted {
            write_whole(&bytes, &out)?;
        }
        let hash = answer.hash().map(str::to_owned);
        let made = Made { file, bytes: bytes.len(), hash, warnings, check: answer };
        shell.answer(&made, |made| made.check.for_people())?;
        if is_accepted { Ok(()) } else { Err(Said.into()) }
    }
}

/// Builds; the file in the target folder, and the compiler's warnings.
fn compile(
    shell: &Shell,
    package: &Package,
    profile: Profile,
    target: &TargetFolder,
) -> anyhow::Result<(PathBuf, Vec<Diagnostic>)> {
    if target.is_new(&profile) {
        shell.say(format!(
            "the first {} build of this project compiles {} crates: about half a minute, and only once",
            profile.name(),
            package.crates
        ));
    }
    let temporary = target.temporary()?;
    target.prepare(package, &profile)?;
    let (sender, progress) = bounded(64);
    // The sender goes with the compilation's threads; this one waits for their last word.
    let _compile =
        Compile::start(package, &profile, target, temporary.path(), move |progress| drop(sender.send(progress)))?;
    let bar = shell.bar("compiling", Some(package.crates as u64), "crates");
    let mut ended = None;
    for progress in progress {
        match progress {
            Progress::Crates(crates) => bar.set_position(crates as u64),
            Progress::Talk(_) => {}
            Progress::Ended(end) => ended = Some(end),
        }
    }
    bar.finish_and_clear();
    let ended = ended.ok_or_else(|| Fault::storage("running cargo", "it ended without a word"))?;
    let (errors, warnings): (Vec<_>, Vec<_>) = ended.diagnostics.into_iter().partition(|found| found.is_error);
    for diagnostic in errors.iter().chain(&warnings) {
        diagnostic.lines().iter().for_each(|line| shell.say(line));
    }
    match ended.outcome {
        Outcome::Built(file) => {
            target.remember_versions(package);
            Ok((file, warnings))
        }
        Outcome::Failed { cargo } => {
            let fault = Fault::input(format!("crate `{}` does not compile", package.name));
            Err(match cargo {
                Some(said) => fault.hint(said),
                None => fault,
            }
            .into())
        }
    }
}
