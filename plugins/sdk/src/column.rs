//! A **column value** is what a row holds in one column.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::manifests::Kind;
use crate::builder::{Blobs, Booleans, Builder, Integers, Nullable, Reals, Texts};
use crate::cells::Cells;
use crate::fault::Wrong;
use crate::field::Field;
use crate::{Json, Timestamp, Uuid};

/// A type that a row can hold: `bool`, the integers up to 64 bits (a `u64` beyond `i64::MAX` is a fault, never
/// wrapped), `f64` (NaN is a fault; `-0.0` is stored as `0.0`, as SQLite does), `String`, `Vec<u8>` (a BLOB), [`Uuid`], [`Timestamp`], [`Json`], and `Option` of them (NULL).
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
        // SQLite would turn -0.0 into 0.0 too; done here, the test kit's rows are a read model's. The sum is 0.0.
        builder.0.push(*self + 0.0);
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
        builder.add(self)
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
