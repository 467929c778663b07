//! What is still to be delivered to whom, and how the attempts went.
//!
//! A lane is a webhook and a chat. Only the first unfinished delivery of a lane may be attempted, so that a chat keeps
//! its order and a failing one holds back nothing else.

use secrecy::SecretString;
use sqlx::{Any, Row as _, Transaction, any::AnyRow};

use crate::{Event, Result, SessionId, Store, WebhookId, sessions, writer::Job};

const WAITING: i64 = 0;
const DELIVERED: i64 = 1;
const DEAD: i64 = 2;

/// A delivery that is due: the first unfinished one of its lane.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub id: i64,
    pub webhook: WebhookId,
    pub session: SessionId,
    pub session_name: String,
    /// JID of the session, if linked.
    pub session_jid: Option<String>,
    pub session_token: SecretString,
    pub event: Event,
    /// Attempts made so far.
    pub attempts: u32,
}

/// One attempt, as it is kept.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Unix milliseconds.
    pub at_ms: i64,
    pub latency_ms: i64,
    pub status: Option<u16>,
    pub error: Option<String>,
}

#[derive(Debug, Clone)]
pub enum Outcome {
    Delivered,
    /// Try again not before this time.
    RetryAt {
        at_ms: i64,
    },
    /// Kept, not tried again.
    Dead,
}

pub(crate) struct FinishedAttempt {
    delivery: i64,
    attempt: Attempt,
    outcome: Outcome,
}

/// Nothing is written for a delivery that has gone meanwhile (its webhook was removed).
pub(crate) async fn finish(tx: &mut Transaction<'_, Any>, finished: &FinishedAttempt) -> Result<()> {
    let (state, due_at) = match finished.outcome {
        Outcome::Delivered => (DELIVERED, finished.attempt.at_ms),
        Outcome::RetryAt { at_ms } => (WAITING, at_ms),
        Outcome::Dead => (DEAD, finished.attempt.at_ms),
    };
    let row = sqlx::query(
        "UPDATE deliveries SET state = $2, due_at = $3, attempts = attempts + 1 WHERE id = $1 RETURNING attempts",
    )
    .bind(finished.delivery)
    .bind(state)
    .bind(due_at)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(()) };
    sqlx::query(
        "INSERT INTO attempts (delivery_id, number, at, latency_ms, status, error) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(finished.delivery)
    .bind(row.try_get::<i64, _>("attempts")?)
    .bind(finished.attempt.at_ms)
    .bind(finished.attempt.latency_ms)
    .bind(finished.attempt.status.map(i64::from))
    .bind(finished.attempt.error.as_deref())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

const SELECT: &str = "SELECT d.id, d.webhook_id, d.attempts, s.name, s.jid, s.token, \
    e.id AS cursor, e.event_id, e.session_id, e.chat, e.kind, e.payload, e.created_at \
    FROM deliveries d JOIN events e ON e.id = d.event JOIN sessions s ON s.id = e.session_id";

impl Store {
    fn read_delivery(&self, row: &AnyRow) -> Result<Delivery> {
        let event = Event::read(row)?;
        Ok(Delivery {
            id: row.try_get("id")?,
            webhook: WebhookId(row.try_get("webhook_id")?),
            session: event.session,
            session_name: row.try_get("name")?,
            session_jid: row.try_get("jid")?,
            session_token: sessions::open_token(&self.secret, event.session, &row.try_get::<Vec<u8>, _>("token")?)?,
            event,
            attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
        })
    }

    /// Heads of lanes that are due, the longest due first, at most `limit`; lanes in `busy` are left out, and so is every
    /// lane of a webhook in `full`.
    pub async fn due_deliveries(
        &self,
        now_ms: i64,
        limit: u64,
        busy: &[(WebhookId, String)],
        full: &[WebhookId],
    ) -> Result<Vec<Delivery>> {
        let busy_lanes: String = (0..busy.len())
            .map(|i| format!(" AND NOT (d.webhook_id = ${} AND d.chat = ${})", 2 * i + 3, 2 * i + 4))
            .collect();
        let full_webhooks: String = full.iter().map(|webhook| format!(" AND d.webhook_id <> {}", webhook.0)).collect();
        let sql = format!(
            "{SELECT} WHERE d.state = 0 AND d.due_at <= $1{busy_lanes}{full_webhooks} AND NOT EXISTS (SELECT 1 FROM deliveries p \
             WHERE p.state = 0 AND p.webhook_id = d.webhook_id AND p.chat = d.chat AND p.id < d.id) \
             ORDER BY d.due_at, d.id LIMIT $2"
        );
        let mut query =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(now_ms).bind(i64::try_from(limit).unwrap_or(i64::MAX));
        for (webhook, chat) in busy {
            query = query.bind(webhook.0).bind(chat.as_str());
        }
        query.fetch_all(&self.db.read).await?.iter().map(|row| self.read_delivery(row)).collect()
    }

    /// The next unfinished delivery of a lane if it is due, so that a worker can stay with a chat.
    pub async fn next_in_lane(&self, webhook: WebhookId, chat: &str, now_ms: i64) -> Result<Option<Delivery>> {
        let sql = format!(
            "{SELECT} WHERE d.due_at <= $3 AND d.id = (SELECT MIN(p.id) FROM deliveries p \
             WHERE p.state = 0 AND p.webhook_id = $1 AND p.chat = $2)"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(webhook.0)
            .bind(chat)
            .bind(now_ms)
            .fetch_optional(&self.db.read)
            .await?;
        row.map(|row| self.read_delivery(&row)).transpose()
    }

    /// When the earliest waiting delivery becomes due (unix ms).
    pub async fn next_delivery_at(&self) -> Result<Option<i64>> {
        // A delivery behind a lane's head counts too: its own time has come, but it waits. Heads alone decide.
        let row = sqlx::query(
            "SELECT d.due_at FROM deliveries d WHERE d.state = 0 AND NOT EXISTS (SELECT 1 FROM deliveries p \
             WHERE p.state = 0 AND p.webhook_id = d.webhook_id AND p.chat = d.chat AND p.id < d.id) ORDER BY d.due_at LIMIT 1",
        )
        .fetch_optional(&self.db.read)
        .await?;
        Ok(row.map(|row| row.try_get("due_at")).transpose()?)
    }

    /// Records an attempt and what follows from it, together.
    pub async fn finish_attempt(&self, delivery: i64, attempt: Attempt, outcome: Outcome) -> Result<()> {
        self.writer.write(Job::Attempt(FinishedAttempt { delivery, attempt, outcome })).await.map(|_| ())
    }

    /// Deliveries not yet finished, of one session or of all.
    pub async fn count_pending(&self, session: Option<SessionId>) -> Result<u64> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS n FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id WHERE d.state = 0 AND ($1 = 0 OR w.session_id = $1)",
        )
        .bind(session.map_or(0, |id| id.0))
        .fetch_one(&self.db.read)
        .await?;
        Ok(u64::try_from(row.try_get::<i64, _>("n")?).unwrap_or(0))
    }
}
