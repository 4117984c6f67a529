//! How the tests run the program: in a folder of their own, with what it printed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A folder with a project in it.
pub struct Bench {
    folder: TempDir,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Bench {
    /// An empty folder.
    pub fn bare() -> Bench {
        Bench { folder: tempfile::tempdir().unwrap() }
    }

    /// A project.
    pub fn new() -> Bench {
        let bench = Bench::bare();
        bench.ok(&["init"]);
        bench
    }

    /// A project with a ledger of a few events.
    pub fn with_ledger() -> Bench {
        let bench = Bench::new();
        bench.write("ledger.jsonl", LEDGER);
        bench.ok(&["import", "ledger.jsonl"]);
        bench
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(file), text).unwrap();
    }

    /// Drops a plugin in, in one step.
    pub fn drop_in(&self, name: &str, bytes: &[u8]) {
        self.write("plugins/.dropping.tmp", bytes);
        std::fs::rename(self.path().join("plugins/.dropping.tmp"), self.path().join("plugins").join(name)).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_projectionist"));
        command.args(arguments).current_dir(self.path()).env_remove("PROJECTIONIST_LOG").stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs with something on stdin.
    pub fn fed(&self, arguments: &[&str], input: &str) -> Ran {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may end without reading all of it.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// What it printed; it must end with 0.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        ran.out
    }

    /// The single object that it printed.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let out = self.ok(arguments);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?} printed {out:?}: {error}"))
    }

    /// The objects that it printed, one a line.
    pub fn lines(&self, arguments: &[&str]) -> Vec<Value> {
        self.ok(arguments).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Starts something that goes on until it is told to stop.
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }
}

/// A program that goes on.
pub struct Running {
    child: Child,
    _stdin: Option<ChildStdin>,
    notices: Receiver<Value>,
}

impl Running {
    /// With `--json`, so that what it says can be waited for.
    pub fn start(mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, notices) = sync_channel(1024);
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        Running { _stdin: child.stdin.take(), child, notices }
    }

    /// Waits for a notice of this kind, past others.
    pub fn wait_for(&self, kind: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        let mut others = Vec::new();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.notices.recv_timeout(left) {
                Ok(notice) if notice["notice"] == kind => return notice,
                Ok(other) => others.push(other),
                Err(_) => panic!("no `{kind}` among {others:?}"),
            }
        }
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name and waits for the end.
    pub fn signal(mut self, name: &str) -> ExitStatus {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    /// A failed test leaves nothing running.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again until something comes of it.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < until, "never came: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

const LEDGER: &str = r#"{"stream": "account-1", "type": "Deposited", "data": {"amount": 5}}
{"stream": "account-2", "type": "Deposited", "data": {"amount": 7}}
{"stream": "account-1", "type": "Withdrawn", "data": {"amount": 3}}
"#;
