//! **Names** by number: the stream names that a reader has met, bounded.

use hashbrown::HashMap;
use rusqlite::{CachedStatement, OptionalExtension};

/// Memory for names; past it the reader forgets them all and starts anew.
const NAMES_BYTES_MAX: usize = 64 << 20;
/// What an entry takes besides its text.
const ENTRY_BYTES: usize = 24;

/// Stream names that a reader has met.
#[derive(Default)]
pub(super) struct Names {
    places: HashMap<i64, (u32, u32), foldhash::fast::RandomState>,
    text: String,
}

impl Names {
    /// The name of stream `number`, asked of the store when it is not known.
    pub fn get(&mut self, number: i64, ask: &mut CachedStatement<'_>) -> rusqlite::Result<&str> {
        let (start, end) = match self.places.get(&number) {
            Some(&place) => place,
            None => self.learn(number, ask)?,
        };
        Ok(&self.text[start as usize..end as usize])
    }

    #[cold]
    fn learn(&mut self, number: i64, ask: &mut CachedStatement<'_>) -> rusqlite::Result<(u32, u32)> {
        if self.text.len() + self.places.len() * ENTRY_BYTES > NAMES_BYTES_MAX {
            *self = Names::default();
        }
        let start = self.text.len();
        let found = ask.query_row([number], |row| {
            self.text.push_str(row.get_ref(0)?.as_str()?);
            Ok(())
        });
        found.optional()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        // Both fit: the text is bounded far below 4 GiB, names included.
        let place = (start as u32, self.text.len() as u32);
        self.places.insert(number, place);
        Ok(place)
    }
}
