//! Whoever implements `Event` by hand gets at no `ReadEvents` without reading: memory is taken on its word.
use projectionist_sdk::macros::{Groups, ReadEvents, Reading, bindings::manifests};
use projectionist_sdk::{Event, Fault};

struct Unread;

impl Event for Unread {
    type Of<'a> = String;
    type Columns<'a> = ();
    fn selection() -> manifests::Selection {
        manifests::Selection::Types(Vec::new())
    }
    fn columns<'a>(_: &mut Groups<'a>) -> Result<(), Fault> {
        Ok(())
    }
    fn read<'e, 'a>(_: &(), _: usize, _: Reading<'e, 'a, String>) -> ReadEvents<'e> {
        ReadEvents(Ok(()), std::marker::PhantomData)
    }
}

struct Kept;

static KEPT: std::sync::Mutex<Option<ReadEvents<'static>>> = std::sync::Mutex::new(None);

impl Event for Kept {
    type Of<'a> = String;
    type Columns<'a> = ();
    fn selection() -> manifests::Selection {
        manifests::Selection::Types(Vec::new())
    }
    fn columns<'a>(_: &mut Groups<'a>) -> Result<(), Fault> {
        Ok(())
    }
    fn read<'e, 'a>(_: &(), _: usize, reading: Reading<'e, 'a, String>) -> ReadEvents<'e> {
        *KEPT.lock().unwrap() = Some(reading.each(|_| Ok(String::new())));
        KEPT.lock().unwrap().take().unwrap()
    }
}

fn main() {}
