//! Files that are kept on a [`crate::Shelf`]: which are to go there, which are there, and which may go.
//!
//! A row is written before its object and removed after it, so that no object is ever without one.

use std::sync::Arc;

use sqlx::Row as _;
use tokio::sync::Notify;

use crate::{Result, SessionId, Store, media::State};

const WANTED: i64 = 1;
const DONE: i64 = 2;

/// A file that was fetched and is to be kept.
#[derive(Debug, Clone)]
pub struct KeepJob {
    /// The event's cursor.
    pub event: i64,
    pub event_id: String,
    pub session: SessionId,
    pub session_name: String,
    /// Where it is now.
    pub file: String,
    pub name: String,
    pub mimetype: String,
    /// Attempts made so far.
    pub attempts: u32,
}

/// How an attempt to keep a file went.
#[derive(Debug, Clone)]
pub enum Keeping {
    Done { size: u64 },
    RetryAt { at_ms: i64 },
    GivenUp,
}

/// A file on the shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFile {
    pub event_id: String,
    pub place: String,
    pub name: String,
    pub mimetype: String,
    /// Bytes.
    pub size: u64,
}

/// What is known of an event's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventFile {
    Kept(KeptFile),
    /// In the folder of files that webhooks wait for.
    Here {
        path: String,
        name: String,
        mimetype: String,
    },
    /// It is still being fetched.
    Coming,
    Failed {
        reason: String,
    },
    /// It was there.
    Gone,
}

fn kept(row: &sqlx::any::AnyRow) -> Result<KeptFile> {
    Ok(KeptFile {
        event_id: row.try_get("event_id")?,
        place: row.try_get("place")?,
        name: row.try_get("name")?,
        mimetype: row.try_get("mimetype")?,
        size: u64::try_from(row.try_get::<i64, _>("size")?).unwrap_or_default(),
    })
}

impl Store {
    /// Files to keep now, the longest due first.
    pub async fn due_keeping(&self, now_ms: i64, limit: u64) -> Result<Vec<KeepJob>> {
        let rows = sqlx::query(
            "SELECT m.event, m.file, m.name, m.mimetype, m.keep_attempts, e.event_id, s.id AS session_id, s.name AS session_name \
             FROM media m JOIN events e ON e.id = m.event JOIN sessions s ON s.id = m.session_id \
             WHERE m.keep = 1 AND m.state = 1 AND m.keep_at <= $1 ORDER BY m.keep_at, m.event LIMIT $2",
        )
        .bind(now_ms)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.db.read)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(KeepJob {
                    event: row.try_get("event")?,
                    event_id: row.try_get("event_id")?,
                    session: SessionId(row.try_get("session_id")?),
                    session_name: row.try_get("session_name")?,
                    file: row.try_get::<Option<String>, _>("file")?.unwrap_or_default(),
                    name: row.try_get::<Option<String>, _>("name")?.unwrap_or_default(),
                    mimetype: row.try_get::<Option<String>, _>("mimetype")?.unwrap_or_default(),
                    attempts: u32::try_from(row.try_get::<i64, _>("keep_attempts")?).unwrap_or(u32::MAX),
                })
            })
            .collect()
    }

    /// When the next file that is not due at `now_ms` becomes due (unix ms).
    pub async fn next_keeping_at(&self, now_ms: i64) -> Result<Option<i64>> {
        let row = sqlx::query("SELECT MIN(keep_at) AS at FROM media WHERE keep = 1 AND state = 1 AND keep_at > $1")
            .bind(now_ms)
            .fetch_one(&self.db.read)
            .await?;
        Ok(row.try_get("at")?)
    }

    /// To be called before the file is put there.
    pub async fn begin_keeping(&self, job: &KeepJob, place: &str, now_ms: i64) -> Result<()> {
        sqlx::query(
            "INSERT INTO kept_files (event_id, session_id, place, name, mimetype, kept_at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (event_id) DO UPDATE SET place = $3, kept_at = $6, size = NULL",
        )
        .bind(job.event_id.as_str())
        .bind(job.session.0)
        .bind(place)
        .bind(job.name.as_str())
        .bind(job.mimetype.as_str())
        .bind(now_ms)
        .execute(&self.db.write)
        .await?;
        Ok(())
    }

    pub async fn finish_keeping(&self, job: &KeepJob, outcome: Keeping) -> Result<()> {
        let mut tx = self.db.write.begin().await?;
        let query = match &outcome {
            Keeping::Done { size } => {
                sqlx::query("UPDATE kept_files SET size = $2 WHERE event_id = $1")
                    .bind(job.event_id.as_str())
                    .bind(i64::try_from(*size).unwrap_or(i64::MAX))
                    .execute(&mut *tx)
                    .await?;
                sqlx::query("UPDATE media SET keep = $2 WHERE event = $1").bind(job.event).bind(DONE)
            }
            Keeping::RetryAt { at_ms } => {
                sqlx::query("UPDATE media SET keep_at = $2, keep_attempts = keep_attempts + 1 WHERE event = $1")
                    .bind(job.event)
                    .bind(*at_ms)
            }
            // Its row leads to what may be there in part, and goes with it.
            Keeping::GivenUp => {
                sqlx::query("UPDATE kept_files SET kept_at = 0 WHERE event_id = $1")
                    .bind(job.event_id.as_str())
                    .execute(&mut *tx)
                    .await?;
                sqlx::query("UPDATE media SET keep = $2 WHERE event = $1").bind(job.event).bind(0_i64)
            }
        };
        query.execute(&mut *tx).await?;
        tx.commit().await?;
        // The copy that was fetched may be spent now.
        self.signals.media_changed.notify_one();
        Ok(())
    }

    /// Told when a file is to be kept.
    pub fn keeping_changed(&self) -> Arc<Notify> {
        self.signals.keeping_changed.clone()
    }

    /// Files that were kept before that time (unix ms), or whose session is gone.
    pub async fn forgettable_files(&self, before_ms: i64, limit: u64) -> Result<Vec<KeptFile>> {
        let rows = sqlx::query(
            "SELECT event_id, place, name, mimetype, COALESCE(size, 0) AS size FROM kept_files k \
             WHERE kept_at < $1 OR NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = k.session_id) ORDER BY kept_at LIMIT $2",
        )
        .bind(before_ms)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.db.read)
        .await?;
        rows.iter().map(kept).collect()
    }

    /// It is not there any more.
    pub async fn forget_file(&self, event_id: &str) -> Result<()> {
        sqlx::query("DELETE FROM kept_files WHERE event_id = $1").bind(event_id).execute(&self.db.write).await?;
        Ok(())
    }

    /// The file on the shelf that belongs to the event.
    pub async fn kept_file(&self, session: SessionId, event_id: &str) -> Result<Option<KeptFile>> {
        let row = sqlx::query(
            "SELECT event_id, place, name, mimetype, size FROM kept_files WHERE event_id = $1 AND session_id = $2 AND size IS NOT NULL",
        )
        .bind(event_id)
        .bind(session.0)
        .fetch_optional(&self.db.read)
        .await?;
        row.map(|row| kept(&row)).transpose()
    }

    /// `None`: there is no such event, or it has no file that anybody wanted.
    pub async fn event_file(&self, session: SessionId, event_id: &str) -> Result<Option<EventFile>> {
        if let Some(file) = self.kept_file(session, event_id).await? {
            return Ok(Some(EventFile::Kept(file)));
        }
        let row = sqlx::query(
            "SELECT m.state, m.file, m.name, m.mimetype, m.reason FROM media m JOIN events e ON e.id = m.event \
             WHERE e.session_id = $1 AND e.event_id = $2",
        )
        .bind(session.0)
        .bind(event_id)
        .fetch_optional(&self.db.read)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let text = |column| Ok::<_, crate::Error>(row.try_get::<Option<String>, _>(column)?.unwrap_or_default());
        Ok(Some(match State::of(row.try_get("state")?) {
            State::Waiting => EventFile::Coming,
            State::Ready => EventFile::Here { path: text("file")?, name: text("name")?, mimetype: text("mimetype")? },
            State::Failed => EventFile::Failed { reason: text("reason")? },
            State::Gone => EventFile::Gone,
        }))
    }
}

/// The value of `media.keep` for a new row.
pub(crate) fn wanted(to_keep: bool) -> i64 {
    if to_keep { WANTED } else { 0 }
}
