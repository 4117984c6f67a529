//! `projectionist events show`: what the embedded store holds, in the form that `import` reads back.

use std::borrow::Cow;
use std::io::{self, Write};
use std::ops::ControlFlow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::cli::shell::Shell;
use crate::event::{EventRef, Fault, Position, Range};
use crate::event_store::Wanted;

/// Show recorded events in log order: for people on a terminal, else as JSON Lines that `import` reads back
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  projectionist events show --stream account-1\n  \
                        projectionist events show --type Deposited --after 1000 --limit 10\n  \
                        projectionist events show > backup.jsonl\n\n\
                        Each line has position, stream, stream_version, type, time, id, data and metadata; \
                        `import` makes positions and stream versions of its own.")]
pub(in crate::cli) struct Show {
    /// Only events of this stream
    #[arg(long)]
    stream: Option<String>,
    /// Only events of this type; may be given several times
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only events after this position
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    after: u64,
    /// At most so many events
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

/// One event as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    position: u64,
    stream: &'a str,
    stream_version: u64,
    #[serde(rename = "type")]
    kind: &'a str,
    time: String,
    id: &'a str,
    data: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
}

impl Show {
    pub(super) fn run(self, shell: &Shell) -> anyhow::Result<()> {
        let project = shell.project()?;
        let mut reader = project.event_store()?.reader()?;
        let range = Range { after: Position(self.after), through: reader.head()? };
        let wanted = Wanted {
            types: (!self.types.is_empty()).then(|| self.types.clone()),
            stream_prefix: self.stream.clone(),
            streams: true,
            ids: true,
            metadata: true,
            data: true,
        };
        let json = shell.json() || !shell.out_is_terminal();
        let mut out = shell.out();
        let mut broken = None;
        let mut left = self.limit.unwrap_or(u64::MAX);
        if left > 0 && !range.is_empty() {
            reader.scan(range, &wanted, &mut |event| {
                if self.stream.as_ref().is_some_and(|stream| stream != event.stream_name) {
                    return Ok(ControlFlow::Continue(())); // the stream's name is but a prefix of this one's
                }
                let written = match json {
                    true => write_line(&mut out, &event)?,
                    false => write_for_people(&mut out, &event),
                };
                left -= 1;
                if let Err(error) = written {
                    broken = Some(error);
                }
                Ok(if broken.is_some() || left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
        }
        match broken {
            Some(error) => Err(error.into()),
            None => Ok(out.flush()?),
        }
    }
}

fn write_line(out: &mut impl Write, event: &EventRef<'_>) -> Result<io::Result<()>, Fault> {
    let (data, metadata) = (one_line(event.data), event.metadata.map(one_line));
    let unreadable = |error| Fault::storage("reading the recorded JSON", error).at(event.position);
    let line = Line {
        position: event.position.0,
        stream: event.stream_name,
        stream_version: event.stream_version.0,
        kind: event.type_name,
        time: event.time.to_string(),
        id: event.id,
        data: serde_json::from_str(&data).map_err(unreadable)?,
        metadata: metadata.as_deref().map(serde_json::from_str).transpose().map_err(unreadable)?,
    };
    let line = serde_json::to_string(&line).map_err(unreadable)?;
    Ok(writeln!(out, "{line}"))
}

fn write_for_people(out: &mut impl Write, event: &EventRef<'_>) -> io::Result<()> {
    let EventRef { position, time, stream_name, stream_version, type_name, .. } = event;
    write!(out, "{position:>8}  {time}  {stream_name}/{stream_version}  {type_name}  {}", one_line(event.data))?;
    match event.metadata {
        Some(metadata) => writeln!(out, "  {}", one_line(metadata)),
        None => writeln!(out),
    }
}

/// Line breaks in JSON text only ever stand between its parts, never in strings.
fn one_line(json: &str) -> Cow<'_, str> {
    match json.contains(['\n', '\r']) {
        true => json.replace(['\n', '\r'], " ").into(),
        false => json.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{StreamNumber, StreamVersion, Timestamp, TypeIndex, TypeNumber};

    #[test]
    fn a_payload_recorded_over_several_lines_is_shown_on_one() {
        let event = EventRef {
            position: Position(3),
            stream: StreamNumber(1),
            stream_name: "account-1",
            stream_version: StreamVersion(2),
            kind: TypeIndex(0),
            type_number: TypeNumber(1),
            type_name: "Deposited",
            time: Timestamp(0),
            id: "a",
            data: "{\n  \"amount\": 1.10,\r\n  \"note\": \"a\\nb\"\n}",
            metadata: None,
        };
        let mut out = Vec::new();
        write_line(&mut out, &event).unwrap().unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"position\":3,\"stream\":\"account-1\",\"stream_version\":2,\"type\":\"Deposited\",\
             \"time\":\"1970-01-01T00:00:00Z\",\"id\":\"a\",\"data\":{   \"amount\": 1.10,    \"note\": \"a\\nb\" }}\n"
        );
    }
}
