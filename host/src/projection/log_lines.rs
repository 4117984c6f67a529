//! What a plugin **logged** during an advance, until somebody takes it.

use super::thresholds::LOG_LINES_MAX;
use crate::plugin::LogLine;

/// Bounded: a plugin that goes on and on is cut short.
#[derive(Debug, Default)]
pub(super) struct LogLines(Vec<LogLine>);

impl LogLines {
    /// Keeps more lines.
    pub fn add(&mut self, lines: Vec<LogLine>) {
        let room = LOG_LINES_MAX.saturating_sub(self.0.len());
        if room > 0 && lines.len() > room {
            tracing::warn!("a plugin logged more than {LOG_LINES_MAX} messages in one go: the rest is dropped");
        }
        self.0.extend(lines.into_iter().take(room));
    }

    /// The lines since this was last called.
    pub fn take(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.0)
    }
}
