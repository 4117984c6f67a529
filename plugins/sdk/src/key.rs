//! A **key** identifies a row: the `#[key]` field, or the tuple of them in declaration order.

use std::hash::Hash;

use crate::dictionary::{Symbol, Text};
use crate::{Timestamp, Uuid};

/// A type that rows can be identified by: `String`, the integers up to 64 bits, `bool`, `Vec<u8>`, [`Uuid`],
/// [`Timestamp`], and tuples of up to six of them.
///
/// ```
/// use projectionist_sdk::prelude::*;
///
/// #[derive(Row)]
/// struct Seat { #[key] flight: String, #[key] row: u8, passenger: Option<String> }
///
/// #[derive(Default, Tables)]
/// struct Seats { seats: Table<Seat> }
///
/// fn board(seats: &mut Seats, flight: Text, row: u8, passenger: &str) {
///     seats.seats.entry((flight, row)).passenger = Some(passenger.into());
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key",
    note = "keys are String, the integers up to 64 bits, bool, Vec<u8>, Uuid, Timestamp, and up to six of them together"
)]
pub trait Key: Sized {
    /// The key, borrowed.
    type Ref<'a>: Copy + Eq + Hash;

    /// Borrows it.
    fn view(&self) -> Self::Ref<'_>;

    /// Makes an owned one.
    fn own(key: Self::Ref<'_>) -> Self;

    /// Whether two are equal.
    #[doc(hidden)]
    fn same(a: Self::Ref<'_>, b: Self::Ref<'_>) -> bool;
}

/// Something that can stand for a key of type `K`: what [`crate::Table`] takes.
///
/// For `String` keys that is `&str`, `&String`, `String` and [`Text`]; for others the type itself or a reference to
/// it; for composite keys a tuple of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand for a key of type `{K}`",
    note = "give what the row's `#[key]` fields hold, in their order: one value, or a tuple"
)]
pub trait AsKey<K: Key> {
    /// The key, borrowed.
    fn view(&self) -> K::Ref<'_>;

    #[doc(hidden)]
    #[inline]
    fn symbol(&self) -> Symbol {
        Symbol::NONE
    }
}

macro_rules! borrowed_keys {
    ($($owned:ty => $borrowed:ty: $($with:ty),*;)*) => {$(
        impl Key for $owned {
            type Ref<'a> = &'a $borrowed;
            #[inline]
            fn view(&self) -> &$borrowed {
                self
            }
            #[inline]
            fn own(key: &$borrowed) -> Self {
                key.to_owned()
            }
            #[inline]
            fn same(a: &$borrowed, b: &$borrowed) -> bool {
                a == b
            }
        }
        $(impl AsKey<$owned> for $with {
            #[inline]
            fn view(&self) -> &$borrowed {
                self
            }
        })*
    )*};
}
borrowed_keys! {
    String => str: &str, String, &String;
    Vec<u8> => [u8]: &[u8], Vec<u8>, &Vec<u8>;
}

impl AsKey<String> for Text<'_> {
    #[inline]
    fn view(&self) -> &str {
        self.spelled()
    }
    #[inline]
    fn symbol(&self) -> Symbol {
        Text::symbol(*self)
    }
}

impl AsKey<String> for &Text<'_> {
    #[inline]
    fn view(&self) -> &str {
        self.spelled()
    }
    #[inline]
    fn symbol(&self) -> Symbol {
        Text::symbol(**self)
    }
}

macro_rules! copied_keys {
    ($($type:ty),*) => {$(
        impl Key for $type {
            type Ref<'a> = $type;
            #[inline]
            fn view(&self) -> $type {
                *self
            }
            #[inline]
            fn own(key: $type) -> Self {
                key
            }
            #[inline]
            fn same(a: $type, b: $type) -> bool {
                a == b
            }
        }
        impl AsKey<$type> for $type {
            #[inline]
            fn view(&self) -> $type {
                *self
            }
        }
        impl AsKey<$type> for &$type {
            #[inline]
            fn view(&self) -> $type {
                **self
            }
        }
    )*};
}
copied_keys!(bool, i64, u64, i32, u32, i16, u16, i8, u8, Uuid, Timestamp);

macro_rules! composite_keys {
    ($(($($key:ident $given:ident $place:tt),*))*) => {$(
        impl<$($key: Key),*> Key for ($($key,)*) {
            type Ref<'a> = ($($key::Ref<'a>,)*);
            #[inline]
            fn view(&self) -> Self::Ref<'_> {
                ($(self.$place.view(),)*)
            }
            #[inline]
            fn own(key: Self::Ref<'_>) -> Self {
                ($($key::own(key.$place),)*)
            }
            #[inline]
            fn same(a: Self::Ref<'_>, b: Self::Ref<'_>) -> bool {
                $($key::same(a.$place, b.$place))&&*
            }
        }
        impl<$($key: Key, $given: AsKey<$key>),*> AsKey<($($key,)*)> for ($($given,)*) {
            #[inline]
            fn view(&self) -> ($($key::Ref<'_>,)*) {
                ($(self.$place.view(),)*)
            }
        }
    )*};
}
composite_keys! {
    (A P 0, B Q 1)
    (A P 0, B Q 1, C R 2)
    (A P 0, B Q 1, C R 2, D S 3)
    (A P 0, B Q 1, C R 2, D S 3, E T 4)
    (A P 0, B Q 1, C R 2, D S 3, E T 4, F U 5)
}
