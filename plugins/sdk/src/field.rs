//! A **field** is a Rust type that a payload or metadata field can be read as.

use crate::cells::{Cell, Cells, Kept};
use crate::dictionary::Text;
use crate::fault::Wrong;
use crate::{Json, Timestamp, Uuid, base64, json};

/// A type that a field of an event can be read as: `bool`, the integers up to 64 bits (checked, never wrapped),
/// `f64` (also from integers that it holds exactly), `String`, `&str`, [`Text`], `Vec<u8>` (base64 text), [`Uuid`],
/// [`Timestamp`], [`Json`], and `Option` of them, which is `None` for an absent field and for `null`.
///
/// ```
/// use projectionist_sdk::prelude::*;
///
/// #[derive(Event)]
/// enum Shipment<'a> {
///     Sent { id: Uuid, carrier: Text<'a>, parcels: u16, weight_kg: f64, due: Timestamp, note: Option<&'a str> },
/// }
/// ```
///
/// A value reads the same whichever column kind the host chose. What does not fit is a fault of the event. Other
/// types are read as JSON with serde: `#[event(json)]`.
#[diagnostic::on_unimplemented(
    message = "an event field cannot be read as `{Self}`",
    note = "fields are bool, integers up to 64 bits, f64, String, &str, Text, Vec<u8>, Uuid, Timestamp, Json or Option of these",
    note = "to read any other type as JSON with serde, put `#[event(json)]` on the field"
)]
pub trait Field<'a>: Sized {
    #[doc(hidden)]
    fn decode(cell: RawCell<'a>) -> Result<Self, Wrong>;

    // The usual case of a column is taken in the loop over the events, anything else by `decode`, which is kept out of it.
    #[doc(hidden)]
    #[inline(always)]
    fn read(cells: &Cells<'a>, row: usize) -> Result<Self, Wrong> {
        Self::decode(RawCell(cells.cell(row)))
    }
}

/// One value, opaque outside the SDK.
#[doc(hidden)]
pub struct RawCell<'a>(pub(crate) Cell<'a>);

impl<'a> Field<'a> for bool {
    fn decode(cell: RawCell<'a>) -> Result<Self, Wrong> {
        match cell.0 {
            Cell::Boolean(boolean) => Ok(boolean),
            other => Err(Wrong::expected("a boolean", other.name())),
        }
    }
}

/// The cell as an integer in `min..=max` of the type `name`, its bits as those of an `i64` or `u64`. One function for all
/// widths keeps plugins small.
#[cold]
fn integer(cell: Cell<'_>, name: &str, min: i64, max: u64) -> Result<u64, Wrong> {
    let (negative, magnitude, text) = match cell {
        Cell::Integer(integer) => (integer < 0, Some(integer.unsigned_abs()), None),
        // 2^63 is the first integer that an `integers` column could not hold; beyond it reals skip integers anyway.
        Cell::Real(real) if real.fract() == 0.0 && real.abs() < 9_223_372_036_854_775_808.0 => {
            (real < 0.0, Some(real.abs() as u64), None)
        }
        Cell::Number(text) => {
            let read = json::Decimal::read(text);
            // Written as a real, it is taken as far as reals are.
            let magnitude = read.magnitude.filter(|&magnitude| read.plain || magnitude < 1 << 63);
            if magnitude.is_none() && !read.plain {
                return Err(Wrong::expected("an integer", cell.name()));
            }
            (read.negative, magnitude, read.plain.then_some(text))
        }
        other => return Err(Wrong::expected("an integer", other.name())),
    };
    match magnitude {
        Some(magnitude) if negative && magnitude <= min.unsigned_abs() => Ok(magnitude.wrapping_neg()),
        Some(magnitude) if !negative && magnitude <= max => Ok(magnitude),
        _ => {
            let mut reason = match (text, magnitude) {
                (None, Some(magnitude)) if negative => (magnitude.wrapping_neg() as i64).to_string(),
                (None, Some(magnitude)) => magnitude.to_string(),
                (text, _) => text.unwrap_or_default().to_owned(),
            };
            reason.push_str(" is out of the range of ");
            reason.push_str(name);
            Err(Wrong::new(reason))
        }
    }
}

macro_rules! integers {
    ($($type:ty: $name:literal),*) => {$(
        impl<'a> Field<'a> for $type {
            #[inline(never)]
            fn decode(cell: RawCell<'a>) -> Result<Self, Wrong> {
                integer(cell.0, $name, <$type>::MIN as i64, <$type>::MAX as u64).map(|bits| bits as $type)
            }

            #[inline(always)]
            fn read(cells: &Cells<'a>, row: usize) -> Result<Self, Wrong> {
                if let Kept::Integers(values) = cells.kept
                    && cells.is_full()
                    && let Ok(value) = values[row].try_into()
                {
                    return Ok(value);
                }
                Self::decode(RawCell(cells.cell(row)))
            }
        }
    )*};
}
integers!(i64: "i64", u64: "u64", i32: "i32", u32: "u32", i16: "i16", u16: "u16", i8: "i8", u8: "u8");

impl<'a> Field<'a> for f64 {
    fn decode(cell: RawCell<'a>) -> Result<Self, Wrong> {
        match cell.0 {
            Cell::Real(real) => Ok(real),
            Cell::Integer(integer) if integer as f64 as i128 == i128::from(integer) => Ok(integer as f64),
            Cell::Integer(integer) => Err(Wrong::new(format!("{integer} has more digits than f64 holds"))),
            Cell::Number(text) => match text.parse::<f64>() {
                Ok(real) if !real.is_finite() => Err(Wrong::new("the number is out of the range of f64")),
                // A fraction is approximate by nature; an integer is not.
                Ok(real) if !json::Decimal::read(text).plain || text.parse() == Ok(real as i128) => Ok(real),
                _ => Err(Wrong::new(format!("{text} has more digits than f64 holds"))),
            },
            other => Err(Wrong::expected("a number", other.name())),
        }
    }

    #[inline(always)]
    fn read(cells: &Cells<'a>, row: usize) -> Result<Self, Wrong> {
        match cells.kept {
            Kept::Reals(values) if cells.is_full() => Ok(values[row]),
            _ => Self::decode(RawCell(cells.cell(row))),
        }
    }
}

impl<'a> Field<'a> for Text<'a> {
    #[inline(never)]
    fn decode(cell: RawCell<'a>) -> Result<Self, Wrong> {
        match cell.0 {
            Cell::Text(text) => Ok(text),
            other => Err(Wrong::expected("a string", other.name())),
        }
    }

    #[inline(always)]
    fn read(cells: &Cells<'a>, row: usize) -> Result<Self, Wrong> {
        match cells.kept {
            Kept::Symbols(dictionary, keys) if cells.is_full() => Ok(Text::symbol_of(dictionary, keys[row])),
            Kept::Texts(strings) if cells.is_full() => Ok(Text::from(strings.get(row))),
            _ => Self::decode(RawCell(cells.cell(row))),
        }
    }
}

impl<'a> Field<'a> for &'a str {
    fn decode(cell: RawCell<'a>) -> Result<Self, Wrong> {
        Text::decode(cell).map(Text::as_str)
    }

    #[inline(always)]
    fn read(cells: &Cells<'a>, row: usize) -> Result<Self, Wrong> {
        Text::read(cells, row).map(Text::as_str)
    }
}

impl<'a> Field<'a> for String {
    fn decode(cell: RawCell<'a>) -> Result<Self, Wrong> {
        Text::decode(cell).map(String::from)
    }
}

impl<'a> Field<'a> for Vec<u8> {
    fn decode(cell: RawCell<'a>) -> Result<Self, Wrong> {
        match cell.0 {
            Cell::Text(text) => base64::decode(&text).ok_or_else(|| Wrong::new("the string is no base64")),
            Cell::Bytes(bytes) => Ok(bytes.to_vec()),
            other => Err(Wrong::expected("a base64 string", other.name())),
        }
    }
}

impl<'a> Field<'a> for Uuid {
    fn decode(cell: RawCell<'a>) -> Result<Self, Wrong> {
        match cell.0 {
            Cell::Text(text) => text.parse().map_err(|_| Wrong::new("the string is no UUID")),
            other => Err(Wrong::expected("a UUID string", other.name())),
        }
    }
}

impl<'a> Field<'a> for Timestamp {
    fn decode(cell: RawCell<'a>) -> Result<Self, Wrong> {
        match cell.0 {
            Cell::Text(text) => text.parse().map_err(|_| Wrong::new("the string is no RFC 3339 timestamp")),
            other => Err(Wrong::expected("an RFC 3339 timestamp string", other.name())),
        }
    }
}

impl<'a> Field<'a> for Json {
    fn decode(cell: RawCell<'a>) -> Result<Self, Wrong> {
        match cell.0 {
            Cell::Absent => Err(Wrong::expected("a value", "nothing")),
            cell => Ok(Json::from_text(json::text_of(cell))),
        }
    }
}

impl<'a, T: Field<'a>> Field<'a> for Option<T> {
    fn decode(cell: RawCell<'a>) -> Result<Self, Wrong> {
        match cell.0 {
            Cell::Absent | Cell::Null => Ok(None),
            _ => T::decode(cell).map(Some),
        }
    }

    #[inline(always)]
    fn read(cells: &Cells<'a>, row: usize) -> Result<Self, Wrong> {
        if cells.is_full() && !matches!(cells.kept, Kept::Json(_) | Kept::Nothing) {
            return T::read(cells, row).map(Some);
        }
        Self::decode(RawCell(cells.cell(row)))
    }
}
