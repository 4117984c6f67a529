//! A real process is killed while it builds, commits, swaps and prunes. Afterwards the generation serving is one
//! that was whole, with the rows of exactly its checkpoint, and never older than the last swap that was reported.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use projectionist::event::{Position, Range, Timestamp};
use projectionist::read_model::{BuildStatistics, Catalogue, Generation, HostLock, Identity, Writer};

use crate::tables::*;

const FOLDER: &str = "READ_MODEL_CRASH_FOLDER";
const ROWS: u64 = 40;
const KEEP: usize = 1;

/// Which rows generation `plugin_version` holds at a checkpoint: what an undisturbed run would have committed.
fn expected(version: u32, checkpoint: Position) -> Vec<String> {
    (0..ROWS.min(checkpoint.0))
        .map(|number| {
            let last = (1..=checkpoint.0).rfind(|position| position % ROWS == number).unwrap_or(0);
            format!(r#"{{"account":"account-{number:02}","balance":{},"note":null}}"#, last * u64::from(version))
        })
        .collect()
}

/// Position `p` sets the balance of account `p % ROWS` to `p` times the generation's version. The first commit
/// covers each account once.
fn commit(generation: &mut Generation, version: u32, through: u64) {
    let after = generation.checkpoint().0;
    let rows: Vec<_> = (after.max(through.saturating_sub(ROWS)) + 1..=through)
        .map(|p| account(&format!("account-{:02}", p % ROWS), (p * u64::from(version)) as i64))
        .collect();
    let range = Range { after: Position(after), through: Position(through) };
    generation.commit_changes(&[changes(ACCOUNTS, &rows, &[])], range).unwrap();
}

/// The process that is killed. Reports each step on a line of its own.
#[test]
#[ignore = "runs as the victim of the test below"]
fn victim() {
    let folder = std::env::var_os(FOLDER).expect("started by the test below");
    let _lock = HostLock::take(Path::new(&folder)).unwrap();
    let catalogue = Catalogue::open(Path::new(&folder)).unwrap();
    catalogue.repair().unwrap();
    for version in 1.. {
        let plugin = format!("plugin {version}");
        let identity = Identity { plugin_version: version, ..identity_of(plugin.as_bytes()) };
        let record = catalogue.begin(&identity, &manifest(), plugin.as_bytes()).unwrap();
        println!("step begun");
        let path = catalogue.generation_path("fixture", record.id);
        let mut generation = Generation::create(&path, &identity, &manifest()).unwrap();
        println!("step created");
        commit(&mut generation, version, 100);
        println!("step filled");
        generation.finish().unwrap();
        println!("step finished");
        commit(&mut generation, version, 110);
        println!("step caught-up");
        let statistics = BuildStatistics { checkpoint: generation.checkpoint(), ..BuildStatistics::default() };
        catalogue.ready(record.id, &statistics, Timestamp(0)).unwrap();
        println!("step ready");
        catalogue.swap("fixture", record.id).unwrap();
        println!("swapped {}", record.id);
        catalogue.prune("fixture", KEEP).unwrap();
        println!("step pruned");
        for step in 111..116 {
            commit(&mut generation, version, step);
            println!("committed {} {step}", record.id);
        }
    }
}

/// What the victim had reported when it died.
#[derive(Default)]
struct Reported {
    swapped: Option<i64>,
    committed: Option<(i64, u64)>,
}

fn run_and_kill(folder: &Path, lines: usize, moment: Duration) -> Reported {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::victim", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut reported = Reported::default();
    let mut seen = 0;
    for line in BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap) {
        // The test harness starts the first line: `test crash::victim ... step begun`.
        let words: Vec<_> = line.split_whitespace().collect();
        let number = |back: usize| words[words.len() - back].parse::<u64>().unwrap();
        if words.contains(&"swapped") {
            reported.swapped = Some(number(1) as i64);
        } else if words.contains(&"committed") {
            reported.committed = Some((number(2) as i64, number(1)));
        } else if !words.contains(&"step") {
            continue;
        }
        seen += 1;
        if seen == lines {
            std::thread::sleep(moment);
            victim.kill().unwrap();
        }
    }
    assert!(seen >= lines, "the victim died by itself");
    assert!(!victim.wait().unwrap().success());
    reported
}

#[test]
fn killed_at_any_moment_the_old_or_the_new_generation_serves() {
    let folder = tempfile::tempdir().unwrap();
    let mut served_before = 0;
    for (round, lines) in (1..=30).enumerate() {
        // A step takes from microseconds to some milliseconds; the kill falls after its start, anywhere.
        let moment = Duration::from_micros([0, 150, 400, 900, 1800, 3600][round % 6]);
        let reported = run_and_kill(folder.path(), lines, moment);

        let _lock = HostLock::take(folder.path()).expect("the lock died with the process");
        let catalogue = Catalogue::open(folder.path()).unwrap();
        catalogue.repair().unwrap();
        assert!(catalogue.repair().unwrap().is_empty(), "one repair is enough");
        let all = catalogue.generations("fixture").unwrap();
        for record in &all {
            // SegmentBuilder that is called ready can serve: its rows are those of its checkpoint.
            let generation = Generation::open(&catalogue.generation_path("fixture", record.id)).unwrap();
            let rows = generation.rows_as_json("accounts").unwrap();
            assert_eq!(rows, expected(record.identity.plugin_version, generation.checkpoint()));
            assert!(generation.checkpoint() >= record.statistics.checkpoint);
            if let Some((_, step)) = reported.committed.filter(|(id, _)| *id == record.id.0) {
                assert!(generation.checkpoint().0 >= step, "a commit that was reported is there");
            }
            catalogue.plugin(&record.identity.plugin_hash).unwrap();
        }
        let serving = catalogue.serving("fixture").unwrap();
        let id = serving.as_ref().map_or(0, |serving| serving.id.0);
        assert!(id >= served_before && id >= reported.swapped.unwrap_or(0), "swaps are not taken back");
        // The first rounds die before they prune, how many depends on how slow the machine is.
        assert!(all.len() <= if lines < 9 { lines } else { KEEP + 2 }, "{} generations", all.len());
        if let Some(serving) = serving {
            let target = std::fs::read_link(catalogue.current_path("fixture")).unwrap();
            assert_eq!(target.to_str().unwrap(), format!("{}.sqlite", serving.id));
        }
        served_before = id;
    }
    assert!(served_before > 0);
}
