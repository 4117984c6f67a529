//! **Builders** gather the values of changed rows, one column each, for the next flush.

use crate::bindings::columns::{Binary, Column, Text, Values};
use crate::fault::Wrong;

/// Gathers the values of one column.
pub trait Builder: Default {
    /// Makes room for so many values; not for their texts, whose length is not known.
    fn reserve(&mut self, values: usize);
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
        pub struct $name(pub(crate) Vec<$type>);
        impl Builder for $name {
            fn reserve(&mut self, values: usize) {
                self.0.reserve_exact(values);
            }
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
    pub(crate) data: String,
}

impl<const JSON: bool> Default for Texts<JSON> {
    fn default() -> Self {
        Texts { offsets: vec![0], data: String::new() }
    }
}

impl<const JSON: bool> Texts<JSON> {
    pub(crate) fn end(&mut self) -> Result<(), Wrong> {
        let end = u32::try_from(self.data.len()).map_err(|_| Wrong::new("more than 4 GiB of text in one flush"))?;
        self.offsets.push(end);
        Ok(())
    }

    pub(crate) fn add(&mut self, text: &str) -> Result<(), Wrong> {
        self.data.push_str(text);
        self.end()
    }
}

impl<const JSON: bool> Builder for Texts<JSON> {
    fn reserve(&mut self, values: usize) {
        self.offsets.reserve_exact(values);
    }
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

impl Blobs {
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        self.data.extend_from_slice(bytes);
        let end = u32::try_from(self.data.len()).map_err(|_| Wrong::new("more than 4 GiB of bytes in one flush"))?;
        self.offsets.push(end);
        Ok(())
    }
}

impl Builder for Blobs {
    fn reserve(&mut self, values: usize) {
        self.offsets.reserve_exact(values);
    }
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
    fn reserve(&mut self, values: usize) {
        self.inner.reserve(values);
        self.validity.reserve_exact(values.div_ceil(8));
    }
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
