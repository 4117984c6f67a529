//! **Looking on** from beside: at another process's host, and at the event store.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::event::{Position, Range, Result};
use crate::event_store::Wanted;
use crate::project::Project;
use crate::server::{self, Notice, Stop};

use super::event_loop::Message;

/// How often the other host is asked what serves.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Tells what becomes of the crate's plugin while another process's host serves it; asks only while something that was
/// dropped in `is_waiting` to be served.
pub(super) fn look_on(
    project: &Project,
    file: &str,
    is_waiting: &AtomicBool,
    stop: &Stop,
    tell: &mut dyn FnMut(Message),
) -> anyhow::Result<()> {
    let mut refused_before = None;
    while !stop.asked() {
        std::thread::sleep(LOOK_EVERY);
        if !is_waiting.load(Ordering::Acquire) {
            continue;
        }
        for projection in server::status(project)?.projections {
            if let Some(hash) = projection.hash.clone().filter(|_| projection.building.is_none()) {
                tell(Message::ServedElsewhere(hash));
            }
            if projection.name != file.trim_end_matches(".wasm") {
                continue;
            }
            let refused = projection.refused.as_ref().map(|fault| fault.message.clone());
            if let Some(fault) = projection.refused.filter(|_| refused != refused_before) {
                let (projection, serving) = (Some(projection.name), projection.hash);
                tell(Message::Notice(Notice::Refused { projection, file: file.to_owned(), fault, serving }));
            }
            refused_before = refused;
        }
    }
    Ok(())
}

/// The stream, type and payload of an event.
pub(super) fn event_at(project: &Project, position: Position) -> Result<Option<(String, String, String)>> {
    let mut reader = project.event_store()?.reader()?;
    let range = Range { after: Position(position.0.saturating_sub(1)), through: position };
    let wanted = Wanted { streams: true, data: true, ..Wanted::default() };
    let mut found = None;
    reader.scan(range, &wanted, &mut |event| {
        found = Some((event.stream_name.to_owned(), event.type_name.to_owned(), event.data.to_owned()));
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}
