//! The **shell**: what every command has around it. Stdout is data, stderr is talk.

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::event::Result;
use crate::project::Project;

/// How often a progress bar is redrawn at most.
const REDRAWS_PER_S: u8 = 10;

/// Where a command reads what it was told about its surroundings, and where it prints.
pub struct Shell {
    project: Option<PathBuf>,
    json: bool,
    bars: MultiProgress,
    reader_left: Arc<AtomicBool>,
}

/// Stdout. It remembers whether whoever reads it has gone away, as `head` does when it has seen enough; the error
/// alone may come to the end of the command as another library's.
pub struct Out {
    stdout: StdoutLock<'static>,
    reader_left: Arc<AtomicBool>,
}

impl Out {
    fn note<T>(&self, done: io::Result<T>) -> io::Result<T> {
        done.inspect_err(|error| {
            if error.kind() == io::ErrorKind::BrokenPipe {
                self.reader_left.store(true, Ordering::Relaxed);
            }
        })
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.stdout.write(bytes);
        self.note(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.stdout.flush();
        self.note(flushed)
    }
}

impl Shell {
    /// `project` is the folder that was named; `json` whether data is asked for as JSON.
    pub(super) fn new(project: Option<PathBuf>, json: bool) -> Shell {
        // indicatif draws nothing where stderr is no terminal.
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_S));
        Shell { project, json, bars, reader_left: Arc::default() }
    }

    /// The project that was named, or the one that the current folder lies in.
    pub fn project(&self) -> Result<Project> {
        match &self.project {
            Some(folder) => Project::open(folder),
            None => Project::find(&PathBuf::from(".")),
        }
    }

    /// The folder of [`Shell::project`], whatever its configuration says; none outside a project.
    pub fn project_folder(&self) -> Option<PathBuf> {
        match &self.project {
            Some(folder) => Some(folder.clone()),
            None => Project::folder_above(&PathBuf::from(".")),
        }
    }

    /// Whether data is asked for as JSON.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Whether data goes to a person.
    pub fn out_is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Stdout, buffered; flush it when done.
    pub fn out(&self) -> BufWriter<Out> {
        BufWriter::new(Out { stdout: io::stdout().lock(), reader_left: self.reader_left.clone() })
    }

    /// Whether whoever reads stdout has gone away: then the command is done, and nobody is to be told of it.
    pub fn reader_left(&self) -> bool {
        self.reader_left.load(Ordering::Relaxed)
    }

    /// Prints one line of data.
    pub fn line(&self, line: impl Display) -> anyhow::Result<()> {
        let mut out = self.out();
        writeln!(out, "{line}")?;
        Ok(out.flush()?)
    }

    /// Prints a value as one line of JSON.
    pub fn object(&self, value: &impl Serialize) -> anyhow::Result<()> {
        self.line(serde_json::to_string(value).context("writing JSON")?)
    }

    /// Prints a value as JSON when that was asked for, else what `human` makes of it, unless that is empty.
    pub fn answer<T: Serialize>(&self, value: &T, human: impl FnOnce(&T) -> String) -> anyhow::Result<()> {
        if self.json {
            return self.object(value);
        }
        match human(value) {
            text if text.is_empty() => Ok(()),
            text => self.line(text),
        }
    }

    /// Says a line to the person, above any progress bar. Escape codes are dropped where they are not wanted.
    pub fn say(&self, line: impl Display) {
        self.bars.suspend(|| {
            // Nobody listening on stderr is no reason to stop.
            let _ = writeln!(anstream::stderr(), "{line}");
        });
    }

    /// A progress bar over `length` things, or a counter without. Nothing is drawn where stderr is no terminal.
    pub fn bar(&self, what: &str, length: Option<u64>, unit: &str) -> ProgressBar {
        let template = match (length, unit) {
            (Some(_), "bytes") => "{msg:20} {wide_bar} {bytes}/{total_bytes} {eta}".to_owned(),
            (Some(_), _) => format!("{{msg:20}} {{wide_bar}} {{human_pos}}/{{human_len}} {unit} {{per_sec}} {{eta}}"),
            (None, "bytes") => "{spinner} {msg} {bytes}".to_owned(),
            (None, _) => format!("{{spinner}} {{msg}} {{human_pos}} {unit} {{per_sec}}"),
        };
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = self.bars.add(match length {
            Some(length) => ProgressBar::new(length),
            None => ProgressBar::new_spinner(),
        });
        bar.set_style(style);
        bar.set_message(what.to_owned());
        if length.is_none() && io::stderr().is_terminal() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        bar
    }
}
