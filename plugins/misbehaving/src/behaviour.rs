//! A **behaviour**: what an event tells the fixture to do, by name, in its payload field `do`.
//!
//! The one list of them. The host's tests include this file too and say for each what comes of it, in a
//! `match` without a wildcard: a behaviour that no test expects does not build.

macro_rules! behaviours {
    ($($name:literal $behaviour:ident $meaning:literal,)*) => {
        /// What an event tells the fixture to do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Behaviour { $(#[doc = $meaning] $behaviour,)* }

        impl Behaviour {
            /// Every behaviour.
            #[allow(dead_code, reason = "only the tests walk through them")]
            pub const ALL: &[Behaviour] = &[$(Behaviour::$behaviour,)*];

            /// The name it has in events.
            #[allow(dead_code, reason = "only the tests write events")]
            pub fn name(self) -> &'static str {
                match self { $(Behaviour::$behaviour => $name,)* }
            }

            /// The behaviour of this name.
            #[allow(dead_code, reason = "only the fixture reads events")]
            pub fn named(name: &str) -> Option<Behaviour> {
                match name { $($name => Some(Behaviour::$behaviour),)* _ => None }
            }
        }
    };
}

behaviours! {
    // What happens in `apply`.
    "ok" Fine "Upserts `(position, \"ok\", none)` into `steps` and inserts `(position, \"ok\")` into `journal`.",
    "random" Random "As `ok`, but the row says how many calls there were: it depends on where batches fall.",
    "trap" Trap "Executes `unreachable`.",
    "panic" Panic "Panics, after the panic hook has logged where.",
    "clock" Clock "Asks Rust's standard library for the time.",
    "thread" Thread "Starts a thread.",
    "panic-word" PanicWord "Logs an error that looks like a panic, then as `ok`.",
    "overflow-stack" OverflowStack "Recurses without end.",
    "deep" Deep "Recurses as deep as optimised code has the stack for, and quick code has not; then as `ok`.",
    "nan" Nan "Calculates with a NaN of odd bits; the row says which bits come of it.",
    "spin" Spin "Loops without end.",
    "burn" Burn "Counts to five million, then as `ok`.",
    "allocate" Allocate "Allocates without end.",
    "hoard" Hoard "Keeps 8 MiB, then as `ok`.",
    "log" Log "Logs one line at each level, then as `ok`.",
    "log-flood" LogFlood "Logs a thousand lines, then as `ok`.",
    "log-odd" LogOdd "Logs 10,000 bytes with control characters, then as `ok`.",
    "lookup" LookUp "Looks its own row up, then as `ok`; the row says how many were found.",
    "lookup-flood" LookUpFlood "Looks a thousand rows up, one at a time, then as `ok`.",
    "lookup-unknown-table" LookUpUnknownTable "Looks up in table 99.",
    "lookup-wrong-key" LookUpWrongKey "Looks an integer key up as text.",
    "lookup-insert-only" LookUpInsertOnly "Looks up in an insert-only table.",
    "fault" FaultEvent "Reports a fault of this event, with field and hint.",
    "fault-projection" FaultProjection "Reports a fault of its own rule, for no event.",
    "fault-host" FaultHost "Says that the host broke the contract.",
    "fault-beyond" FaultBeyond "Reports a fault of an event that the batch does not have.",
    "fault-long" FaultLong "Reports a fault with 10,000 bytes of message and control characters.",
    // What happens in the next `flush`.
    "flush-trap" FlushTrap "Executes `unreachable`.",
    "flush-spin" FlushSpin "Loops without end.",
    "flush-fault" FlushFault "Reports a fault.",
    "row-flood" RowFlood "Upserts 100,000 rows.",
    "byte-flood" ByteFlood "Upserts one row with 8 MiB of text.",
    "unknown-table" UnknownTable "Changes table 99.",
    "table-twice" TableTwice "Changes one table in two pieces.",
    "wrong-shape" WrongShape "Leaves a column out.",
    "wrong-kind" WrongKind "Sends reals for an integer column.",
    "wrong-length" WrongLength "Sends one value for two rows.",
    "dictionary" Dictionary "Sends a dictionary, which only the host may.",
    "missing-value" MissingValue "Sends a row without a value where one must be.",
    "missing-column" MissingColumn "Sends `nothing` where values must be.",
    "bad-validity" BadValidity "Sends a bitmap of the wrong length.",
    "loose-validity" LooseValidity "Sends a bitmap with bits beyond its rows.",
    "guest-nulls" GuestNulls "Marks rows as recorded `null`, which only the host may.",
    "few-offsets" FewOffsets "Sends one offset too few.",
    "falling-offsets" FallingOffsets "Sends offsets that fall.",
    "bad-utf8-offsets" SplitCharacter "Sends offsets that cut a character in two.",
    "short-offsets" ShortOffsets "Sends offsets that do not end where the data does.",
    "bad-utf8" BadUtf8 "Sends a string that is not UTF-8.",
    "bad-boolean" BadBoolean "Sends 2 for a boolean.",
    "not-a-number" NotANumber "Sends NaN for a real.",
    "bad-json" BadJson "Sends text that is not JSON for a JSON column.",
    "duplicate-keys" DuplicateKeys "Upserts one key twice.",
    "upsert-and-delete" UpsertAndDelete "Upserts and deletes one key.",
    "delete" Delete "Deletes its own row of `steps`.",
    "delete-insert-only" DeleteInsertOnly "Deletes from an insert-only table.",
    "every-kind" EveryKind "Upserts a row with a value of each kind and one without values.",
}
