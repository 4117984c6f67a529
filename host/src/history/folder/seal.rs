//! **Sealing**: the events of a range become a segment's file, whole or not at all.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;

use super::files::file_fault;
use super::names::{NEW, file_name};
use crate::event::{Range, Result};
use crate::event_store::Reader;
use crate::history::segment::Segment;
use crate::history::sizes::Sizes;

/// Bytes written at once.
const BUFFER_BYTES: usize = 1 << 20;

/// Whether a segment was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    Whole,
    /// The watch said to stop; nothing is left of it.
    Stopped,
}

/// Seals `range`: under another name until it is whole and durable. A crash leaves the file that was there before or
/// the new one, and at most one that nobody reads.
pub(super) fn seal(
    folder: &Path,
    reader: &mut dyn Reader,
    range: Range,
    sizes: Sizes,
    watch: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Made> {
    let name = file_name(range);
    let unfinished = folder.join(format!("{NEW}{name}"));
    let made = write(&unfinished, reader, range, sizes, watch).and_then(|made| {
        if made == Made::Whole {
            let doing = || format!("sealing {}", folder.join(&name).display());
            std::fs::rename(&unfinished, folder.join(&name))
                .and_then(|()| sync_folder(folder))
                .map_err(|error| file_fault(doing(), &error))?;
        }
        Ok(made)
    });
    if !matches!(made, Ok(Made::Whole)) {
        // What cannot be removed now is swept by whoever seals next.
        let _ = std::fs::remove_file(&unfinished);
    }
    made
}

fn write(
    path: &Path,
    reader: &mut dyn Reader,
    range: Range,
    sizes: Sizes,
    watch: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Made> {
    let failed = |error| file_fault(format!("writing {}", path.display()), &error);
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, File::create(path).map_err(failed)?);
    let Some(_bytes) = Segment::shred_sized(reader, range, sizes, &mut out, watch)? else { return Ok(Made::Stopped) };
    out.flush().map_err(failed)?;
    out.get_ref().sync_data().map_err(failed)?;
    Ok(Made::Whole)
}

/// Makes names in the folder durable.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()), // elsewhere folders cannot be opened
    }
}
