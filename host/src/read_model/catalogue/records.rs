//! **Records**: what the catalogue says of a projection and of a generation.

use std::fmt;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use super::Catalogue;
use crate::event::{Fault, FaultKind, Position, Result, Timestamp};
use crate::read_model::Identity;

/// A generation's number: grows, never used twice in a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GenerationId(pub i64);

impl fmt::Display for GenerationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromSql for GenerationId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(GenerationId)
    }
}

impl ToSql for GenerationId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

/// What the operator wants of a projection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DesiredState {
    /// That it follows the log.
    #[default]
    Running,
    /// That it stands still.
    Paused,
}

/// How far a generation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GenerationState {
    /// Its file is being filled; a crash throws it away.
    Building,
    /// Its file is whole: it serves, did, or may.
    Ready,
}

macro_rules! as_text {
    ($type:ty, $($variant:path => $text:literal),+) => {
        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                match value.as_str()? {
                    $($text => Ok($variant),)+
                    other => Err(FromSqlError::Other(format!("unknown word `{other}`").into())),
                }
            }
        }
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(match self { $($variant => $text,)+ }.into())
            }
        }
    };
}
as_text!(DesiredState, DesiredState::Running => "running", DesiredState::Paused => "paused");
as_text!(GenerationState, GenerationState::Building => "building", GenerationState::Ready => "ready");

/// A projection that the project has, or had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectionRecord {
    /// Its name.
    pub name: String,
    /// The name of its file in the plugin folder, when there is one.
    pub plugin_file: Option<String>,
    /// What the operator wants.
    pub desired_state: DesiredState,
    /// Hash of the plugin file that the host last acted upon, whether it took or refused it.
    pub file_hash: Option<String>,
    /// Hash of the generation that the operator rolled back from; none once another was swapped in.
    pub rolled_back_from: Option<String>,
    /// The generation that queries see.
    pub serving: Option<GenerationId>,
    /// What the host last published of it: JSON.
    pub state: Option<String>,
}

/// One generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationRecord {
    /// Its number.
    pub id: GenerationId,
    /// Of which plugin binary it is the read model.
    pub identity: Identity,
    /// The manifest, as JSON.
    pub manifest: String,
    /// How far it has come.
    pub state: GenerationState,
    /// When it became ready.
    pub ready_at: Option<Timestamp>,
    /// What its build came to.
    pub statistics: BuildStatistics,
    /// The generation that served when it was first swapped in.
    pub replaced: Option<GenerationId>,
}

/// What the build of a generation came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BuildStatistics {
    /// Its checkpoint when it was ready.
    pub checkpoint: Position,
    /// Events folded.
    pub events: u64,
    /// Rows in all tables.
    pub rows: u64,
    /// Wall time of the replay, in milliseconds.
    pub replay_ms: f64,
}

impl Eq for BuildStatistics {}

pub(super) const GENERATION: &str =
    "SELECT id, projection, plugin_version, plugin_hash, settings, contract, created_at,
    manifest, state, ready_at, checkpoint, events, rows, replay_ms, replaced FROM generations";

pub(super) fn generation(row: &Row<'_>) -> rusqlite::Result<GenerationRecord> {
    let number = |column: usize| row.get::<_, i64>(column).map(i64::cast_unsigned);
    Ok(GenerationRecord {
        id: row.get(0)?,
        identity: Identity {
            projection: row.get(1)?,
            plugin_version: row.get(2)?,
            plugin_hash: row.get(3)?,
            settings: row.get(4)?,
            contract: row.get(5)?,
            created_at: Timestamp(row.get(6)?),
        },
        manifest: row.get(7)?,
        state: row.get(8)?,
        ready_at: row.get::<_, Option<i64>>(9)?.map(Timestamp),
        statistics: BuildStatistics {
            checkpoint: Position(number(10)?),
            events: number(11)?,
            rows: number(12)?,
            replay_ms: row.get(13)?,
        },
        replaced: row.get(14)?,
    })
}

const PROJECTION: &str = "SELECT name, plugin_file, wanted, file_hash, rolled_back_from, serving, state
    FROM projections LEFT JOIN states ON projection = name";

fn projection(row: &Row<'_>) -> rusqlite::Result<ProjectionRecord> {
    Ok(ProjectionRecord {
        name: row.get(0)?,
        plugin_file: row.get(1)?,
        desired_state: row.get(2)?,
        file_hash: row.get(3)?,
        rolled_back_from: row.get(4)?,
        serving: row.get(5)?,
        state: row.get(6)?,
    })
}

impl Catalogue {
    /// All projections by name.
    pub fn projections(&self) -> Result<Vec<ProjectionRecord>> {
        self.read(|conn| {
            conn.prepare_cached(&format!("{PROJECTION} ORDER BY name"))?.query_map((), projection)?.collect()
        })
    }

    /// One projection, when the project has or had it.
    pub fn projection(&self, name: &str) -> Result<Option<ProjectionRecord>> {
        self.read(|conn| {
            conn.prepare_cached(&format!("{PROJECTION} WHERE name = ?1"))?.query_row([name], projection).optional()
        })
    }

    /// One projection; an input fault that names the others when there is none.
    pub fn expect_projection(&self, name: &str) -> Result<ProjectionRecord> {
        if let Some(found) = self.projection(name)? {
            return Ok(found);
        }
        let known: Vec<_> = self.projections()?.into_iter().map(|projection| projection.name).collect();
        let hint = match known.is_empty() {
            true => "there are none yet: drop a plugin into the plugin folder".to_owned(),
            false => format!("the projections are {}", known.join(", ")),
        };
        Err(Fault::new(FaultKind::Input, format!("there is no projection `{}`", name.escape_debug())).hint(hint))
    }

    /// The generations of a projection, oldest first.
    pub fn generations(&self, name: &str) -> Result<Vec<GenerationRecord>> {
        self.read(|conn| {
            let sql = format!("{GENERATION} WHERE projection = ?1 ORDER BY id");
            conn.prepare_cached(&sql)?.query_map([name], generation)?.collect()
        })
    }

    /// One generation; a storage fault when there is none.
    pub fn generation(&self, id: GenerationId) -> Result<GenerationRecord> {
        let found = self.read(|conn| {
            conn.prepare_cached(&format!("{GENERATION} WHERE id = ?1"))?.query_row([id], generation).optional()
        })?;
        found.ok_or_else(|| Fault::new(FaultKind::Storage, format!("there is no generation {id}")))
    }

    /// The generation that queries see, if there is one.
    pub fn serving(&self, name: &str) -> Result<Option<GenerationRecord>> {
        self.read(|conn| {
            let sql = format!("{GENERATION} WHERE id = (SELECT serving FROM projections WHERE name = ?1)");
            conn.prepare_cached(&sql)?.query_row([name], generation).optional()
        })
    }

    /// The newest ready generation that this plugin built with these settings: it can serve at once.
    pub fn find_ready(&self, name: &str, plugin_hash: &str, settings: &str) -> Result<Option<GenerationRecord>> {
        self.read(|conn| {
            let sql = format!(
                "{GENERATION} WHERE projection = ?1 AND plugin_hash = ?2 AND settings = ?3 AND state = 'ready'
                 ORDER BY id DESC LIMIT 1"
            );
            conn.prepare_cached(&sql)?.query_row([name, plugin_hash, settings], generation).optional()
        })
    }

    /// Says what the operator wants of a projection.
    pub fn set_desired_state(&self, name: &str, state: DesiredState) -> Result<()> {
        self.expect_projection(name)?;
        self.transaction(|tx| tx.execute("UPDATE projections SET wanted = ?2 WHERE name = ?1", (name, state)))?;
        Ok(())
    }

    /// Says which plugin file a projection has, and the hash of it that the host has acted upon. Makes the
    /// projection when it is new. No file: it is gone, and the read model stays.
    pub fn set_file(&self, name: &str, file: Option<&str>, file_hash: Option<&str>) -> Result<()> {
        self.passing_transaction(|tx| {
            tx.execute(
                "INSERT INTO projections (name, plugin_file, file_hash) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) DO UPDATE SET plugin_file = ?2, file_hash = ?3",
                (name, file, file_hash),
            )
        })?;
        Ok(())
    }

    /// Publishes what a projection is doing, as JSON, for other processes. Cheap; not kept through a power cut.
    pub fn publish_state(&self, name: &str, state: &str) -> Result<()> {
        self.passing_transaction(|tx| {
            tx.prepare_cached(
                "INSERT INTO states SELECT name, ?2 FROM projections WHERE name = ?1
                 ON CONFLICT (projection) DO UPDATE SET state = ?2",
            )?
            .execute((name, state))
        })?;
        Ok(())
    }
}
