//! **Recording many events** of any streams: what an import does.

use std::path::Path;
use std::sync::Arc;

use super::commit_notifier::CommitNotifier;
use super::connect::Use;
use super::write::{Outcome, Writer};
use crate::event::Result;
use crate::event_store::{BulkAppender, BulkEvent, BulkOutcome};

pub(super) struct SqliteBulkAppender {
    writer: Writer,
    commits: Arc<CommitNotifier>,
}

impl SqliteBulkAppender {
    pub fn open(path: &Path, commits: Arc<CommitNotifier>) -> Result<SqliteBulkAppender> {
        Ok(SqliteBulkAppender { writer: Writer::open(path, Use::BulkWriting)?, commits })
    }
}

impl BulkAppender for SqliteBulkAppender {
    fn append(&mut self, events: &[BulkEvent<'_>]) -> Result<Vec<BulkOutcome>> {
        let mut transaction = self.writer.begin()?;
        transaction.prepare_streams(events)?;
        let mut outcomes = Vec::with_capacity(events.len());
        for event in events {
            outcomes.push(match transaction.record(event)? {
                Outcome::Added(position, _) => BulkOutcome::Added(position),
                Outcome::AlreadyThere(..) => BulkOutcome::AlreadyThere,
                Outcome::Conflict(position) => BulkOutcome::Conflict(position),
            });
            if let Some(BulkOutcome::Conflict(_)) = outcomes.last() {
                break;
            }
        }
        self.commits.committed(transaction.commit()?);
        Ok(outcomes)
    }
}
