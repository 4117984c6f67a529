//! The **peers**: contenders in other languages, each a script beside the benchmark. They get the same events, made
//! again from the seed and piped into them, and print what they measured.

use std::collections::BTreeSet;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::contender::{Contender, Job};
use super::measure::Measured;
use super::tools::{self, Postgres, done, peers, text};
use super::transfers::{self, Form};

pub struct Peers {
    /// Where tools are installed.
    cache: PathBuf,
    postgres: Option<Postgres>,
    /// For whom the events of a job were recorded already.
    prepared: BTreeSet<(&'static str, u64, u64)>,
}

impl Peers {
    pub fn new(cache: &Path) -> Peers {
        Peers { cache: cache.to_owned(), postgres: None, prepared: BTreeSet::new() }
    }

    pub fn run(&mut self, job: &Job) -> Measured {
        match job.contender {
            Contender::DuckdbParquet => self.duck(job, "parquet"),
            Contender::DuckdbTable => self.duck(job, "table"),
            Contender::EventsourcingMemory => {
                let python = tools::python(&self.cache);
                piped(Command::new(python).arg(peers().join("accounts.py")).args(["run", "memory"]), Form::Jsonl, job)
            }
            Contender::Eventsourcing => {
                let python = tools::python(&self.cache);
                let script = peers().join("accounts.py");
                if self.is_new("eventsourcing", job) {
                    self.postgres().fresh("bank");
                    pipe(self.in_postgres(&python).arg(&script).arg("record"), Form::Jsonl, job);
                }
                self.postgres().fresh("view");
                measured(self.in_postgres(&python).arg(&script).args(["run", "postgres"]))
            }
            Contender::Emmett => {
                let script = tools::node(&self.cache).join("emmett.mjs");
                if self.is_new("emmett", job) {
                    self.postgres().fresh("emmett");
                    pipe(self.in_postgres("node".as_ref()).arg(&script).arg("record"), Form::Jsonl, job);
                }
                measured(self.in_postgres("node".as_ref()).arg(&script).arg("run"))
            }
            ours => unreachable!("{ours:?} is no peer"),
        }
    }

    /// The versions of what was used.
    pub fn versions(&self) -> Vec<String> {
        let mut versions = Vec::new();
        if self.cache.join("python").exists() {
            let python = self.cache.join("python/bin/python");
            versions.push(text(&done(Command::new(&python).arg("--version"))));
            let wanted = std::fs::read_to_string(peers().join("requirements.txt")).expect("the requirements");
            versions.extend(wanted.lines().map(|line| line.replace("==", " ")));
        }
        if self.prepared.iter().any(|(whose, ..)| *whose == "emmett") {
            versions.push(format!("Node.js {}", text(&done(Command::new("node").arg("--version")))));
            versions.push("Emmett 0.42.0".to_owned());
        }
        versions.extend(self.postgres.as_ref().map(Postgres::version));
        versions
    }

    fn duck(&mut self, job: &Job, kind: &str) -> Measured {
        let (python, script) = (tools::python(&self.cache), peers().join("duck.py"));
        if !job.folder.join("log.parquet").exists() {
            let _ = std::fs::remove_file(job.folder.join("log.duckdb"));
            pipe(Command::new(&python).arg(&script).arg("prepare").arg(&job.folder), Form::Tsv, job);
        }
        let mut command = pinned(&python, job.threads);
        let command = command.arg(&script).args(["run", &job.workload.name(), kind, &job.threads.to_string()]);
        measured(command.arg(&job.folder))
    }

    fn is_new(&mut self, whose: &'static str, job: &Job) -> bool {
        let is_new = !self.prepared.contains(&(whose, job.events, job.limit));
        self.prepared.retain(|(other, ..)| *other != whose);
        self.prepared.insert((whose, job.events, job.limit));
        is_new
    }

    fn postgres(&mut self) -> &Postgres {
        self.postgres.get_or_insert_with(Postgres::start)
    }

    fn in_postgres(&mut self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("PGHOST", "127.0.0.1").env("PGPORT", self.postgres().port.to_string());
        command
    }
}

/// A program, on one core when it gets one thread.
pub fn pinned(program: &Path, threads: usize) -> Command {
    if threads > 1 {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program);
    command
}

/// Runs a contender and reads what it prints.
pub fn measured(command: &mut Command) -> Measured {
    let printed = text(&done(command));
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{command:?}: {error}: {printed}"))
}

/// Runs a contender with a job's events on its standard input, and reads what it prints.
fn piped(command: &mut Command, form: Form, job: &Job) -> Measured {
    let printed = pipe(command, form, job);
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{command:?}: {error}: {printed}"))
}

fn pipe(command: &mut Command, form: Form, job: &Job) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut out = BufWriter::with_capacity(1 << 16, child.stdin.take().expect("piped"));
    let written = transfers::write(&mut out, form, job.events, job.limit);
    drop(out);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success() && written.is_ok(), "{command:?}: {}", output.status);
    text(&output)
}
