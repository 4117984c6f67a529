//! The **arena** keeps strings that had to be made while a batch is read (unescaped JSON), until the next batch.

use std::cell::RefCell;

/// Strings that live until [`Arena::clear`].
#[derive(Default)]
pub(crate) struct Arena(RefCell<Vec<Box<str>>>);

impl Arena {
    /// Keeps `text` and lends it for as long as the arena is not cleared.
    #[cold]
    pub(crate) fn keep(&self, text: String) -> &str {
        let text = text.into_boxed_str();
        let kept: *const str = &*text;
        self.0.borrow_mut().push(text);
        // SAFETY: the bytes are on the heap, where they stay when the vector grows; they are freed only by `clear`,
        // which takes `&mut self`, or by dropping the arena, so never while the returned borrow of `self` lives.
        unsafe { &*kept }
    }

    /// Frees everything.
    pub(crate) fn clear(&mut self) {
        self.0.get_mut().clear();
    }
}
