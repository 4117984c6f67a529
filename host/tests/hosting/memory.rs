//! The memory budget: builds wait for room and cores, and all together stay inside it.

use std::time::{Duration, Instant};

use projectionist::plugin::MemoryBudget;
use projectionist::server::{HostSnapshot, Notice, Stop, status};

use crate::stage::Stage;
use crate::support::plugin_bytes;

/// The plugin of late arrivals under another name of the same length.
fn renamed(number: usize) -> Vec<u8> {
    let mut bytes = plugin_bytes("late-arrivals");
    let (from, to) = (b"late-arrivals", format!("late-arriva{number:02}"));
    let mut found = 0;
    for at in 0..bytes.len() - from.len() {
        if &bytes[at..at + from.len()] == from {
            bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
            found += 1;
        }
    }
    assert!(found > 0);
    bytes
}

#[test]
fn thirty_plugins_dropped_at_once_stay_inside_the_budget() {
    const PLUGINS: usize = 30;
    const TOTAL: u64 = 280 << 20;
    // A build takes 64 MiB for its rows, 80 for events that are read ahead, and its instances: only one fits whole.
    let stage = Stage::with("[limits]\nmemory-mib-total = 280\nmemory-mib-max = 64\n");
    stage.deposit(200);
    let mut host = projectionist::server::Host::open(&stage.project).unwrap();
    let handle = host.handle();
    let stop = Stop::default();
    let asked = stop.clone();
    let (sender, notices) = std::sync::mpsc::channel();
    let serving = std::thread::spawn(move || {
        host.serve(&asked, &mut |notice| {
            let _ = sender.send(notice);
        })
    });
    for number in 0..PLUGINS {
        stage.drop_plugin(&format!("{number}.wasm"), &renamed(number));
    }
    let (mut swapped, mut queued_max, mut builds_max) = (0, 0, 0);
    let started = Instant::now();
    while swapped < PLUGINS {
        assert!(started.elapsed() < Duration::from_secs(900), "{swapped} swapped: {:#?}", handle.snapshot());
        match notices.recv_timeout(Duration::from_millis(1)) {
            Ok(Notice::Swapped(_)) => swapped += 1,
            Ok(Notice::Refused { fault, .. } | Notice::Parked { fault, .. }) => panic!("{fault}"),
            _ => {}
        }
        let HostSnapshot { memory, queued, builds, projections, .. } = (*handle.snapshot()).clone();
        assert!(memory.bytes_peak <= TOTAL, "{memory:?}");
        for name in &queued {
            assert!(projections[name].waiting.is_some(), "{name} says why its build has not begun");
        }
        queued_max = queued_max.max(queued.len());
        builds_max = builds_max.max(builds);
    }
    // The next may begin with what is left while one that is complete is swapped in.
    let cores = std::thread::available_parallelism().unwrap().get();
    assert!(queued_max > 0 && builds_max <= cores.min(2), "{queued_max} waited, {builds_max} ran at once");
    let now = status(&stage.project).unwrap();
    let memory = now.memory.unwrap();
    assert_eq!(memory.bytes_max, TOTAL);
    assert!(memory.bytes_peak > 144 << 20 && memory.bytes <= memory.bytes_peak, "{memory:?}");
    assert_eq!(now.projections.len(), PLUGINS);
    stop.ask();
    serving.join().unwrap().unwrap();
}

#[test]
fn the_budget_of_a_project_is_the_configured_one() {
    let stage = Stage::with("[limits]\nmemory-mib-total = 100\n");
    let budget: MemoryBudget = stage.project.limits.memory_budget();
    assert_eq!(budget.bytes_max(), 100 << 20);
}
