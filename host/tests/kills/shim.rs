//! The **shim**: `shim.c`, compiled once and preloaded into the program.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// What is done to a run of the program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Harm {
    /// It is killed before this call.
    Kill(u64),
    /// It is killed in the middle of it.
    Tear(u64),
    /// From this call on the disk is full.
    Full(u64),
}

/// The library, made by the C compiler that also makes SQLite.
fn library() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kills/shim.c");
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kills-shim.so");
        let cc = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let status =
            Command::new(cc).args(["-shared", "-fPIC", "-O1", "-o"]).arg(&made).arg(source).arg("-ldl").status();
        assert!(status.expect("a C compiler").success(), "the shim does not compile");
        made
    })
}

fn program(project: &Path, arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_projectionist"));
    program.arg("--project").arg(project).args(arguments).stdin(Stdio::null());
    program
}

/// Makes a folder a project.
pub fn init(project: &Path) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_projectionist")).arg("init").arg(project).output().expect("the program");
    assert!(output.status.success(), "init: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs a command, which must succeed.
pub fn run(project: &Path, arguments: &[&str]) {
    let output = program(project, arguments).output().expect("the program");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs a command; how many calls it makes that change files.
pub fn count(project: &Path, arguments: &[&str]) -> u64 {
    let counts = project.join("counts");
    let mut program = program(project, arguments);
    program.env("LD_PRELOAD", library()).env("KILLS_COUNT", &counts);
    let output = program.output().expect("the program");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(&counts).expect("the shim counts");
    std::fs::remove_file(&counts).expect("the counts");
    text.lines().map(|line| line.parse::<u64>().expect("a number")).sum()
}

/// Runs a command and harms it; whether it was killed.
pub fn harm(project: &Path, arguments: &[&str], harm: Harm) -> bool {
    let mut program = program(project, arguments);
    program.env("LD_PRELOAD", library());
    match harm {
        Harm::Kill(at) => program.env("KILLS_AT", at.to_string()),
        Harm::Tear(at) => program.env("KILLS_AT", at.to_string()).env("KILLS_TORN", "1"),
        Harm::Full(at) => program.env("KILLS_AT", at.to_string()).env("KILLS_ERRNO", ENOSPC),
    };
    // It would wait for room, and here there will never be any.
    if matches!(harm, Harm::Full(_)) && arguments == ["project"] {
        program.args(["--timeout", "1s"]);
    }
    let output: Output = program.output().expect("the program");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("panicked"), "{arguments:?} with {harm:?}: {said}");
    match output.status.signal() {
        Some(9) => true,
        Some(signal) => panic!("{arguments:?} with {harm:?} ended by signal {signal}: {said}"),
        None => false,
    }
}

const ENOSPC: &str = "28";
