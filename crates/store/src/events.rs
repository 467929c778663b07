//! The append-only event log. Every reader is fed from it.

use crate::{Result, SessionId, Store};

#[derive(Debug, Clone)]
pub struct NewEvent {
    pub session: SessionId,
    /// Stable id, the same on every attempt and replay. If `dedupe` finds an older row, that row's id stays.
    pub event_id: String,
    /// Names what happened (for a message: chat, sender and id), so that a redelivery by WhatsApp is recorded once.
    pub dedupe: Option<String>,
    /// The chat whose order it belongs to; empty for events of the session itself.
    pub chat: String,
    /// A subscription name, e.g. `Message`.
    pub kind: String,
    /// JSON bytes, fixed from here on.
    pub payload: Vec<u8>,
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub cursor: i64,
    /// False when `dedupe` had been recorded before.
    pub new: bool,
}

impl Store {
    /// Commits the events, and one delivery for each webhook of the session that subscribes to the kind, together.
    /// Concurrent calls share a commit. Returns when they are on disk.
    pub async fn record_events(&self, _events: Vec<NewEvent>) -> Result<Vec<Recorded>> {
        unreachable!()
    }
    /// Oldest first, after the cursor.
    pub async fn events_after(&self, _session: SessionId, _after: i64, _limit: u64) -> Result<Vec<Event>> {
        unreachable!()
    }
    /// Woken after each commit of events.
    pub fn events_recorded(&self) -> std::sync::Arc<tokio::sync::Notify> {
        unreachable!()
    }
}
