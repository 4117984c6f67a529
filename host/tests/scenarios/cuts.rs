//! **Cuts**: wherever batches are cut, commits fall and the host is restarted, the rows are the same.

use projectionist::event::Position;
use projectionist::read_model::Writer;
use proptest::prelude::*;
use proptest::sample::select;

use crate::replayed::{Replayed, Stretch};
use crate::scenario::{Scenario, plugin};

/// Stretches that end anywhere in the log, the first within its sound part and the last at the head.
fn stretches(sound: u64, head: u64, batch_events_max: usize) -> impl Strategy<Value = Vec<Stretch>> {
    let stretch = (0..=head, 1..=batch_events_max, any::<bool>());
    prop::collection::vec(stretch, 2..7).prop_map(move |mut parts| {
        parts.sort_by_key(|&(through, ..)| through);
        let last = parts.len() - 1;
        parts[0].0 = parts[0].0.min(sound);
        parts[last].0 = head;
        let stretch = |(through, batch_events, restart)| Stretch { through: Position(through), batch_events, restart };
        parts.into_iter().map(stretch).collect()
    })
}

fn agrees(scenario: &Scenario, package: &str, head: Position, stretches: &[Stretch]) -> Result<(), TestCaseError> {
    let plugin = plugin(package);
    let straight = Replayed::live(scenario, &plugin, head, 8192);
    let cut =
        Replayed::in_stretches(scenario, &plugin, stretches).map_err(|fault| TestCaseError::fail(fault.to_string()))?;
    let [of_straight, of_cut] = [&straight, &cut].map(|replayed| {
        let fault = replayed.fault.as_ref().map(|fault| (fault.position, fault.kind, fault.message.clone()));
        let generation = &replayed.generation;
        (fault, generation.checkpoint(), generation.digest().expect("a digest"))
    });
    prop_assert_eq!(of_straight, of_cut, "{}: straight and in {:?}", package, stretches);
    Ok(())
}

fn small() -> impl Strategy<Value = (&'static str, String, Vec<Stretch>)> {
    select(vec!["ledger", "evolved", "poison"]).prop_flat_map(|name| {
        let scenario = Scenario::named(name);
        select(scenario.plugins()).prop_flat_map(move |package| {
            let stretches = stretches(scenario.sound_until(&package), scenario.head.0, 9);
            (Just(name), Just(package), stretches)
        })
    })
}

/// The first day or two of the flights, where flights are in the air at most cuts.
const FLIGHTS: u64 = 3_000;

fn flights() -> impl Strategy<Value = (String, Vec<Stretch>)> {
    (select(Scenario::named("flights").plugins()), stretches(FLIGHTS, FLIGHTS, 700))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn small_scenarios_give_the_same_rows_however_they_are_cut((name, package, stretches) in small()) {
        let scenario = Scenario::named(name);
        agrees(scenario, &package, scenario.head, &stretches)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn flights_give_the_same_rows_however_they_are_cut((package, stretches) in flights()) {
        agrees(Scenario::named("flights"), &package, Position(FLIGHTS), &stretches)?;
    }
}
