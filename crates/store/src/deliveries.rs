//! What is still to be delivered to whom, and how the attempts went.

use crate::{Event, Result, SessionId, Store, Webhook, WebhookId};

/// A delivery that is due: the first unfinished one of its lane (webhook and chat).
#[derive(Debug, Clone)]
pub struct Delivery {
    pub id: i64,
    pub webhook: WebhookId,
    pub session: SessionId,
    pub session_name: String,
    /// JID of the session, if linked.
    pub session_jid: Option<String>,
    pub session_token: secrecy::SecretString,
    pub event: Event,
    /// Attempts made so far.
    pub attempts: u32,
}

/// One attempt, as it is kept.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub at_ms: i64,
    pub latency_ms: i64,
    pub status: Option<u16>,
    pub error: Option<String>,
}

#[derive(Debug, Clone)]
pub enum Outcome {
    Delivered,
    /// Try again not before this time.
    RetryAt { at_ms: i64 },
    /// Kept, not tried again.
    Dead,
}

impl Store {
    /// Heads of lanes that are due, oldest first, at most `limit`; lanes in `busy` are left out.
    pub async fn due_deliveries(&self, _now_ms: i64, _limit: u64, _busy: &[(WebhookId, String)]) -> Result<Vec<Delivery>> {
        unreachable!()
    }
    /// The next unfinished delivery of a lane if it is due, so that a worker can stay with a chat.
    pub async fn next_in_lane(&self, _webhook: WebhookId, _chat: &str, _now_ms: i64) -> Result<Option<Delivery>> {
        unreachable!()
    }
    /// When the earliest waiting delivery becomes due (unix ms).
    pub async fn next_delivery_at(&self) -> Result<Option<i64>> {
        unreachable!()
    }
    pub async fn finish_attempt(&self, _delivery: i64, _attempt: Attempt, _outcome: Outcome) -> Result<()> {
        unreachable!()
    }
    pub async fn webhook(&self, _id: WebhookId) -> Result<Option<Webhook>> {
        unreachable!()
    }
    /// Deliveries not yet finished, of one session or of all.
    pub async fn count_pending(&self, _session: Option<SessionId>) -> Result<u64> {
        unreachable!()
    }
}
