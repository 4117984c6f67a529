//! Several processes on one store, and processes that die.
//!
//! The child processes are this test program again, told by the environment what to be.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use projectionist::event::{ExpectedVersion, Position};
use projectionist::event_store::EventStore;
use projectionist::event_store::sqlite::SqliteStore;

use crate::{event, scan, store, whole};

const ROLE: &str = "PROJECTIONIST_TEST_STORE";

/// Not a test of its own: what the children run. Appends to `stream-NAME` and to `shared`, and says each position
/// once it is acknowledged, until it has said `count` or dies.
#[test]
fn child_appends() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (count, rest) = role.split_once(' ').unwrap();
    let (name, path) = rest.split_once(' ').unwrap();
    let store = SqliteStore::open(path).unwrap();
    for n in 0..count.parse::<u64>().unwrap() {
        let stream = if n % 2 == 0 { "shared".to_owned() } else { format!("stream-{name}") };
        let recorded = store.append(&stream, ExpectedVersion::Any, &[event("A", &format!("\"{name} {n}\""))]).unwrap();
        println!("acknowledged {} {name} {n}", recorded[0].position);
    }
}

fn child(count: u64, name: &str, path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::child_appends", "--nocapture", "--test-threads=1"])
        .env(ROLE, format!("{count} {name} {}", path.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn two_processes_appending_leave_no_gaps() {
    let (_folder, store) = store();
    let children: Vec<Child> = ["a", "b", "c"].map(|name| child(150, name, store.path())).into();
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let seen = scan(&store, &whole());
    assert_eq!(seen.iter().map(|e| e.position).collect::<Vec<_>>(), (1..=450).collect::<Vec<_>>());
    for stream in ["shared", "stream-a", "stream-b", "stream-c"] {
        let versions: Vec<u64> = seen.iter().filter(|e| e.stream == stream).map(|e| e.stream_version).collect();
        assert_eq!(versions, (1..=if stream == "shared" { 225 } else { 75 }).collect::<Vec<_>>());
    }
    let interleaved = seen.windows(2).filter(|w| w[0].data.as_bytes()[1] != w[1].data.as_bytes()[1]).count();
    assert!(interleaved > 2, "they did write at the same time");
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let (_folder, store) = store();
    let mut acknowledged = Vec::new();
    for round in 0..8 {
        let mut child = child(u64::MAX, &format!("r{round}"), store.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut take = |line: std::io::Result<String>| {
            let line = line.unwrap_or_default();
            // The last line may be cut off.
            if let Some((_, said)) = line.split_once("acknowledged ")
                && let [position, name, n] = said.split(' ').collect::<Vec<_>>()[..]
                && let Ok(position) = position.parse::<u64>()
            {
                acknowledged.push((position, format!("\"{name} {n}")));
            }
        };
        (0..20 + 13 * round).for_each(|_| take(lines.next().unwrap()));
        child.kill().unwrap();
        child.wait().unwrap();
        lines.for_each(take);
    }
    let seen = scan(&store, &whole());
    assert_eq!(seen.iter().map(|e| e.position).collect::<Vec<_>>(), (1..=seen.len() as u64).collect::<Vec<_>>());
    assert!(acknowledged.len() > 200);
    for (position, data) in acknowledged {
        assert!(seen[position as usize - 1].data.starts_with(&data), "{position} {data}");
    }
}

#[test]
fn a_follower_hears_of_another_process_within_milliseconds() {
    let (_folder, store) = store();
    let mut follower = store.follower().unwrap();
    assert_eq!(follower.wait(Position(0), Duration::ZERO).unwrap(), Position(0));
    let mut child = child(30, "a", store.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut late = Vec::new();
    while let Some(Ok(line)) = lines.next() {
        let Some((_, said)) = line.split_once("acknowledged ") else { continue };
        let position: u64 = said.split(' ').next().unwrap().parse().unwrap();
        let start = Instant::now();
        let head = follower.wait(Position(position - 1), Duration::from_secs(10)).unwrap();
        late.push(start.elapsed());
        assert!(head.0 >= position);
    }
    assert!(child.wait().unwrap().success());
    late.sort();
    assert!(late[late.len() / 2] < Duration::from_millis(20), "{late:?}");
}
