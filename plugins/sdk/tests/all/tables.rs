use projectionist_sdk::prelude::*;
use projectionist_sdk::testing::{Recorded, event, given};
use serde_json::json;

#[derive(Event)]
enum Change<'a> {
    Added { shelf: Text<'a>, item: u32, pieces: i64 },
    Removed { shelf: Text<'a>, item: u32 },
    Replaced { shelf: Text<'a>, item: u32, pieces: i64 },
    Renamed { shelf: Text<'a>, item: u32 },
    Counted { shelf: Text<'a> },
    Logged { id: u64, note: String },
}

#[derive(Row)]
#[row(index(pieces, item))]
struct Stock {
    #[key]
    shelf: String,
    #[key]
    item: u32,
    pieces: i64,
}

#[derive(Row)]
struct Shelf {
    #[key]
    shelf: String,
    history: Vec<i64>,
    seen: Option<String>,
}

#[derive(Row)]
struct Line {
    #[key]
    id: u64,
    #[unique]
    note: String,
}

#[derive(Default, Tables)]
struct Store {
    stock: Table<Stock>,
    shelves: Table<Shelf>,
    lines: InsertTable<Line>,
}

impl Projection for Store {
    type Event = Change<'static>;

    fn apply(&mut self, event: Change, _: &Envelope) -> Result<(), Fault> {
        match event {
            Change::Added { shelf, item, pieces } => {
                let row = self.stock.entry((shelf, item));
                row.pieces += pieces;
                let left = row.pieces;
                self.shelves.entry(shelf).history.push(left);
            }
            Change::Removed { shelf, item } => self.stock.delete((shelf, item)),
            Change::Replaced { shelf, item, pieces } => self.stock.put(Stock { shelf: shelf.into(), item, pieces }),
            Change::Renamed { shelf, item } => self.stock.entry((shelf, item)).item += 1,
            Change::Counted { shelf } => {
                let seen = self.shelves.get(&shelf).map(|row| format!("{} changes", row.history.len()));
                match seen {
                    Some(seen) => self.shelves.entry(shelf).seen = Some(seen),
                    None => return Err(Fault::new("an empty shelf").hint("add something first")),
                }
            }
            Change::Logged { id, note } => self.lines.insert(Line { id, note }),
        }
        Ok(())
    }
}
export!(Store, name = "store", version = 1);

fn change(kind: &str, shelf: &str, item: u32, pieces: i64) -> Recorded {
    event("store", kind, json!({"shelf": shelf, "item": item, "pieces": pieces}))
}

#[test]
fn rows_come_and_go_the_same_under_every_cut() {
    let mut events = Vec::new();
    for round in 0..12 {
        for shelf in ["a", "b", "c"] {
            events.push(change("Added", shelf, round % 4, i64::from(round)));
            if round % 3 == 1 {
                events.push(change("Removed", shelf, round % 4, 0));
            }
            if round % 5 == 2 {
                events.push(change("Replaced", shelf, 9, -i64::from(round)));
            }
        }
        events.push(change("Counted", "b", 0, 0));
    }
    events.push(change("Removed", "nowhere", 1, 0));
    let found = given::<Store>(events).rows("stock");
    let expected = ["a", "b", "c"].into_iter().flat_map(|shelf| {
        // Item 0: 0+4+8, less the removal in round 4; item 1: removed in rounds 1, then 5 and 9; item 2: round 10 removed;
        // item 3: round 7 removed, then 11.
        [(0, 8), (1, 14), (3, 11), (9, -7)]
            .map(|(item, pieces)| json!({"shelf": shelf, "item": item, "pieces": pieces}))
    });
    assert_eq!(found, expected.collect::<Vec<_>>());
}

#[test]
fn a_deleted_row_begins_anew() {
    given::<Store>([
        change("Added", "a", 1, 5),
        change("Removed", "a", 1, 0),
        change("Added", "a", 1, 2),
        change("Added", "a", 2, 1),
        change("Removed", "a", 2, 0),
    ])
    .then([Stock { shelf: "a".into(), item: 1, pieces: 2 }])
    .then([Shelf { shelf: "a".into(), history: vec![5, 2, 1], seen: None }]);
}

#[test]
fn reading_a_row_that_is_not_there_makes_none() {
    given::<Store>([change("Added", "a", 1, 5), change("Counted", "b", 1, 5)])
        .then_fault_at(1, "an empty shelf (add something first)");
}

#[test]
fn changing_a_key_is_a_fault() {
    given::<Store>([change("Renamed", "a", 1, 0)]).then_fault("a row's key was changed after `entry`");
}

#[test]
fn an_insert_table_takes_each_key_once() {
    let logged = |id: u64, note: &str| event("store", "Logged", json!({"id": id, "note": note}));
    given::<Store>([logged(1, "x"), logged(2, "y")])
        .then([Line { id: 1, note: "x".into() }, Line { id: 2, note: "y".into() }]);
    given::<Store>([logged(1, "x"), logged(1, "y")]).then_fault("has a row with the key 1 already");
    given::<Store>([logged(1, "x"), logged(2, "x")]).then_fault("twice in a unique index");
    given::<Store>([logged(u64::MAX, "x")]).then_fault("column `id`: the number is beyond what a column holds (i64)");
}
