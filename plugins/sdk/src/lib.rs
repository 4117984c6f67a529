//! x
extern crate self as projectionist_sdk;

#[doc(hidden)]
pub mod bindings;
mod fault;
mod arena;
mod dictionary;
mod json;
mod cells;
mod field;
mod base64;
mod uuid;
mod timestamp;
mod event;
mod envelope;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod key;
mod column;
mod row;
mod slots;
mod table;
mod insert_table;
mod tables;
mod settings;
mod projection;
mod log;
mod backend;
#[doc(hidden)]
pub mod runtime;

pub use column::ColumnValue;
pub use dictionary::Text;
pub use envelope::Envelope;
pub use event::{AnyEvent, Event, Fields};
pub use fault::Fault;
pub use field::Field;
pub use insert_table::InsertTable;
pub use json::Json;
pub use key::{AsKey, Key};
pub use log::{debug, error, info, warn};
pub use projection::{Exported, Projection};
pub use projectionist_sdk_macros::{Event, Fields, Row, Tables, export};
pub use row::Row;
pub use settings::Settings;
pub use table::Table;
pub use tables::Tables;
pub use timestamp::Timestamp;
pub use uuid::Uuid;

/// Everything a plugin needs: `use projectionist_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::{
        AnyEvent, Envelope, Event, Fault, Fields, InsertTable, Json, Projection, Row, Settings, Table, Tables, Text,
        Timestamp, Uuid, export,
    };
}

/// What the macros expand to; no part of the interface.
#[doc(hidden)]
pub mod macros {
    pub use crate::bindings;
    pub use crate::cells::Cells;
    pub use crate::column::{Builder, Nullable, Texts, json_heap, json_read, json_read_option};
    pub use crate::envelope::parts;
    pub use crate::event::{
        Groups, absent_or, alias, document, document_json, field, json_field, json_option, unknown_kind,
    };
    pub use crate::row::{column, index, json_column, put, put_json, put_json_option, take, wrong_width};
    pub use crate::runtime::{Runtime, manifest, not_open};
    pub use crate::tables::AnyTable;
}
