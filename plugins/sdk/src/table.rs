//! A **table** of rows by key: those changed since the last flush, and as many others as memory allows.

mod asked_keys;
mod chunks;
mod evicted_keys;
mod flush;
mod held;
mod index;
mod trim;
#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod partition_tests;
#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use crate::arena::Arena;
use crate::cells::Cells;
use crate::dictionary::{Dictionaries, Symbol};
use crate::key::{AsKey, Key};
use crate::row::Row;
use crate::slots::{Slot, Slots};
use crate::table::asked_keys::AskedKeys;
use crate::table::chunks::Chunks;
use crate::table::evicted_keys::Elsewhere;
use crate::table::held::{DIRTY, Held, LIVE, REACHED, STORED};
use crate::table::index::Index;
use crate::table::trim::weight;
use crate::tables::Opening;
use crate::{Fault, backend};

/// The rows of a projection's table, by key.
///
/// What was not in memory is looked up from the read model, so a table behaves as if all its rows were here. It is
/// a field of the projection; the field's name is the table's name.
///
/// Its memory is bounded: changed rows wait for the next flush, which the host asks for in time; of the others, those
/// beyond the host's budget for unchanged rows are let go, and looked up again when reached.
/// Looking for millions of rows, there or not, is as safe as looking for one.
///
/// ```
/// use projectionist_sdk::prelude::*;
/// use projectionist_sdk::testing::{event, given};
/// use serde_json::json;
///
/// #[derive(Event)]
/// enum Shop {
///     Added { cart: u32, item: String, pieces: u32 },
///     Removed { cart: u32, item: String },
/// }
///
/// #[derive(Row)]
/// struct Line { #[key] cart: u32, #[key] item: String, pieces: u32 }
///
/// #[derive(Default, Tables)]
/// struct Carts { lines: Table<Line> }
///
/// impl Projection for Carts {
///     type Event = Shop;
///     fn apply(&mut self, event: Shop, _: &Envelope) -> Result<(), Fault> {
///         match event {
///             Shop::Added { cart, item, pieces } => self.lines.entry((cart, &item)).pieces += pieces,
///             Shop::Removed { cart, item } => {
///                 if self.lines.get((cart, &item)).is_none() {
///                     return Err(Fault::new("nothing to remove"));
///                 }
///                 self.lines.delete((cart, item));
///             }
///         }
///         Ok(())
///     }
/// }
/// export!(Carts, name = "carts", version = 1);
///
/// given::<Carts>([
///     event("shop", "Added", json!({"cart": 1, "item": "tea", "pieces": 2})),
///     event("shop", "Added", json!({"cart": 1, "item": "rum", "pieces": 1})),
///     event("shop", "Removed", json!({"cart": 1, "item": "rum"})),
/// ])
/// .then([Line { cart: 1, item: "tea".into(), pieces: 2 }]);
/// ```
pub struct Table<R: Row> {
    /// Rows that are held, and beside each what is known of it: apart, since most events touch the row alone.
    rows: Chunks<R>,
    held: Chunks<Held>,
    /// What each weighed last, where rows may grow.
    weights: Chunks<u32>,
    /// Indexes into these, by key.
    by_key: Index,
    slots: Slots,
    /// Indexes of the rows that changed since the last flush.
    dirty: Vec<u32>,
    /// Indexes of the rows that were reached in this batch, where rows may grow.
    reached: Vec<u32>,
    /// Rows marked with this need no book-keeping when they are reached.
    mark: u32,
    /// How many batches there were.
    batches: u32,
    /// At least so many rows that wait for a flush came and went since the one before: there is nothing to flush of them.
    gone: usize,
    /// The weight of all rows that are held, and of the dirty ones among them.
    bytes: u64,
    dirty_bytes: u64,
    elsewhere: Elsewhere,
    asked: AskedKeys<R>,
    opening: Opening,
    fault: Option<Fault>,
}

impl<R: Row> Default for Table<R> {
    fn default() -> Self {
        Table {
            rows: Chunks::default(),
            held: Chunks::default(),
            weights: Chunks::default(),
            by_key: Index::default(),
            slots: Slots::default(),
            dirty: Vec::new(),
            reached: Vec::new(),
            mark: 1,
            batches: 0,
            gone: 0,
            bytes: 0,
            dirty_bytes: 0,
            elsewhere: Elsewhere::default(),
            asked: AskedKeys::default(),
            opening: Opening::default(),
            fault: None,
        }
    }
}

impl<R: Row> Table<R> {
    /// The row with this key, to be changed; made with `Default` values besides its key when there is none.
    /// The row is written at the next flush. Changing its key fields is a fault.
    #[inline]
    pub fn entry(&mut self, key: impl AsKey<R::Key>) -> &mut R {
        let symbol = key.symbol();
        let slot = self.slots.get(symbol);
        let index = if slot.mark == self.mark { slot.row as usize } else { self.reach(key.view(), symbol, slot) };
        &mut self.rows[index]
    }

    /// The row with this key, if there is one.
    #[inline]
    pub fn get(&mut self, key: impl AsKey<R::Key>) -> Option<&R> {
        let symbol = key.symbol();
        let index = match self.slots.get(symbol).known() {
            Some(index) => index,
            None => self.seek(key.view(), symbol)?,
        };
        let held = &mut self.held[index];
        held.reach_in(self.batches);
        if held.is(LIVE) { Some(&self.rows[index]) } else { None }
    }

    /// Writes a row, in the place of the one with its key if there is one.
    pub fn put(&mut self, row: R) {
        let hash = self.hash(row.key());
        let index = match self.position(row.key(), hash) {
            Some(index) => index,
            // What the read model holds does not matter: it is replaced.
            None => self.hold_unseen(R::new(row.key()), hash),
        };
        self.write(index);
        let before = self.weight_at(index);
        self.rows[index] = row;
        self.weigh(index, before);
    }

    /// Removes the row with this key, if there is one.
    pub fn delete(&mut self, key: impl AsKey<R::Key>) {
        let symbol = key.symbol();
        let index = match self.slots.get(symbol).known() {
            Some(index) => index,
            None => {
                let hash = self.hash(key.view());
                match self.position(key.view(), hash) {
                    Some(index) => index,
                    None => {
                        let row = R::new(key.view());
                        if !is_storable(&row) {
                            return;
                        }
                        self.hold_unseen(row, hash)
                    }
                }
            }
        };
        self.write(index);
        let held = &mut self.held[index];
        held.set(LIVE, false);
        self.gone += usize::from(!held.is(STORED));
        // The next `entry` has to make the row again; its slot may say that it is ready.
        self.next_mark();
        let before = self.weight_at(index);
        self.rows[index].reset();
        self.weigh(index, before);
    }

    /// From now on every row has to be made ready again.
    #[inline]
    fn next_mark(&mut self) {
        match self.mark.checked_add(1) {
            Some(mark) => self.mark = mark,
            None => self.count_anew(),
        }
    }

    /// An instance may live for thousands of millions of batches and deletes.
    #[cold]
    #[inline(never)]
    fn count_anew(&mut self) {
        (self.mark, self.batches) = (1, 0);
        self.slots.clear();
        self.held.iter_mut().for_each(|held| held.reach_in(0));
    }

    /// Where the row is held, if it is there; a row that is known not to be there takes no memory.
    #[inline(never)]
    fn seek(&mut self, key: <R::Key as Key>::Ref<'_>, symbol: Symbol) -> Option<usize> {
        let hash = self.hash(key);
        let index = match self.position(key, hash) {
            Some(index) => index,
            None if self.elsewhere.may_have(hash) => self.fetch(key, hash),
            None => {
                self.note_absent(key, hash);
                return None;
            }
        };
        self.slots.set(symbol, Slot { row: index as u32, mark: 0 });
        Some(index)
    }

    /// Where the row is held, known or looked up, and from now on to be flushed. Kept out of the callers, whose fast
    /// path stays small.
    #[inline(never)]
    fn reach(&mut self, key: <R::Key as Key>::Ref<'_>, symbol: Symbol, slot: Slot) -> usize {
        let index = slot.known().unwrap_or_else(|| {
            let hash = self.hash(key);
            self.position(key, hash).unwrap_or_else(|| self.fetch(key, hash))
        });
        self.write(index);
        self.slots.set(symbol, Slot { row: index as u32, mark: self.mark });
        index
    }

    #[inline]
    fn position(&self, key: <R::Key as Key>::Ref<'_>, hash: u64) -> Option<usize> {
        let same = |index: u32| R::Key::same(self.rows[index as usize].key(), key);
        self.by_key.find(hash, same).map(|index| index as usize)
    }

    /// Takes a row into memory that is not held yet.
    #[cold]
    fn fetch(&mut self, key: <R::Key as Key>::Ref<'_>, hash: u64) -> usize {
        let row = R::new(key);
        if !self.elsewhere.may_have(hash) {
            return self.hold(row, hash, Some(false));
        }
        match self.look_up(&row) {
            Ok(Some(found)) => {
                let index = self.hold(found, hash, Some(true));
                if self.asked.is_on() && !self.elsewhere.is_known() {
                    // Another partition may have written it: flushed again, the host knows that it was read here.
                    self.write(index);
                }
                index
            }
            Ok(None) => {
                self.note_absent(key, hash);
                self.hold(row, hash, Some(false))
            }
            Err(fault) => {
                self.fault.get_or_insert(fault);
                self.hold(row, hash, Some(false))
            }
        }
    }

    /// Takes note of a key that was asked for and has no row, where the host wants to know.
    fn note_absent(&mut self, key: <R::Key as Key>::Ref<'_>, hash: u64) {
        if self.asked.is_on() {
            self.asked.add(&R::new(key), hash);
        }
    }

    /// Takes a row into memory whose like in the read model, if there is one, does not matter.
    fn hold_unseen(&mut self, row: R, hash: u64) -> usize {
        let is_there = if self.elsewhere.may_have(hash) { None } else { Some(false) };
        self.hold(row, hash, is_there)
    }

    fn look_up(&self, row: &R) -> Result<Option<R>, Fault> {
        let mut keys = R::KeyColumns::default();
        if row.push_key(&mut keys).is_err() {
            return Ok(None); // as `is_storable`
        }
        let rows = backend::lookup(self.opening.table, 1, &R::finish_key(keys));
        if rows.found.first().is_none_or(|found| found & 1 == 0) {
            return Ok(None);
        }
        let (arena, dictionaries) = (Arena::default(), Dictionaries::default());
        let cells: Vec<_> = rows.columns.iter().map(|column| Cells::new(column, &dictionaries, 0, &arena)).collect();
        R::read(&cells, 0).map(Some)
    }

    /// `is_there` says whether the read model has the row, if that is known.
    fn hold(&mut self, row: R, hash: u64, is_there: Option<bool>) -> usize {
        // Within a batch there is some slack, so that the walk through the changed rows is worth it.
        if self.clean_bytes() > self.opening.cache_bytes.saturating_add(self.dirty_bytes) {
            self.weigh_reached();
            self.trim();
        }
        let index = self.held.len();
        let bytes = weight(&row);
        self.bytes += u64::from(bytes);
        if R::GROWS {
            self.weights.push(bytes);
        }
        let live = if is_there == Some(true) { LIVE } else { 0 };
        let stored = if is_there != Some(false) { STORED } else { 0 };
        self.rows.push(row);
        self.held.push(Held::new(self.batches, live | stored));
        self.by_key.insert(hash, index as u32);
        index
    }

    /// Makes sure that a row is there and will be flushed.
    fn write(&mut self, index: usize) {
        let held = &mut self.held[index];
        held.reach_in(self.batches);
        held.set(LIVE, true);
        let (is_dirty, is_reached) = (held.is(DIRTY), held.is(REACHED));
        held.set(if R::GROWS { DIRTY | REACHED } else { DIRTY }, true);
        if !is_dirty {
            if self.dirty.len() == self.dirty.capacity() {
                // A quarter more at a time, since it may become very long.
                self.dirty.reserve_exact(self.dirty.len() / 4 + 16);
            }
            self.dirty.push(index as u32);
            self.dirty_bytes += self.weight_at(index);
        }
        if R::GROWS && !is_reached {
            self.reached.push(index as u32);
        }
    }

    /// By the seed of this instance, which nobody outside knows: no keys can be chosen so that they meet.
    fn hash(&self, key: <R::Key as Key>::Ref<'_>) -> u64 {
        FixedState::with_seed(self.opening.seed).hash_one(key)
    }
}

/// Whether columns hold a row's key. If not, no row has it, and storing one is a fault.
fn is_storable<R: Row>(row: &R) -> bool {
    row.push_key(&mut R::KeyColumns::default()).is_ok()
}
