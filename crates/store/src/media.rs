//! Files that belong to events, for the webhooks that take them: which are to be fetched, and which are there.

use std::sync::Arc;

use sqlx::{Any, Row as _, Transaction};
use tokio::sync::Notify;

use crate::{Result, SessionId, Store, deliveries, kept, signals::Touched, writer::Job};

/// What a row's `state` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    Ready,
    Failed,
    /// It was there, and was removed when nobody waited for it any more.
    Gone,
}

impl State {
    pub fn of(number: i64) -> Self {
        match number {
            0 => Self::Waiting,
            1 => Self::Ready,
            2 => Self::Failed,
            _ => Self::Gone,
        }
    }
}

/// The file of an event that is about to be recorded.
#[derive(Debug, Clone)]
pub struct NewMedia {
    /// Opaque: what it takes to fetch it later.
    pub descriptor: Vec<u8>,
    /// Webhooks of the format form get it.
    pub for_webhooks: bool,
    pub to_keep: bool,
}

/// A file to fetch.
#[derive(Debug, Clone)]
pub struct MediaJob {
    /// The event's cursor.
    pub event: i64,
    pub event_id: String,
    pub session: SessionId,
    pub session_name: String,
    /// See [`NewMedia`].
    pub descriptor: Vec<u8>,
    /// Attempts made so far.
    pub attempts: u32,
}

/// How an attempt to fetch a file went.
#[derive(Debug, Clone)]
pub enum MediaOutcome {
    Ready {
        file: String,
        name: String,
        mimetype: String,
    },
    RetryAt {
        at_ms: i64,
    },
    /// It is somewhere else, and is being fetched from there.
    Moved {
        descriptor: Vec<u8>,
    },
    Failed {
        reason: String,
    },
}

pub(crate) struct FinishedMedia {
    event: i64,
    now_ms: i64,
    outcome: Option<MediaOutcome>,
}

pub(crate) async fn insert(
    tx: &mut Transaction<'_, Any>,
    event: i64,
    session: SessionId,
    media: &NewMedia,
    due_at: i64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO media (event, session_id, descriptor, due_at, keep, for_webhooks) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(event)
    .bind(session.0)
    .bind(media.descriptor.as_slice())
    .bind(due_at)
    .bind(kept::wanted(media.to_keep))
    .bind(i64::from(media.for_webhooks))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The file is fetched anew if it was removed.
pub(crate) async fn want_again(tx: &mut Transaction<'_, Any>, event: i64, now_ms: i64) -> Result<()> {
    sqlx::query("UPDATE media SET state = 0, attempts = 0, due_at = $2 WHERE event = $1 AND state IN (2, 3)")
        .bind(event)
        .bind(now_ms)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(crate) async fn finish(
    tx: &mut Transaction<'_, Any>,
    finished: &FinishedMedia,
    touched: &mut Touched,
) -> Result<()> {
    let query = match &finished.outcome {
        Some(MediaOutcome::Ready { file, name, mimetype }) => sqlx::query(
            "UPDATE media SET state = 1, file = $2, name = $3, mimetype = $4 WHERE event = $1 AND state = 0",
        )
        .bind(finished.event)
        .bind(file.as_str())
        .bind(name.as_str())
        .bind(mimetype.as_str()),
        Some(MediaOutcome::RetryAt { at_ms }) => {
            sqlx::query("UPDATE media SET due_at = $2, attempts = attempts + 1 WHERE event = $1 AND state = 0")
                .bind(finished.event)
                .bind(*at_ms)
        }
        Some(MediaOutcome::Moved { descriptor }) => {
            sqlx::query("UPDATE media SET descriptor = $2 WHERE event = $1 AND state = 0")
                .bind(finished.event)
                .bind(descriptor.as_slice())
        }
        Some(MediaOutcome::Failed { reason }) => sqlx::query(
            "UPDATE media SET state = 2, reason = $2, attempts = attempts + 1 WHERE event = $1 AND state = 0",
        )
        .bind(finished.event)
        .bind(reason.as_str()),
        None => {
            sqlx::query("UPDATE media SET state = 3, file = NULL WHERE event = $1 AND state = 1").bind(finished.event)
        }
    };
    query.execute(&mut **tx).await?;
    if matches!(finished.outcome, Some(MediaOutcome::Ready { .. } | MediaOutcome::Failed { .. })) {
        let rows =
            sqlx::query("SELECT DISTINCT webhook_id FROM deliveries WHERE event = $1 AND state = 0 AND with_file = 1")
                .bind(finished.event)
                .fetch_all(&mut **tx)
                .await?;
        for row in rows {
            let webhook = row.try_get("webhook_id")?;
            deliveries::promote_all(tx, webhook, finished.now_ms).await?;
            touched.webhooks.push(crate::WebhookId(webhook));
        }
        // It may be that nobody waits for it any more.
        touched.media = true;
        touched.keeping = true;
    }
    Ok(())
}

impl Store {
    /// Files to fetch now, the longest due first.
    pub async fn due_media(&self, now_ms: i64, limit: u64) -> Result<Vec<MediaJob>> {
        let rows = sqlx::query(
            "SELECT m.event, m.descriptor, m.attempts, e.event_id, s.id AS session_id, s.name FROM media m \
             JOIN events e ON e.id = m.event JOIN sessions s ON s.id = m.session_id \
             WHERE m.state = 0 AND m.due_at <= $1 ORDER BY m.due_at, m.event LIMIT $2",
        )
        .bind(now_ms)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.db.read)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(MediaJob {
                    event: row.try_get("event")?,
                    event_id: row.try_get("event_id")?,
                    session: SessionId(row.try_get("session_id")?),
                    session_name: row.try_get("name")?,
                    descriptor: row.try_get("descriptor")?,
                    attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
                })
            })
            .collect()
    }

    /// When the next file that is not due at `now_ms` becomes due (unix ms).
    pub async fn next_media_at(&self, now_ms: i64) -> Result<Option<i64>> {
        let row = sqlx::query("SELECT MIN(due_at) AS at FROM media WHERE state = 0 AND due_at > $1")
            .bind(now_ms)
            .fetch_one(&self.db.read)
            .await?;
        Ok(row.try_get("at")?)
    }

    /// What waited for the file goes on, unless it is to be tried again.
    pub async fn finish_media(&self, session: SessionId, event: i64, now_ms: i64, outcome: MediaOutcome) -> Result<()> {
        let finished = FinishedMedia { event, now_ms, outcome: Some(outcome) };
        self.writer.write(session, Job::Media(finished)).await.map(|_| ())
    }

    /// Files that no waiting delivery needs: session, event and file.
    pub async fn spent_media(&self, limit: u64) -> Result<Vec<(SessionId, i64, String)>> {
        let rows = sqlx::query(
            "SELECT m.session_id, m.event, m.file FROM media m WHERE m.state = 1 AND m.keep <> 1 \
             AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event = m.event AND d.state = 0 AND d.with_file = 1) ORDER BY m.event LIMIT $1",
        )
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.db.read)
        .await?;
        rows.iter()
            .map(|row| {
                let file = row.try_get::<Option<String>, _>("file")?.unwrap_or_default();
                Ok((SessionId(row.try_get("session_id")?), row.try_get("event")?, file))
            })
            .collect()
    }

    /// The files that are there.
    pub async fn kept_media(&self) -> Result<Vec<String>> {
        let rows =
            sqlx::query("SELECT file FROM media WHERE state = 1 AND file IS NOT NULL").fetch_all(&self.db.read).await?;
        rows.iter().map(|row| Ok(row.try_get("file")?)).collect()
    }

    /// The file has been removed.
    pub async fn forget_media(&self, session: SessionId, event: i64) -> Result<()> {
        let finished = FinishedMedia { event, now_ms: 0, outcome: None };
        self.writer.write(session, Job::Media(finished)).await.map(|_| ())
    }

    /// Told when there is a file to fetch, or one may be spent.
    pub fn media_changed(&self) -> Arc<Notify> {
        self.signals.media_changed.clone()
    }
}
