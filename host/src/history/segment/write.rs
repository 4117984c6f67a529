//! **Writes** a segment: buffers aligned and checksummed, then the index, then where the index is.

use std::io::{self, Write};

use arrow_buffer::ToByteSlice;
use hashbrown::HashMap;
use twox_hash::XxHash3_64;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::builder::{WholeBlock, WholeType};
use super::dictionaries::EndedDictionary;
use super::distinct::{Sketch, WORDS_MIN};
use super::index::{
    ALIGNMENT, BlockIndex, ColumnIndex, EventsIndex, FieldsIndex, Index, MAGIC, MadeBy, Mark, Place, RareIndex,
    SmallTypesIndex, TextPlaces, TypeIndex, ValuesIndex, WordsIndex, checksum,
};
use super::inferred_columns::{BlockFields, RareFields};
use crate::event::{Column, Range, Text, Values};
use crate::history::numbers::DictionaryNumber;

/// Writes one segment, from its first byte to its last.
pub(super) struct Writer<'w> {
    out: &'w mut dyn Write,
    written: u64,
    blocks: Vec<BlockIndex>,
    words: Vec<Option<WordsIndex>>,
}

impl<'w> Writer<'w> {
    pub fn start(out: &'w mut dyn Write) -> io::Result<Writer<'w>> {
        out.write_all(MAGIC)?;
        Ok(Writer { out, written: MAGIC.len() as u64, blocks: Vec::new(), words: Vec::new() })
    }

    pub fn block(&mut self, block: &WholeBlock) -> io::Result<()> {
        let (small, own): (Vec<_>, Vec<_>) = block.types.iter().partition(|kind| kind.is_small());
        let index = BlockIndex {
            range: block.range,
            length: block.positions.len(),
            positions: block.has_gaps().then(|| self.numbers(&block.positions)).transpose()?,
            stream_words: block.stream_words,
            metadata: self.metadata(&block.metadata)?,
            metadata_fields: self.fields(&block.metadata_fields)?,
            types: own.into_iter().map(|kind| self.kind(kind)).collect::<io::Result<_>>()?,
            small_types: self.small_types(&small)?,
        };
        self.blocks.push(index);
        Ok(())
    }

    /// A dictionary of the segment.
    pub fn words(&mut self, ended: &EndedDictionary) -> io::Result<()> {
        let EndedDictionary { number, words, streams } = ended;
        let hashes: Vec<u64> = words.iter().map(|word| XxHash3_64::oneshot(word.as_bytes())).collect();
        let streams: Option<Vec<i64>> = streams.as_ref().map(|all| all.iter().map(|number| number.0).collect());
        let sketch = (hashes.len() > WORDS_MIN).then(|| Sketch::of(&hashes));
        let index = WordsIndex {
            length: words.len(),
            values: self.text(words)?,
            hashes: self.numbers(&hashes)?,
            streams: streams.map(|numbers| self.numbers(&numbers)).transpose()?,
            sketch: sketch.map(|sketch| self.bytes(sketch.registers())).transpose()?,
        };
        let place = number.0 as usize;
        if self.words.len() <= place {
            self.words.resize_with(place + 1, || None);
        }
        self.words[place] = Some(index);
        Ok(())
    }

    /// Ends the segment.
    pub fn finish(mut self, range: Range, mark: Option<Mark>, types: &[String]) -> io::Result<u64> {
        let words = self.words.drain(..).collect::<Option<Vec<_>>>();
        let words = words.ok_or_else(|| io::Error::other("a dictionary was not written"))?;
        let events = self.blocks.iter().map(|block| block.length as u64).sum();
        let (types, blocks) = (types.to_vec(), std::mem::take(&mut self.blocks));
        let index = Index {
            range,
            made_by: MadeBy::default(),
            mark,
            events,
            types,
            type_numbers: HashMap::default(),
            blocks,
            words,
        };
        let index = serde_json::to_vec(&index)?;
        self.out.write_all(&index)?;
        self.out.write_all(&(index.len() as u64).to_le_bytes())?;
        self.out.write_all(&checksum(&index).to_le_bytes())?;
        self.out.write_all(MAGIC)?;
        Ok(self.written + (index.len() + 2 * size_of::<u64>() + MAGIC.len()) as u64)
    }

    fn kind(&mut self, kind: &WholeType) -> io::Result<TypeIndex> {
        Ok(TypeIndex {
            number: kind.number,
            length: kind.rows.len(),
            events: self.events(&[kind])?,
            fields: self.fields(&kind.fields)?,
        })
    }

    fn small_types(&mut self, types: &[&WholeType]) -> io::Result<Option<SmallTypesIndex>> {
        if types.is_empty() {
            return Ok(None);
        }
        let numbered = types.iter().map(|kind| (kind.number, kind.rows.len() as u32)).collect();
        Ok(Some(SmallTypesIndex { types: numbered, events: self.events(types)? }))
    }

    /// The events of these types, one type after the other.
    fn events(&mut self, types: &[&WholeType]) -> io::Result<EventsIndex> {
        let (ids, documents) = match types {
            [kind] => (kind.ids.clone(), kind.documents.clone()), // which copies nothing
            _ => (
                types.iter().flat_map(|kind| kind.ids.iter()).collect(),
                types.iter().flat_map(|kind| kind.documents.iter()).collect(),
            ),
        };
        Ok(EventsIndex {
            rows: self.all(types, |kind| &kind.rows)?,
            streams: self.all(types, |kind| &kind.streams)?,
            stream_versions: self.all(types, |kind| &kind.stream_versions)?,
            times: self.all(types, |kind| &kind.times)?,
            ids: self.ids(&ids)?,
            documents: self.text(&documents)?,
        })
    }

    fn all<T: arrow_buffer::ArrowNativeType>(
        &mut self,
        types: &[&WholeType],
        numbers: impl Fn(&WholeType) -> &Vec<T>,
    ) -> io::Result<Place> {
        match types {
            [kind] => self.numbers(numbers(kind)),
            _ => self.numbers(&types.iter().flat_map(|kind| numbers(kind)).copied().collect::<Vec<T>>()),
        }
    }

    fn fields(&mut self, fields: &BlockFields) -> io::Result<FieldsIndex> {
        let columns = fields.columns.iter().map(|one| Ok((one.name.clone(), self.column(&one.column, one.words)?)));
        let columns = columns.collect::<io::Result<_>>()?;
        Ok(FieldsIndex { columns, rare: self.rare(&fields.rare)?, is_in_text: fields.is_in_text })
    }

    fn rare(&mut self, rare: &RareFields) -> io::Result<Option<RareIndex>> {
        if rare.hashes.is_empty() {
            return Ok(None);
        }
        Ok(Some(RareIndex {
            names: rare.hashes.len(),
            length: rare.rows.len(),
            hashes: self.numbers(&rare.hashes)?,
            offsets: self.numbers(&rare.offsets)?,
            rows: self.numbers(&rare.rows)?,
        }))
    }

    fn column(&mut self, column: &Column, words: Option<DictionaryNumber>) -> io::Result<ColumnIndex> {
        Ok(ColumnIndex {
            validity: column.validity.as_ref().map(|bits| self.bytes(bits)).transpose()?,
            nulls: column.nulls.as_ref().map(|bits| self.bytes(bits)).transpose()?,
            values: match &column.values {
                Values::Nothing => ValuesIndex::Nothing,
                Values::Booleans(values) => ValuesIndex::Booleans(self.bytes(values)?),
                Values::Integers(values) => ValuesIndex::Integers(self.numbers(values)?),
                Values::Reals(values) => ValuesIndex::Reals(self.numbers(values)?),
                Values::Texts(values) => ValuesIndex::Texts(self.text(values)?),
                Values::Json(values) => ValuesIndex::Json(self.text(values)?),
                Values::Symbols(symbols) => {
                    let words = words.ok_or_else(|| io::Error::other("symbols without a dictionary"))?;
                    ValuesIndex::Symbols(self.numbers(&symbols.keys)?, words)
                }
                Values::Blobs(_) => return Err(io::Error::other("JSON has no byte strings")),
            },
        })
    }

    /// A column that no event has a value in is not worth its offsets.
    fn metadata(&mut self, column: &Column) -> io::Result<ColumnIndex> {
        match &column.validity {
            Some(bits) if bits.iter().all(|&byte| byte == 0) => self.column(&Column::default(), None),
            _ => self.column(column, None),
        }
    }

    /// Ids that are all UUIDs in the usual form take 16 bytes each.
    fn ids(&mut self, ids: &Text) -> io::Result<ColumnIndex> {
        let mut bytes = Vec::with_capacity(ids.len() * 16);
        for id in ids.iter() {
            match usual_uuid(id) {
                Some(uuid) => bytes.extend_from_slice(uuid.as_bytes()),
                None => return self.column(&Values::Texts(ids.clone()).into(), None),
            }
        }
        Ok(ColumnIndex { validity: None, nulls: None, values: ValuesIndex::Uuids(self.bytes(&bytes)?) })
    }

    fn text(&mut self, text: &Text) -> io::Result<TextPlaces> {
        Ok((self.numbers(&text.offsets)?, self.bytes(text.data.as_str().as_bytes())?))
    }

    fn numbers<T: arrow_buffer::ArrowNativeType>(&mut self, numbers: &[T]) -> io::Result<Place> {
        self.bytes(numbers.to_byte_slice())
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<Place> {
        if bytes.is_empty() {
            return Ok(Place::default());
        }
        let padding = self.written.next_multiple_of(ALIGNMENT as u64) - self.written;
        self.out.write_all(&[0; ALIGNMENT][..padding as usize])?;
        self.out.write_all(bytes)?;
        let offset = self.written + padding;
        self.written = offset + bytes.len() as u64;
        Ok(Place::from((offset, bytes.len() as u64, checksum(bytes))))
    }
}

/// The UUID that `text` writes in lower case with hyphens, so that it is written the same again.
fn usual_uuid(text: &str) -> Option<Uuid> {
    let uuid = Uuid::try_parse(text).ok().filter(|_| text.len() == Hyphenated::LENGTH)?;
    text.bytes().all(|byte| !byte.is_ascii_uppercase()).then_some(uuid)
}
