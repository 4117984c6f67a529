//! A **column**: all values of one field in one buffer, in the layout of Apache Arrow.
//!
//! Buffers are reference-counted slices, so a column can be a window of a memory-mapped file as well as
//! something just computed; cloning one copies nothing. Shapes are those of `wit/*/columns.wit`.

use arrow_buffer::{Buffer, ScalarBuffer};

/// UTF-8 text in a shared buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Str(Buffer);

impl Str {
    /// The bytes `range` of it as a text that shares its buffer; panics when a character would be cut in two.
    pub fn slice(&self, range: std::ops::Range<usize>) -> Str {
        let length = self.as_str()[range.clone()].len();
        Str(self.0.slice_with_length(range.start, length))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // SAFETY: every constructor takes, checks or demands UTF-8, and buffers are immutable.
        unsafe { std::str::from_utf8_unchecked(&self.0) }
    }
}

impl Str {
    /// Text in a buffer that was checked before.
    ///
    /// # Safety
    ///
    /// The buffer holds UTF-8.
    pub(crate) unsafe fn from_checked(buffer: Buffer) -> Str {
        Str(buffer)
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        Str(Buffer::from_vec(text.into_bytes()))
    }
}

impl TryFrom<Buffer> for Str {
    type Error = std::str::Utf8Error;
    fn try_from(buffer: Buffer) -> Result<Self, Self::Error> {
        std::str::from_utf8(&buffer)?;
        Ok(Str(buffer))
    }
}

/// `n` strings: string `i` is `data[offsets[i]..offsets[i + 1]]`. Always at least one offset, the first being 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// `n + 1` byte offsets.
    pub offsets: ScalarBuffer<u32>,
    /// The strings, one after the other.
    pub data: Str,
}

impl Default for Text {
    fn default() -> Self {
        Text { offsets: vec![0].into(), data: Str::default() }
    }
}

impl Text {
    /// How many strings.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// String `row`; panics when there is none.
    pub fn get(&self, row: usize) -> &str {
        &self.data.as_str()[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }

    /// The strings `rows`, which share the bytes of this one.
    pub fn slice(&self, rows: std::ops::Range<usize>) -> Text {
        let offsets: &[u32] = &self.offsets[rows.start..=rows.end];
        let (first, last) = (offsets[0], offsets[rows.len()]);
        let data = self.data.slice(first as usize..last as usize);
        match first {
            0 => Text { offsets: self.offsets.slice(rows.start, rows.len() + 1), data },
            _ => Text { offsets: offsets.iter().map(|offset| offset - first).collect::<Vec<_>>().into(), data },
        }
    }

    /// The strings in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|row| self.get(row))
    }
}

impl<S: AsRef<str>> FromIterator<S> for Text {
    /// Panics past 4 GiB of text: batches are bounded far below.
    fn from_iter<I: IntoIterator<Item = S>>(strings: I) -> Self {
        let mut offsets = vec![0u32];
        let mut data = String::new();
        for string in strings {
            data.push_str(string.as_ref());
            offsets.push(u32::try_from(data.len()).expect("a column holds less than 4 GiB"));
        }
        Text { offsets: offsets.into(), data: data.into() }
    }
}

/// `n` byte strings, laid out as [`Text`].
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    /// `n + 1` byte offsets.
    pub offsets: ScalarBuffer<u32>,
    /// The byte strings, one after the other.
    pub data: ScalarBuffer<u8>,
}

impl Binary {
    /// Byte string `row`; panics when there is none.
    pub fn get(&self, row: usize) -> &[u8] {
        &self.data[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }

    /// How many byte strings.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Strings out of few, as indexes into a dictionary that the receiver keeps: it cuts its dictionary to `first`
/// values and appends `added` before reading `keys`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Symbols {
    /// How many values the receiver keeps of what it had.
    pub first: u32,
    /// The values from `first` on.
    pub added: Text,
    /// One index a row.
    pub keys: ScalarBuffer<u32>,
}

/// One bit a row: bit `i % 8` of byte `i / 8`. Unused bits are 0.
pub type Bitmap = ScalarBuffer<u8>;

/// The values of a column; what stands where a row has no value means nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Values {
    /// No row has a value.
    #[default]
    Nothing,
    /// One byte a row: 0 or 1.
    Booleans(ScalarBuffer<u8>),
    /// 64-bit signed integers.
    Integers(ScalarBuffer<i64>),
    /// IEEE 754 doubles.
    Reals(ScalarBuffer<f64>),
    /// Strings.
    Texts(Text),
    /// Strings with few distinct values.
    Symbols(Symbols),
    /// JSON texts as recorded.
    Json(Text),
    /// Byte strings.
    Blobs(Binary),
}

/// One column: a row has a value where its bit in `validity` is set, and everywhere without one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// Which rows have a value; all when absent.
    pub validity: Option<Bitmap>,
    /// Which rows were recorded as JSON `null`; the other rows without a value did not have the field.
    pub nulls: Option<Bitmap>,
    /// The values.
    pub values: Values,
}

impl Column {
    /// Whether `row` has a value.
    pub fn is_valid(&self, row: usize) -> bool {
        !matches!(self.values, Values::Nothing) && self.validity.as_ref().is_none_or(|bits| bit(bits, row))
    }

    /// About how much memory its values take.
    pub fn bytes(&self) -> usize {
        let validity = self.validity.as_ref().map_or(0, |bits| bits.len());
        validity
            + match &self.values {
                Values::Nothing => 0,
                Values::Booleans(values) => values.len(),
                Values::Integers(values) => values.len() * 8,
                Values::Reals(values) => values.len() * 8,
                Values::Texts(text) | Values::Json(text) => text.offsets.len() * 4 + text.data.as_str().len(),
                Values::Symbols(symbols) => symbols.keys.len() * 4,
                Values::Blobs(binary) => binary.offsets.len() * 4 + binary.data.len(),
            }
    }

    /// Whether `row` was recorded as JSON `null`.
    pub fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|bits| bit(bits, row))
    }
}

impl From<Values> for Column {
    /// A column in which every row has a value.
    fn from(values: Values) -> Self {
        Column { validity: None, nulls: None, values }
    }
}

fn bit(bits: &[u8], row: usize) -> bool {
    bits[row / 8] >> (row % 8) & 1 == 1
}
