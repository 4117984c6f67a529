//! The **arena** keeps strings that had to be made while a batch is read (unescaped JSON), until the next batch.

use std::cell::{Cell, OnceCell};

/// Chunk `n` has room for `16 << n` texts; together more than there are numbers of 32 bits.
const FIRST: usize = 16;
const CHUNKS: usize = 28;

type Chunk = Box<[OnceCell<Box<str>>]>;

/// Strings that live until [`Arena::clear`]. Chunks are never moved, so that texts can be lent while others are added.
#[derive(Default)]
pub(crate) struct Arena {
    chunks: [OnceCell<Chunk>; CHUNKS],
    length: Cell<usize>,
}

impl Arena {
    /// Keeps `text` and lends it for as long as the arena is not cleared.
    #[cold]
    pub(crate) fn keep(&self, text: String) -> &str {
        let number = self.length.replace(self.length.get() + 1);
        let chunk = (number / FIRST + 1).ilog2() as usize;
        let size = FIRST << chunk;
        let place = number - (size - FIRST);
        let chunk = self.chunks[chunk].get_or_init(|| std::iter::repeat_with(OnceCell::new).take(size).collect());
        chunk[place].get_or_init(|| text.into_boxed_str())
    }

    /// Frees everything.
    pub(crate) fn clear(&mut self) {
        if self.length.get() > 0 {
            *self = Arena::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_where_they_are_until_all_are_freed() {
        let mut arena = Arena::default();
        for round in 0..3 {
            let texts: Vec<&str> = (0..1_000).map(|number| arena.keep(format!("text {round} {number}"))).collect();
            assert!(texts.iter().enumerate().all(|(number, text)| *text == format!("text {round} {number}")));
            arena.clear();
            assert_eq!(arena.length.get(), 0);
        }
    }
}
