//! A **failure** is how a command ends when it does not end well: an error laid out for a person, and an exit code.
//!
//! 0: done. 1: failed. 2: used wrongly.

use std::fmt::Write;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

use super::shell::Shell;
use crate::event::{Blame, Fault, FaultKind};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// Of a batch in which the event that failed is not known, a hint shows no more than these.
const EVENTS_TO_LOOK_AT: u64 = 10;

/// The command was used wrongly, in a way that only shows once it runs.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// The command failed and has said all there is to say.
#[derive(Debug, thiserror::Error)]
#[error("failed")]
pub struct Said;

/// Says what went wrong, and gives the exit code.
pub(super) fn report(shell: &Shell, error: &anyhow::Error) -> ExitCode {
    if shell.reader_left() {
        return ExitCode::SUCCESS;
    }
    if error.is::<Said>() {
        return ExitCode::from(1);
    }
    shell.say(lay_out(error));
    ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
}

/// `error:` with each cause on a line of its own, the Wasm frames, and what to do.
fn lay_out(error: &anyhow::Error) -> String {
    let mut text = format!("{ERROR}error:{ERROR:#} {error}");
    for cause in error.chain().skip(1) {
        write!(text, "\n  {DIM}because:{DIM:#} {cause}").expect("a string takes everything");
    }
    for fault in error.chain().filter_map(|cause| cause.downcast_ref::<Fault>()) {
        text.push_str(&details(fault, "  "));
    }
    if error.is::<Usage>() {
        write!(text, "\n{HINT}hint:{HINT:#} add `--help` for what it takes").expect("a string takes everything");
    }
    text
}

/// A fault on its first line, then whose it is, its Wasm frames and its hint, each indented.
pub(super) fn lay_out_fault(fault: &Fault) -> String {
    format!("{fault}{}", details(fault, "    "))
}

fn details(fault: &Fault, indent: &str) -> String {
    let mut text = String::new();
    let blame = match fault.blame {
        Blame::Plugin => Some("the plugin"),
        Blame::Data => Some("the recorded event"),
        Blame::Host | Blame::Operator => None,
    };
    if let Some(blame) = blame {
        let retry = if fault.retry { "; trying again may help" } else { "" };
        write!(text, "\n{indent}{DIM}fault of:{DIM:#} {blame}{retry}").expect("a string takes everything");
    }
    if !fault.backtrace.is_empty() {
        write!(text, "\n{indent}{DIM}wasm backtrace:{DIM:#}").expect("a string takes everything");
    }
    for (number, frame) in fault.backtrace.iter().enumerate() {
        write!(text, "\n{indent}{number:4}: {frame}").expect("a string takes everything");
    }
    if let Some(hint) = hint_of(fault) {
        write!(text, "\n{indent}{HINT}hint:{HINT:#} {hint}").expect("a string takes everything");
    }
    text
}

/// The fault's own hint, or the one that goes with its kind: what stops a projection always says what now.
pub(super) fn hint_of(fault: &Fault) -> Option<String> {
    if let Some(hint) = &fault.hint {
        return Some(hint.clone());
    }
    let what_now = match fault.kind {
        FaultKind::Event => "change the plugin to take this event and drop it in",
        FaultKind::Projection => "the plugin's own code refuses this event; drop in one that takes it",
        FaultKind::Trap => "mend the plugin and drop it in",
        FaultKind::Changes | FaultKind::Overlap => "mend the plugin's rows and drop it in",
        _ => return None,
    };
    let show = |after: u64, limit: u64| format!("`projectionist events show --after {after} --limit {limit}`");
    let look = match (fault.position, fault.range) {
        (Some(position), _) => format!(", or look at it: {}", show(position.0.saturating_sub(1), 1)),
        (None, Some(range)) => {
            let events = range.through.0.saturating_sub(range.after.0).min(EVENTS_TO_LOOK_AT);
            format!(", or look at the first events: {}", show(range.after.0, events))
        }
        (None, None) => String::new(),
    };
    Some(format!("{what_now}{look}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Position, Range};

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn an_error_says_what_why_where_and_what_now() {
        let mut fault = Fault::new(FaultKind::Trap, "out of bounds").of("balances").at(Position(7)).hint("mend it");
        fault.backtrace = vec!["fold".into(), "apply".into()];
        let error = anyhow::Error::new(fault).context("replaying");
        assert_eq!(
            plain(&lay_out(&error)),
            "error: replaying\n  because: balances: at position 7: out of bounds\n  fault of: the plugin\n  \
             wasm backtrace:\n     0: fold\n     1: apply\n  hint: mend it"
        );
    }

    #[test]
    fn what_stops_a_projection_says_what_now() {
        let hint = |fault: Fault| hint_of(&fault).unwrap();
        let event = || Fault::new(FaultKind::Event, "expected an integer, found a string");
        assert_eq!(
            hint(event().at(Position(7))),
            "change the plugin to take this event and drop it in, or look at it: \
             `projectionist events show --after 6 --limit 1`"
        );
        let range = Range { after: Position(100), through: Position(5_000) };
        assert!(hint(event().among(range)).ends_with("`projectionist events show --after 100 --limit 10`"));
        for kind in [FaultKind::Event, FaultKind::Projection, FaultKind::Trap, FaultKind::Changes] {
            assert!(hint(Fault::new(kind, "no")).contains("drop"), "{kind:?}");
        }
        assert_eq!(hint(event().at(Position(7)).hint("mend it")), "mend it", "its own hint comes first");
        assert_eq!(hint_of(&Fault::new(FaultKind::Storage, "no")), None);
    }
}
