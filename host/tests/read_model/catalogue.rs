//! The catalogue: which generations there are, which one serves, and what other processes ask for.

use std::fs;
use std::path::Path;
use std::time::Duration;

use projectionist::event::{FaultKind, Position, Timestamp};
use projectionist::read_model::{
    Answered, BuildStatistics, Catalogue, DesiredState, Generation, GenerationId, GenerationState, Writer,
};

use crate::tables::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

fn build(catalogue: &Catalogue, plugin: &[u8], rows: &[Row]) -> GenerationId {
    let record = catalogue.begin(&identity_of(plugin), &manifest(), plugin).unwrap();
    let path = catalogue.generation_path("fixture", record.id);
    let mut generation = Generation::create(&path, &record.identity, &manifest()).unwrap();
    generation.commit_changes(&[changes(ACCOUNTS, rows, &[])], range(0, 10)).unwrap();
    generation.finish().unwrap();
    let statistics = BuildStatistics { checkpoint: Position(10), events: 10, rows: rows.len() as u64, replay_ms: 1.5 };
    catalogue.ready(record.id, &statistics, NOW).unwrap();
    record.id
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = entries.filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm")).collect();
    names.sort();
    names
}

#[test]
fn a_generation_is_begun_ready_and_serves() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::open(folder.path()).unwrap();
    assert!(catalogue.projections().unwrap().is_empty());
    let id = build(&catalogue, PLUGIN, &[account("a", 1)]);
    let record = catalogue.generation(id).unwrap();
    assert_eq!((record.identity, record.state, record.ready_at), (identity(), GenerationState::Ready, Some(NOW)));
    assert_eq!((record.statistics.rows, record.statistics.replay_ms), (1, 1.5));
    assert_eq!(serde_json::from_str::<projectionist::event::Manifest>(&record.manifest).unwrap(), manifest());
    assert_eq!(catalogue.serving("fixture").unwrap(), None);

    assert_eq!(catalogue.swap("fixture", id).unwrap().previous, None);
    assert_eq!(catalogue.serving("fixture").unwrap().unwrap().id, id);
    let current = catalogue.current_path("fixture");
    assert_eq!(fs::read_link(&current).unwrap(), Path::new("1.sqlite"));
    assert_eq!(Generation::open(&current).unwrap().row_counts().unwrap()[0].1, 1);
    assert_eq!(catalogue.plugin(&identity().plugin_hash).unwrap(), PLUGIN);

    assert_eq!(catalogue.find_ready("fixture", &identity().plugin_hash, "{}").unwrap().unwrap().id, id);
    assert_eq!(catalogue.find_ready("fixture", &identity().plugin_hash, r#"{"a":1}"#).unwrap(), None);
    // Another process sees the same.
    assert_eq!(Catalogue::open(folder.path()).unwrap().projection("fixture").unwrap().unwrap().serving, Some(id));
}

#[test]
fn rollback_goes_to_the_older_one_and_says_when_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::open(folder.path()).unwrap();
    assert_eq!(catalogue.rollback("fixture").unwrap_err().message, "there is no projection `fixture`");
    let first = build(&catalogue, b"one", &[]);
    assert!(catalogue.rollback("fixture").unwrap_err().message.contains("nothing serves yet"));
    catalogue.swap("fixture", first).unwrap();
    let none = catalogue.rollback("fixture").unwrap_err();
    assert_eq!((none.kind, none.hint.is_some()), (FaultKind::Input, true));

    let second = build(&catalogue, b"two", &[]);
    assert_eq!(catalogue.swap("fixture", second).unwrap().previous, Some(first));
    assert_eq!(catalogue.generation(second).unwrap().replaced, Some(first));
    let (from, to) = catalogue.rollback("fixture").unwrap();
    assert_eq!((from.id, to.id), (second, first));
    let projection = catalogue.projection("fixture").unwrap().unwrap();
    assert_eq!((projection.serving, projection.rolled_back_from), (Some(first), Some(from.identity.plugin_hash)));
    assert_eq!(fs::read_link(catalogue.current_path("fixture")).unwrap(), Path::new("1.sqlite"));
    // And forward again.
    catalogue.swap("fixture", second).unwrap();
    assert_eq!(catalogue.projection("fixture").unwrap().unwrap().rolled_back_from, None);
}

#[test]
fn what_serves_or_is_not_ready_is_protected() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::open(folder.path()).unwrap();
    let building = catalogue.begin(&identity(), &manifest(), PLUGIN).unwrap().id;
    assert!(catalogue.swap("fixture", building).is_err());
    assert!(catalogue.swap("other", building).is_err());
    assert!(catalogue.swap("fixture", GenerationId(99)).is_err());
    let serving = build(&catalogue, PLUGIN, &[]);
    catalogue.swap("fixture", serving).unwrap();
    assert!(catalogue.discard(serving).unwrap_err().message.contains("serves and stays"));
    catalogue.discard(building).unwrap();
    catalogue.discard(building).unwrap(); // gone is gone
    assert!(catalogue.begin(&identity(), &manifest(), b"other bytes").is_err());
    assert_eq!(catalogue.generations("fixture").unwrap().len(), 1);
}

#[test]
fn prune_keeps_the_serving_one_and_the_newest_others() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::open(folder.path()).unwrap();
    let ids: Vec<_> = [&b"1"[..], b"2", b"3", b"4"].map(|plugin| build(&catalogue, plugin, &[])).to_vec();
    catalogue.swap("fixture", ids[1]).unwrap();
    assert_eq!(catalogue.prune("fixture", 1).unwrap(), [ids[0], ids[2]]);
    assert_eq!(names(&folder.path().join("read-models/fixture")), ["2.sqlite", "4.sqlite", "current.sqlite"]);
    assert_eq!(names(&folder.path().join("plugins")).len(), 2);
    assert!(catalogue.plugin(&identity_of(b"1").plugin_hash).is_err());
    assert_eq!(catalogue.prune("fixture", 1).unwrap(), []);
    // Numbers are not used again.
    assert_eq!(build(&catalogue, b"5", &[]), GenerationId(5));
}

#[test]
fn repair_makes_files_agree_with_the_catalogue() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::open(folder.path()).unwrap();
    assert!(catalogue.repair().unwrap().is_empty());
    let serving = build(&catalogue, b"serving", &[account("a", 1)]);
    let lost = build(&catalogue, b"lost", &[]);
    catalogue.swap("fixture", serving).unwrap();
    let unfinished = catalogue.begin(&identity(), &manifest(), PLUGIN).unwrap().id;
    let path = catalogue.generation_path("fixture", unfinished);
    drop(Generation::create(&path, &identity(), &manifest()).unwrap());
    let models = folder.path().join("read-models/fixture");
    fs::remove_file(catalogue.generation_path("fixture", lost)).unwrap();
    fs::remove_file(catalogue.current_path("fixture")).unwrap();
    for stray in ["77.sqlite", "77.sqlite-wal", ".current-123", "mine.sqlite", "notes.txt"] {
        fs::write(models.join(stray), "x").unwrap();
    }
    fs::write(folder.path().join("plugins/.new-half"), "x").unwrap();

    let repairs = catalogue.repair().unwrap();
    assert_eq!(repairs.unfinished, [("fixture".to_owned(), unfinished)]);
    assert_eq!(repairs.lost, [("fixture".to_owned(), lost)]);
    assert_eq!((repairs.links, repairs.strays), (1, 3 + 3)); // three files; half a plugin and two unneeded ones
    assert_eq!(names(&models), ["1.sqlite", "current.sqlite", "mine.sqlite", "notes.txt"]);
    assert_eq!(Generation::open(&catalogue.current_path("fixture")).unwrap().row_counts().unwrap()[0].1, 1);
    assert!(catalogue.repair().unwrap().is_empty());

    // When what served is gone, nothing serves, and nothing pretends to.
    fs::remove_file(catalogue.generation_path("fixture", serving)).unwrap();
    catalogue.repair().unwrap();
    assert_eq!(catalogue.serving("fixture").unwrap(), None);
    assert!(!catalogue.current_path("fixture").is_symlink());
}

#[test]
fn a_damaged_plugin_is_not_handed_out() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::open(folder.path()).unwrap();
    build(&catalogue, PLUGIN, &[]);
    let hash = identity().plugin_hash;
    fs::write(folder.path().join(format!("plugins/{hash}.wasm")), "broken").unwrap();
    assert!(catalogue.plugin(&hash).unwrap_err().message.ends_with("is damaged"));
    assert!(catalogue.plugin("../../etc/passwd").unwrap_err().message.contains("no plugin hash"));
}

#[test]
fn what_is_wanted_and_published_is_seen_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let (host, other) = (Catalogue::open(folder.path()).unwrap(), Catalogue::open(folder.path()).unwrap());
    assert!(other.set_desired_state("fixture", DesiredState::Paused).is_err());
    host.set_file("fixture", Some("fixture.wasm"), Some("abc")).unwrap();
    host.publish_state("fixture", r#"{"state":"live"}"#).unwrap();
    host.publish_state("nobody", "{}").unwrap();
    let seen = other.projection("fixture").unwrap().unwrap();
    assert_eq!((seen.plugin_file.as_deref(), seen.file_hash.as_deref()), (Some("fixture.wasm"), Some("abc")));
    assert_eq!((seen.state.as_deref(), seen.desired_state), (Some(r#"{"state":"live"}"#), DesiredState::Running));
    other.set_desired_state("fixture", DesiredState::Paused).unwrap();
    host.set_file("fixture", None, None).unwrap();
    let seen = host.projection("fixture").unwrap().unwrap();
    assert_eq!((seen.plugin_file, seen.desired_state), (None, DesiredState::Paused));
    assert_eq!(host.projections().unwrap().len(), 1);
}

#[test]
fn requests_reach_the_host_once_and_answers_come_back() {
    const LONG: Duration = Duration::from_secs(10);
    let folder = tempfile::tempdir().unwrap();
    let host = Catalogue::open(folder.path()).unwrap();
    let asker = {
        let folder = folder.path().to_owned();
        std::thread::spawn(move || {
            let catalogue = Catalogue::open(&folder).unwrap();
            let id = catalogue.ask(r#"{"rebuild":"fixture"}"#, LONG).unwrap();
            catalogue.wait_answer(id, LONG).unwrap()
        })
    };
    let request = loop {
        if let Some(request) = host.take_requests().unwrap().pop() {
            break request;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    assert_eq!(request.request, r#"{"rebuild":"fixture"}"#);
    assert!(host.take_requests().unwrap().is_empty());
    host.answer(request.id, r#"{"done":true}"#).unwrap();
    assert_eq!(asker.join().unwrap(), Answered::Answer(r#"{"done":true}"#.into()));

    // Nobody takes it: withdrawn, and the host never sees it.
    let id = host.ask("{}", LONG).unwrap();
    assert_eq!(host.wait_answer(id, Duration::ZERO).unwrap(), Answered::NotTaken);
    assert!(host.take_requests().unwrap().is_empty());
    // The asker died and its patience is over: dropped.
    host.ask("{}", Duration::ZERO).unwrap();
    std::thread::sleep(Duration::from_millis(2));
    assert!(host.take_requests().unwrap().is_empty());
    // Taken but not answered, until the host dies and another one clears up.
    let id = host.ask("{}", LONG).unwrap();
    assert_eq!(host.take_requests().unwrap().len(), 1);
    assert_eq!(host.wait_answer(id, Duration::ZERO).unwrap(), Answered::StillRunning);
    host.repair().unwrap();
    assert_eq!(host.wait_answer(id, Duration::ZERO).unwrap(), Answered::NotTaken);
}

#[test]
fn a_kept_plugin_that_is_damaged_is_written_anew_though_its_length_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::open(folder.path()).unwrap();
    let good = b"the bytes of a plugin".to_vec();
    let hash = blake3_of(&good);
    catalogue.keep_plugin(&hash, &good).unwrap();
    let file = folder.path().join("plugins").join(format!("{hash}.wasm"));
    std::fs::write(&file, b"THE BYTES OF A PLUGIN").unwrap();
    assert!(catalogue.plugin(&hash).unwrap_err().message.contains("damaged"));
    catalogue.keep_plugin(&hash, &good).unwrap();
    assert_eq!(catalogue.plugin(&hash).unwrap(), good);
}

fn blake3_of(bytes: &[u8]) -> String {
    projectionist::plugin::PluginHash::of(bytes).to_string()
}
