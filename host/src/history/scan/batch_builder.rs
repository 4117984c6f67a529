//! A **batch builder** makes the batches of one projection out of blocks: only the event types and fields that it asked
//! for, and of a partitioned projection only the events of one partition.
//!
//! Where a projection takes every event of a block, its columns cross as they lie. Otherwise the rows are chosen
//! once, type by type, and gathered. Payloads are given as they were recorded; a field that a block does not hold as a
//! column is shredded out of them.

use std::ops::Range as Span;

use arrow_buffer::ScalarBuffer;

use super::block_reader::{OpenBlock, TakenEvents};
use super::dictionary_remap::DictionaryRemap;
use super::field_columns::{FieldColumns, NotJsonAt};
use super::row_selection::{Part, RowSelection, RowSelector, WordsTaken};
use super::stream_remap::StreamRemap;
use super::window;
use crate::event::{
    Batch, Column, Envelope, EventType, Fault, Group, Partitioning, Position, Range, Result, Subscription, Text,
};
use crate::history::json::shredder::not_json;
use crate::history::numbers::SealedKeys;
use crate::history::segment::{Damaged, Segment};

/// Makes the batches for one plugin instance, which must be given every one, in order.
pub(super) struct BatchBuilder {
    subscription: Subscription,
    part: Option<Part>,
    streams: StreamRemap,
    type_names: DictionaryRemap,
    metadata_fields: FieldColumns,
    /// For each type of the subscription.
    fields: Vec<FieldColumns>,
    /// Which words of the segment's dictionaries are in the partition.
    words_taken: WordsTaken,
}

/// A block opened for one projection, with what is chosen of it.
pub(super) struct BlockRows {
    pub block: OpenBlock,
    selector: RowSelector,
}

/// The first event, in log order, that a batch cannot be made of.
#[derive(Default)]
struct Earliest(Option<Fault>);

impl BatchBuilder {
    pub fn new(subscription: &Subscription, part: Option<Part>) -> BatchBuilder {
        BatchBuilder {
            part,
            streams: StreamRemap::default(),
            type_names: DictionaryRemap::default(),
            metadata_fields: FieldColumns::new(&subscription.metadata_fields),
            fields: subscription.types().iter().map(|kind| FieldColumns::new(&kind.fields)).collect(),
            words_taken: WordsTaken::default(),
            subscription: subscription.clone(),
        }
    }

    /// Forgets what the instance was given, so that the next batch stands for itself.
    pub fn restart(&mut self) {
        *self = BatchBuilder::new(&self.subscription, self.part.take());
    }

    /// Reads what the projection needs of a block. When bytes turn out to be damaged, nothing has changed.
    pub fn open(&mut self, segment: &Segment, number: usize) -> std::result::Result<BlockRows, Damaged> {
        let by_stream = self.part.as_ref().is_some_and(|part| part.by == Partitioning::ByStream);
        let with_streams = by_stream || self.subscription.stream_prefix.is_some();
        let block = OpenBlock::read(segment, number, &self.subscription, with_streams)?;
        let selector = RowSelector::new(&block, &self.subscription, self.part.as_ref(), &mut self.words_taken);
        Ok(BlockRows { block, selector })
    }

    /// The batch of the rows `span` of a block; it covers `range`. After a fault only [`restart`](Self::restart) is of
    /// use.
    pub fn batch(&mut self, rows: &BlockRows, span: Span<usize>, range: Range) -> Result<Batch> {
        let block = &rows.block;
        let chosen = rows.selector.choose(block, &span);
        let mut earliest = Earliest::default();
        let batch = Batch {
            range,
            kinds: chosen.by_type(|kind| block.taken[kind.index()].place.0).into(),
            positions: positions(block, &chosen),
            groups: self.groups(block, &chosen, &mut earliest),
            envelope: self.envelope(block, &chosen, &mut earliest),
        };
        earliest.0.map_or(Ok(batch), Err)
    }

    fn envelope(&mut self, block: &OpenBlock, chosen: &RowSelection<'_>, earliest: &mut Earliest) -> Envelope {
        let parts = self.subscription.envelope;
        let all = chosen.is_everything();
        let length = block.taken.iter().map(|taken| taken.rows.len()).sum();
        let mut envelope = Envelope { with_positions: parts.position, ..Envelope::default() };
        if parts.stream {
            let keys =
                SealedKeys(chosen.values(&columns_of(block, |taken| taken.streams.as_ref().map(|keys| &keys.0))));
            envelope.streams = Some(match &block.streams {
                Some(names) => self.streams.symbols(names, &keys, length, all),
                None => self.streams.nothing(),
            });
        }
        if let Some(names) = &block.type_names {
            let keys = SealedKeys(chosen.by_type(|kind| block.taken[kind.index()].number.0).into());
            envelope.type_names = Some(self.type_names.symbols(names, &keys, None, length, all));
        }
        if parts.stream_version {
            envelope.stream_versions = Some(chosen.values(&columns_of(block, |taken| taken.stream_versions.as_ref())));
        }
        if parts.time {
            envelope.times = Some(chosen.values(&columns_of(block, |taken| taken.times.as_ref())));
        }
        if parts.id {
            envelope.ids = Some(chosen.texts(&columns_of(block, |taken| taken.ids.as_ref())));
        }
        if parts.metadata || !block.metadata_fields.is_empty() {
            chosen.with_rows(|rows| {
                let whole = block.metadata.as_ref().filter(|_| parts.metadata).map(|whole| window::column(whole, rows));
                envelope.metadata = whole.or_else(|| parts.metadata.then(Column::default));
                let text = |row: usize| block.metadata_text(row);
                let columns = self.metadata_fields.columns(&block.metadata_fields, rows, length, all, text);
                envelope.metadata_fields = columns.unwrap_or_else(|NotJsonAt(row)| {
                    earliest.note(not_json("metadata", block.position(row)));
                    Vec::new()
                });
            });
        }
        envelope
    }

    fn groups(&mut self, block: &OpenBlock, chosen: &RowSelection<'_>, earliest: &mut Earliest) -> Vec<Group> {
        if block.takes_every {
            return vec![self.every_type(block, chosen, earliest)];
        }
        let all = chosen.is_everything();
        let types = self.subscription.types();
        let mut groups: Vec<Group> = types.iter().map(empty_group).collect();
        for (taken, rows) in block.taken.iter().zip(chosen.groups()).filter(|(_, rows)| rows.len() > 0) {
            let place = taken.place.index();
            let text = |at: usize| taken.document(at);
            let columns = self.fields[place].columns(&taken.fields, rows, taken.rows.len(), all, text);
            let documents = taken.documents.as_ref().filter(|_| types[place].document);
            groups[place] = Group {
                length: rows.len() as u32, // no more than a block has
                fields: columns.unwrap_or_else(|NotJsonAt(at)| {
                    earliest.note(not_json("payload", block.position(usize::from(taken.rows[at]))));
                    Vec::new()
                }),
                document: documents.map(|all| window::text(all, rows)),
            };
        }
        groups
    }

    /// The single group of a projection that takes every type: the payloads as they were recorded, and fields out of them.
    fn every_type(&mut self, block: &OpenBlock, chosen: &RowSelection<'_>, earliest: &mut Earliest) -> Group {
        let kind = &self.subscription.types()[0];
        let mut group = Group { length: chosen.len() as u32, ..empty_group(kind) };
        if !kind.document && kind.fields.is_empty() {
            return group;
        }
        let documents = chosen.texts(&columns_of(block, |taken| taken.documents.as_ref()));
        if !kind.fields.is_empty() {
            group.fields = self.fields[0].of_texts(documents.iter()).unwrap_or_else(|NotJsonAt(at)| {
                earliest.note(not_json("payload", Position(positions(block, chosen)[at])));
                Vec::new()
            });
        }
        group.document = kind.document.then_some(documents);
        group
    }
}

impl Earliest {
    fn note(&mut self, fault: Fault) {
        if self.0.as_ref().is_none_or(|known| fault.position < known.position) {
            self.0 = Some(fault);
        }
    }
}

/// The positions of the chosen events in log order.
fn positions(block: &OpenBlock, chosen: &RowSelection<'_>) -> ScalarBuffer<u64> {
    match block.listed_positions() {
        Some(positions) => chosen.with_rows(|rows| window::values(positions, rows)),
        None => chosen.by_row(|row| block.position(usize::from(row)).0).into(),
    }
}

fn empty_group(kind: &EventType) -> Group {
    Group { length: 0, fields: vec![Column::default(); kind.fields.len()], document: kind.document.then(Text::default) }
}

/// A column of each taken type.
fn columns_of<'a, T>(block: &'a OpenBlock, column: impl Fn(&'a TakenEvents) -> Option<&'a T>) -> Vec<&'a T> {
    block.taken.iter().filter_map(column).collect()
}
