//! The **levels** of a tree: leaves are written as entries come, and when they are all there the pages that lead to
//! them, level by level up to the root.

use std::io;
use std::mem;

use super::cell;
use super::page::{Kind, Page};
use super::pages::Pages;
use super::record::push_varint;

/// A tree that is being written.
pub struct Tree<'a> {
    pages: &'a mut Pages,
    kind: Kind,
    leaf: Page,
    /// The last entry, as long as it is not known whether one follows: the last of all has to be in a leaf.
    last: Vec<u8>,
    next: Vec<u8>,
    /// Of a table, the row id of the last entry of the leaf.
    row_id: i64,
    done: Level,
}

/// Pages of one level, and what divides them: of a table the greatest row id on the left, of an index an entry
/// that is in neither.
#[derive(Default)]
struct Level {
    pages: Vec<u32>,
    dividers: Vec<Vec<u8>>,
}

impl<'a> Tree<'a> {
    pub fn new(pages: &'a mut Pages, kind: Kind) -> Tree<'a> {
        let (leaf, done) = (Page::leaf(kind), Level::default());
        Tree { pages, kind, leaf, last: Vec::new(), next: Vec::new(), row_id: 0, done }
    }

    /// Appends a row to a table. Row ids grow.
    pub fn push_row(&mut self, row_id: i64, record: &[u8]) -> io::Result<()> {
        cell::make(self.pages, self.kind, row_id, record, &mut self.next)?;
        if !self.leaf.push(&self.next) {
            let mut divider = Vec::new();
            push_varint(&mut divider, self.row_id.cast_unsigned());
            self.end_leaf(divider)?;
            assert!(self.leaf.push(&self.next), "an entry fits an empty page");
        }
        self.row_id = row_id;
        Ok(())
    }

    /// Appends an entry to an index. Entries grow.
    pub fn push(&mut self, record: &[u8]) -> io::Result<()> {
        cell::make(self.pages, self.kind, 0, record, &mut self.next)?;
        mem::swap(&mut self.last, &mut self.next);
        if !self.next.is_empty() && !self.leaf.push(&self.next) {
            let divider = mem::take(&mut self.next);
            self.end_leaf(divider)?;
        }
        Ok(())
    }

    fn end_leaf(&mut self, divider: Vec<u8>) -> io::Result<()> {
        self.done.pages.push(self.pages.append(self.leaf.finish(0))?);
        self.done.dividers.push(divider);
        self.leaf.clear();
        Ok(())
    }

    /// Ends the tree; its root is written to page `root` if it has one already. Returns the root's number.
    pub fn finish(mut self, root: Option<u32>) -> io::Result<u32> {
        if !self.last.is_empty() && !self.leaf.push(&self.last) {
            let divider = self.leaf.pop();
            self.end_leaf(divider)?;
            assert!(self.leaf.push(&self.last), "an entry fits an empty page");
        }
        let mut level = mem::take(&mut self.done);
        let mut top = (self.leaf, 0);
        while !level.pages.is_empty() {
            level.pages.push(self.pages.append(top.0.finish(top.1))?);
            (level, top) = above(self.pages, self.kind, &level)?;
        }
        let page = top.0.finish(top.1);
        match root {
            Some(number) => self.pages.put(number, page).map(|()| number),
            None => self.pages.append(page),
        }
    }
}

/// The level above one: its pages but the last, which is returned with its right child.
fn above(pages: &mut Pages, kind: Kind, below: &Level) -> io::Result<(Level, (Page, u32))> {
    let (mut level, mut page) = (Level::default(), Page::inner(kind));
    let mut cell = Vec::new();
    for (number, (child, divider)) in below.pages.iter().zip(&below.dividers).enumerate() {
        cell.clear();
        cell.extend_from_slice(&child.to_be_bytes());
        cell.extend_from_slice(divider);
        if page.push(&cell) {
            continue;
        }
        // A page has at least one cell. So the last one does not move up; the one before it does.
        let is_last = number + 1 == below.dividers.len();
        let up = if is_last { page.pop() } else { cell.clone() };
        let (child, divider) = up.split_at(4);
        let child = u32::from_be_bytes([child[0], child[1], child[2], child[3]]);
        level.pages.push(pages.append(page.finish(child))?);
        level.dividers.push(divider.to_vec());
        page.clear();
        if is_last {
            assert!(page.push(&cell), "a cell fits an empty page");
        }
    }
    let right = *below.pages.last().expect("a level has pages");
    Ok((level, (page, right)))
}
