//! **Features**: that the probes together use every one there is. A word of the contract or of the SDK that nobody
//! here knows about fails these tests, so that what is added is computed in every way too.

use std::collections::BTreeSet;
use std::path::Path;

use projectionist::event::{Kind, Manifest, Partitioning, Selection};

use crate::probes;
use crate::support::workspace;

fn read(path: &str) -> String {
    let path = workspace().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The texts of all Rust files under a folder.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.extension() {
            _ if path.is_dir() => text.push_str(&sources(&path)),
            Some(extension) if extension == "rs" => text.push_str(&std::fs::read_to_string(&path).expect("a source")),
            _ => {}
        }
    }
    text
}

/// Everything that manifests can say, in the words of `manifests.wit`: `selection.every`, `table.insert-only`.
fn said(manifest: &Manifest) -> BTreeSet<&'static str> {
    let mut said = BTreeSet::from([
        "subscription.selection",
        "subscription.envelope",
        "manifest.name",
        "manifest.version",
        "manifest.subscription",
        "manifest.partitioning",
        "manifest.tables",
        "table.name",
        "table.columns",
        "table.key",
        "table-column.name",
        "table-column.kind",
    ]);
    let mut note = |is_used: bool, word: &'static str| is_used.then(|| said.insert(word));
    note(!manifest.description.is_empty(), "manifest.description");
    let asked = &manifest.subscription;
    note(asked.stream_prefix.is_some(), "subscription.stream-prefix");
    note(!asked.metadata_fields.is_empty(), "subscription.metadata-fields");
    note(matches!(asked.selection, Selection::Types(_)), "selection.types");
    note(matches!(asked.selection, Selection::Every(_)), "selection.every");
    for kind in asked.types() {
        note(!kind.name.is_empty(), "event-type.name");
        note(!kind.fields.is_empty(), "event-type.fields");
        note(kind.document, "event-type.document");
    }
    let parts = asked.envelope;
    note(parts.position, "envelope-parts.position");
    note(parts.stream, "envelope-parts.stream");
    note(parts.stream_version, "envelope-parts.stream-version");
    note(parts.time, "envelope-parts.time");
    note(parts.id, "envelope-parts.id");
    note(parts.type_name, "envelope-parts.type-name");
    note(parts.metadata, "envelope-parts.metadata");
    note(manifest.partitioning == Partitioning::Whole, "partitioning.whole");
    note(manifest.partitioning == Partitioning::ByStream, "partitioning.by-stream");
    note(matches!(manifest.partitioning, Partitioning::ByField(_)), "partitioning.by-field");
    for table in &manifest.tables {
        note(table.insert_only, "table.insert-only");
        note(!table.indexes.is_empty(), "table.indexes");
        for index in &table.indexes {
            note(index.columns.len() > 1, "index.columns");
            note(index.unique, "index.unique");
        }
        for column in &table.columns {
            note(column.nullable, "table-column.nullable");
            note(
                true,
                match column.kind {
                    Kind::Boolean => "kind.boolean",
                    Kind::Integer => "kind.integer",
                    Kind::Real => "kind.real",
                    Kind::Text => "kind.text",
                    Kind::Json => "kind.json",
                    Kind::Blob => "kind.blob",
                },
            );
        }
    }
    said
}

/// The names of what an interface of the contract declares, as `record.field` and `variant.case`.
fn declared(wit: &str) -> BTreeSet<String> {
    let mut declared = BTreeSet::new();
    let mut inside: Option<String> = None;
    for line in wit.lines().map(str::trim).filter(|line| !line.starts_with("///")) {
        let mut words =
            line.split(|byte: char| byte.is_whitespace() || "{},:(".contains(byte)).filter(|word| !word.is_empty());
        match (words.next(), words.next()) {
            (Some("record" | "variant" | "enum" | "flags"), Some(name)) => inside = Some(name.to_owned()),
            (Some(member), _) => {
                if let Some(inside) = &inside {
                    declared.insert(format!("{inside}.{}", member.trim_start_matches('%')));
                }
            }
            (None, _) => inside = inside.filter(|_| !line.starts_with('}')),
        }
    }
    declared
}

#[test]
fn the_probes_say_everything_that_a_manifest_can() {
    let said: BTreeSet<String> =
        probes::all().iter().flat_map(|probe| said(probe.manifest())).map(str::to_owned).collect();
    let declared = declared(&read("wit/0.1.0/manifests.wit"));
    assert!(declared.len() > 40, "{declared:?}");
    let missing: Vec<_> = declared.difference(&said).collect();
    assert!(missing.is_empty(), "no probe uses, or this test does not know: {missing:?}");
    let unknown: Vec<_> = said.difference(&declared).collect();
    assert!(unknown.is_empty(), "the contract does not have: {unknown:?}");
}

#[test]
fn keys_are_of_every_kind_alone_and_together() {
    let mut alone = BTreeSet::new();
    let mut widest = 0;
    for table in probes::all().iter().flat_map(|probe| &probe.manifest().tables) {
        widest = widest.max(table.key.len());
        table.key_columns().for_each(|column| _ = alone.insert(format!("{:?}", column.kind)));
    }
    // Reals and JSON are no keys for the SDK.
    assert_eq!(alone.into_iter().collect::<Vec<_>>(), ["Blob", "Boolean", "Integer", "Text"]);
    assert_eq!(widest, 6, "as many as the SDK takes");
}

#[test]
fn the_probes_use_everything_that_the_sdk_exports() {
    let probes = sources(&workspace().join("plugins/probes"));
    let exports = read("plugins/sdk/src/lib.rs");
    let exports = exports.lines().filter(|line| line.starts_with("pub use "));
    let names = exports.flat_map(|line| line.split(|byte: char| !byte.is_alphanumeric() && byte != '_'));
    // Names of items; traits that only bounds name are used by whoever uses their items.
    let bounds = ["AsKey", "ColumnValue", "Exported", "Field", "Key"];
    let items = names.filter(|name| name.starts_with(char::is_uppercase) && !bounds.contains(name));
    let missing: BTreeSet<_> = items.filter(|name| !mentions(&probes, name)).collect();
    assert!(missing.is_empty(), "no probe uses {missing:?}");
}

#[test]
fn the_probes_use_every_attribute_of_the_macros() {
    let probes = sources(&workspace().join("plugins/probes"));
    let macros = sources(&workspace().join("plugins/sdk-macros/src"));
    let attributes = macros.split("meta.path.is_ident(\"").skip(1).filter_map(|rest| rest.split('"').next());
    let attributes: BTreeSet<_> = attributes.collect();
    assert!(attributes.len() > 8, "{attributes:?}");
    let missing: Vec<_> = attributes.iter().filter(|name| !mentions(&probes, name)).collect();
    assert!(missing.is_empty(), "no probe uses {missing:?}");
}

/// Whether a word stands in a text by itself.
fn mentions(text: &str, word: &str) -> bool {
    text.split(|byte: char| !byte.is_alphanumeric() && byte != '_').any(|found| found == word)
}
