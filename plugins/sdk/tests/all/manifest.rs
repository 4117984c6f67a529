use projectionist_sdk::macros::bindings::manifests::{EnvelopeParts, Kind, Partitioning, Selection};
use projectionist_sdk::macros::manifest;
use projectionist_sdk::prelude::*;

#[derive(Event)]
#[allow(dead_code, reason = "only the manifest is looked at")]
enum Flight {
    #[event(name = "departed", alias = "Departure")]
    Departed {
        #[event(rename = "delay", alias = "late")]
        delay_minutes: i64,
        tail: Option<String>,
        #[event(document)]
        all: Json,
    },
    Landed,
}

#[derive(Row)]
#[row(index(origin, day), unique(day, best))]
struct Delay {
    #[key]
    day: Timestamp,
    minutes: f64,
    #[key]
    origin: String,
    #[index]
    best: Option<i64>,
    raw: Vec<u8>,
    #[row(rename = "details", json)]
    _details: Option<(u8, u8)>,
    late: bool,
}

#[derive(Default, Tables)]
struct Delays {
    delays: Table<Delay>,
    #[table(name = "all_delays")]
    log: InsertTable<Delay>,
}

impl Projection for Delays {
    type Event = Flight;
    fn apply(&mut self, _: Flight, _: &Envelope) -> Result<(), Fault> {
        Ok(())
    }
}
export!(
    Delays,
    name = "flight-delays",
    version = 7,
    description = "Delays of a day",
    envelope = [position, time],
    metadata = ["user", "tenant"],
    streams = "flight-",
    partition = by_field("delay"),
);

#[test]
fn the_manifest_says_all_of_it() {
    let manifest = manifest::<Delays>();
    assert_eq!((manifest.name.as_str(), manifest.version), ("flight-delays", 7));
    assert_eq!(manifest.description, "Delays of a day");
    let subscription = &manifest.subscription;
    assert_eq!(subscription.stream_prefix.as_deref(), Some("flight-"));
    assert_eq!(subscription.envelope, EnvelopeParts::POSITION | EnvelopeParts::TIME);
    assert_eq!(subscription.metadata_fields, ["user", "tenant"]);
    assert!(matches!(&manifest.partitioning, Partitioning::ByField(field) if field == "delay"));
    let Selection::Types(types) = &subscription.selection else { panic!("it names its types") };
    let types: Vec<_> = types.iter().map(|kind| (kind.name.as_str(), kind.fields.join(" "), kind.document)).collect();
    let fields = || "delay late tail".to_owned();
    assert_eq!(types, [("departed", fields(), true), ("Departure", fields(), true), ("Landed", String::new(), false)]);

    let [delays, log] = &manifest.tables[..] else { panic!("it keeps two tables") };
    assert_eq!((delays.name.as_str(), delays.insert_only), ("delays", false));
    assert_eq!((log.name.as_str(), log.insert_only), ("all_delays", true));
    let kind = |kind| match kind {
        Kind::Boolean => "boolean",
        Kind::Integer => "integer",
        Kind::Real => "real",
        Kind::Text => "text",
        Kind::Json => "json",
        Kind::Blob => "blob",
    };
    let columns: Vec<_> =
        delays.columns.iter().map(|column| (column.name.as_str(), kind(column.kind), column.nullable)).collect();
    assert_eq!(
        columns,
        [
            ("day", "text", false),
            ("minutes", "real", false),
            ("origin", "text", false),
            ("best", "integer", true),
            ("raw", "blob", false),
            ("details", "json", true),
            ("late", "boolean", false),
        ]
    );
    assert_eq!(delays.key, [0, 2]);
    let indexes: Vec<_> = delays.indexes.iter().map(|index| (index.columns.clone(), index.unique)).collect();
    assert_eq!(indexes, [(vec![3], false), (vec![2, 0], false), (vec![0, 3], true)]);
}
