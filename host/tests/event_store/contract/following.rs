//! What followers are told.

use std::time::{Duration, Instant};

use projectionist::event::{ExpectedVersion, Position};
use projectionist::event_store::{BulkEvent, EventId};

use super::Make;
use crate::event;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn a_follower_waits_no_longer_than_it_is_told(make: Make) {
    let made = make();
    let mut follower = made.store.follower().unwrap();
    let start = Instant::now();
    assert_eq!(follower.wait(Position::START, Duration::from_millis(30)).unwrap(), Position::START);
    assert!(start.elapsed() >= Duration::from_millis(30));
    let head = made.store.append("s", ExpectedVersion::Any, &[event("A", "1")]).unwrap()[0].position;
    assert_eq!(follower.wait(Position::START, PATIENCE).unwrap(), head);
    assert_eq!(follower.wait(head, Duration::ZERO).unwrap(), head);
    assert!(start.elapsed() < PATIENCE / 2);
}

pub fn a_follower_is_told_of_an_append(make: Make) {
    let made = make();
    let mut follower = made.store.follower().unwrap();
    let start = Instant::now();
    let waiting = std::thread::spawn(move || follower.wait(Position::START, PATIENCE).unwrap());
    let head = made.store.append("s", ExpectedVersion::Any, &[event("A", "1")]).unwrap()[0].position;
    assert_eq!(waiting.join().unwrap(), head);
    assert!(start.elapsed() < PATIENCE / 2);
}

pub fn a_follower_is_told_of_a_bulk_append(make: Make) {
    let made = make();
    let mut follower = made.store.follower().unwrap();
    let start = Instant::now();
    let waiting = std::thread::spawn(move || follower.wait(Position::START, PATIENCE).unwrap());
    let new = BulkEvent {
        stream: "s".into(),
        kind: "A".into(),
        data: "1".into(),
        metadata: None,
        id: EventId::made_up(),
        time: None,
    };
    made.store.bulk_appender().unwrap().append(&[new]).unwrap();
    assert_eq!(waiting.join().unwrap(), made.store.reader().unwrap().head().unwrap());
    assert!(start.elapsed() < PATIENCE / 2);
}

pub fn several_followers_are_all_told(make: Make) {
    let made = make();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let mut follower = made.store.follower().unwrap();
            std::thread::spawn(move || follower.wait(Position::START, PATIENCE).unwrap())
        })
        .collect();
    let head = made.store.append("s", ExpectedVersion::Any, &[event("A", "1")]).unwrap()[0].position;
    for waiting in waiting {
        assert_eq!(waiting.join().unwrap(), head);
    }
}
