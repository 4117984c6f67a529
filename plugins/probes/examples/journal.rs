//! **Journal**: every event of every type with everything that was recorded of it, inserted once.

use projectionist_sdk::prelude::*;

#[derive(Event)]
#[event(every)]
struct Anything {
    extra: Option<Json>,
    #[event(document)]
    payload: Json,
}

#[derive(Row)]
struct Entry {
    #[key]
    position: u64,
    stream: String,
    #[index]
    stream_version: u64,
    time: Timestamp,
    id: String,
    #[index]
    type_name: String,
    metadata: Option<Json>,
    user: Option<Json>,
    trace: Option<String>,
    extra: Option<Json>,
    payload: Json,
}

#[derive(Default, Tables)]
struct Journal {
    entries: InsertTable<Entry>,
}

impl Projection for Journal {
    type Event = Anything;

    fn apply(&mut self, Anything { extra, payload }: Anything, envelope: &Envelope) -> Result<(), Fault> {
        self.entries.insert(Entry {
            position: envelope.position(),
            stream: envelope.stream().into(),
            stream_version: envelope.stream_version(),
            time: envelope.time(),
            id: envelope.id().into(),
            type_name: envelope.type_name().into(),
            metadata: envelope.metadata().map(Json::from_text),
            user: envelope.metadata_field("user")?,
            trace: envelope.metadata_field("trace")?,
            extra,
            payload,
        });
        Ok(())
    }
}

export!(
    Journal,
    name = "journal",
    version = 1,
    description = "Every event with everything that was recorded of it",
    envelope = [position, stream, stream_version, time, id, type_name, metadata],
    metadata = ["user", "trace"],
);
