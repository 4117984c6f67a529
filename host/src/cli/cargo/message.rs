//! A **message** of cargo: one line of `--message-format=json`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Diagnostic;
use super::diagnostic::CompilerMessage;

/// What a line says, as far as it matters here.
#[derive(Debug)]
pub(super) enum Message {
    /// A crate is compiled, or was already.
    Artifact { manifest: PathBuf, files: Vec<PathBuf>, fresh: bool },
    /// The compiler has something to say about a crate.
    Diagnostic { manifest: PathBuf, diagnostic: Diagnostic },
}

#[derive(Deserialize)]
struct Line {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    #[serde(default)]
    fresh: bool,
    message: Option<CompilerMessage>,
}

impl Message {
    /// Reads a line; none when it says nothing that matters.
    pub fn read(line: &str) -> Option<Message> {
        let line: Line = serde_json::from_str(line).ok()?;
        let manifest = line.manifest_path;
        match (line.reason.as_str(), line.message) {
            ("compiler-artifact", _) => Some(Message::Artifact { manifest, files: line.filenames, fresh: line.fresh }),
            ("compiler-message", Some(message)) => {
                Some(Message::Diagnostic { manifest, diagnostic: message.into_diagnostic()? })
            }
            _ => None,
        }
    }
}

/// The plugin file among an artifact's.
pub(super) fn wasm_file(files: &[PathBuf]) -> Option<&Path> {
    files.iter().map(PathBuf::as_path).find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
}
