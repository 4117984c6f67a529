//! A **manifest**: what a plugin says of itself. The words are those of `wit/*/manifests.wit`.

use serde::{Deserialize, Serialize};

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Names the projection and its read model.
    pub name: String,
    /// The author's number for what the projection computes; only ever shown.
    pub version: u32,
    /// A sentence for listings; may be empty.
    pub description: String,
    /// Which events it takes, and what of them.
    pub subscription: Subscription,
    /// On what its rows depend.
    pub partitioning: Partitioning,
    /// The tables it keeps.
    pub tables: Vec<Table>,
}

/// Which events a projection takes, and what of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Which event types.
    pub selection: Selection,
    /// Only streams whose name starts with this.
    pub stream_prefix: Option<String>,
    /// Which facts about each event.
    pub envelope: EnvelopeParts,
    /// Which metadata fields, each as a column.
    pub metadata_fields: Vec<String>,
}

impl Subscription {
    /// The event types, or the single unnamed one that stands for every type.
    pub fn types(&self) -> &[EventType] {
        match &self.selection {
            Selection::Types(types) => types,
            Selection::Every(every) => std::slice::from_ref(every),
        }
    }
}

/// Which event types a projection takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// These.
    Types(Vec<EventType>),
    /// Every type; the name inside is empty.
    Every(EventType),
}

/// One event type that a projection takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventType {
    /// The recorded type name.
    pub name: String,
    /// Top-level payload fields, each as a column.
    pub fields: Vec<String>,
    /// Whether the whole payload comes too.
    pub document: bool,
}

/// Which facts about each event a projection wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is named after the part")]
pub struct EnvelopeParts {
    pub position: bool,
    pub stream: bool,
    pub stream_version: bool,
    pub time: bool,
    pub id: bool,
    pub type_name: bool,
    pub metadata: bool,
}

/// On what the rows of a projection depend; it decides what may be replayed in parallel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Partitioning {
    /// On anything.
    Whole,
    /// Each row on the events of one stream only.
    ByStream,
    /// Each row only on events with one value of this payload field.
    ByField(String),
}

/// One table of a read model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its SQL name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<TableColumn>,
    /// Indexes of the columns that identify a row, in key order.
    pub key: Vec<u16>,
    /// Secondary indexes.
    pub indexes: Vec<Index>,
    /// Rows are only ever inserted; a key seen twice is a fault.
    pub insert_only: bool,
}

impl Table {
    /// The key columns, in key order.
    pub fn key_columns(&self) -> impl Iterator<Item = &TableColumn> {
        self.key.iter().map(|&column| &self.columns[usize::from(column)])
    }
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableColumn {
    /// Its SQL name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether a row may lack a value here.
    pub nullable: bool,
}

/// What a table column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// INTEGER 0 or 1.
    Boolean,
    /// INTEGER.
    Integer,
    /// REAL.
    Real,
    /// TEXT.
    Text,
    /// TEXT holding JSON.
    Json,
    /// BLOB.
    Blob,
}

/// A secondary index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Indexes into the table's columns.
    pub columns: Vec<u16>,
    /// Whether two rows with the same values are a fault.
    pub unique: bool,
}
