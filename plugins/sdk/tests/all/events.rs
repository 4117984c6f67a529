use projectionist_sdk::prelude::*;
use projectionist_sdk::testing::{event, given};
use serde::Deserialize;
use serde_json::json;

#[derive(Fields)]
struct Named<'a> {
    #[event(rename = "fullName", alias = "name")]
    full_name: Text<'a>,
    #[event(default = 18)]
    age: u8,
}

#[derive(Deserialize)]
struct Address {
    street: String,
    #[serde(default)]
    lines: Vec<String>,
}

#[derive(Event)]
#[event(rename_all = "camelCase")]
enum Person<'a> {
    #[event(name = "person.named", alias = "PersonNamed")]
    Named(Named<'a>),
    Moved {
        #[event(json)]
        new_address: Address,
        #[event(document)]
        whole: &'a str,
    },
    #[event(document)]
    Noted(&'a str),
    #[event(json)]
    Tagged(Vec<String>),
    Left,
}

#[derive(Row, Debug)]
struct State {
    #[key]
    person: String,
    name: String,
    age: u8,
    street: Option<String>,
    notes: Vec<String>,
    left: bool,
}

#[derive(Default, Tables)]
struct People {
    people: Table<State>,
}

impl Projection for People {
    type Event = Person<'static>;

    fn apply(&mut self, event: Person<'_>, envelope: &Envelope<'_>) -> Result<(), Fault> {
        let row = self.people.entry(envelope.stream());
        match event {
            Person::Named(Named { full_name, age }) => {
                row.name = full_name.into();
                row.age = age;
            }
            Person::Moved { new_address: Address { street, lines }, whole } => {
                row.street = Some(street);
                row.notes.extend(lines);
                row.notes.push(whole.into());
            }
            Person::Noted(text) => row.notes.push(text.into()),
            Person::Tagged(tags) => row.notes.extend(tags),
            Person::Left => row.left = true,
        }
        Ok(())
    }
}
export!(People, name = "people", version = 1);

#[test]
fn types_and_fields_keep_their_earlier_names() {
    given::<People>([
        event("p-1", "PersonNamed", json!({"name": "ann"})),
        event("p-2", "person.named", json!({"fullName": "bob", "age": 40})),
        event("p-3", "person.named", json!({"name": "old", "fullName": "new", "age": 1})),
        event("p-4", "person.named", json!({"name": "ann", "extra": 1})),
        event("p-4", "Other", json!({"name": "not taken"})),
    ])
    .then_table(
        "people",
        json!([
            {"person": "p-1", "name": "ann", "age": 18, "notes": [], "left": false},
            {"person": "p-2", "name": "bob", "age": 40, "notes": [], "left": false},
            {"person": "p-3", "name": "new", "age": 1, "notes": [], "left": false},
            {"person": "p-4", "name": "ann", "age": 18, "notes": [], "left": false},
        ]),
    );
}

#[test]
fn a_default_does_not_stand_for_null() {
    given::<People>([event("p-1", "person.named", json!({"name": "ann", "age": null}))])
        .then_fault_at(0, "field `age`: expected an integer, found null");
}

#[test]
fn payloads_come_whole_as_recorded_or_through_serde() {
    let moved = r#"{"newAddress": {"street": "High St",  "lines": ["x"]}}"#;
    given::<People>([
        event("p-1", "Moved", ()).text(moved),
        event("p-1", "Noted", ()).text("[1,  2.50]"),
        event("p-1", "Tagged", json!(["a", "b"])),
        event("p-1", "Left", json!(null)),
    ])
    .then([State {
        person: "p-1".into(),
        name: String::new(),
        age: 0,
        street: Some("High St".into()),
        notes: vec!["x".into(), moved.into(), "[1,  2.50]".into(), "a".into(), "b".into()],
        left: true,
    }]);
    given::<People>([event("p-1", "Moved", json!({"newAddress": {}}))])
        .then_fault_at(0, "field `newAddress`: missing field `street`");
    given::<People>([event("p-1", "Tagged", json!({}))]).then_fault_at(0, "expected a sequence");
}
