//! **Repairs** a segment that turned out to be damaged.

use std::sync::Arc;

use super::files::lock;
use super::history::{File, History};
use super::lock::{PATIENCE, SealingLock, is_taken};
use super::names::key;
use super::seal::seal;
use crate::event::{Fault, Result};
use crate::history::segment::Segment;

impl History {
    /// A sound segment in place of one that turned out to be damaged: sealed again, unless somebody else has done it
    /// already. A retriable fault when another process seals at the moment.
    pub fn mend(&self, damaged: &Segment) -> Result<Arc<Segment>> {
        let range = damaged.range();
        let Some(_lock) = SealingLock::take(self.folder(), PATIENCE)? else {
            return Err(is_taken(self.folder()));
        };
        self.list()?;
        if let Some((_, File::Good(now))) = self.known().files.get(&key(range)).cloned()
            && now.id() != damaged.id()
            && now.verify().is_ok()
        {
            return Ok(now);
        }
        self.invalidate(range, "it is damaged");
        seal(self.folder(), &mut **lock(&self.0.reader), range, self.0.sizes, &mut |_| {
            std::ops::ControlFlow::Continue(())
        })?;
        self.list()?;
        match self.known().files.get(&key(range)) {
            Some((_, File::Good(mended))) => Ok(mended.clone()),
            Some((_, File::Bad(_, why))) => Err(Fault::storage("mending history", why).among(range)),
            None => Err(Fault::storage("mending history", "the segment vanished").retriable().among(range)),
        }
    }
}
