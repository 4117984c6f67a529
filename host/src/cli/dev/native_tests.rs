//! The crate's own **tests**, run natively: built with a profile of their own, and read from what `cargo test` prints.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use serde::Serialize;

use crate::cli::cargo::{Package, ProcessGroup, TargetFolder, test_settings};
use crate::event::{Fault, Result};

/// Of a failed test no more lines are kept.
const LINES_A_FAILURE: usize = 8;

/// Tests that run. They are stopped when this is dropped.
pub(super) struct NativeTests {
    process: Arc<ProcessGroup>,
}

/// What came of the tests.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct TestRun {
    /// How many passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// Those that failed, with what they said.
    pub failures: Vec<Failure>,
    /// Why they could not be run: errors of the compiler or of cargo.
    pub errors: Vec<String>,
    /// How long building and running them took, in milliseconds.
    pub ms: f64,
}

/// A test that failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Failure {
    /// Its name.
    pub name: String,
    /// What it said, line by line.
    pub said: Vec<String>,
}

impl NativeTests {
    /// Starts them. `tell` is called once, on another thread.
    pub fn start(
        package: &Package,
        target: &TargetFolder,
        temporary: &Path,
        tell: impl FnOnce(TestRun) + Send + 'static,
    ) -> Result<NativeTests> {
        let started = Instant::now();
        let mut command = Command::new("cargo");
        command
            .args(["test", "--message-format=short"])
            .args(test_settings())
            .arg("--target-dir")
            .arg(&target.path)
            .arg("--manifest-path")
            .arg(&package.manifest)
            .current_dir(&package.folder)
            .env("CARGO_TERM_COLOR", "never")
            .env("TMPDIR", temporary);
        let start = |error| Fault::storage("starting `cargo test`", error);
        let (process, out, mut err) = ProcessGroup::start(&mut command).map_err(start)?;
        let process = Arc::new(process);
        let talk = thread::Builder::new().name("tests-talk".into()).spawn(move || {
            let mut talk = Vec::new();
            let _ = err.read_to_end(&mut talk);
            String::from_utf8_lossy(&talk).into_owned()
        });
        let talk = talk.map_err(start)?;
        let running = process.clone();
        let reader = move || {
            let mut run = read(BufReader::new(out));
            let talk = talk.join().unwrap_or_default();
            let succeeded = running.wait().is_ok_and(|status| status.success());
            if !succeeded && run.failed == 0 {
                run.errors = errors(&talk);
            }
            run.ms = started.elapsed().as_secs_f64() * 1_000.0;
            tell(run);
        };
        thread::Builder::new().name("tests".into()).spawn(reader).map_err(start)?;
        Ok(NativeTests { process })
    }
}

impl Drop for NativeTests {
    fn drop(&mut self) {
        self.process.stop();
    }
}

/// Reads what Rust's test harness prints, of as many test programs as there are.
fn read(out: impl BufRead) -> TestRun {
    let mut run = TestRun::default();
    let mut saying: Option<Failure> = None;
    for line in out.lines().map_while(std::io::Result::ok) {
        if let Some(result) = line.strip_prefix("test result: ") {
            let count = |what: &str| {
                let before = result.split(what).next().filter(|before| before.len() < result.len())?;
                before.split_whitespace().last()?.parse::<usize>().ok()
            };
            run.passed += count(" passed").unwrap_or(0);
            run.failed += count(" failed").unwrap_or(0);
        }
        if let Some(name) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
            run.failures.extend(saying.replace(Failure { name: name.to_owned(), said: Vec::new() }));
        } else if line == "failures:" {
            run.failures.extend(saying.take());
        } else if let Some(failure) = &mut saying {
            let is_noise = line.trim().is_empty() || line.starts_with("note: run with `RUST_BACKTRACE");
            if !is_noise && failure.said.len() < LINES_A_FAILURE {
                failure.said.push(line);
            }
        }
    }
    run.failures.extend(saying);
    run
}

/// The errors among what cargo and the compiler said.
fn errors(talk: &str) -> Vec<String> {
    let sums_up = |line: &&str| !line.starts_with("error: could not compile") && !line.contains("aborting due to");
    let all = talk.lines().filter(|line| line.contains("error")).filter(sums_up);
    let found: Vec<String> = all.map(|line| line.trim().to_owned()).collect();
    if !found.is_empty() {
        return found;
    }
    // Whatever stopped it said last why.
    let last = talk.lines().rev().map(str::trim).find(|line| !line.is_empty());
    vec![last.unwrap_or("`cargo test` ended without a word").to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_summed_and_failures_keep_what_they_said() {
        let out = "running 2 tests\ntest tests::a ... ok\ntest tests::b ... FAILED\n\nfailures:\n\n\
            ---- tests::b stdout ----\n\nthread 'tests::b' panicked at src/lib.rs:55:9:\nrows differ\n\
            note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n\n\n\
            failures:\n    tests::b\n\ntest result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured\n\n\
            running 3 tests\ntest result: ok. 3 passed; 0 failed; 0 ignored\n";
        let run = read(out.as_bytes());
        assert_eq!((run.passed, run.failed), (4, 1));
        assert_eq!(run.failures.len(), 1);
        assert_eq!(run.failures[0].name, "tests::b");
        assert_eq!(run.failures[0].said, ["thread 'tests::b' panicked at src/lib.rs:55:9:", "rows differ"]);
    }

    #[test]
    fn what_does_not_compile_says_where() {
        let talk = "   Compiling a v0.1.0\nsrc/lib.rs:3:5: error[E0308]: mismatched types\n\
            error: could not compile `a` (lib test) due to 1 previous error\n";
        assert_eq!(errors(talk), ["src/lib.rs:3:5: error[E0308]: mismatched types"]);
        assert_eq!(errors("   Compiling a\nKilled\n\n"), ["Killed"]);
    }
}
