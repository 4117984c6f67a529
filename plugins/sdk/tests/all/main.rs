//! The SDK's tests from outside: a captioned index.

/// Each field type reads the same from every column kind, and refuses what does not fit.
mod fields;
/// Renamed types and fields, defaults, borrowed events, whole payloads.
mod events;
/// Entries, deletes, replaced rows, composite keys, what is kept from flush to flush.
mod tables;
/// Rows of very many columns.
mod wide;
/// Real numbers in rows: NaN, infinities, zero with a sign.
mod reals;
/// What a plugin says of itself.
mod manifest;
/// The test kit finds what it is there to find.
mod kit;
/// The macros' error messages.
mod compile_errors;
