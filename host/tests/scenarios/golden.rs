//! **Golden** tests: each scenario, each of its plugins, batches of every size; one `check`.

use projectionist::event::Position;
use projectionist::read_model::Writer;

use crate::expected::{bless, differences};
use crate::replayed::Replayed;
use crate::scenario::{Scenario, folders, plugin};

/// From one event a batch to more than a small scenario has.
const EVERY_SIZE: [usize; 7] = [1, 2, 3, 7, 64, 1000, 8192];

fn check(name: &str, batch_sizes: &[usize]) {
    let scenario = Scenario::named(name);
    let is_computed = scenario.folder.join("expect.py").exists();
    let is_blessing = std::env::var_os("PROJECTIONIST_BLESS").is_some_and(|value| value == "1") && !is_computed;
    let mut wrong = Vec::new();
    for package in scenario.plugins() {
        let (plugin, folder) = (plugin(&package), scenario.expected(&package));
        if is_blessing {
            bless(&folder, &Replayed::live(scenario, &plugin, scenario.head, batch_sizes[0]));
        }
        for &size in batch_sizes {
            let live = Replayed::live(scenario, &plugin, scenario.head, size);
            let mut found = differences(&folder, &live, scenario.head);
            match Replayed::rebuilt(scenario, &plugin, scenario.head, size) {
                Ok(rebuilt) => found.extend(differences(&folder, &rebuilt, scenario.head)),
                // What parks a live projection refuses a rebuild, at the same event and in the same words.
                Err(fault) => match &live.fault {
                    Some(parked) if parked.to_string() == fault.to_string() => {}
                    parked => found.push(format!("a rebuild stops with `{fault}`, a live projection with {parked:?}")),
                },
            }
            wrong.extend(found.iter().map(|difference| format!("{package}, batches of {size}: {difference}")));
        }
    }
    let hint = if is_computed { "run its expect.py" } else { "set PROJECTIONIST_BLESS=1 and run this again" };
    assert!(wrong.is_empty(), "{name}:\n  {}\nIf the rows are right and the files are not, {hint}", wrong.join("\n  "));
}

#[test]
fn ledger() {
    check("ledger", &EVERY_SIZE);
}

#[test]
fn evolved() {
    check("evolved", &EVERY_SIZE);
}

#[test]
fn poison() {
    check("poison", &EVERY_SIZE);
}

#[test]
fn flights() {
    check("flights", &[64, 8192]);
}

/// One event a batch for a whole month would take minutes; its first days have every kind of event.
#[test]
fn flights_one_by_one() {
    let scenario = Scenario::named("flights");
    let through = Position(4_000);
    for package in scenario.plugins() {
        let plugin = plugin(&package);
        let [single, whole] = [1, 8192].map(|size| Replayed::live(scenario, &plugin, through, size));
        for replayed in [&single, &whole] {
            assert!(replayed.fault.is_none(), "{package}: {:?}", replayed.fault);
            assert_eq!(replayed.generation.checkpoint(), through, "{package}");
        }
        let rows: u64 = whole.generation.row_counts().expect("counts").iter().map(|(_, rows)| rows).sum();
        assert!(rows > 0, "{package} has no rows to compare");
        assert_eq!(
            single.generation.digest().expect("a digest"),
            whole.generation.digest().expect("a digest"),
            "{package}"
        );
    }
}

#[test]
fn every_scenario_is_checked() {
    let names: Vec<_> = folders().iter().map(|folder| folder.file_name().expect("a name").to_owned()).collect();
    assert_eq!(names, ["evolved", "flights", "ledger", "poison"], "a new scenario needs a test above");
}
