//! The **row changes** of a swap: the generation that served at the last save beside the one that serves now.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use crate::event::{Fault, Result};
use crate::project::Project;
use crate::read_model::{Catalogue, CompareLimits, Comparison, GenerationId, compare};

/// What is shown at each save: a few rows of each table, in the time that one looks at them.
const AT_A_SAVE: CompareLimits = CompareLimits { rows_shown: 5, time: Duration::from_millis(300) };
/// What is shown on demand.
const ALL: CompareLimits = CompareLimits { rows_shown: 10_000, time: Duration::from_secs(20) };

/// Which generations were compared last.
#[derive(Default)]
pub(super) struct RowChanges {
    serving: Option<(GenerationId, PathBuf)>,
    compared: Option<(PathBuf, PathBuf)>,
}

impl RowChanges {
    /// Another generation serves: compares its rows with those of the one before, on a thread of its own.
    pub fn swapped(
        &mut self,
        project: &Project,
        projection: &str,
        told: impl FnOnce(Result<Comparison>) + Send + 'static,
    ) -> Result<()> {
        let catalogue = Catalogue::open(&project.data)?;
        let Some(now) = catalogue.serving(projection)? else { return Ok(()) };
        let path = |id| catalogue.generation_path(projection, id);
        let before = self.serving.take().or_else(|| now.replaced.map(|id| (id, path(id))));
        self.serving = Some((now.id, path(now.id)));
        // Without an older one, or when it was not kept, there is nothing to compare with.
        let Some((_, before)) = before.filter(|(id, file)| *id != now.id && file.is_file()) else { return Ok(()) };
        self.compared = Some((before, path(now.id)));
        self.start(AT_A_SAVE, told);
        Ok(())
    }

    /// Compares the same generations again, with more of their rows.
    pub fn compare_all(&self, told: impl FnOnce(Result<Comparison>) + Send + 'static) {
        self.start(ALL, told);
    }

    fn start(&self, limits: CompareLimits, told: impl FnOnce(Result<Comparison>) + Send + 'static) {
        let Some((before, after)) = self.compared.clone() else {
            return told(Err(Fault::input("there is nothing to compare with yet: save a change first")));
        };
        thread::spawn(move || told(compare(&before, &after, limits)));
    }
}
