//! The **runtime** drives a projection as the contract says: manifest, open, apply, flush.

use crate::arena::Arena;
use crate::bindings::manifests::{EnvelopeParts, Manifest, Partitioning, Selection, Subscription};
use crate::bindings::projectionist::projection::columns::{Column, Values};
use crate::bindings::{Pending, Start, events, faults, tables};
use crate::dictionary::Dictionaries;
use crate::envelope::{self, Envelope, METADATA, METADATA_FIELDS, STREAMS, TYPE_NAMES, Unasked, parts};
use crate::read::Groups;
use crate::tables::Opening;
use crate::{Event, Exported, Fault, Settings, ahead, backend};

/// The manifest of a projection.
pub fn manifest<P: Exported>() -> Manifest {
    let wanted = P::PARTS | P::Event::PARTS;
    let part = |bit, flag| if wanted & bit != 0 { flag } else { EnvelopeParts::empty() };
    let envelope = part(parts::POSITION, EnvelopeParts::POSITION)
        | part(parts::STREAM, EnvelopeParts::STREAM)
        | part(parts::STREAM_VERSION, EnvelopeParts::STREAM_VERSION)
        | part(parts::TIME, EnvelopeParts::TIME)
        | part(parts::ID, EnvelopeParts::ID)
        | part(parts::TYPE_NAME, EnvelopeParts::TYPE_NAME)
        | part(parts::METADATA, EnvelopeParts::METADATA);
    let mut tables = Vec::new();
    P::default().each(&mut |name, table| {
        let mut table = table.describe();
        table.name = name.into();
        tables.push(table);
    });
    Manifest {
        name: P::NAME.into(),
        version: P::VERSION,
        description: P::DESCRIPTION.into(),
        subscription: Subscription {
            selection: <P::Event as Event>::selection(),
            stream_prefix: P::STREAM_PREFIX.map(str::to_owned),
            envelope,
            metadata_fields: P::METADATA.iter().map(|&name| name.to_owned()).collect(),
        },
        partitioning: P::partitioning(),
        tables,
    }
}

/// One instance of a projection.
pub struct Runtime<P> {
    projection: P,
    dictionaries: Dictionaries,
    arena: Arena,
    /// How many event types the subscription has.
    kinds: usize,
    /// How many bytes of memory the host allows.
    memory_bytes: u64,
}

impl<P: Exported> Runtime<P> {
    /// Begins at a checkpoint.
    pub fn open(start: Start) -> Result<Runtime<P>, faults::Fault> {
        backend::report_panics();
        let mut projection = P::default();
        let (mut count, mut table) = (0u64, 0);
        projection.each(&mut |_, _| count += 1);
        let cache_bytes = start.cache_bytes / count.max(1);
        let partitioned = !matches!(P::partitioning(), Partitioning::Whole);
        projection.each(&mut |_, any| {
            any.open(Opening { table, empty: start.empty, partitioned, seed: start.seed, cache_bytes });
            table += 1;
        });
        projection.open(&Settings::new(start.settings)).map_err(|fault| fault.settings().into_wit())?;
        let kinds = match P::Event::selection() {
            Selection::Types(types) => types.len(),
            Selection::Every(_) => 1,
        };
        Ok(Runtime {
            projection,
            dictionaries: Dictionaries::new(METADATA_FIELDS),
            arena: Arena::default(),
            kinds,
            memory_bytes: start.memory_bytes,
        })
    }

    /// Folds a batch.
    pub fn apply(&mut self, batch: events::Batch) -> Result<Pending, faults::Fault> {
        self.fold(&batch).map_err(Fault::into_wit)?;
        let mut pending = Pending { rows: 0, bytes: 0 };
        let mut fault = None;
        self.projection.each(&mut |_, table| {
            let waiting = table.settle();
            pending.rows += waiting.rows;
            pending.bytes += waiting.bytes;
            fault = fault.take().or(table.take_fault());
        });
        if is_short(self.memory_bytes, backend::memory()) {
            self.projection.each(&mut |_, table| table.let_go());
            pending.bytes = pending.bytes.max(self.memory_bytes); // so that the host flushes
        }
        fault.map_or(Ok(pending), |fault| Err(fault.into_wit()))
    }

    fn fold(&mut self, batch: &events::Batch) -> Result<(), Fault> {
        self.arena.clear();
        self.update_dictionaries(batch)?;
        let Runtime { projection, dictionaries, arena, kinds, .. } = self;
        let columns = envelope::Columns::new(&batch.envelope, dictionaries, P::METADATA, arena);
        let unasked_part = Unasked::default();
        let first = METADATA_FIELDS + P::METADATA.len();
        let mut groups = Groups::new(&batch.groups, dictionaries, first, arena);
        let groups = P::Event::columns(&mut groups)?;
        let envelope = Envelope { columns: &columns, index: 0, unasked: &unasked_part };
        let folded = ahead::fold(projection, &batch.kinds, *kinds, &groups, envelope);
        // A part that was not asked for read as empty; that explains any other fault, so it comes first.
        match unasked_part.get() {
            Some((part, index)) => Err(unasked(part).at(index)),
            None => folded,
        }
    }

    fn update_dictionaries(&mut self, batch: &events::Batch) -> Result<(), Fault> {
        let envelope = &batch.envelope;
        for (place, symbols) in [(STREAMS, &envelope.streams), (TYPE_NAMES, &envelope.type_names)] {
            if let Some(symbols) = symbols {
                self.dictionaries.update(place, symbols)?;
            }
        }
        let metadata = envelope.metadata.iter().map(|column| (METADATA, column));
        let fields = envelope.metadata_fields.iter().chain(batch.groups.iter().flat_map(|group| &group.fields));
        for (place, column) in metadata.chain((METADATA_FIELDS..).zip(fields)) {
            if let Column { values: Values::Symbols(symbols), .. } = column {
                self.dictionaries.update(place, symbols)?;
            }
        }
        Ok(())
    }

    /// All changes since the last flush.
    pub fn flush(&mut self) -> Result<Vec<tables::Changes>, faults::Fault> {
        let mut changes = Vec::new();
        let mut fault = None;
        self.projection.each(&mut |_, table| match table.flush() {
            Ok(changed) => changes.extend(changed),
            Err(found) => {
                fault.get_or_insert(found);
            }
        });
        fault.map_or(Ok(changes), |fault| Err(fault.into_wit()))
    }
}

/// Whether an instance that may have `most` bytes has little left: a flush needs columns beside the rows, the next batch
/// comes, and a list that grows has to be copied. Of what is not in use, some may be free for blocks of one size only.
fn is_short(most: u64, (used, taken): (u64, u64)) -> bool {
    used > most / 8 * 5 || taken > most / 8 * 7
}

#[cold]
fn unasked(part: &'static str) -> Fault {
    let mut message = String::from("the projection reads `");
    message.push_str(part);
    message.push_str("` from the envelope without having asked for it");
    let mut hint = String::from("add it in `export!`: envelope = [");
    hint.push_str(part);
    hint.push_str(", ...]");
    Fault::new(message).hint(hint)
}

/// The host called `apply` or `flush` before `open`.
#[cold]
pub fn not_open() -> faults::Fault {
    Fault::host("the projection was not opened").into_wit()
}
