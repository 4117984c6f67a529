//! Faults that pass: what waits, is shown, goes well in the end, and never touches what serves. A real host runs in a
//! process of its own, which runs out of disk, of files, of a free catalogue.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use projectionist::projection::State;
use projectionist::server::{Command as HostCommand, Notice, ProjectionStatus, ReconcileStep, ask, status};
use serde_json::Value;

use crate::stage::{Stage, balances, variant};
use crate::support::plugin_bytes;

const PATIENCE: Duration = Duration::from_secs(120);

/// A host in a process of its own, which survives writing beyond the limit of a file's size.
struct HostProcess {
    child: Child,
    notices: Receiver<Value>,
    seen: Vec<Value>,
}

impl HostProcess {
    fn start(stage: &Stage) -> HostProcess {
        // Its log is already larger than what the tests call a full disk: saying something fails too.
        let path = stage.project.folder.join("host.log");
        std::fs::write(&path, "\n".repeat(1 << 16)).unwrap();
        let log = std::fs::File::options().append(true).open(path).unwrap();
        let mut command = HostProcess::command(stage, "serve --json");
        let mut host = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let lines = BufReader::new(host.stdout.take().unwrap()).lines();
        let (sender, notices) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        let mut host = HostProcess { child: host, notices, seen: Vec::new() };
        host.wait_for("serving");
        host
    }

    /// The program with these arguments, which gets an error where it would get the signal of too large a file.
    fn command(stage: &Stage, arguments: &str) -> Command {
        let program = env!("CARGO_BIN_EXE_projectionist");
        let mut command = Command::new("bash");
        command.arg("-c").arg(format!("trap '' XFSZ; exec '{program}' {arguments}"));
        command.current_dir(&stage.project.folder).stdin(Stdio::null());
        command
    }

    /// Changes a limit of the running process: `--fsize=8192`, `--nofile=30`.
    fn limit(&self, limit: &str) {
        let changed = Command::new("prlimit").args(["--pid", &self.child.id().to_string(), limit]).status().unwrap();
        assert!(changed.success(), "{limit}");
    }

    fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    fn wait_for(&mut self, kind: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let notice = self.notices.recv_timeout(left);
            let notice = notice.unwrap_or_else(|_| panic!("no `{kind}` among {:#?}", self.seen));
            self.seen.push(notice.clone());
            if notice["notice"] == kind {
                return notice;
            }
        }
    }

    fn saw(&mut self, kind: &str) -> bool {
        self.seen.extend(self.notices.try_iter());
        self.seen.iter().any(|notice| notice["notice"] == kind)
    }
}

impl Drop for HostProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A project whose balances serve in a process of their own.
fn serving() -> (Stage, HostProcess) {
    let stage = Stage::new();
    stage.deposit(10);
    stage.drop_plugin("ledger.wasm", &balances(1));
    let mut host = HostProcess::start(&stage);
    host.wait_for("swapped");
    (stage, host)
}

fn of_balances(stage: &Stage) -> ProjectionStatus {
    status(&stage.project).unwrap().projections.into_iter().find(|one| one.name == "balances").unwrap()
}

fn wait_until_it_waits(stage: &Stage) -> ProjectionStatus {
    let started = Instant::now();
    loop {
        let one = of_balances(stage);
        if one.waiting.is_some() {
            return one;
        }
        assert!(started.elapsed() < PATIENCE, "it never waits: {one:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// So small that neither a plugin nor a read model can be written.
const FULL: &str = "--fsize=16384:";
const FREE: &str = "--fsize=unlimited:";

#[test]
fn a_plugin_dropped_while_the_disk_is_full_waits_and_is_built_once_there_is_room() {
    let (stage, mut host) = serving();
    let before = of_balances(&stage);
    host.limit(FULL);
    stage.drop_plugin("ledger.wasm", &balances(2));
    let notice = host.wait_for("waiting");
    assert_eq!(notice["fault"]["retry"], true, "{notice}");
    let one = wait_until_it_waits(&stage);
    assert_eq!((one.hash.as_ref(), one.state), (before.hash.as_ref(), State::Live), "what serves is not touched");
    assert!(!one.waiting.unwrap().reason.is_empty());
    host.limit(FREE);
    host.wait_for("swapped");
    assert_ne!(of_balances(&stage).hash, before.hash);
    assert_eq!(of_balances(&stage).waiting, None);
    stage.deposit(5);
    stage.wait_for_balance(15);
    assert!(!host.saw("parked") && !host.saw("refused"), "{:#?}", host.seen);
}

#[test]
fn what_waits_is_taken_up_at_once_by_the_same_bytes_and_by_a_rebuild() {
    let (stage, mut host) = serving();
    for take_up in ["bytes", "rebuild"] {
        host.limit(FULL);
        let bytes = balances(if take_up == "bytes" { 2 } else { 3 });
        stage.drop_plugin("ledger.wasm", &bytes);
        host.wait_for("waiting");
        // Until it rests longer than what follows takes.
        std::thread::sleep(Duration::from_secs(7));
        host.limit(FREE);
        let started = Instant::now();
        match take_up {
            "bytes" => stage.drop_plugin("ledger.wasm", &bytes),
            _ => _ = ask(&stage.project, &HostCommand::Rebuild { name: "balances".into() }, &mut |_| ()).unwrap(),
        }
        host.wait_for("swapped");
        assert!(started.elapsed() < Duration::from_secs(4), "{take_up}: {:?}", started.elapsed());
    }
}

#[test]
fn what_waits_is_taken_up_by_the_next_host() {
    let (stage, mut host) = serving();
    host.limit(FULL);
    stage.drop_plugin("ledger.wasm", &balances(2));
    host.wait_for("waiting");
    drop(host);
    let mut host = HostProcess::start(&stage);
    assert!(host.wait_for("swapped")["replaced"].is_string());
}

#[test]
fn too_many_open_files_pass() {
    let (stage, mut host) = serving();
    let before = of_balances(&stage);
    // What is open stays open; nothing more can be opened.
    host.limit(&format!("--nofile={}:", host.open_files() - 2));
    stage.drop_plugin("ledger.wasm", &balances(2));
    host.wait_for("waiting");
    let one = wait_until_it_waits(&stage);
    assert_eq!((one.hash.as_ref(), one.state), (before.hash.as_ref(), State::Live));
    host.limit("--nofile=1024:");
    host.wait_for("swapped");
    stage.deposit(5);
    stage.wait_for_balance(15);
    assert!(!host.saw("parked") && !host.saw("refused"), "{:#?}", host.seen);
}

#[test]
fn a_catalogue_that_is_busy_at_the_swap_does_not_throw_the_build_away() {
    let stage = Stage::new();
    (0..40).for_each(|_| stage.steer("burn"));
    let mut show = stage.show();
    stage.drop_plugin("misbehaving.wasm", &plugin_bytes("misbehaving"));
    show.swapped();
    stage.drop_plugin("misbehaving.wasm", &variant("misbehaving", 1));
    show.until("building", |notice| matches!(notice, Notice::Building { .. }).then_some(()));
    let other = rusqlite::Connection::open(stage.project.data.join("catalogue.sqlite")).unwrap();
    other.busy_timeout(PATIENCE).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    show.until("waiting for the swap", |notice| {
        matches!(notice, Notice::Waiting { step: ReconcileStep::Swap, .. }).then_some(())
    });
    assert_eq!(stage.try_number("misbehaving", "SELECT count(*) FROM steps"), Some(40), "the old one serves");
    other.execute_batch("ROLLBACK").unwrap();
    show.swapped();
    let built = show.seen.iter().filter(|notice| matches!(notice, Notice::Building { .. })).count();
    assert_eq!(built, 2, "it was not built again");
    assert!(!show.saw(|notice| matches!(notice, Notice::Refused { .. } | Notice::Parked { .. })));
}

#[test]
fn a_project_that_cannot_be_finished_in_time_says_what_is_left() {
    let stage = Stage::new();
    stage.deposit(10);
    stage.drop_plugin("ledger.wasm", &balances(1));
    let project = |limit: &str, timeout: &str| {
        let mut command = HostProcess::command(&stage, &format!("project --timeout {timeout}"));
        let inner = command.get_args().last().unwrap().to_owned().into_string().unwrap();
        let mut limited = Command::new("bash");
        limited.arg("-c").arg(format!("{limit}; {inner}")).current_dir(&stage.project.folder).stdin(Stdio::null());
        command = limited;
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    // In blocks of 1,024 bytes. The status file, which has its size from the beginning, still fits.
    let (code, told) = project("ulimit -S -f 70", "3s");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("left to be done") && told.contains("balances: waiting"), "{told}");
    let (code, told) = project("true", "100s");
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(stage.balance(), Some(10));
    let (code, told) = project("true", "0s");
    assert_eq!(code, Some(2), "{told}");
}

#[test]
fn a_file_that_may_not_be_read_yet_is_waited_for() {
    let stage = Stage::new();
    stage.deposit(10);
    drop(status(&stage.project));
    let Some(mut host) = host_of_another_user(&stage) else { return };
    stage.drop_plugin("new.part", &balances(1));
    set_mode(&stage.plugin("new.part"), "000");
    std::fs::rename(stage.plugin("new.part"), stage.plugin("new.wasm")).unwrap();
    let notice = host.wait_for("waiting");
    assert_eq!(notice["file"], "new.wasm", "{notice}");
    let file = status(&stage.project).unwrap().files.remove(0);
    assert!(file.waiting.as_ref().is_some_and(|reason| reason.contains("denied")) && file.hint.is_some(), "{file:?}");
    set_mode(&stage.plugin("new.wasm"), "644");
    host.wait_for("swapped");
    assert!(status(&stage.project).unwrap().files.is_empty());
}

fn set_mode(path: &std::path::Path, mode: &str) {
    assert!(Command::new("chmod").args(["-R", mode]).arg(path).status().unwrap().success());
}

/// A host of a user who may not read everything: the superuser runs it as nobody. Without that a file without
/// permissions is unreadable for this user as well.
fn host_of_another_user(stage: &Stage) -> Option<HostProcess> {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout != b"0\n" {
        return Some(HostProcess::start(stage));
    }
    let program = stage.project.folder.join("projectionist");
    std::fs::copy(env!("CARGO_BIN_EXE_projectionist"), &program).unwrap();
    set_mode(&stage.project.folder, "a+rwX");
    let mut child = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .args(["serve", "--json"])
        .current_dir(&stage.project.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (sender, notices) = channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let _ = sender.send(serde_json::from_str(&line).unwrap());
        }
    });
    let mut host = HostProcess { child, notices, seen: Vec::new() };
    host.wait_for("serving");
    Some(host)
}

#[test]
fn an_idle_host_sleeps() {
    let (stage, host) = serving();
    let switches = || -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", host.child.id())).unwrap();
        let status = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("status")).ok());
        status
            .filter_map(|text| {
                text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse::<u64>().ok())
            })
            .sum()
    };
    std::thread::sleep(Duration::from_secs(5)); // until the plugin is optimised and everything has come to rest
    let before = switches();
    std::thread::sleep(Duration::from_secs(5));
    let woken = switches() - before;
    assert!(woken < 5 * 40, "it woke up {woken} times in 5 seconds");
    // And it wakes up at once.
    stage.deposit(1);
    stage.wait_for_balance(11);
}
