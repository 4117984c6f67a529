//! **Requests**: how a command asks the running host for something, through the catalogue.
//!
//! A request is JSON, and so is its answer; what they mean is the business of those who write and read them. The
//! host is woken by [`Catalogue::requests_folder`], and looks now and then in case it was not.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rusqlite::OptionalExtension;

use super::Catalogue;
use crate::event::{Result, Timestamp};

/// A request's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub i64);

/// A request that a host has taken and owes an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its number.
    pub id: RequestId,
    /// What is asked: JSON.
    pub request: String,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// The host's answer: JSON.
    Answer(String),
    /// No host took it in time; it is withdrawn.
    NotTaken,
    /// A host is still at it.
    StillRunning,
}

/// How often an asker looks for the answer.
const LOOK: Duration = Duration::from_millis(5);
/// Requests and answers that nobody fetched are forgotten after this long.
const FORGET_AFTER_MICROS: i64 = 3_600_000_000;

impl Catalogue {
    /// Asks the running host for something. A host that has not taken it after `patience` leaves it.
    pub fn ask(&self, request: &str, patience: Duration) -> Result<RequestId> {
        let now = Timestamp::now().0;
        let expires = now.saturating_add(i64::try_from(patience.as_micros()).unwrap_or(i64::MAX));
        let id = self.passing_transaction(|tx| {
            tx.execute("DELETE FROM requests WHERE asked_at < ?1", [now - FORGET_AFTER_MICROS])?;
            let sql = "INSERT INTO requests (request, asked_at, expires_at) VALUES (?1, ?2, ?3)";
            tx.execute(sql, (request, now, expires))?;
            Ok(RequestId(tx.last_insert_rowid()))
        })?;
        // Only wakes the host sooner, which looks by itself too.
        let _ = std::fs::write(self.requests_folder().join("asked"), id.0.to_string());
        Ok(id)
    }

    /// A folder in which a file is written when something was asked: the host watches it.
    pub fn requests_folder(&self) -> PathBuf {
        self.data_dir.join("requests")
    }

    /// Waits for the answer to a request; each answer can be fetched once.
    pub fn wait_answer(&self, id: RequestId, patience: Duration) -> Result<Answered> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(answer) = self.peek(id)? {
                self.passing_transaction(|tx| tx.execute("DELETE FROM requests WHERE id = ?1", [id.0]))?;
                return Ok(Answered::Answer(answer));
            }
            if Instant::now() >= deadline {
                let sql = "DELETE FROM requests WHERE id = ?1 AND taken = 0";
                let withdrawn = self.passing_transaction(|tx| tx.execute(sql, [id.0]))?;
                let known = self.read(|conn| {
                    conn.query_row("SELECT 1 FROM requests WHERE id = ?1", [id.0], |_| Ok(())).optional()
                })?;
                let gone = withdrawn > 0 || known.is_none();
                return Ok(if gone { Answered::NotTaken } else { Answered::StillRunning });
            }
            std::thread::sleep(LOOK);
        }
    }

    fn peek(&self, id: RequestId) -> Result<Option<String>> {
        let sql = "SELECT answer FROM requests WHERE id = ?1";
        self.read(|conn| {
            let found =
                conn.prepare_cached(sql)?.query_row([id.0], |row| row.get::<_, Option<String>>(0)).optional()?;
            Ok(found.flatten())
        })
    }

    /// Takes the requests that wait, oldest first; each is taken once. Those whose asker has given up are dropped.
    pub fn take_requests(&self) -> Result<Vec<Request>> {
        let waiting = "SELECT EXISTS (SELECT 1 FROM requests WHERE taken = 0)";
        if !self.read(|conn| conn.prepare_cached(waiting)?.query_row((), |row| row.get::<_, bool>(0)))? {
            return Ok(Vec::new());
        }
        let now = Timestamp::now().0;
        self.passing_transaction(|tx| {
            tx.execute("DELETE FROM requests WHERE taken = 0 AND expires_at < ?1", [now])?;
            let request = |row: &rusqlite::Row<'_>| Ok(Request { id: RequestId(row.get(0)?), request: row.get(1)? });
            let sql = "SELECT id, request FROM requests WHERE taken = 0 ORDER BY id";
            let taken = tx.prepare_cached(sql)?.query_map((), request)?.collect();
            tx.execute("UPDATE requests SET taken = 1 WHERE taken = 0", ())?;
            taken
        })
    }

    /// Answers a request. Nothing happens when it is not there any more.
    pub fn answer(&self, id: RequestId, answer: &str) -> Result<()> {
        self.passing_transaction(|tx| tx.execute("UPDATE requests SET answer = ?2 WHERE id = ?1", (id.0, answer)))?;
        Ok(())
    }

    /// Drops what was asked of a host that is gone: its askers learn that nobody took it.
    pub(super) fn forget_requests(&self) -> Result<()> {
        self.passing_transaction(|tx| tx.execute("DELETE FROM requests WHERE taken = 1 AND answer IS NULL", ()))?;
        Ok(())
    }
}
