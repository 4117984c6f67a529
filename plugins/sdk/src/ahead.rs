//! The hot loop: events are read a little **ahead** of being folded.
//!
//! Reading goes type by type, so that the processor need not guess what comes next; folding goes in log order. Each is a
//! function of its own: the compilers then have a small loop at a time, and as many registers as it needs.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use crate::envelope::Envelope;
use crate::read::unknown_kind;
use crate::{Event, Fault, Projection};

/// What is read ahead stays in the processor's nearest cache: this many events at most, in about this many bytes.
const EVENTS_MAX: usize = 256;
const BYTES: usize = 8 << 10;

/// With more types than this, looking for the events of each costs more than it saves.
const SORTED_TYPES_MAX: usize = 8;

/// Folds the events of a batch. `kinds` are their types in log order, out of `types`; `envelope` is the first one's.
pub(crate) fn fold<'a, P: Projection>(
    projection: &mut P,
    kinds: &[u16],
    types: usize,
    groups: &<P::Event as Event>::Columns<'a>,
    mut envelope: Envelope<'a>,
) -> Result<(), Fault> {
    let size = size_of::<<P::Event as Event>::Of<'a>>().max(1);
    let mut ahead = Ahead::<P::Event> { rows: vec![0; types], events: Vec::new(), groups };
    ahead.events.resize_with((BYTES / size).clamp(8, EVENTS_MAX), MaybeUninit::uninit);
    for kinds in kinds.chunks(ahead.events.len()) {
        let (read, wrong) = ahead.read(kinds, &envelope);
        // SAFETY: that many were read: a `ReadEvents` is only made by reading all events that were asked for, or all before
        // the place that it names; those of other types before that place were read by their own, and are counted.
        unsafe { fold_read(projection, &ahead.events[..read], &envelope) }?;
        if let Some(fault) = wrong {
            return Err(fault);
        }
        envelope.index += kinds.len();
    }
    Ok(())
}

struct Ahead<'g, 'a, E: Event> {
    /// For each type, how many of its events were read.
    rows: Vec<usize>,
    /// Those that were read and not folded yet. After a fault some are never dropped, as nothing in an instance is then.
    events: Vec<MaybeUninit<E::Of<'a>>>,
    groups: &'g E::Columns<'a>,
}

impl<'a, E: Event> Ahead<'_, 'a, E> {
    /// Reads events of these kinds: how many, from the first on, and the fault of the next one if it cannot be read.
    fn read(&mut self, kinds: &[u16], envelope: &Envelope<'a>) -> (usize, Option<Fault>) {
        let (mut end, mut wrong, mut read) = (kinds.len(), None, 0);
        if self.rows.len() > SORTED_TYPES_MAX {
            for (place, &kind) in kinds.iter().enumerate() {
                if let Err((place, fault)) = self.read_type(usize::from(kind), &[place as u16], envelope) {
                    return (place, Some(fault));
                }
            }
            return (end, None);
        }
        for kind in 0..self.rows.len() {
            let mut places = [0; EVENTS_MAX];
            let places = places_of(kind, &kinds[..end], &mut places);
            read += places.len();
            if let Err((place, fault)) = self.read_type(kind, places, envelope) {
                // Those behind it are not wanted any more; another type may have a wrong one before it.
                (end, wrong) = (place, Some(fault));
            }
        }
        let is_whole = match wrong {
            None => read == end,
            // Some of those that were counted lie behind it.
            Some(_) => kinds[..end].iter().all(|&kind| usize::from(kind) < self.rows.len()),
        };
        if is_whole { (end, wrong) } else { (0, Some(unknown_kind())) }
    }

    /// Reads the next events of one type into their places.
    fn read_type(&mut self, kind: usize, places: &[u16], envelope: &Envelope<'a>) -> Result<(), (usize, Fault)> {
        let Some(row) = self.rows.get_mut(kind) else { return Err((0, unknown_kind())) };
        let reading = Reading { row: *row, places, envelope, events: &mut self.events };
        *row += places.len();
        E::read(self.groups, kind, reading).0
    }
}

/// Where the events of one type are; without a branch that could be guessed wrongly.
#[inline(never)]
fn places_of<'p>(kind: usize, kinds: &[u16], places: &'p mut [u16; EVENTS_MAX]) -> &'p [u16] {
    let (mut count, mut place) = (0, 0);
    let mut look = |one: u16| {
        // There are no more than that; the compiler, which does not know, needs no check this way.
        places[count % EVENTS_MAX] = place;
        count += usize::from(usize::from(one) == kind);
        place += 1;
    };
    let mut fours = kinds.chunks_exact(4);
    for four in &mut fours {
        four.iter().for_each(|&one| look(one));
    }
    fours.remainder().iter().for_each(|&one| look(one));
    &places[..count]
}

/// That the events of a [`Reading`] were read, or all before the one that cannot be read. Whoever implements
/// [`crate::Event`] gets one only by reading: events are taken from memory on its word. The lifetime is that of one call,
/// so that none can be kept for another.
#[doc(hidden)]
pub struct ReadEvents<'e>(Result<(), (usize, Fault)>, PhantomData<fn(&'e ()) -> &'e ()>);

impl ReadEvents<'_> {
    fn new(read: Result<(), (usize, Fault)>) -> Self {
        ReadEvents(read, PhantomData)
    }
}

/// Some events of one type that are to be read.
#[doc(hidden)]
pub struct Reading<'e, 'a, T> {
    /// The first one's row in the columns of its type.
    row: usize,
    /// Their places among those that are read ahead.
    places: &'e [u16],
    /// Of the event at place 0.
    pub(crate) envelope: &'e Envelope<'a>,
    events: &'e mut [MaybeUninit<T>],
}

impl<'e, T> Reading<'e, '_, T> {
    /// Reads each, given its row; each type has a loop of its own.
    pub fn each(self, read: impl Fn(usize) -> Result<T, Fault>) -> ReadEvents<'e> {
        self.each_at(|row, _| read(row))
    }

    /// The same, also given its place.
    #[inline(never)]
    pub(crate) fn each_at(self, read: impl Fn(usize, usize) -> Result<T, Fault>) -> ReadEvents<'e> {
        let first = self.envelope.index;
        for (row, &place) in (self.row..).zip(self.places) {
            let place = usize::from(place);
            match read(row, place) {
                Ok(event) => _ = self.events[place].write(event),
                Err(fault) => return ReadEvents::new(Err((place, fault.at(first + place)))),
            }
        }
        ReadEvents::new(Ok(()))
    }

    /// There is no such type.
    pub fn unknown(self) -> ReadEvents<'e> {
        ReadEvents::new(Err((0, unknown_kind())))
    }
}

/// Folds events, which must all have been read; the first is the envelope's.
///
/// # Safety
///
/// Each event is initialised, and not used after.
#[inline(never)]
unsafe fn fold_read<'a, P: Projection>(
    projection: &mut P,
    events: &[MaybeUninit<<P::Event as Event>::Of<'a>>],
    envelope: &Envelope<'a>,
) -> Result<(), Fault> {
    for (place, event) in events.iter().enumerate() {
        let envelope = Envelope { index: envelope.index + place, ..*envelope };
        // SAFETY: as the caller promises.
        let event = unsafe { event.assume_init_read() };
        if let Err(fault) = projection.apply(event, &envelope) {
            return Err(fault.at(envelope.index));
        }
    }
    Ok(())
}
