//! A **column value** is what a row holds in one column; builders gather the values of changed rows.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::columns::{Binary, Column, Text, Values};
use crate::bindings::manifests::Kind;
use crate::cells::Cells;
use crate::fault::Wrong;
use crate::field::Field;
use crate::{Json, Timestamp, Uuid};

/// A type that a row can hold: `bool`, the integers up to 64 bits (a `u64` beyond `i64::MAX` is a fault, never
/// wrapped), `f64`, `String`, `Vec<u8>` (a BLOB), [`Uuid`], [`Timestamp`], [`Json`], and `Option` of them (NULL).
///
/// Other types are stored as JSON with serde: `#[row(json)]`.
#[diagnostic::on_unimplemented(
    message = "a row cannot hold `{Self}` in a column",
    note = "columns are bool, integers up to 64 bits, f64, String, Vec<u8>, Uuid, Timestamp, Json or Option of these",
    note = "to store any other type as JSON with serde, put `#[row(json)]` on the field"
)]
pub trait ColumnValue: Sized {
    #[doc(hidden)]
    const KIND: Kind;
    #[doc(hidden)]
    const NULLABLE: bool = false;
    /// Whether it holds memory of its own.
    #[doc(hidden)]
    const HEAP: bool = false;
    #[doc(hidden)]
    type Builder: Builder;

    #[doc(hidden)]
    fn put_in(&self, builder: &mut Self::Builder) -> Result<(), Wrong>;

    #[doc(hidden)]
    fn read(cells: &Cells<'_>, row: usize) -> Result<Self, Wrong>;

    #[doc(hidden)]
    #[inline]
    fn heap(&self) -> usize {
        0
    }
}

/// Gathers the values of one column.
pub trait Builder: Default {
    /// Stands in for a missing value.
    fn push_nothing(&mut self);
    /// About how many bytes are gathered.
    fn bytes(&self) -> usize;
    /// The column.
    fn finish(self) -> Column;
}

fn full(values: Values) -> Column {
    Column { validity: None, nulls: None, values }
}

macro_rules! plain_builders {
    ($($name:ident($type:ty) $case:ident;)*) => {$(
        #[derive(Default)]
        pub struct $name(Vec<$type>);
        impl Builder for $name {
            fn push_nothing(&mut self) {
                self.0.push(<$type>::default());
            }
            fn bytes(&self) -> usize {
                size_of_val(self.0.as_slice())
            }
            fn finish(self) -> Column {
                full(Values::$case(self.0))
            }
        }
    )*};
}
plain_builders! {
    Booleans(u8) Booleans;
    Integers(i64) Integers;
    Reals(f64) Reals;
}

/// Strings, which may be JSON.
pub struct Texts<const JSON: bool> {
    offsets: Vec<u32>,
    data: String,
}

impl<const JSON: bool> Default for Texts<JSON> {
    fn default() -> Self {
        Texts { offsets: vec![0], data: String::new() }
    }
}

impl<const JSON: bool> Texts<JSON> {
    fn end(&mut self) -> Result<(), Wrong> {
        let end = u32::try_from(self.data.len()).map_err(|_| Wrong::new("more than 4 GiB of text in one flush"))?;
        self.offsets.push(end);
        Ok(())
    }

    fn add(&mut self, text: &str) -> Result<(), Wrong> {
        self.data.push_str(text);
        self.end()
    }
}

impl<const JSON: bool> Builder for Texts<JSON> {
    fn push_nothing(&mut self) {
        let end = self.offsets[self.offsets.len() - 1];
        self.offsets.push(end);
    }
    fn bytes(&self) -> usize {
        self.data.len() + size_of_val(self.offsets.as_slice())
    }
    fn finish(self) -> Column {
        let text = Text { offsets: self.offsets, data: self.data };
        full(if JSON { Values::Json(text) } else { Values::Texts(text) })
    }
}

/// Byte strings.
pub struct Blobs {
    offsets: Vec<u32>,
    data: Vec<u8>,
}

impl Default for Blobs {
    fn default() -> Self {
        Blobs { offsets: vec![0], data: Vec::new() }
    }
}

impl Builder for Blobs {
    fn push_nothing(&mut self) {
        let end = self.offsets[self.offsets.len() - 1];
        self.offsets.push(end);
    }
    fn bytes(&self) -> usize {
        self.data.len() + size_of_val(self.offsets.as_slice())
    }
    fn finish(self) -> Column {
        full(Values::Blobs(Binary { offsets: self.offsets, data: self.data }))
    }
}

/// Values that may be missing.
#[derive(Default)]
pub struct Nullable<B> {
    inner: B,
    validity: Vec<u8>,
    length: usize,
}

impl<B: Builder> Nullable<B> {
    /// The builder to add the next value to, which is there.
    pub fn present(&mut self) -> &mut B {
        self.mark(true);
        &mut self.inner
    }

    fn mark(&mut self, valid: bool) {
        if self.length.is_multiple_of(8) {
            self.validity.push(0);
        }
        self.validity[self.length / 8] |= u8::from(valid) << (self.length % 8);
        self.length += 1;
    }
}

impl<B: Builder> Builder for Nullable<B> {
    fn push_nothing(&mut self) {
        self.mark(false);
        self.inner.push_nothing();
    }
    fn bytes(&self) -> usize {
        self.inner.bytes() + self.validity.len()
    }
    fn finish(self) -> Column {
        Column { validity: Some(self.validity), ..self.inner.finish() }
    }
}

impl ColumnValue for bool {
    const KIND: Kind = Kind::Boolean;
    type Builder = Booleans;
    fn put_in(&self, builder: &mut Booleans) -> Result<(), Wrong> {
        builder.0.push(u8::from(*self));
        Ok(())
    }
    fn read(cells: &Cells<'_>, row: usize) -> Result<Self, Wrong> {
        Field::read(cells, row)
    }
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl ColumnValue for $type {
            const KIND: Kind = Kind::Integer;
            type Builder = Integers;
            #[inline]
            fn put_in(&self, builder: &mut Integers) -> Result<(), Wrong> {
                let value = i64::try_from(*self).map_err(|_| Wrong::new("the number is beyond what a column holds (i64)"))?;
                builder.0.push(value);
                Ok(())
            }
            fn read(cells: &Cells<'_>, row: usize) -> Result<Self, Wrong> {
                Field::read(cells, row)
            }
        }
    )*};
}
integers!(i64, u64, i32, u32, i16, u16, i8, u8);

impl ColumnValue for f64 {
    const KIND: Kind = Kind::Real;
    type Builder = Reals;
    #[inline]
    fn put_in(&self, builder: &mut Reals) -> Result<(), Wrong> {
        if self.is_nan() {
            return Err(Wrong::new("NaN cannot be stored"));
        }
        builder.0.push(*self);
        Ok(())
    }
    fn read(cells: &Cells<'_>, row: usize) -> Result<Self, Wrong> {
        Field::read(cells, row)
    }
}

impl ColumnValue for String {
    const KIND: Kind = Kind::Text;
    const HEAP: bool = true;
    type Builder = Texts<false>;
    #[inline]
    fn put_in(&self, builder: &mut Texts<false>) -> Result<(), Wrong> {
        builder.add(self)
    }
    fn read(cells: &Cells<'_>, row: usize) -> Result<Self, Wrong> {
        Field::read(cells, row)
    }
    fn heap(&self) -> usize {
        self.capacity()
    }
}

impl ColumnValue for Vec<u8> {
    const KIND: Kind = Kind::Blob;
    const HEAP: bool = true;
    type Builder = Blobs;
    fn put_in(&self, builder: &mut Blobs) -> Result<(), Wrong> {
        builder.data.extend_from_slice(self);
        let end = u32::try_from(builder.data.len()).map_err(|_| Wrong::new("more than 4 GiB of bytes in one flush"))?;
        builder.offsets.push(end);
        Ok(())
    }
    fn read(cells: &Cells<'_>, row: usize) -> Result<Self, Wrong> {
        Field::read(cells, row)
    }
    fn heap(&self) -> usize {
        self.capacity()
    }
}

macro_rules! written {
    ($($type:ty),*) => {$(
        impl ColumnValue for $type {
            const KIND: Kind = Kind::Text;
            type Builder = Texts<false>;
            fn put_in(&self, builder: &mut Texts<false>) -> Result<(), Wrong> {
                self.write(&mut builder.data);
                builder.end()
            }
            fn read(cells: &Cells<'_>, row: usize) -> Result<Self, Wrong> {
                Field::read(cells, row)
            }
        }
    )*};
}
written!(Uuid, Timestamp);

impl ColumnValue for Json {
    const KIND: Kind = Kind::Json;
    const HEAP: bool = true;
    type Builder = Texts<true>;
    fn put_in(&self, builder: &mut Texts<true>) -> Result<(), Wrong> {
        builder.add(self.as_str())
    }
    fn read(cells: &Cells<'_>, row: usize) -> Result<Self, Wrong> {
        // As it was stored, so that a row is the same whether it was kept or looked up.
        cells.verbatim(row).map(Json::from_text).ok_or_else(|| Wrong::expected("JSON", "nothing"))
    }
    fn heap(&self) -> usize {
        self.capacity()
    }
}

impl<T: ColumnValue> ColumnValue for Option<T> {
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = true;
    const HEAP: bool = T::HEAP;
    type Builder = Nullable<T::Builder>;
    fn put_in(&self, builder: &mut Nullable<T::Builder>) -> Result<(), Wrong> {
        match self {
            None => builder.push_nothing(),
            Some(value) => value.put_in(builder.present())?,
        }
        Ok(())
    }
    fn read(cells: &Cells<'_>, row: usize) -> Result<Self, Wrong> {
        if cells.is_valid(row) { T::read(cells, row).map(Some) } else { Ok(None) }
    }
    fn heap(&self) -> usize {
        self.as_ref().map_or(0, T::heap)
    }
}

/// Stores any serde value as JSON.
pub fn json_push<T: Serialize>(value: &T, builder: &mut Texts<true>) -> Result<(), Wrong> {
    builder.add(&serde_json::to_string(value).map_err(|error| Wrong::new(error.to_string()))?)
}

/// Reads it back.
pub fn json_read<T: DeserializeOwned>(cells: &Cells<'_>, row: usize) -> Result<T, Wrong> {
    let text = cells.verbatim(row).ok_or_else(|| Wrong::expected("JSON", "nothing"))?;
    serde_json::from_str(text).map_err(|error| Wrong::new(error.to_string()))
}

/// The same where it may be missing.
pub fn json_read_option<T: DeserializeOwned>(cells: &Cells<'_>, row: usize) -> Result<Option<T>, Wrong> {
    if cells.is_valid(row) { json_read(cells, row).map(Some) } else { Ok(None) }
}

/// About how much memory a serde value holds, as the length of its JSON.
pub fn json_heap<T: Serialize>(value: &T) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // What cannot be written is told when the row is stored.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}
