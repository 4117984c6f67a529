//! A **cut** makes batches of one projection out of blocks: only the event types and fields that it asked for, and
//! of a partitioned projection only the events of one partition.
//!
//! Where a projection takes every event of a block, its columns cross as they lie. Otherwise the rows are chosen
//! once, type by type, and gathered. What a block does not hold as a column (fields beyond those it lists, the
//! payloads of every type at once) is shredded again out of the recorded payloads.

use std::ops::Range as Span;

use super::block_reader::{Opened, Taken, Valued};
use super::dictionary_remap::DictionaryRemap;
use super::row_selection::{Held, Part, RowSelection, RowSelector};
use super::segment::{Damaged, Segment};
use super::shredder::Shredder;
use super::window::{self, Rows};
use crate::event::{Batch, Column, Envelope, Group, Partitioning, Range, Result, Subscription, Symbols, Text};

/// Cuts blocks for one plugin instance, which must be given every batch, in order.
pub(super) struct BatchBuilder {
    subscription: Subscription,
    part: Option<Part>,
    streams: DictionaryRemap,
    type_names: DictionaryRemap,
    metadata_fields: Vec<DictionaryRemap>,
    /// For each type of the subscription and each of its fields.
    fields: Vec<Vec<DictionaryRemap>>,
    /// Which words of the segment's dictionaries are in the partition.
    held: Held,
    /// For blocks that have to be shredded again.
    shredder: Shredder,
    /// The segment that the shredder's dictionaries are of, while they are what the instance has.
    shredded: Option<u64>,
}

/// A block opened for one projection, with what is chosen of it.
pub(super) struct BlockRows {
    pub opened: Opened,
    chooser: RowSelector,
    segment: u64,
}

impl BatchBuilder {
    pub fn new(subscription: &Subscription, part: Option<Part>) -> BatchBuilder {
        let namings = |fields: &[String]| fields.iter().map(|_| DictionaryRemap::default()).collect::<Vec<_>>();
        BatchBuilder {
            part,
            streams: DictionaryRemap::default(),
            type_names: DictionaryRemap::default(),
            metadata_fields: namings(&subscription.metadata_fields),
            fields: subscription.types().iter().map(|kind| namings(&kind.fields)).collect(),
            held: Held::default(),
            shredder: Shredder::new(subscription),
            shredded: None,
            subscription: subscription.clone(),
        }
    }

    /// Forgets what the instance was given, so that the next batch stands for itself.
    pub fn restart(&mut self) {
        *self = BatchBuilder::new(&self.subscription, self.part.take());
    }

    /// Reads what the projection needs of a block. When bytes turn out to be damaged, nothing has changed.
    pub fn open(&mut self, segment: &Segment, block: usize) -> std::result::Result<BlockRows, Damaged> {
        let by_stream = self.part.as_ref().is_some_and(|part| part.by == Partitioning::ByStream);
        let with_streams = by_stream || self.subscription.stream_prefix.is_some();
        let opened = Opened::read(segment, block, &self.subscription, with_streams)?;
        let chooser = RowSelector::new(&opened, &self.subscription, self.part.as_ref(), &mut self.held);
        Ok(BlockRows { opened, chooser, segment: segment.id() })
    }

    /// The batch of the rows `span` of a block; it covers `range`.
    pub fn cut(&mut self, sheet: &BlockRows, span: Span<usize>, range: Range) -> Result<Batch> {
        let opened = &sheet.opened;
        let chosen = sheet.chooser.choose(opened, &span);
        if opened.is_shredded {
            return self.shred(opened, sheet.segment, &chosen, range);
        }
        if self.shredded.take().is_some() {
            self.forget();
        }
        Ok(Batch {
            range,
            kinds: chosen.by_group(|group| opened.taken[group].place as u16).into(),
            positions: opened.positions(&chosen),
            envelope: self.envelope(opened, &chosen),
            groups: self.groups(opened, &chosen),
        })
    }

    fn forget(&mut self) {
        self.shredder.restart();
        let fields = self.fields.iter_mut().flatten();
        [&mut self.streams, &mut self.type_names]
            .into_iter()
            .chain(&mut self.metadata_fields)
            .chain(fields)
            .for_each(DictionaryRemap::restart);
    }

    fn envelope(&mut self, opened: &Opened, chosen: &RowSelection<'_>) -> Envelope {
        let parts = self.subscription.envelope;
        let all = chosen.is_everything();
        let length = opened.taken.iter().map(|taken| taken.rows.len()).sum();
        let mut envelope = Envelope { with_positions: parts.position, ..Envelope::default() };
        if parts.stream {
            if let Some(named) = &opened.stream_words {
                self.streams.enter(named.dictionary, &named.words, length, all);
            }
            let keys = chosen.values(&columns_of(opened, |taken| taken.streams.as_ref()));
            envelope.streams = Some(self.streams.symbols(&keys, None));
        }
        if let Some(named) = &opened.type_names {
            self.type_names.enter(named.dictionary, &named.words, length, all);
            let keys = chosen.by_group(|group| u32::from(opened.taken[group].number));
            envelope.type_names = Some(self.type_names.symbols(&keys.into(), None));
        }
        if parts.stream_version {
            envelope.stream_versions = Some(chosen.values(&columns_of(opened, |taken| taken.stream_versions.as_ref())));
        }
        if parts.time {
            envelope.times = Some(chosen.values(&columns_of(opened, |taken| taken.times.as_ref())));
        }
        if parts.id {
            envelope.ids = Some(chosen.texts(&columns_of(opened, |taken| taken.ids.as_ref())));
        }
        if parts.metadata || !opened.metadata_fields.is_empty() {
            chosen.with_rows(|rows| {
                let whole = opened.metadata.as_ref().filter(|_| parts.metadata);
                let whole = whole.map(|whole| window::column(whole, rows, |_, _| Symbols::default()));
                envelope.metadata = whole.or_else(|| parts.metadata.then(Column::default));
                let namings = &mut self.metadata_fields;
                envelope.metadata_fields = columns(&opened.metadata_fields, namings, rows, length, all);
            });
        }
        envelope
    }

    fn groups(&mut self, opened: &Opened, chosen: &RowSelection<'_>) -> Vec<Group> {
        let all = chosen.is_everything();
        let empty = |kind: &crate::event::EventType| Group {
            length: 0,
            fields: vec![Column::default(); kind.fields.len()],
            document: kind.document.then(Text::default),
        };
        let mut groups: Vec<Group> = self.subscription.types().iter().map(empty).collect();
        if opened.takes_every {
            groups[0].length = chosen.len() as u32;
            return groups;
        }
        for (taken, rows) in opened.taken.iter().zip(chosen.groups()).filter(|(_, rows)| rows.len() > 0) {
            groups[taken.place] = Group {
                length: rows.len() as u32,
                fields: columns(&taken.fields, &mut self.fields[taken.place], rows, taken.rows.len(), all),
                document: taken.document.as_ref().map(|all| window::text(all, rows)),
            };
        }
        groups
    }

    /// The batch out of the recorded payloads.
    fn shred(&mut self, opened: &Opened, segment: u64, chosen: &RowSelection<'_>, range: Range) -> Result<Batch> {
        if self.shredded != Some(segment) {
            // It tells streams apart by number, and the numbers are those of a segment.
            self.forget();
            self.shredded = Some(segment);
        }
        for (group, at) in chosen.order() {
            self.shredder.push(opened.event(&opened.taken[usize::from(group)], at as usize))?;
        }
        Ok(self.shredder.finish(range))
    }
}

/// A column of each taken type.
fn columns_of<'a, T>(opened: &'a Opened, column: impl Fn(&'a Taken) -> Option<&'a T>) -> Vec<&'a T> {
    opened.taken.iter().filter_map(column).collect()
}

fn columns(
    held: &[Option<Valued>],
    namings: &mut [DictionaryRemap],
    rows: &Rows<'_>,
    length: usize,
    all: bool,
) -> Vec<Column> {
    let one = |(valued, naming): (&Option<Valued>, &mut DictionaryRemap)| match valued {
        None => Column::default(),
        Some(Valued { column, words }) => window::column(column, rows, |keys, validity| match words {
            Some((dictionary, words)) => {
                naming.enter(*dictionary, words, length, all);
                naming.symbols(keys, validity.map(|bits| &**bits))
            }
            None => Symbols::default(),
        }),
    };
    held.iter().zip(namings).map(one).collect()
}
