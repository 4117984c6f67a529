//! A **cell**: an entry as it lies in a page, the end of a long one in overflow pages.

use std::io;

use super::PAGE;
use super::page::Kind;
use super::pages::Pages;
use super::record::push_varint;

/// The most bytes of a row that stay in a leaf of a table.
const TABLE_LOCAL_MAX: usize = PAGE - 35;
/// The same for an entry of an index: four of them fit a page.
const INDEX_LOCAL_MAX: usize = (PAGE - 12) * 64 / 255 - 23;
/// How many bytes stay at least of one that does not fit.
const LOCAL_MIN: usize = (PAGE - 12) * 32 / 255 - 23;
/// An overflow page: the number of the next one, and bytes.
const OVERFLOW: usize = PAGE - 4;

/// Makes the cell of a leaf in `cell`. A table's entry has a row id.
pub fn make(pages: &mut Pages, kind: Kind, row_id: i64, record: &[u8], cell: &mut Vec<u8>) -> io::Result<()> {
    let length = record.len();
    cell.clear();
    push_varint(cell, length as u64);
    let most = match kind {
        Kind::Index => INDEX_LOCAL_MAX,
        Kind::Table => {
            push_varint(cell, row_id.cast_unsigned());
            TABLE_LOCAL_MAX
        }
    };
    if length <= most {
        cell.extend_from_slice(record);
        return Ok(());
    }
    // What is left after filling whole overflow pages stays, if there is room for it.
    let fitting = LOCAL_MIN + (length - LOCAL_MIN) % OVERFLOW;
    let (local, rest) = record.split_at(if fitting <= most { fitting } else { LOCAL_MIN });
    cell.extend_from_slice(local);
    cell.extend_from_slice(&overflow(pages, rest)?.to_be_bytes());
    Ok(())
}

/// Writes the rest of an entry, its last page first, since each names the one after it.
fn overflow(pages: &mut Pages, rest: &[u8]) -> io::Result<u32> {
    let mut next = 0u32;
    for piece in rest.chunks(OVERFLOW).rev() {
        let mut page = [0; PAGE];
        page[..4].copy_from_slice(&next.to_be_bytes());
        page[4..4 + piece.len()].copy_from_slice(piece);
        next = pages.append(&page)?;
    }
    Ok(next)
}
