//! `projectionist events append`: records events in one stream, all or none.

use std::io::{self, BufRead, Read};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::cli::failure::Usage;
use crate::cli::shell::Shell;
use crate::event::{ExpectedVersion, Fault, NewEvent, StreamVersion, Timestamp};
use crate::event_store::PAYLOAD_BYTES_MAX;

/// The most events in one append; they stand in memory until all are recorded.
const EVENTS_MAX: usize = 100_000;
/// The most bytes in one append.
const BYTES_MAX: u64 = 256 << 20;

/// Append one event to a stream, or, without --type, the events that stdin brings as JSON Lines; all or none
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    projectionist events append --stream account-1 --type Deposited --data '{\"amount\": 5}'\n  \
    projectionist events append --stream account-1 --type Deposited --data @deposit.json --expect 1\n  \
    projectionist events append --stream account-2 --expect none <<'END'\n  \
    {\"type\": \"Deposited\", \"data\": {\"amount\": 5}}\n  \
    {\"type\": \"Withdrawn\", \"data\": {\"amount\": 3}}\n  END\n\n\
    With an --id, trying again is harmless: an id is recorded once.")]
pub(in crate::cli) struct Append {
    /// The stream
    #[arg(long)]
    stream: String,
    /// The event's type, in the past tense
    #[arg(long = "type", value_name = "TYPE", requires = "data")]
    kind: Option<String>,
    /// The payload: JSON, @FILE, or - for stdin
    #[arg(long, value_name = "JSON|@FILE|-", requires = "kind", allow_hyphen_values = true)]
    data: Option<String>,
    /// The metadata: a JSON object, or @FILE
    #[arg(long, value_name = "JSON|@FILE", requires = "kind")]
    metadata: Option<String>,
    /// The event's id, made up when left out
    #[arg(long, requires = "kind")]
    id: Option<String>,
    /// When it happened (RFC 3339), now when left out
    #[arg(long, requires = "kind")]
    time: Option<Timestamp>,
    /// The stream's last version: any, none (no events yet), or a number
    #[arg(long, default_value = "any", value_parser = expected_version)]
    expect: ExpectedVersion,
}

/// One event on stdin: a line as `import` takes it, whose stream is named already.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    id: Option<String>,
    time: Option<String>,
    stream: Option<String>,
    /// Passed over, like the next: the store gives each event its own.
    #[serde(rename = "position")]
    _position: Option<serde::de::IgnoredAny>,
    #[serde(rename = "stream_version")]
    _stream_version: Option<serde::de::IgnoredAny>,
}

#[derive(Serialize)]
struct Answer {
    stream: String,
    events: Vec<Recorded>,
}

#[derive(Serialize)]
struct Recorded {
    position: u64,
    stream_version: u64,
    already_there: bool,
}

impl Append {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        let project = shell.project()?;
        let events = match &self.kind {
            Some(kind) => vec![self.one(kind.clone())?],
            None => self.lines(io::stdin().lock())?,
        };
        let recorded = project.event_store_for_appending()?.append(&self.stream, self.expect, &events)?;
        let events = recorded.iter().map(|event| Recorded {
            position: event.position.0,
            stream_version: event.stream_version.0,
            already_there: event.already_there,
        });
        let answer = Answer { stream: self.stream, events: events.collect() };
        shell.answer(&answer, Answer::for_people)
    }

    fn one(&self, kind: String) -> anyhow::Result<NewEvent> {
        let data = text_of(self.data.as_deref().unwrap_or("null"), true)?;
        let metadata = self.metadata.as_deref().map(|text| text_of(text, false)).transpose()?;
        Ok(NewEvent { kind, data, metadata, id: self.id.clone(), time: self.time })
    }

    fn lines(&self, input: impl BufRead) -> anyhow::Result<Vec<NewEvent>> {
        let mut events = Vec::new();
        let mut input = input.take(BYTES_MAX + 1);
        let mut line = String::new();
        for number in 1.. {
            line.clear();
            let read = input.read_line(&mut line).map_err(|error| Fault::storage("reading stdin", error))?;
            if input.limit() == 0 || events.len() == EVENTS_MAX {
                let fault =
                    Fault::input(format!("one append takes at most {EVENTS_MAX} events and {} MiB", BYTES_MAX >> 20));
                return Err(fault.hint("`projectionist import -` streams any number").into());
            }
            if read == 0 {
                break;
            }
            let line = without_byte_order_mark(&line);
            if !line.trim().is_empty() {
                let event = self.line(line).map_err(|fault| at_line(fault, number))?;
                events.push(event);
            }
        }
        match events.is_empty() {
            true => Err(Usage("no event on stdin; name one with --type and --data".into()).into()),
            false => Ok(events),
        }
    }

    fn line(&self, line: &str) -> Result<NewEvent, Fault> {
        let line: Line<'_> = serde_json::from_str(line).map_err(|error| {
            // serde counts the lines of this line.
            let reason = error.to_string();
            let reason = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(reason, _)| reason);
            Fault::input(format!("column {}: {reason}", error.column()))
        })?;
        if line.stream.as_ref().is_some_and(|stream| *stream != self.stream) {
            return Err(Fault::input(format!("the event names another stream than `{}`", self.stream))
                .hint("`projectionist import -` takes events of several streams"));
        }
        let time = line.time.map(|time| time.parse().map_err(|error| Fault::input(format!("time `{time}`: {error}"))));
        Ok(NewEvent {
            kind: line.kind,
            data: line.data.get().to_owned(),
            metadata: line.metadata.map(|metadata| metadata.get().to_owned()),
            id: line.id,
            time: time.transpose()?,
        })
    }
}

impl Answer {
    fn for_people(&self) -> String {
        let lines = self.events.iter().map(|event| {
            let there = if event.already_there { " (was there)" } else { "" };
            format!("{} {}/{}{there}", event.position, self.stream, event.stream_version)
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// JSON as given, from a file, or from stdin.
fn text_of(given: &str, stdin: bool) -> anyhow::Result<String> {
    let mut text = String::new();
    let most = PAYLOAD_BYTES_MAX as u64 + 1; // one more, so that the store refuses what is too large
    match given.strip_prefix('@') {
        Some(file) => {
            let file_of = std::fs::File::open(file).and_then(|open| open.take(most).read_to_string(&mut text));
            file_of.map_err(|error| Fault::storage(format!("reading {file}"), error))?;
        }
        None if stdin && given == "-" => {
            let read = io::stdin().lock().take(most).read_to_string(&mut text);
            read.map_err(|error| Fault::storage("reading stdin", error))?;
        }
        None => text.push_str(given),
    }
    Ok(without_byte_order_mark(&text).trim().to_owned())
}

fn without_byte_order_mark(text: &str) -> &str {
    text.strip_prefix('\u{FEFF}').unwrap_or(text)
}

fn at_line(mut fault: Fault, number: usize) -> Fault {
    fault.message = format!("stdin line {number}: {}", fault.message);
    fault
}

fn expected_version(text: &str) -> Result<ExpectedVersion, String> {
    match text {
        "any" => Ok(ExpectedVersion::Any),
        "none" => Ok(ExpectedVersion::None),
        number => number
            .parse()
            .map(|number| ExpectedVersion::Exactly(StreamVersion(number)))
            .map_err(|_| "it is `any`, `none`, or the stream version of the last event".into()),
    }
}
