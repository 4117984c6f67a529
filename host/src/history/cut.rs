//! A **cut** makes batches of one projection out of blocks: only the event types and fields that it asked for, and
//! of a partitioned projection only the events of one partition.
//!
//! Where a projection takes every event of a block, its columns cross as they lie. Otherwise the rows are chosen
//! once, type by type, and gathered. What a block does not hold as a column (fields beyond those it lists, the
//! payloads of every type at once) is shredded again out of the recorded payloads.

use std::ops::Range as Span;

use arrow_buffer::ScalarBuffer;

use super::chosen::{Chooser, Chosen, Part};
use super::naming::Naming;
use super::opened::{Named, Opened, Valued};
use super::segment::{Damaged, Segment};
use super::shredder::Shredder;
use super::window::{self, Rows};
use crate::event::{Batch, Column, Envelope, Group, Range, Result, Subscription, Symbols, Text};

/// Cuts blocks for one plugin instance, which must be given every batch, in order.
pub(super) struct Cutter {
    subscription: Subscription,
    part: Option<Part>,
    streams: Naming,
    type_names: Naming,
    metadata_fields: Vec<Naming>,
    /// For each type of the subscription and each of its fields.
    fields: Vec<Vec<Naming>>,
    /// For blocks that have to be shredded again.
    shredder: Shredder,
    /// The segment that the shredder's dictionaries are of, while they are what the instance has.
    shredded: Option<u64>,
}

/// A block opened for one projection, with what is chosen of it.
pub(super) struct Sheet {
    pub opened: Opened,
    chooser: Chooser,
    segment: u64,
}

impl Cutter {
    pub fn new(subscription: &Subscription, part: Option<Part>) -> Cutter {
        let namings = |fields: &[String]| fields.iter().map(|_| Naming::default()).collect::<Vec<_>>();
        Cutter {
            part,
            streams: Naming::default(),
            type_names: Naming::default(),
            metadata_fields: namings(&subscription.metadata_fields),
            fields: subscription.types().iter().map(|kind| namings(&kind.fields)).collect(),
            shredder: Shredder::new(subscription),
            shredded: None,
            subscription: subscription.clone(),
        }
    }

    /// Forgets what the instance was given, so that the next batch stands for itself.
    pub fn restart(&mut self) {
        *self = Cutter::new(&self.subscription, self.part.take());
    }

    /// Reads what the projection needs of a block. When bytes turn out to be damaged, nothing has changed.
    pub fn open(&self, segment: &Segment, block: usize) -> std::result::Result<Sheet, Damaged> {
        let with_streams = self.part.is_some() || self.subscription.stream_prefix.is_some();
        let opened = Opened::read(segment, block, &self.subscription, with_streams)?;
        let chooser = Chooser::new(&opened, &self.subscription, self.part.as_ref());
        Ok(Sheet { opened, chooser, segment: segment.id() })
    }

    /// The batch of the rows `span` of a block; it covers `range`.
    pub fn cut(&mut self, sheet: &Sheet, span: Span<usize>, range: Range) -> Result<Batch> {
        let opened = &sheet.opened;
        let chosen = sheet.chooser.choose(opened, &span);
        if opened.is_shredded {
            return self.shred(opened, sheet.segment, &chosen, range);
        }
        if self.shredded.take().is_some() {
            self.forget();
        }
        let rows = chosen.spine();
        let all = chosen.is_everything();
        Ok(Batch {
            range,
            kinds: kinds(opened, rows),
            positions: opened.positions(rows),
            envelope: self.envelope(opened, rows, all),
            groups: self.groups(opened, &chosen, all),
        })
    }

    fn forget(&mut self) {
        self.shredder.restart();
        let fields = self.fields.iter_mut().flatten();
        [&mut self.streams, &mut self.type_names]
            .into_iter()
            .chain(&mut self.metadata_fields)
            .chain(fields)
            .for_each(Naming::restart);
    }

    fn envelope(&mut self, opened: &Opened, rows: Rows<'_>, all: bool) -> Envelope {
        let parts = self.subscription.envelope;
        let length = opened.length;
        let symbols = |named: &Named, naming: &mut Naming| {
            naming.enter(named.dictionary, &named.words, length, all);
            naming.symbols(&window::values(&named.keys, rows), None)
        };
        let streams = opened.streams.as_ref().filter(|_| parts.stream);
        Envelope {
            with_positions: parts.position,
            streams: streams.map(|named| symbols(named, &mut self.streams)),
            stream_versions: opened.stream_versions.as_ref().map(|all| window::values(all, rows)),
            times: opened.times.as_ref().map(|all| window::values(all, rows)),
            ids: opened.ids.as_ref().map(|all| window::text(all, rows)),
            type_names: opened.type_names.as_ref().map(|named| symbols(named, &mut self.type_names)),
            metadata: opened.metadata.as_ref().map(|whole| window::column(whole, rows, |_, _| Symbols::default())),
            metadata_fields: columns(&opened.metadata_fields, &mut self.metadata_fields, rows, length, all),
        }
    }

    fn groups(&mut self, opened: &Opened, chosen: &Chosen, all: bool) -> Vec<Group> {
        let empty = |kind: &crate::event::EventType| Group {
            length: 0,
            fields: vec![Column::default(); kind.fields.len()],
            document: kind.document.then(Text::default),
        };
        let mut groups: Vec<Group> = self.subscription.types().iter().map(empty).collect();
        if opened.takes_every {
            groups[0].length = chosen.spine().len() as u32;
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
    fn shred(&mut self, opened: &Opened, segment: u64, chosen: &Chosen, range: Range) -> Result<Batch> {
        if self.shredded != Some(segment) {
            // It tells streams apart by number, and the numbers are those of a segment.
            self.forget();
            self.shredded = Some(segment);
        }
        let spine = chosen.spine();
        // Where the next event of each type stands among its own.
        let mut next: Vec<Option<usize>> = vec![None; opened.taken.len()];
        for row in spine.iter() {
            let number = match &opened.kinds {
                Some(kinds) => {
                    usize::from(opened.places[usize::from(kinds[row])].expect("only taken types are chosen"))
                }
                None => 0,
            };
            let taken = &opened.taken[number];
            let rows: &[u32] = &taken.rows;
            let next = &mut next[number];
            let mut at = next.unwrap_or_else(|| rows.partition_point(|&other| (other as usize) < row));
            while rows[at] as usize != row {
                at += 1; // one that was not chosen
            }
            *next = Some(at + 1);
            self.shredder.push(opened.event(row, taken, at))?;
        }
        Ok(self.shredder.finish(range))
    }
}

/// For each event the index of its type in the subscription.
fn kinds(opened: &Opened, rows: Rows<'_>) -> ScalarBuffer<u16> {
    let Some(kinds) = &opened.kinds else {
        let place = opened.taken.first().map_or(0, |taken| taken.place as u16);
        return vec![place; rows.len()].into();
    };
    let place = |number: &Option<u16>| number.map_or(0, |number| opened.taken[usize::from(number)].place as u16);
    let places: Vec<u16> = opened.places.iter().map(place).collect();
    let kinds = window::values(kinds, rows);
    if places.iter().enumerate().all(|(kind, &place)| kind == usize::from(place)) {
        return kinds;
    }
    kinds.iter().map(|&kind| places[usize::from(kind)]).collect::<Vec<_>>().into()
}

fn columns(held: &[Option<Valued>], namings: &mut [Naming], rows: Rows<'_>, length: usize, all: bool) -> Vec<Column> {
    let one = |(valued, naming): (&Option<Valued>, &mut Naming)| match valued {
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
