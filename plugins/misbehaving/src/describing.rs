//! **Describing** itself: the manifest, honest unless the file was told otherwise.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::contract::projectionist::projection::logging::{Level, log};
use crate::contract::projectionist::projection::manifests::{
    EnvelopeParts, EventType, Kind, Manifest, Partitioning, Selection, Subscription, Table, TableColumn,
};
use crate::contract::projectionist::projection::tables;

/// How the manifest misbehaves. A manifest has no input that could steer it, so a test overwrites this text in the
/// file: `steady`, `differ`, `badkey`, `import`, `looks `, `traps `, `spins `, `floods`.
static MODE: [u8; 15] = *b"manifest=steady";

pub fn manifest() -> Manifest {
    // SAFETY: a valid reference; volatile, so that the compiler does not take the text for granted.
    let mode = unsafe { std::ptr::read_volatile(&raw const MODE) };
    let mut manifest = honest();
    match &mode[9..] {
        b"differ" => manifest.version = asked(),
        b"badkey" => manifest.tables[0].key = vec![9],
        b"import" => log(Level::Info, "a manifest may not log"),
        b"looks " => drop(tables::lookup(0, 0, &[crate::columns::integers([])])),
        b"traps " => crate::applying::trap(),
        b"spins " => crate::applying::spin(),
        b"floods" => manifest.description = "x".repeat(40 << 20),
        _ => {}
    }
    manifest
}

fn asked() -> u32 {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    ASKED.fetch_add(1, Ordering::Relaxed)
}

fn honest() -> Manifest {
    Manifest {
        name: "misbehaving".into(),
        version: 1,
        description: "Does what its events tell it to, and worse".into(),
        subscription: Subscription {
            selection: Selection::Types(vec![EventType {
                name: "Steered".into(),
                fields: vec!["do".into()],
                document: false,
            }]),
            stream_prefix: None,
            envelope: EnvelopeParts::POSITION,
            metadata_fields: Vec::new(),
        },
        partitioning: Partitioning::Whole,
        tables: vec![
            Table {
                name: "steps".into(),
                columns: vec![
                    column("position", Kind::Integer, false),
                    column("what", Kind::Text, false),
                    column("calls", Kind::Integer, true),
                ],
                key: vec![0],
                indexes: Vec::new(),
                insert_only: false,
            },
            Table {
                name: "journal".into(),
                columns: vec![column("position", Kind::Integer, false), column("what", Kind::Text, false)],
                key: vec![0],
                indexes: Vec::new(),
                insert_only: true,
            },
            Table {
                name: "kinds".into(),
                columns: vec![
                    column("name", Kind::Text, false),
                    column("part", Kind::Integer, false),
                    column("flag", Kind::Boolean, true),
                    column("ratio", Kind::Real, true),
                    column("note", Kind::Text, true),
                    column("extra", Kind::Json, true),
                    column("raw", Kind::Blob, true),
                ],
                key: vec![0, 1],
                indexes: Vec::new(),
                insert_only: false,
            },
        ],
    }
}

fn column(name: &str, kind: Kind, nullable: bool) -> TableColumn {
    TableColumn { name: name.into(), kind, nullable }
}
