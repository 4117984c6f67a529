//! **Blame**: what went wrong in a call into a plugin, as a fault that says whose it is and where.

use wasmtime::{Trap, WasmBacktrace};

use super::Limits;
use super::bindings::faults;
use super::limits::breach;
use crate::event::{Batch, Blame, Fault, FaultKind, Position, Range};

/// More frames than this are left out of a backtrace.
pub(super) const FRAMES_MAX: usize = 20;
/// Messages from a plugin are cut at this many bytes.
pub(super) const MESSAGE_BYTES_MAX: usize = 4096;
const FIELD_BYTES_MAX: usize = 256;
const FRAME_BYTES_MAX: usize = 256;

/// One call into a plugin, for what is to be said about it.
pub(super) struct Call<'a> {
    /// The function's name in the contract.
    pub function: &'static str,
    /// The events that it was about.
    pub range: Option<Range>,
    /// What it was allowed.
    pub limits: &'a Limits,
    /// How many bytes it could hand over.
    pub bytes_max: u64,
    /// What a panic hook logged during the call.
    pub panic: Option<String>,
}

impl Call<'_> {
    /// The fault behind an error of wasmtime.
    pub fn fault(self, error: wasmtime::Error) -> Fault {
        let range = self.range;
        let mut fault = self.cause(&error);
        fault.backtrace = frames(&error);
        match range {
            Some(range) => fault.among(range),
            None => fault,
        }
    }

    fn cause(self, error: &wasmtime::Error) -> Fault {
        let function = self.function;
        if let Some(fault) = error.downcast_ref::<Fault>() {
            return fault.clone(); // the host's own: a limit, a lookup
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => breach(
                FaultKind::Deadline,
                "call-ms-max",
                format!("`{function}` took longer than {} ms, its `call-ms-max`", self.limits.call_ms_max),
            ),
            Some(Trap::OutOfFuel) => breach(
                FaultKind::Fuel,
                "call-fuel-max",
                format!(
                    "`{function}` used more fuel than {}, its `call-fuel-max`",
                    self.limits.call_fuel_max.unwrap_or_default()
                ),
            ),
            Some(Trap::StackOverflow) => Fault::new(FaultKind::Trap, format!("`{function}` ran out of stack"))
                .hint("look in the backtrace for a function that calls itself without end"),
            Some(trap) => self.trap(*trap),
            // wasmtime keeps the type of this error to itself; a test holds it to the word.
            None if sentence(error).contains("fuel allocated for hostcalls") => self.too_much(),
            None => self.unreadable(error),
        }
    }

    fn trap(self, trap: Trap) -> Fault {
        let function = self.function;
        if let Some(panic) = self.panic {
            let fault = Fault::new(FaultKind::Trap, format!("`{function}` {panic}"));
            return match panic_hint(&panic) {
                Some(hint) => fault.hint(hint),
                None => fault,
            };
        }
        let reason = trap.to_string();
        let reason = reason.strip_prefix("wasm trap: ").unwrap_or(&reason);
        Fault::new(FaultKind::Trap, format!("`{function}` trapped: {reason}"))
            .hint("a trap is a bug in the plugin; the backtrace says where, innermost first")
    }

    fn too_much(self) -> Fault {
        let (function, mib) = (self.function, self.bytes_max >> 20);
        if function == "flush" {
            let mib = self.limits.flush_mib_max;
            let message = format!("`flush` returned more than {mib} MiB, its `flush-mib-max`");
            return breach(FaultKind::Output, "flush-mib-max", message);
        }
        Fault::new(FaultKind::Output, format!("`{function}` handed over more than {mib} MiB at once"))
    }

    fn unreadable(self, error: &wasmtime::Error) -> Fault {
        let kind = match self.function {
            "flush" => FaultKind::Changes,
            "manifest" => FaultKind::Manifest,
            _ => FaultKind::Trap,
        };
        let function = self.function;
        Fault::new(kind, format!("what `{function}` handed over cannot be read: {}", sentence(error)))
    }
}

/// What to do about a panic of Rust's standard library, where it does not have what a plugin asked for.
fn panic_hint(panic: &str) -> Option<&'static str> {
    if panic.contains("time not implemented on this platform") {
        return Some(
            "a projection has no clock: take the time at which the event was recorded, `envelope.time()`, and name it in \
             `export!`: envelope = [stream, time]",
        );
    }
    panic.contains("not supported on this platform").then_some(
        "a projection has no files, threads, network or randomness: what it computes follows from its events and settings",
    )
}

/// The fault that a plugin reported itself.
pub(super) fn reported(fault: faults::Fault, batch: Option<&Batch>, range: Option<Range>) -> Fault {
    let (kind, blame) = match fault.cause {
        faults::Cause::Event => (FaultKind::Event, Blame::Data),
        faults::Cause::Projection => (FaultKind::Projection, Blame::Plugin),
        faults::Cause::Settings => (FaultKind::Settings, Blame::Operator),
        faults::Cause::Host => (FaultKind::Incompatible, Blame::Host),
    };
    let mut told = Fault::new(kind, clean(&fault.message, MESSAGE_BYTES_MAX)).blame(blame);
    told.hint = fault.hint.map(|hint| clean(&hint, MESSAGE_BYTES_MAX));
    told.field = fault.field.map(|field| clean(&field, FIELD_BYTES_MAX));
    // An event beyond the batch is a slip of the plugin; the fault itself still counts.
    let position = fault.event.zip(batch).and_then(|(event, batch)| batch.positions.get(event as usize));
    match (position, range) {
        (Some(&position), _) => told.at(Position(position)),
        (None, Some(range)) => told.among(range),
        (None, None) => told,
    }
}

/// The innermost reason of an error, as one bounded line.
pub(super) fn sentence(error: &wasmtime::Error) -> String {
    clean(&error.root_cause().to_string(), MESSAGE_BYTES_MAX)
}

fn frames(error: &wasmtime::Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return Vec::new();
    };
    let name = |frame: &wasmtime::FrameInfo| match frame.func_name() {
        // Without the hash at the end (`{:#}`), which says nothing to a reader.
        Some(name) => clean(&format!("{:#}", rustc_demangle::demangle(name)), FRAME_BYTES_MAX),
        None => format!("function {}", frame.func_index()),
    };
    backtrace.frames().iter().take(FRAMES_MAX).map(name).collect()
}

/// Text from a plugin as it can be shown: at most `bytes_max` bytes, and nothing that steers a terminal.
pub(super) fn clean(text: &str, bytes_max: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(bytes_max));
    for c in text.chars() {
        let escaped = c.is_control() || turns_text(c);
        let length = if escaped { c.escape_default().len() } else { c.len_utf8() };
        if shown.len() + length > bytes_max {
            shown.push('…');
            break;
        }
        if escaped {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Line separators and the marks that turn the direction of text around.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_text_steers_no_terminal_and_is_bounded() {
        assert_eq!(clean("plain é \"quoted\"", 100), "plain é \"quoted\"");
        assert_eq!(clean("a\nb\u{1b}[31m\u{202e}", 100), "a\\nb\\u{1b}[31m\\u{202e}");
        assert_eq!(clean("éééé", 5), "éé…");
        assert_eq!(clean("abcd\n", 5), "abcd…", "an escape is never cut in two");
        assert_eq!(clean("abcd", 4), "abcd");
    }
}
