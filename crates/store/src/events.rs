//! The append-only event log. Every reader is fed from it.

use std::sync::Arc;

use sqlx::{Any, Row as _, Transaction, any::AnyRow};
use tokio::sync::Notify;

use crate::{Result, SessionId, Store, writer::Job};

#[derive(Debug, Clone)]
pub struct NewEvent {
    pub session: SessionId,
    /// Stable id, the same on every attempt and replay. If `dedupe` finds an older row, that row's id stays.
    pub event_id: String,
    /// Names what happened (for a message: chat, sender and id), so that a redelivery by WhatsApp is recorded once.
    pub dedupe: Option<String>,
    /// The chat whose order it belongs to; empty for events of the session itself.
    pub chat: String,
    /// A subscription name, e.g. `Message`: the payload's `type`.
    pub kind: String,
    /// A finer or broader subscription name that it goes by too, e.g. `CallOffer` for a `Call`; `kind` if there is none.
    pub topic: String,
    /// JSON bytes, fixed from here on.
    pub payload: Vec<u8>,
    /// How to fetch the file that belongs to it: an opaque text of the session crate. Webhooks that take files wait for it.
    pub media: Option<Vec<u8>>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
}

#[derive(Debug, Clone)]
pub struct Event {
    pub cursor: i64,
    pub event_id: String,
    pub session: SessionId,
    pub chat: String,
    pub kind: String,
    pub payload: Vec<u8>,
    pub created_at_ms: i64,
}

impl Event {
    /// From a row with the event's columns, its id under the name `cursor`.
    pub(crate) fn read(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            cursor: row.try_get("cursor")?,
            event_id: row.try_get("event_id")?,
            session: SessionId(row.try_get("session_id")?),
            chat: row.try_get("chat")?,
            kind: row.try_get("kind")?,
            payload: row.try_get("payload")?,
            created_at_ms: row.try_get("created_at")?,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub cursor: i64,
    /// False when `dedupe` had been recorded before.
    pub new: bool,
}

pub(crate) async fn insert(tx: &mut Transaction<'_, Any>, events: &[NewEvent]) -> Result<Vec<Recorded>> {
    let mut recorded = Vec::with_capacity(events.len());
    for event in events {
        let row = sqlx::query(
            "INSERT INTO events (event_id, session_id, dedupe, chat, kind, payload, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (session_id, dedupe) DO NOTHING RETURNING id",
        )
        .bind(event.event_id.as_str())
        .bind(event.session.0)
        .bind(event.dedupe.as_deref())
        .bind(event.chat.as_str())
        .bind(event.kind.as_str())
        .bind(event.payload.as_slice())
        .bind(event.created_at_ms)
        .fetch_optional(&mut **tx)
        .await?;
        let Some(row) = row else {
            let row = sqlx::query("SELECT id FROM events WHERE session_id = $1 AND dedupe = $2")
                .bind(event.session.0)
                .bind(event.dedupe.as_deref())
                .fetch_one(&mut **tx)
                .await?;
            recorded.push(Recorded { cursor: row.try_get("id")?, new: false });
            continue;
        };
        let cursor: i64 = row.try_get("id")?;
        sqlx::query(
            "INSERT INTO deliveries (webhook_id, event, chat, due_at) SELECT w.id, $2, $3, $4 \
             FROM webhooks w JOIN sessions s ON s.id = w.session_id \
             WHERE s.id = $1 AND (s.subscribe LIKE '%,All,%' OR s.subscribe LIKE $5)",
        )
        .bind(event.session.0)
        .bind(cursor)
        .bind(event.chat.as_str())
        .bind(event.created_at_ms)
        .bind(format!("%,{},%", event.kind))
        .execute(&mut **tx)
        .await?;
        recorded.push(Recorded { cursor, new: true });
    }
    Ok(recorded)
}

impl Store {
    /// Commits the events, and one delivery for each webhook of the session that subscribes to the kind, together.
    /// Concurrent calls share a commit. Returns when they are on disk, in the order given.
    pub async fn record_events(&self, events: Vec<NewEvent>) -> Result<Vec<Recorded>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let done = self.writer.write(Job::Events(events)).await?;
        self.events_recorded.notify_waiters();
        // A reader that is not waiting at this moment finds the permit when it next does.
        self.events_recorded.notify_one();
        Ok(done.recorded)
    }

    /// Oldest first, after the cursor.
    pub async fn events_after(&self, session: SessionId, after: i64, limit: u64) -> Result<Vec<Event>> {
        let rows = sqlx::query(
            "SELECT id AS cursor, event_id, session_id, chat, kind, payload, created_at FROM events \
             WHERE session_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        )
        .bind(session.0)
        .bind(after)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.db.read)
        .await?;
        rows.iter().map(Event::read).collect()
    }

    /// Woken after each commit of events.
    pub fn events_recorded(&self) -> Arc<Notify> {
        self.events_recorded.clone()
    }
}
