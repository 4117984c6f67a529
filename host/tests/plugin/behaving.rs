//! Each behaviour of the misbehaving plugin, and what comes of it.
//!
//! The `match` has no wildcard: a behaviour that nobody expects anything of does not build.

use projectionist::event::{Blame, Changes, Fault, FaultKind, Position, Range};
use projectionist::plugin::Limits;

use crate::fixture::{self, Behaviour, batch, integers, opened, strings};

/// Tight enough that every flood breaks a limit, and roomy enough for everything else.
fn tight() -> Limits {
    Limits {
        memory_mib_max: 64,
        call_ms_max: 400,
        flush_rows_max: 10_000,
        flush_mib_max: 4,
        call_lookups_max: 100,
        call_log_lines_max: 10,
        ..Limits::default()
    }
}

/// What comes of a behaviour.
enum Outcome {
    /// The changes of the flush, which the check likes.
    Changes(fn(&[Changes])),
    /// `apply` fails with a fault of this kind that says this.
    Apply(FaultKind, &'static str),
    /// `flush` does.
    Flush(FaultKind, &'static str),
}

fn expected(behaviour: Behaviour) -> Outcome {
    use FaultKind as F;
    use Outcome::{Apply, Changes, Flush};
    match behaviour {
        Behaviour::Fine | Behaviour::Burn | Behaviour::Hoard => Changes(one_row_each),
        Behaviour::Log | Behaviour::PanicWord | Behaviour::LogFlood | Behaviour::LogOdd => Changes(one_row_each),
        Behaviour::Random => Changes(|changes| assert_eq!(integers(&changes[0].upserts[2]), [None, Some(1)])),
        Behaviour::LookUp => Changes(|changes| assert_eq!(integers(&changes[0].upserts[2]), [None, Some(0)])),
        // The same bits from every compiler.
        Behaviour::Nan => {
            Changes(|changes| assert_eq!(integers(&changes[0].upserts[2]), [None, Some(0x7FF8_0000_0000_0000)]))
        }
        Behaviour::Deep if fixture::is_quick() => Apply(F::Trap, "`apply` ran out of stack"),
        Behaviour::Deep => Changes(one_row_each),
        Behaviour::Trap => Apply(F::Trap, "`apply` trapped: wasm `unreachable` instruction executed"),
        Behaviour::Panic => Apply(F::Trap, "told to panic at 8"),
        Behaviour::Clock => Apply(F::Trap, "time not implemented on this platform"),
        Behaviour::Thread => Apply(F::Trap, "not supported on this platform"),
        Behaviour::OverflowStack => Apply(F::Trap, "`apply` ran out of stack"),
        Behaviour::Spin => Apply(F::Deadline, "`apply` took longer than 400 ms, its `call-ms-max`"),
        Behaviour::Allocate => Apply(F::Memory, "MiB of memory; its `memory-mib-max` is 64"),
        Behaviour::LookUpFlood => Apply(F::Output, "more than 100 rows in one call, its `call-lookups-max`"),
        Behaviour::LookUpUnknownTable => Apply(F::Changes, "it names table 99, but its manifest declares 3"),
        Behaviour::LookUpWrongKey => Apply(
            F::Changes,
            "table `steps`, column `position` of its lookup keys: the manifest says integers, but it holds texts",
        ),
        Behaviour::LookUpInsertOnly => Apply(F::Changes, "looked up in table `journal`, which is insert-only"),
        Behaviour::FaultEvent => Apply(F::Event, "told to fail"),
        Behaviour::FaultProjection => Apply(F::Projection, "its rule says no"),
        Behaviour::FaultHost => Apply(F::Incompatible, "the host broke the contract"),
        Behaviour::FaultBeyond => Apply(F::Event, "told to fail elsewhere"),
        Behaviour::FaultLong => Apply(F::Projection, "\\u{1b}[31mlong\\n\\u{1b}[31mlong"),
        Behaviour::FlushTrap => Flush(F::Trap, "`flush` trapped: wasm `unreachable`"),
        Behaviour::FlushSpin => Flush(F::Deadline, "`flush` took longer than 400 ms"),
        Behaviour::FlushFault => Flush(F::Projection, "told to fail in the flush"),
        Behaviour::RowFlood => Flush(F::Output, "`flush` returned 100000 rows; its `flush-rows-max` is 10000"),
        Behaviour::ByteFlood => Flush(F::Output, "`flush` returned more than 4 MiB, its `flush-mib-max`"),
        Behaviour::UnknownTable => Flush(F::Changes, "it names table 99"),
        Behaviour::TableTwice => Flush(F::Changes, "table `steps` comes twice in one flush"),
        Behaviour::WrongShape => Flush(F::Changes, "table `steps`: upserts have 3 columns, not 2"),
        Behaviour::WrongKind => Flush(
            F::Changes,
            "table `steps`, column `position` of its upserts: the manifest says integers, but it holds reals",
        ),
        Behaviour::WrongLength => Flush(F::Changes, "column `position` of its upserts: it has 1 values for 2 rows"),
        Behaviour::Dictionary => Flush(F::Changes, "it holds a dictionary, which only the host sends"),
        Behaviour::MissingValue => {
            Flush(F::Changes, "column `what`, row 1 of its upserts: no value, and the column is not nullable")
        }
        Behaviour::MissingColumn => Flush(F::Changes, "the manifest says texts, but it holds nothing"),
        Behaviour::BadValidity => Flush(F::Changes, "a bitmap of 2 rows has 1 bytes, not 2"),
        Behaviour::LooseValidity => Flush(F::Changes, "a bitmap has bits set beyond its rows"),
        Behaviour::GuestNulls => Flush(F::Changes, "it marks rows as recorded `null`, which only the host does"),
        Behaviour::FewOffsets => Flush(F::Changes, "2 rows need 3 offsets, not 2"),
        Behaviour::FallingOffsets => Flush(F::Changes, "row 1 of its upserts: the offsets fall from 3 to 1"),
        Behaviour::SplitCharacter => Flush(F::Changes, "row 0 of its upserts: an offset cuts a character in two"),
        Behaviour::ShortOffsets => Flush(F::Changes, "the last offset is 1, but there are 3 bytes"),
        Behaviour::BadUtf8 => Flush(F::Changes, "what `flush` handed over cannot be read: invalid utf-8"),
        Behaviour::BadBoolean => {
            Flush(F::Changes, "table `kinds`, column `flag`, row 1 of its upserts: a boolean is 0 or 1, not 2")
        }
        Behaviour::NotANumber => {
            Flush(F::Changes, "table `kinds`, column `ratio`, row 1 of its upserts: NaN cannot be stored")
        }
        Behaviour::BadJson => Flush(
            F::Changes,
            "table `kinds`, column `extra`, row 1 of its upserts: not JSON: key must be a string at line 1 column 2",
        ),
        Behaviour::DeleteInsertOnly => Flush(F::Changes, "it deletes from table `journal`, which is insert-only"),
        // Keys that come twice are for the read model to find: they pass the boundary as they are.
        Behaviour::DuplicateKeys => Changes(|changes| assert_eq!(integers(&changes[0].upserts[0]), [Some(8), Some(8)])),
        Behaviour::UpsertAndDelete => Changes(|changes| {
            assert_eq!((changes[0].upserted, integers(&changes[0].upserts[0])), (2, vec![Some(7), Some(8)]));
            assert_eq!((changes[0].deleted, integers(&changes[0].deletes[0])), (1, vec![Some(8)]));
        }),
        Behaviour::Delete => Changes(|changes| {
            assert_eq!((changes.len(), changes[0].table, changes[0].upserted, changes[0].deleted), (1, 0, 0, 1));
            assert!(changes[0].upserts.is_empty());
            assert_eq!(integers(&changes[0].deletes[0]), [Some(8)]);
        }),
        Behaviour::EveryKind => Changes(every_kind),
    }
}

fn one_row_each(changes: &[Changes]) {
    assert_eq!(changes.len(), 2);
    for (table, changes) in changes.iter().enumerate() {
        assert_eq!((changes.table, changes.upserted, changes.deleted), (table, 2, 0));
        assert_eq!(integers(&changes.upserts[0]), [Some(7), Some(8)]);
        assert_eq!(strings(&changes.upserts[1])[0], "ok");
    }
}

fn every_kind(changes: &[Changes]) {
    use projectionist::event::Values;
    let columns = &changes[0].upserts;
    assert_eq!(strings(&columns[0]), ["all", "none"]);
    assert_eq!(integers(&columns[1]), [Some(i64::MIN), Some(i64::MAX)]);
    assert!(columns[2..].iter().all(|column| column.is_valid(0) && !column.is_valid(1)));
    assert!(matches!(&columns[2].values, Values::Booleans(values) if values[0] == 1));
    assert!(matches!(&columns[3].values, Values::Reals(values) if values[0] == f64::INFINITY));
    assert!(matches!(&columns[4].values, Values::Texts(values) if values.get(0) == "é\0"));
    assert!(matches!(&columns[5].values, Values::Json(values) if values.get(0) == "{\"a\": [1]}"));
    assert!(matches!(&columns[6].values, Values::Blobs(values) if values.get(0) == [0, 255]));
}

/// One `ok` at position 7, then the behaviour at position 8.
fn run(behaviour: Behaviour) -> Result<Vec<Changes>, (&'static str, Fault)> {
    let mut instance = opened(&tight());
    instance.apply(&batch(6, &["ok", behaviour.name()])).map_err(|fault| ("apply", fault))?;
    instance.flush().map_err(|fault| ("flush", fault))
}

#[test]
fn every_behaviour_has_its_outcome() {
    for &behaviour in Behaviour::ALL {
        eprintln!("{}", behaviour.name());
        match (expected(behaviour), run(behaviour)) {
            (Outcome::Changes(check), Ok(changes)) => check(&changes),
            (Outcome::Apply(kind, says), Err(("apply", fault)))
            | (Outcome::Flush(kind, says), Err(("flush", fault))) => {
                assert_eq!(fault.kind, kind, "{fault}");
                assert!(fault.message.contains(says), "{fault}");
                assert_eq!(fault.projection.as_deref(), Some("misbehaving"), "{fault}");
                assert!(fault.position.is_some() || fault.range.is_some(), "{fault}");
                assert!(fault.message.len() <= 4100 && !fault.message.contains(char::is_control), "{fault}");
            }
            (_, outcome) => panic!("{}: {outcome:?}", behaviour.name()),
        }
    }
}

fn failed(behaviour: Behaviour) -> Fault {
    run(behaviour).unwrap_err().1
}

#[test]
fn a_trap_names_the_positions_and_the_functions() {
    let fault = failed(Behaviour::Trap);
    assert_eq!(fault.blame, Blame::Plugin);
    assert_eq!(fault.range, Some(Range { after: Position(6), through: Position(8) }));
    assert_eq!(fault.backtrace[0], "misbehaving::applying::trap", "{:#?}", fault.backtrace);
    let outermost = fault.backtrace.last().unwrap();
    assert_eq!(outermost, "projectionist:projection/projector@0.1.0#apply", "{:#?}", fault.backtrace);
    assert!(fault.hint.as_ref().unwrap().contains("backtrace"));
}

#[test]
fn a_panic_says_where_and_why() {
    let fault = failed(Behaviour::Panic);
    let says = fault.message.replace('\\', "/");
    assert!(says.starts_with("`apply` panicked at ") && says.contains("applying.rs:"), "{says}");
    assert!(!fault.backtrace.is_empty());
}

#[test]
fn what_a_projection_does_not_have_is_explained() {
    for (behaviour, hint) in [(Behaviour::Clock, "`envelope.time()`"), (Behaviour::Thread, "no files, threads")] {
        let fault = failed(behaviour);
        assert!(fault.hint.as_ref().is_some_and(|found| found.contains(hint)), "{fault:?}");
    }
}

/// A panic is its fault's message; were it a line of the log too, each attempt would log it.
#[test]
fn a_panic_is_told_by_its_fault_alone() {
    let mut instance = opened(&tight());
    instance.apply(&batch(6, &["log", "panic"])).unwrap_err();
    let lines: Vec<_> = instance.take_log().into_iter().map(|line| line.message).collect();
    assert_eq!(lines, ["at 7"; 4]);
    let mut instance = opened(&tight());
    instance.apply(&batch(6, &["ok", "panic-word"])).unwrap();
    let lines: Vec<_> = instance.take_log().into_iter().map(|line| line.message).collect();
    assert_eq!(lines, ["panicked at 8, it says"], "no call failed");
}

#[test]
fn endless_recursion_leaves_a_bounded_backtrace() {
    let fault = failed(Behaviour::OverflowStack);
    assert_eq!(fault.backtrace.len(), 20);
    assert!(fault.backtrace[0].contains("recurse"), "{:#?}", fault.backtrace);
}

#[test]
fn a_breach_says_what_to_raise() {
    for (behaviour, key) in [
        (Behaviour::Spin, "call-ms-max"),
        (Behaviour::Allocate, "memory-mib-max"),
        (Behaviour::RowFlood, "flush-rows-max"),
        (Behaviour::ByteFlood, "flush-mib-max"),
        (Behaviour::LookUpFlood, "call-lookups-max"),
    ] {
        let hint = failed(behaviour).hint.clone().unwrap();
        assert!(hint.contains(&format!("`{key}` under `[limits]`")), "{hint}");
        assert!(hint.contains("[projections.NAME.limits]"), "{hint}");
    }
}

#[test]
fn a_reported_fault_is_at_its_event() {
    let fault = failed(Behaviour::FaultEvent);
    assert_eq!((fault.blame, fault.position, fault.range), (Blame::Data, Some(Position(8)), None));
    assert_eq!(fault.field.as_deref(), Some("do"));
    assert_eq!(fault.hint.as_deref(), Some("tell it otherwise"));
    assert_eq!(fault.to_string(), "misbehaving: at position 8: told to fail (field `do`)");
}

#[test]
fn a_reported_fault_without_an_event_is_among_the_batch() {
    for behaviour in [Behaviour::FaultProjection, Behaviour::FaultBeyond, Behaviour::FlushFault] {
        let fault = failed(behaviour);
        assert_eq!(fault.range, Some(Range { after: Position(6), through: Position(8) }), "{fault}");
    }
    assert_eq!(failed(Behaviour::FaultHost).blame, Blame::Host);
}

#[test]
fn what_a_plugin_computes_from_its_calls_depends_on_where_batches_fall() {
    // The fixture for those who verify determinism: the same events, cut differently, give other rows.
    let calls = |cuts: &[&[&str]]| {
        let mut instance = opened(&tight());
        let mut after = 0;
        for commands in cuts {
            instance.apply(&batch(after, commands)).unwrap();
            after += commands.len() as u64;
        }
        integers(&instance.flush().unwrap()[0].upserts[2])
    };
    assert_eq!(calls(&[&["random", "random"]]), [Some(1), Some(1)]);
    assert_eq!(calls(&[&["random"], &["random"]]), [Some(1), Some(2)]);
}
