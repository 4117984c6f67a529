//! Manifests, and the cache of compiled code.

use std::fs;
use std::path::PathBuf;

use projectionist::event::{FaultKind, Kind, Partitioning, Selection};
use projectionist::plugin::{CodeCache, Engine, Limits, Plugin, PluginHash};

use crate::fixture::{load, misbehaving, misbehaving_bytes, patched};

fn with_mode(mode: &str) -> Vec<u8> {
    patched(misbehaving_bytes(), "manifest=steady", &format!("manifest={mode}"))
}

#[test]
fn a_manifest_comes_over_whole() {
    let manifest = misbehaving().manifest();
    assert_eq!((manifest.name.as_str(), manifest.version), ("misbehaving", 1));
    assert_eq!(manifest.description, "Does what its events tell it to, and worse");
    let Selection::Types(types) = &manifest.subscription.selection else { panic!("{manifest:?}") };
    assert_eq!(
        (types[0].name.as_str(), &types[0].fields[..], types[0].document),
        ("Steered", &["do".to_owned()][..], false)
    );
    assert!(manifest.subscription.envelope.position && !manifest.subscription.envelope.time);
    assert_eq!(manifest.partitioning, Partitioning::Whole);
    let kinds: Vec<Kind> = manifest.tables[2].columns.iter().map(|column| column.kind).collect();
    assert_eq!(kinds, [Kind::Text, Kind::Integer, Kind::Boolean, Kind::Real, Kind::Text, Kind::Json, Kind::Blob]);
    assert_eq!(manifest.tables[2].key, [0, 1]);
    assert!(manifest.tables[1].insert_only && !manifest.tables[0].insert_only);
    assert!(manifest.tables[0].columns[2].nullable && !manifest.tables[0].columns[1].nullable);
}

#[test]
fn the_hash_is_of_the_file() {
    let hash = misbehaving().hash();
    assert_eq!(hash, PluginHash::of(misbehaving_bytes()));
    assert_eq!(hash.to_string(), blake3::hash(misbehaving_bytes()).to_string());
    assert_eq!(hash.short(), hash.to_string()[..12]);
}

#[test]
fn a_bad_manifest_is_refused() {
    let limits = Limits { call_ms_max: 200, ..Limits::default() };
    let cases = [
        ("differ", FaultKind::Manifest, "another manifest each time"),
        ("badkey", FaultKind::Manifest, "table `steps`: the key names column 9 of 3"),
        ("import", FaultKind::Manifest, "it logged while it was asked for its manifest"),
        ("looks ", FaultKind::Manifest, "it looked rows up while it was asked for its manifest"),
        ("traps ", FaultKind::Trap, "`manifest` trapped"),
        ("spins ", FaultKind::Deadline, "`manifest` took longer than 200 ms"),
        ("floods", FaultKind::Output, "`manifest` handed over more than 16 MiB at once"),
    ];
    for (mode, kind, says) in cases {
        let fault = load(&with_mode(mode), &limits).unwrap_err();
        assert_eq!(fault.kind, kind, "{mode}: {fault}");
        assert!(fault.message.contains(says), "{mode}: {fault}");
    }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    /// Loads with a new engine, as the next start of the host would.
    fn load(&self, limits: &Limits) -> Plugin {
        Engine::new(Some(&self.0.path().join("code"))).unwrap().load(misbehaving_bytes(), limits).unwrap()
    }

    fn remove_code(&self) {
        self.entries().iter().for_each(|entry| fs::remove_file(entry).unwrap());
    }

    fn entries(&self) -> Vec<PathBuf> {
        let mut entries: Vec<_> =
            fs::read_dir(self.0.path().join("code")).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        entries
    }
}

#[test]
fn compiled_code_is_cached() {
    let folder = Folder::new();
    let first = folder.load(&Limits::default());
    assert!(!first.from_cache());
    let second = folder.load(&Limits::default());
    assert!(second.from_cache());
    assert_eq!((second.hash(), second.manifest()), (first.hash(), first.manifest()));
    eprintln!("compiled in {} ms, from the cache in {} ms", first.compile_ms(), second.compile_ms());
    assert_eq!(folder.entries().len(), 1);
    second
        .instantiate(&Limits::default(), crate::fixture::OneRow::default())
        .unwrap()
        .open(&crate::fixture::start("{}"))
        .unwrap();
}

#[test]
fn code_that_counts_fuel_is_an_entry_of_its_own() {
    let folder = Folder::new();
    let fuel = Limits { call_fuel_max: Some(1 << 30), ..Limits::default() };
    assert!(!folder.load(&Limits::default()).from_cache());
    assert!(!folder.load(&fuel).from_cache());
    assert!(folder.load(&fuel).from_cache());
    assert_eq!(folder.entries().len(), 2);
}

#[test]
fn a_damaged_entry_is_ignored_and_written_again() {
    let folder = Folder::new();
    folder.load(&Limits::default());
    let entry = folder.entries().remove(0);
    let sound = fs::read(&entry).unwrap();
    let flipped = |place: usize| {
        let mut bytes = sound.clone();
        bytes[place] ^= 1;
        bytes
    };
    for damaged in [
        flipped(0),
        flipped(20),
        flipped(sound.len() / 2),
        sound[..sound.len() / 2].to_vec(),
        Vec::new(),
        b"something else".to_vec(),
    ] {
        fs::write(&entry, damaged).unwrap();
        assert!(!folder.load(&Limits::default()).from_cache());
        assert_eq!(fs::read(&entry).unwrap(), sound, "it is written again");
        assert!(folder.load(&Limits::default()).from_cache());
    }
}

#[test]
fn an_entry_under_another_name_is_ignored() {
    // Sound code of another plugin: the checksum covers the name, so it is never taken for this one.
    let folder = Folder::new();
    folder.load(&Limits::default());
    let plain = folder.entries().remove(0);
    let fuel = Limits { call_fuel_max: Some(1 << 30), ..Limits::default() };
    folder.load(&fuel);
    let fuelled = folder.entries().into_iter().find(|entry| *entry != plain).unwrap();
    fs::copy(&plain, &fuelled).unwrap();
    assert!(!folder.load(&fuel).from_cache());
}

#[test]
fn the_least_recently_used_code_goes_once_all_of_it_takes_too_much() {
    let folder = Folder::new();
    let code = folder.0.path().join("code");
    fs::create_dir(&code).unwrap();
    let entry_bytes = {
        folder.load(&Limits::default());
        let entry = folder.entries().remove(0);
        fs::metadata(&entry).map(|found| (fs::remove_file(&entry).unwrap(), found.len()).1).unwrap()
    };
    let hours_ago = |hours| std::time::SystemTime::now() - std::time::Duration::from_secs(hours * 3600);
    let load = |bytes_max| {
        for hours in 1..=4u64 {
            let file = fs::File::create(code.join(format!("{hours}.code"))).unwrap();
            file.set_len(1_000).unwrap();
            file.set_modified(hours_ago(hours)).unwrap();
        }
        fs::File::create(code.join("new-left-over")).unwrap().set_modified(hours_ago(2)).unwrap();
        let cache = CodeCache { folder: code.clone(), bytes_max };
        Engine::with_cache(cache).unwrap().load(misbehaving_bytes(), &Limits::default()).unwrap().from_cache()
    };
    let old_ones = || (1..=4).filter(|hours| code.join(format!("{hours}.code")).exists()).collect::<Vec<_>>();
    assert!(!load(entry_bytes + 4_000));
    assert_eq!(old_ones(), [1, 2, 3, 4], "everything fits");
    assert!(!code.join("new-left-over").exists());
    assert!(folder.load(&Limits::default()).from_cache(), "the newest entry stays");
    folder.remove_code();
    assert!(!load(entry_bytes + 3_999));
    assert_eq!(old_ones(), [1, 2, 3], "a byte less");
    folder.remove_code();
    assert!(!load(entry_bytes));
    assert!(old_ones().is_empty());
    folder.remove_code();
    assert!(!load(entry_bytes - 1));
    assert!(folder.entries().is_empty(), "it does not fit at all");
}

#[test]
fn without_a_writable_cache_plugins_load_all_the_same() {
    let folder = Folder::new();
    let engine = Engine::new(Some(&folder.0.path().join("code"))).unwrap();
    fs::write(folder.0.path().join("code"), "a file where a folder should be").unwrap();
    assert!(!engine.load(misbehaving_bytes(), &Limits::default()).unwrap().from_cache());
}
