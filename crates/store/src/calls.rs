//! What sessions do when they are called, and the recordings of calls.

use crate::{Result, SessionId, Store};
use sqlx::{Row as _, any::AnyRow};

const COLUMNS: &str = "id, session_id, call_id, peer, what, format, started_at, ended_at, duration_ms, bytes, place";
/// Recordings that are taken away at a time.
const BATCH_MAX: i64 = 256;

/// One row of `recordings`. Times are unix ms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// It is also the file's name, without its end.
    pub id: String,
    pub session: SessionId,
    pub call_id: String,
    pub peer: String,
    /// `inbound`, `outbound` or `mixed`.
    pub what: String,
    /// `ogg` or `wav`.
    pub format: String,
    pub started_at: i64,
    /// `None` while it is being recorded, or if that was cut off.
    pub ended_at: Option<i64>,
    pub duration_ms: u64,
    pub bytes: u64,
    /// On the shelf; `None`: the file is in the folder of recordings.
    pub place: Option<String>,
}

impl Recording {
    fn read(row: &AnyRow) -> Result<Self> {
        let count = |column| Ok::<_, sqlx::Error>(u64::try_from(row.try_get::<i64, _>(column)?).unwrap_or(0));
        Ok(Self {
            id: row.try_get("id")?,
            session: SessionId(row.try_get("session_id")?),
            call_id: row.try_get("call_id")?,
            peer: row.try_get("peer")?,
            what: row.try_get("what")?,
            format: row.try_get("format")?,
            started_at: row.try_get("started_at")?,
            ended_at: row.try_get("ended_at")?,
            duration_ms: count("duration_ms")?,
            bytes: count("bytes")?,
            place: row.try_get("place")?,
        })
    }
}

impl Store {
    /// What the session does when it is called, an opaque text; `None`: nothing.
    pub async fn call_settings(&self, session: SessionId) -> Result<Option<String>> {
        let sql = "SELECT call_settings FROM sessions WHERE id = $1";
        let row = sqlx::query(sql).bind(session.0).fetch_optional(&self.db.read).await?;
        Ok(row.map(|row| row.try_get("call_settings")).transpose()?.flatten())
    }

    pub async fn set_call_settings(&self, session: SessionId, settings: Option<&str>) -> Result<()> {
        sqlx::query("UPDATE sessions SET call_settings = $2 WHERE id = $1")
            .bind(session.0)
            .bind(settings)
            .execute(&self.db.write)
            .await?;
        Ok(())
    }

    /// One that begins.
    pub async fn begin_recording(&self, recording: &Recording) -> Result<()> {
        sqlx::query(
            "INSERT INTO recordings (id, session_id, call_id, peer, what, format, started_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&recording.id)
        .bind(recording.session.0)
        .bind(&recording.call_id)
        .bind(&recording.peer)
        .bind(&recording.what)
        .bind(&recording.format)
        .bind(recording.started_at)
        .execute(&self.db.write)
        .await?;
        Ok(())
    }

    pub async fn end_recording(&self, id: &str, ended_at: i64, duration_ms: u64, bytes: u64) -> Result<()> {
        let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
        sqlx::query("UPDATE recordings SET ended_at = $2, duration_ms = $3, bytes = $4 WHERE id = $1")
            .bind(id)
            .bind(ended_at)
            .bind(number(duration_ms))
            .bind(number(bytes))
            .execute(&self.db.write)
            .await?;
        Ok(())
    }

    /// The file was put on the shelf.
    pub async fn shelve_recording(&self, id: &str, place: &str) -> Result<()> {
        sqlx::query("UPDATE recordings SET place = $2 WHERE id = $1")
            .bind(id)
            .bind(place)
            .execute(&self.db.write)
            .await?;
        Ok(())
    }

    /// The session's, the newest first; only those of that call, if one is named.
    pub async fn recordings(
        &self,
        session: SessionId,
        call_id: Option<&str>,
        limit: u64,
        offset: u64,
    ) -> Result<Vec<Recording>> {
        let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM recordings WHERE session_id = $1 AND ($2 = '' OR call_id = $2) \
             ORDER BY started_at DESC, id LIMIT $3 OFFSET $4"
        )))
        .bind(session.0)
        .bind(call_id.unwrap_or_default())
        .bind(number(limit))
        .bind(number(offset))
        .fetch_all(&self.db.read)
        .await?;
        rows.iter().map(Recording::read).collect()
    }

    pub async fn recording(&self, session: SessionId, id: &str) -> Result<Option<Recording>> {
        let sql = format!("SELECT {COLUMNS} FROM recordings WHERE session_id = $1 AND id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(session.0).bind(id).fetch_optional(&self.db.read).await?;
        row.as_ref().map(Recording::read).transpose()
    }

    /// False if there was none.
    pub async fn delete_recording(&self, session: SessionId, id: &str) -> Result<bool> {
        let done = sqlx::query("DELETE FROM recordings WHERE session_id = $1 AND id = $2")
            .bind(session.0)
            .bind(id)
            .execute(&self.db.write)
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Those of all sessions that began before that time (unix ms), and all of sessions that are no more; a few hundred at
    /// most.
    pub async fn old_recordings(&self, before_ms: i64) -> Result<Vec<Recording>> {
        self.some_recordings("started_at < $1 OR session_id NOT IN (SELECT id FROM sessions)", before_ms).await
    }

    /// Those that began before that time (unix ms) and did not end, a few hundred at most.
    pub async fn unfinished_recordings(&self, before_ms: i64) -> Result<Vec<Recording>> {
        self.some_recordings("started_at < $1 AND ended_at IS NULL", before_ms).await
    }

    /// Those that ended before that time (unix ms) and are not on the shelf, a few hundred at most.
    pub async fn unshelved_recordings(&self, before_ms: i64) -> Result<Vec<Recording>> {
        self.some_recordings("ended_at < $1 AND place IS NULL", before_ms).await
    }

    async fn some_recordings(&self, which: &str, before_ms: i64) -> Result<Vec<Recording>> {
        let sql = format!("SELECT {COLUMNS} FROM recordings WHERE {which} ORDER BY started_at, id LIMIT $2");
        let rows =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(before_ms).bind(BATCH_MAX).fetch_all(&self.db.read).await?;
        rows.iter().map(Recording::read).collect()
    }
}
