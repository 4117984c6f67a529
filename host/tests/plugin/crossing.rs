//! What it costs to hand a batch over: a copy, and little more.

use std::time::{Duration, Instant};

use projectionist::event::{Batch, Envelope, Group, Position, Range, Symbols, Text, Values};
use projectionist::plugin::Limits;

use crate::fixture::opened;

const EVENTS: usize = 8192;

/// A batch as a ledger makes it: 8,192 events of one type the fixture never reads, with an integer and a text field,
/// streams as symbols, positions and times; some 330 KiB.
fn ledger() -> Batch {
    let text: Text = (0..EVENTS).map(|row| format!("account-{}", row % 1000)).collect();
    Batch {
        range: Range { after: Position::START, through: Position(EVENTS as u64) },
        kinds: vec![0u16; EVENTS].into(),
        positions: (1..=EVENTS as u64).collect(),
        envelope: Envelope {
            with_positions: true,
            streams: Some(Symbols { first: 0, added: Text::default(), keys: vec![0; EVENTS].into() }),
            times: Some(vec![0i64; EVENTS].into()),
            ..Envelope::default()
        },
        // The fixture folds the events of its first group, of which there are none.
        groups: vec![
            Group { length: 0, fields: vec![Values::Texts(Text::default()).into()], document: None },
            Group {
                length: EVENTS as u32,
                fields: vec![Values::Integers(vec![7i64; EVENTS].into()).into(), Values::Texts(text).into()],
                document: None,
            },
        ],
    }
}

fn median_us(mut action: impl FnMut()) -> f64 {
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let start = Instant::now();
            action();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

#[test]
fn a_batch_crosses_at_the_speed_of_copying() {
    let batch = ledger();
    let mut instance = opened(&Limits::default());
    let crossing = median_us(|| _ = instance.apply(&batch).unwrap());
    eprintln!("apply of {EVENTS} events: {crossing:.1} us");
    // Element by element it would take some 50,000 steps. Generous, for a shared machine and an unoptimised host.
    assert!(crossing < 2_000.0, "{crossing} us");
}

#[test]
fn rows_come_back_at_the_speed_of_checking() {
    let limits = Limits::default();
    let mut times: Vec<f64> = (0..20)
        .map(|_| {
            let mut instance = opened(&limits);
            instance.apply(&crate::fixture::batch(0, &["row-flood"])).unwrap();
            let start = Instant::now();
            let changes = instance.flush().unwrap();
            assert_eq!(changes[0].upserted, 100_000);
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    eprintln!("flush of 100,000 rows, made in the guest: {:.2} ms", times[10]);
    assert!(times[10] < 200.0, "{} ms", times[10]);
}

#[test]
fn an_instance_is_made_in_a_moment() {
    let made = median_us(|| drop(opened(&Limits::default())));
    eprintln!("an opened instance: {made:.0} us");
    assert!(made < 50_000.0, "{made} us");
}
