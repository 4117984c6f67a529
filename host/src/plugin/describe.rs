//! **Describing**: a manifest as the contract has it, in the host's own words.

use super::bindings::manifests as wit;
use super::blame::{MESSAGE_BYTES_MAX, clean};
use crate::event::{
    EnvelopeParts, EventType, Index, Kind, Manifest, Partitioning, Selection, Subscription, Table, TableColumn,
};

impl From<wit::Manifest> for Manifest {
    fn from(wit: wit::Manifest) -> Manifest {
        Manifest {
            name: wit.name,
            version: wit.version,
            description: clean(&wit.description, MESSAGE_BYTES_MAX), // only ever shown
            subscription: wit.subscription.into(),
            partitioning: match wit.partitioning {
                wit::Partitioning::Whole => Partitioning::Whole,
                wit::Partitioning::ByStream => Partitioning::ByStream,
                wit::Partitioning::ByField(field) => Partitioning::ByField(field),
            },
            tables: wit.tables.into_iter().map(Table::from).collect(),
        }
    }
}

impl From<wit::Subscription> for Subscription {
    fn from(wit: wit::Subscription) -> Subscription {
        Subscription {
            selection: match wit.selection {
                wit::Selection::Types(types) => Selection::Types(types.into_iter().map(EventType::from).collect()),
                wit::Selection::Every(every) => Selection::Every(every.into()),
            },
            stream_prefix: wit.stream_prefix,
            envelope: wit.envelope.into(),
            metadata_fields: wit.metadata_fields,
        }
    }
}

impl From<wit::EventType> for EventType {
    fn from(wit: wit::EventType) -> EventType {
        EventType { name: wit.name, fields: wit.fields, document: wit.document }
    }
}

impl From<wit::EnvelopeParts> for EnvelopeParts {
    fn from(wit: wit::EnvelopeParts) -> EnvelopeParts {
        EnvelopeParts {
            position: wit.contains(wit::EnvelopeParts::POSITION),
            stream: wit.contains(wit::EnvelopeParts::STREAM),
            stream_version: wit.contains(wit::EnvelopeParts::STREAM_VERSION),
            time: wit.contains(wit::EnvelopeParts::TIME),
            id: wit.contains(wit::EnvelopeParts::ID),
            type_name: wit.contains(wit::EnvelopeParts::TYPE_NAME),
            metadata: wit.contains(wit::EnvelopeParts::METADATA),
        }
    }
}

impl From<wit::Table> for Table {
    fn from(wit: wit::Table) -> Table {
        let column = |column: wit::TableColumn| TableColumn {
            name: column.name,
            kind: column.kind.into(),
            nullable: column.nullable,
        };
        let index = |index: wit::Index| Index { columns: index.columns, unique: index.unique };
        Table {
            name: wit.name,
            columns: wit.columns.into_iter().map(column).collect(),
            key: wit.key,
            indexes: wit.indexes.into_iter().map(index).collect(),
            insert_only: wit.insert_only,
        }
    }
}

impl From<wit::Kind> for Kind {
    fn from(wit: wit::Kind) -> Kind {
        match wit {
            wit::Kind::Boolean => Kind::Boolean,
            wit::Kind::Integer => Kind::Integer,
            wit::Kind::Real => Kind::Real,
            wit::Kind::Text => Kind::Text,
            wit::Kind::Json => Kind::Json,
            wit::Kind::Blob => Kind::Blob,
        }
    }
}
