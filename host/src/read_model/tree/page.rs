//! A **page** of a tree: a header, the places of its cells, and the cells themselves from the end backwards.

use super::PAGE;

/// What a tree's entries are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rows by row id: they lie in leaves, and inner pages lead to them.
    Table,
    /// Records by themselves, each once in the whole tree, leaf or not: an index, or a table without row ids.
    Index,
}

/// A page that is being filled.
pub struct Page {
    bytes: Box<[u8; PAGE]>,
    kind: Kind,
    is_leaf: bool,
    cells: usize,
    /// Where the cells begin.
    content: usize,
    /// How long the last one is.
    last: usize,
}

/// Cells are no shorter, so that the room of one that is deleted can be put on a list.
const CELL_MIN: usize = 4;

impl Page {
    pub fn leaf(kind: Kind) -> Page {
        Page { bytes: Box::new([0; PAGE]), kind, is_leaf: true, cells: 0, content: PAGE, last: 0 }
    }

    pub fn inner(kind: Kind) -> Page {
        Page { is_leaf: false, ..Page::leaf(kind) }
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.bytes.fill(0);
        (self.cells, self.content) = (0, PAGE);
    }

    fn header(&self) -> usize {
        if self.is_leaf { 8 } else { 12 }
    }

    /// Appends a cell if there is room for it.
    #[inline]
    #[must_use]
    pub fn push(&mut self, cell: &[u8]) -> bool {
        let place = self.header() + self.cells * 2;
        let Some(content) = self.content.checked_sub(cell.len().max(CELL_MIN)) else { return false };
        if content < place + 2 {
            return false;
        }
        self.bytes[content..content + cell.len()].copy_from_slice(cell);
        self.bytes[place..place + 2].copy_from_slice(&(content as u16).to_be_bytes());
        (self.cells, self.content, self.last) = (self.cells + 1, content, cell.len());
        true
    }

    /// Takes the cell away that was pushed last.
    pub fn pop(&mut self) -> Vec<u8> {
        self.cells -= 1;
        let place = self.header() + self.cells * 2;
        let end = match self.cells {
            0 => PAGE,
            _ => usize::from(u16::from_be_bytes([self.bytes[place - 2], self.bytes[place - 1]])),
        };
        let cell = self.bytes[self.content..self.content + self.last].to_vec();
        self.bytes[self.content..end].fill(0);
        self.bytes[place..place + 2].fill(0);
        self.content = end;
        cell
    }

    /// The finished page; an inner one ends with the child that is right of all its cells.
    pub fn finish(&mut self, right: u32) -> &[u8; PAGE] {
        self.bytes[0] = match (self.kind, self.is_leaf) {
            (Kind::Index, false) => 2,
            (Kind::Table, false) => 5,
            (Kind::Index, true) => 10,
            (Kind::Table, true) => 13,
        };
        self.bytes[3..5].copy_from_slice(&(self.cells as u16).to_be_bytes());
        self.bytes[5..7].copy_from_slice(&(self.content as u16).to_be_bytes());
        if !self.is_leaf {
            self.bytes[8..12].copy_from_slice(&right.to_be_bytes());
        }
        &self.bytes
    }
}
