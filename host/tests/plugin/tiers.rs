//! Quick code: it keeps every promise, and optimised code takes over.

use std::process::Command;

use projectionist::event::FaultKind;
use projectionist::plugin::{Engine, Limits, NoRows};

use crate::fixture::{self, OneRow, batch, misbehaving_bytes, start};

/// All tests of this binary in a process that loads plugins quickly.
#[test]
fn quick_code_keeps_every_promise() {
    if fixture::is_quick() || !cfg!(target_arch = "x86_64") {
        return;
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    // What a copy costs is measured above, on code that is meant to be fast.
    let output = again.env(fixture::QUICK, "1").args(["--skip", "crossing"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("behaving::every_behaviour_has_its_outcome ... ok"), "{said}");
}

#[test]
fn optimised_code_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::new(Some(folder.path())).unwrap();
    let limits = Limits::default();
    let plugin = engine.load_quickly(misbehaving_bytes(), &limits).unwrap();
    if !cfg!(target_arch = "x86_64") {
        assert!(plugin.is_optimised());
        return;
    }
    let mut before = plugin.instantiate(&limits, OneRow::default()).unwrap();
    assert!(!plugin.is_optimised() && before.is_quick() && !plugin.from_cache());
    let again = engine.load_quickly(misbehaving_bytes(), &limits).unwrap();
    assert!(again.from_cache() && !again.is_optimised(), "quick code is kept too");

    assert!(plugin.optimise() && plugin.is_optimised());
    let mut after = plugin.instantiate(&limits, OneRow::default()).unwrap();
    assert!(!after.is_quick());
    for instance in [&mut before, &mut after] {
        instance.open(&start("{}")).unwrap();
    }
    assert_eq!(before.apply(&batch(0, &["deep"])).unwrap_err().kind, FaultKind::Trap);
    assert_eq!(after.apply(&batch(0, &["deep"])).unwrap().rows, 1, "it has the stack that quick code lacks");
    let next = Engine::new(Some(folder.path())).unwrap().load_quickly(misbehaving_bytes(), &limits).unwrap();
    assert!(next.is_optimised() && next.from_cache());
}

#[test]
fn optimised_code_is_made_beside() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::new(Some(folder.path())).unwrap();
    let plugin = engine.load_quickly(misbehaving_bytes(), &Limits::default()).unwrap();
    plugin.optimise_soon();
    let started = std::time::Instant::now();
    while !plugin.is_optimised() {
        assert!(started.elapsed().as_secs() < 60, "it never came");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut instance = plugin.instantiate(&Limits::default(), NoRows).unwrap();
    assert!(!instance.is_quick());
    instance.open(&start("{}")).unwrap();
    instance.apply(&batch(0, &["ok", "nan"])).unwrap();
    let kept = Engine::new(Some(folder.path())).unwrap().load(misbehaving_bytes(), &Limits::default()).unwrap();
    assert!(kept.from_cache(), "the cache has it");
}

#[test]
fn fuel_is_counted_by_one_compiler_only() {
    let limits = Limits { call_fuel_max: Some(1 << 30), ..Limits::default() };
    assert!(fixture::engine().load_quickly(misbehaving_bytes(), &limits).unwrap().is_optimised());
}
