//! **Field columns**: what a plugin instance is given of the fields of one event type, or of the metadata.
//!
//! A field that the block holds as a column is given as it was sealed. One that stands in the recorded texts alone is
//! shredded out of those of the chosen rows, by the same rules as everywhere.

use super::block_reader::BlockField;
use super::dictionary_remap::DictionaryRemap;
use super::window::{self, Rows};
use crate::event::Column;
use crate::history::json::field::Field;
use crate::history::json::object::Fields;
use crate::history::segment::FieldRows;

/// The fields asked for, from batch to batch of one instance.
pub(super) struct FieldColumns {
    finder: Fields,
    columns: Vec<FieldColumn>,
}

/// One field. The instance has one dictionary for it: of sealed words or of shredded ones, not of both.
#[derive(Default)]
struct FieldColumn {
    sealed: DictionaryRemap,
    shredded: Field,
    /// Whether the dictionary that the instance has is that of `shredded`.
    is_shredded: bool,
}

/// The row whose recorded text is not JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotJsonAt(pub usize);

impl FieldColumns {
    pub fn new(names: &[String]) -> FieldColumns {
        FieldColumns { finder: Fields::new(names), columns: names.iter().map(|_| FieldColumn::default()).collect() }
    }

    /// The columns of `rows`, of `length` rows that there are. `all` says that no other rows will be asked for.
    /// `text` is the recorded text of a row. After an error only a new one is of use.
    pub fn columns<'t>(
        &mut self,
        fields: &[BlockField],
        rows: &Rows<'_>,
        length: usize,
        all: bool,
        text: impl Fn(usize) -> &'t str,
    ) -> Result<Vec<Column>, NotJsonAt> {
        self.shred(fields, rows, text)?;
        let one = |(field, column): (&BlockField, &mut FieldColumn)| match field {
            BlockField::Absent => Column::default(),
            BlockField::Plain(plain) => window::column(plain, rows),
            BlockField::Keys(keys, dictionary) => window::keys(keys, rows, |keys, validity| {
                column.sealed().symbols(dictionary, keys, validity, length, all)
            }),
            BlockField::InText(_) => column.shredded.finish(),
        };
        Ok(fields.iter().zip(&mut self.columns).map(one).collect())
    }

    /// All of the fields out of recorded texts.
    pub fn of_texts<'t>(&mut self, texts: impl Iterator<Item = &'t str>) -> Result<Vec<Column>, NotJsonAt> {
        for (row, text) in texts.enumerate() {
            self.finder.find(text).map_err(|_| NotJsonAt(row))?;
            for (column, found) in self.columns.iter_mut().zip(&self.finder.found) {
                let raw = found.clone().and_then(|place| text.get(place));
                column.shredded().push(raw).map_err(|_| NotJsonAt(row))?;
            }
        }
        Ok(self.columns.iter_mut().map(|column| column.shredded.finish()).collect())
    }

    /// Adds the rows of the fields that stand in the texts alone; texts that cannot have one are not looked at.
    fn shred<'t>(
        &mut self,
        fields: &[BlockField],
        rows: &Rows<'_>,
        text: impl Fn(usize) -> &'t str,
    ) -> Result<(), NotJsonAt> {
        let mut wanted = Vec::new();
        for (number, field) in fields.iter().enumerate() {
            if let BlockField::InText(rows) = field {
                wanted.push((number, RowsWithField::new(rows)));
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        for (place, row) in rows.iter().enumerate() {
            let mut is_found = false;
            for (number, with_field) in &mut wanted {
                if !with_field.may_have(row) {
                    continue;
                }
                let text = text(row);
                if !is_found {
                    self.finder.find(text).map_err(|_| NotJsonAt(row))?;
                    is_found = true;
                }
                let raw = self.finder.found[*number].clone().and_then(|place| text.get(place));
                let column = self.columns[*number].shredded();
                column.pad(place);
                column.push(raw).map_err(|_| NotJsonAt(row))?;
            }
        }
        for (number, _) in &wanted {
            self.columns[*number].shredded().pad(rows.len());
        }
        Ok(())
    }
}

/// Goes through the rows that may have a field, beside rows that are asked for in ascending order.
pub(super) struct RowsWithField<'a> {
    /// None stands for any row.
    rows: Option<&'a [u16]>,
}

impl<'a> RowsWithField<'a> {
    pub fn new(rows: &'a FieldRows) -> RowsWithField<'a> {
        RowsWithField {
            rows: match rows {
                FieldRows::Any => None,
                FieldRows::These(rows) => Some(rows),
            },
        }
    }

    /// Whether `row`, which is above those asked for before, may have the field.
    pub fn may_have(&mut self, row: usize) -> bool {
        let Some(rows) = &mut self.rows else { return true };
        while let [first, rest @ ..] = *rows
            && usize::from(*first) < row
        {
            *rows = rest;
        }
        rows.first().is_some_and(|&first| usize::from(first) == row)
    }
}

impl FieldColumn {
    fn sealed(&mut self) -> &mut DictionaryRemap {
        if std::mem::take(&mut self.is_shredded) {
            self.sealed.restart();
        }
        &mut self.sealed
    }

    fn shredded(&mut self) -> &mut Field {
        if !std::mem::replace(&mut self.is_shredded, true) {
            self.shredded = Field::default();
        }
        &mut self.shredded
    }
}
