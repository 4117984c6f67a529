//! **Spilling** writes pieces to a temporary file. It has no name: it is gone when nobody has it open any more, however
//! the process ends.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use super::piece::Piece;

/// Moves pieces that are in memory to a new file in the folder. On an error they stay where they are.
pub fn spill<'a>(pieces: impl Iterator<Item = &'a mut Piece>, folder: &Path) -> io::Result<()> {
    spill_to(tempfile::tempfile_in(folder)?, pieces)
}

fn spill_to<'a>(file: File, pieces: impl Iterator<Item = &'a mut Piece>) -> io::Result<()> {
    let mut writer = BufWriter::with_capacity(1 << 20, file);
    let (mut moved, mut offset) = (Vec::new(), 0);
    for piece in pieces {
        let Some(bytes) = piece.in_memory() else { continue };
        writer.write_all(bytes)?;
        let length = bytes.len() as u64;
        moved.push((piece, offset));
        offset += length;
    }
    let file: Arc<File> = Arc::new(writer.into_inner().map_err(io::IntoInnerError::into_error)?);
    moved.into_iter().for_each(|(piece, offset)| piece.move_to(&file, offset));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::sorter::Sorter;
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn on_a_full_disk_pieces_stay_in_memory() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut sorter = Sorter::default();
        sorter.push(b"key", Some(b"record"));
        let mut piece = sorter.finish(None).unwrap().unwrap();
        let error = spill_to(full, std::iter::once(&mut piece)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(piece.in_memory().is_some());
        let fault = crate::read_model::storage::not_stored("spilling".into(), &error);
        assert!(fault.retry, "{fault}");
    }
}
