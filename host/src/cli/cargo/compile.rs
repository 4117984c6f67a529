//! One **compilation** of a plugin crate, which can be stopped while it runs.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use super::message::{Message, wasm_file};
use super::{Diagnostic, Package, ProcessGroup, Profile, TargetFolder, WASM, no_rust};
use crate::event::{Fault, Result};

/// A compilation that runs. It is stopped when this is dropped.
pub struct Compile {
    process: Arc<ProcessGroup>,
}

/// What a compilation tells while it runs, and its end, which comes last.
#[derive(Debug)]
pub enum Progress {
    /// So many crates are there.
    Crates(usize),
    /// A line of cargo's own: that it downloads something, or waits for another cargo.
    Talk(String),
    /// It has ended.
    Ended(Ended),
}

/// How a compilation ended.
#[derive(Debug)]
pub struct Ended {
    /// What came of it.
    pub outcome: Outcome,
    /// What the compiler has to say of the crate: its warnings, and everyone's errors.
    pub diagnostics: Vec<Diagnostic>,
}

/// What came of a compilation.
#[derive(Debug)]
pub enum Outcome {
    /// The plugin file.
    Built(PathBuf),
    /// It does not compile, or was stopped.
    Failed {
        /// What cargo said, when the compiler said nothing: of the manifest, of a missing dependency.
        cargo: Option<String>,
    },
}

impl Compile {
    /// Starts a compilation. `tell` is called on another thread.
    pub fn start(
        package: &Package,
        profile: &Profile,
        target: &TargetFolder,
        temporary: &Path,
        tell: impl Fn(Progress) + Send + Clone + 'static,
    ) -> Result<Compile> {
        let mut command = Command::new("cargo");
        command
            .args(["build", "--message-format=json", "--lib", "--target", WASM])
            .args(profile.arguments())
            .arg("--target-dir")
            .arg(&target.path)
            .arg("--manifest-path")
            .arg(&package.manifest)
            .current_dir(&package.folder) // where its rust-toolchain.toml and .cargo/config.toml hold
            .env("CARGO_TERM_PROGRESS_WHEN", "never")
            .env("TMPDIR", temporary);
        let (process, out, err) = ProcessGroup::start(&mut command).map_err(|error| no_rust("cargo", error))?;
        let process = Arc::new(process);
        let talker = tell.clone();
        let talk = thread::Builder::new()
            .name("cargo-talk".into())
            .spawn(move || {
                let mut talk = Vec::new();
                for line in BufReader::new(err).lines().map_while(std::io::Result::ok) {
                    talker(Progress::Talk(line.trim().to_owned()));
                    talk.push(line);
                }
                talk
            })
            .map_err(|error| Fault::storage("starting a thread", error))?;
        let (running, manifest) = (process.clone(), package.manifest.clone());
        thread::Builder::new()
            .name("cargo".into())
            .spawn(move || {
                let read = read_messages(BufReader::new(out), &manifest, &tell);
                let talk = talk.join().unwrap_or_default();
                let succeeded = running.wait().is_ok_and(|status| status.success());
                tell(Progress::Ended(read.ended(succeeded, &talk)));
            })
            .map_err(|error| Fault::storage("starting a thread", error))?;
        Ok(Compile { process })
    }
}

impl Drop for Compile {
    fn drop(&mut self) {
        self.process.stop();
    }
}

/// What the messages of a compilation came to.
#[derive(Default)]
struct Read {
    file: Option<PathBuf>,
    diagnostics: Vec<Diagnostic>,
}

fn read_messages(out: impl BufRead, manifest: &Path, tell: &impl Fn(Progress)) -> Read {
    let mut read = Read::default();
    let mut crates = 0;
    for line in out.lines().map_while(std::io::Result::ok) {
        match Message::read(&line) {
            Some(Message::Artifact { manifest: of, files, fresh }) => {
                crates += 1;
                if !fresh {
                    tell(Progress::Crates(crates));
                }
                if of == manifest
                    && let Some(file) = wasm_file(&files)
                {
                    read.file = Some(file.to_owned());
                }
            }
            Some(Message::Diagnostic { manifest: of, diagnostic }) if diagnostic.is_error || of == manifest => {
                read.diagnostics.push(diagnostic);
            }
            _ => {}
        }
    }
    read
}

impl Read {
    fn ended(self, succeeded: bool, talk: &[String]) -> Ended {
        let outcome = match self.file {
            Some(file) if succeeded => Outcome::Built(file),
            _ => {
                let is_explained = self.diagnostics.iter().any(|diagnostic| diagnostic.is_error);
                Outcome::Failed { cargo: (!is_explained).then(|| in_short(talk)) }
            }
        };
        Ended { outcome, diagnostics: self.diagnostics }
    }
}

/// Cargo's error with its causes, without what it was doing before.
fn in_short(talk: &[String]) -> String {
    let from = talk.iter().position(|line| line.starts_with("error")).unwrap_or(0);
    talk[from..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_which_file_was_built_and_what_the_compiler_said() {
        let out = concat!(
            r#"{"reason":"compiler-artifact","manifest_path":"/sdk/Cargo.toml","filenames":["/t/libsdk.rlib"],"fresh":false}"#,
            "\n",
            r#"{"reason":"compiler-message","manifest_path":"/p/Cargo.toml","message":{"message":"unused","level":"warning","code":null}}"#,
            "\n",
            r#"{"reason":"compiler-artifact","manifest_path":"/p/Cargo.toml","filenames":["/t/p.wasm"],"fresh":true}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        let told = std::cell::RefCell::new(Vec::new());
        let tell = |progress: Progress| told.borrow_mut().push(format!("{progress:?}"));
        let ended = read_messages(out.as_bytes(), Path::new("/p/Cargo.toml"), &tell).ended(true, &[]);
        assert!(matches!(ended.outcome, Outcome::Built(file) if file == Path::new("/t/p.wasm")));
        assert_eq!(ended.diagnostics.len(), 1);
        assert_eq!(told.into_inner(), ["Crates(1)"]);
    }

    #[test]
    fn what_cargo_says_is_kept_when_the_compiler_said_nothing() {
        let talk = ["   Updating crates.io index", "error: no matching package", "Caused by:"].map(str::to_owned);
        let ended = Read::default().ended(false, &talk);
        assert!(matches!(ended.outcome, Outcome::Failed { cargo: Some(said) } if said.starts_with("error: no")));
    }
}
