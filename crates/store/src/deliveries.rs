//! What is still to be delivered to whom, and how the attempts went.
//!
//! A lane is a webhook and a chat. Only the first waiting delivery of a lane has a due time, so that a chat keeps its
//! order, a failing one holds back nothing else, and what waits behind it costs nothing.

use std::sync::Arc;

use secrecy::SecretString;
use sqlx::{Any, Row as _, Transaction, any::AnyRow};
use tokio::sync::Notify;

use crate::{
    Event, Result, SessionId, Store, Webhook, WebhookId, events, media::State as MediaState, sessions,
    signals::Touched, writer::Job,
};

/// The due time of a delivery that waits for another, or for its file.
pub(crate) const NEVER: i64 = i64::MAX;

/// Attempts in flight that a look for due deliveries can leave out.
pub(crate) const IN_FLIGHT_MAX: usize = 16;

const WAITING: i64 = 0;
const DELIVERED: i64 = 1;
const DEAD: i64 = 2;
const REPLAYED: i64 = 3;

/// What is due at one webhook.
#[derive(Debug, Clone)]
pub struct Due {
    pub webhook: Webhook,
    pub session_name: String,
    /// JID of the session, if linked.
    pub session_jid: Option<String>,
    pub session_token: SecretString,
    /// The longest due first.
    pub deliveries: Vec<Delivery>,
}

/// A delivery that is due: the first waiting one of its lane.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub id: i64,
    pub event: Event,
    /// Attempts made so far.
    pub attempts: u32,
    pub file: Option<DeliveryFile>,
}

/// The file that goes with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryFile {
    Ready {
        path: String,
        name: String,
        mimetype: String,
    },
    /// Why it could not be had.
    Failed {
        reason: String,
    },
}

/// One attempt, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Unix milliseconds.
    pub at_ms: i64,
    pub url: String,
    pub latency_ms: i64,
    pub status: Option<u16>,
    pub error: Option<String>,
    /// The beginning of the response's body.
    pub response: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// Try again not before this time.
    RetryAt {
        at_ms: i64,
    },
    /// Kept, not tried again unless somebody asks.
    Dead,
    /// The webhook is paused, and the delivery waits for its return.
    Pause {
        reason: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    Waiting,
    Delivered,
    Dead,
    /// Dead, and asked for again: another delivery of the event follows.
    Replayed,
}

impl DeliveryState {
    fn of(number: i64) -> Self {
        match number {
            DELIVERED => Self::Delivered,
            DEAD => Self::Dead,
            REPLAYED => Self::Replayed,
            _ => Self::Waiting,
        }
    }

    fn number(self) -> i64 {
        match self {
            Self::Waiting => WAITING,
            Self::Delivered => DELIVERED,
            Self::Dead => DEAD,
            Self::Replayed => REPLAYED,
        }
    }
}

/// A delivery as its webhook's owner sees it.
#[derive(Debug, Clone)]
pub struct DeliveryRecord {
    pub id: i64,
    pub webhook: WebhookId,
    pub event_id: String,
    pub kind: String,
    pub state: DeliveryState,
    /// When it is tried next (unix ms); `None` while it waits for another, or is not waiting.
    pub due_at: Option<i64>,
    /// Oldest first.
    pub attempts: Vec<Attempt>,
}

pub(crate) struct FinishedAttempt {
    delivery: i64,
    attempt: Attempt,
    outcome: Outcome,
}

/// Nothing is written for a delivery that has gone meanwhile (its webhook was removed). Answers how many became due.
pub(crate) async fn finish(
    tx: &mut Transaction<'_, Any>,
    finished: &FinishedAttempt,
    touched: &mut Touched,
) -> Result<u64> {
    let attempt = &finished.attempt;
    let (state, due_at) = match finished.outcome {
        Outcome::Delivered => (DELIVERED, attempt.at_ms),
        Outcome::RetryAt { at_ms } => (WAITING, at_ms),
        Outcome::Dead => (DEAD, attempt.at_ms),
        Outcome::Pause { .. } => (WAITING, attempt.at_ms),
    };
    let row = sqlx::query(
        "UPDATE deliveries SET state = $2, due_at = $3, attempts = attempts + 1 WHERE id = $1 AND state = 0 \
         RETURNING attempts, webhook_id, chat, with_file",
    )
    .bind(finished.delivery)
    .bind(state)
    .bind(due_at)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(0) };
    sqlx::query(
        "INSERT INTO attempts (delivery_id, number, at, latency_ms, status, error, url, response) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(finished.delivery)
    .bind(row.try_get::<i64, _>("attempts")?)
    .bind(attempt.at_ms)
    .bind(attempt.latency_ms)
    .bind(attempt.status.map(i64::from))
    .bind(attempt.error.as_deref())
    .bind(attempt.url.as_str())
    .bind((!attempt.response.is_empty()).then_some(attempt.response.as_slice()))
    .execute(&mut **tx)
    .await?;
    let webhook: i64 = row.try_get("webhook_id")?;
    let mut promoted = 0;
    if state != WAITING {
        promoted = promote(tx, webhook, &row.try_get::<String, _>("chat")?, attempt.at_ms).await?;
        touched.media |= row.try_get::<i64, _>("with_file")? == 1;
    }
    let health = match &finished.outcome {
        Outcome::Delivered => {
            sqlx::query("UPDATE webhooks SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL")
        }
        Outcome::RetryAt { .. } | Outcome::Dead => {
            sqlx::query("UPDATE webhooks SET failing_since = $2 WHERE id = $1 AND failing_since IS NULL")
        }
        Outcome::Pause { .. } => sqlx::query(
            "UPDATE webhooks SET paused_at = $2, paused_reason = $3, failing_since = COALESCE(failing_since, $2) WHERE id = $1",
        ),
    };
    let mut health = health.bind(webhook);
    if finished.outcome != Outcome::Delivered {
        health = health.bind(attempt.at_ms);
    }
    if let Outcome::Pause { reason } = &finished.outcome {
        health = health.bind(reason.as_str());
    }
    health.execute(&mut **tx).await?;
    Ok(promoted)
}

/// The first waiting delivery of the lane is due, unless its file is still being fetched.
async fn promote(tx: &mut Transaction<'_, Any>, webhook: i64, chat: &str, now_ms: i64) -> Result<u64> {
    let promoted = sqlx::query(
        "UPDATE deliveries SET due_at = $3 WHERE due_at = 9223372036854775807 \
         AND id = (SELECT MIN(p.id) FROM deliveries p WHERE p.state = 0 AND p.webhook_id = $1 AND p.chat = $2) \
         AND (with_file = 0 OR NOT EXISTS (SELECT 1 FROM media m WHERE m.event = deliveries.event AND m.state = 0))",
    )
    .bind(webhook)
    .bind(chat)
    .bind(now_ms)
    .execute(&mut **tx)
    .await?;
    Ok(promoted.rows_affected())
}

/// The same for all lanes of the webhook.
pub(crate) async fn promote_all(tx: &mut Transaction<'_, Any>, webhook: i64, now_ms: i64) -> Result<()> {
    sqlx::query(
        "UPDATE deliveries SET due_at = $2 WHERE webhook_id = $1 AND state = 0 AND due_at = 9223372036854775807 \
         AND NOT EXISTS (SELECT 1 FROM deliveries p WHERE p.state = 0 AND p.webhook_id = $1 AND p.chat = deliveries.chat AND p.id < deliveries.id) \
         AND (with_file = 0 OR NOT EXISTS (SELECT 1 FROM media m WHERE m.event = deliveries.event AND m.state = 0))",
    )
    .bind(webhook)
    .bind(now_ms)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn read_delivery(row: &AnyRow) -> Result<Delivery> {
    let text = |column| Ok::<_, crate::Error>(row.try_get::<Option<String>, _>(column)?.unwrap_or_default());
    let file = match row.try_get::<Option<i64>, _>("media_state")?.map(MediaState::of) {
        Some(MediaState::Ready) => {
            Some(DeliveryFile::Ready { path: text("file")?, name: text("media_name")?, mimetype: text("mimetype")? })
        }
        Some(MediaState::Failed) => Some(DeliveryFile::Failed { reason: text("reason")? }),
        // Asked for without its file, which only a new delivery of the event fetches again.
        Some(MediaState::Waiting | MediaState::Gone) | None => None,
    };
    Ok(Delivery {
        id: row.try_get("id")?,
        event: Event::read(row)?,
        attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
        file,
    })
}

fn read_attempt(row: &AnyRow) -> Result<Attempt> {
    Ok(Attempt {
        at_ms: row.try_get("at")?,
        url: row.try_get("url")?,
        latency_ms: row.try_get("latency_ms")?,
        status: row.try_get::<Option<i64>, _>("status")?.and_then(|status| u16::try_from(status).ok()),
        error: row.try_get("error")?,
        response: row.try_get::<Option<Vec<u8>>, _>("response")?.unwrap_or_default(),
    })
}

impl Store {
    /// What is due at the webhook, at most `limit`, without the deliveries that are `in_flight` (16 at most). `None` if
    /// the webhook is gone.
    pub async fn due(&self, webhook: WebhookId, now_ms: i64, limit: u64, in_flight: &[i64]) -> Result<Option<Due>> {
        let Some(webhook) = self.webhook(webhook).await? else {
            return Ok(None);
        };
        let row = sqlx::query("SELECT name, jid, token FROM sessions WHERE id = $1")
            .bind(webhook.session.0)
            .fetch_optional(&self.db.read)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let (session_name, session_jid) = (row.try_get("name")?, row.try_get("jid")?);
        let session_token = sessions::open_token(&self.secret, webhook.session, &row.try_get::<Vec<u8>, _>("token")?)?;

        let left_out: Vec<_> = (0..IN_FLIGHT_MAX).map(|n| format!("${}", n + 4)).collect();
        let sql = format!(
            "SELECT d.id, d.attempts, {}, m.state AS media_state, m.file, m.name AS media_name, m.mimetype, m.reason \
             FROM deliveries d JOIN events e ON e.id = d.event LEFT JOIN media m ON m.event = d.event AND d.with_file = 1 \
             WHERE d.webhook_id = $1 AND d.state = 0 AND d.due_at <= $2 AND d.id NOT IN ({}) ORDER BY d.due_at, d.id LIMIT $3",
            events::COLUMNS,
            left_out.join(", "),
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(webhook.id.0).bind(now_ms).bind(limit);
        for n in 0..IN_FLIGHT_MAX {
            query = query.bind(in_flight.get(n).copied().unwrap_or(0));
        }
        let rows = query.fetch_all(&self.db.read).await?;
        let deliveries = rows.iter().map(read_delivery).collect::<Result<Vec<_>>>()?;
        Ok(Some(Due { webhook, session_name, session_jid, session_token, deliveries }))
    }

    /// When the next delivery that is not due at `now_ms` becomes due (unix ms).
    pub async fn next_due_at(&self, webhook: WebhookId, now_ms: i64) -> Result<Option<i64>> {
        let row = sqlx::query(
            "SELECT MIN(due_at) AS at FROM deliveries WHERE webhook_id = $1 AND state = 0 AND due_at > $2 AND due_at < 9223372036854775807",
        )
        .bind(webhook.0)
        .bind(now_ms)
        .fetch_one(&self.db.read)
        .await?;
        Ok(row.try_get("at")?)
    }

    /// Webhooks that have anything to deliver, now or later.
    pub async fn webhooks_with_deliveries(&self) -> Result<Vec<WebhookId>> {
        let rows =
            sqlx::query("SELECT DISTINCT webhook_id FROM deliveries WHERE state = 0").fetch_all(&self.db.read).await?;
        rows.iter().map(|row| Ok(WebhookId(row.try_get("webhook_id")?))).collect()
    }

    /// Told when [`Self::take_due_webhooks`] has something.
    pub fn due_changed(&self) -> Arc<Notify> {
        self.signals.due_changed.clone()
    }

    /// Webhooks for which something may have become due since the last call.
    pub fn take_due_webhooks(&self) -> impl Iterator<Item = WebhookId> + use<> {
        self.signals.take_due().into_iter()
    }

    /// Records an attempt and what follows from it, together. Answers whether that made another delivery due.
    pub async fn finish_attempt(
        &self,
        session: SessionId,
        delivery: i64,
        attempt: Attempt,
        outcome: Outcome,
    ) -> Result<bool> {
        let finished = FinishedAttempt { delivery, attempt, outcome };
        Ok(self.writer.write(session, Job::Attempt(finished)).await?.count > 0)
    }

    /// All deliveries of an event, with their attempts, oldest first.
    pub async fn event_deliveries(&self, event: &Event) -> Result<Vec<DeliveryRecord>> {
        let rows = sqlx::query(
            "SELECT d.id, d.webhook_id, d.state, d.due_at, e.event_id, e.kind FROM deliveries d JOIN events e ON e.id = d.event \
             WHERE d.event = $1 ORDER BY d.id LIMIT 200",
        )
        .bind(event.cursor)
        .fetch_all(&self.db.read)
        .await?;
        self.with_attempts(&rows).await
    }

    /// Deliveries of a webhook, newest first, of one state or of all, those before the given id if one is given.
    pub async fn webhook_deliveries(
        &self,
        webhook: WebhookId,
        state: Option<DeliveryState>,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<DeliveryRecord>> {
        let rows = sqlx::query(
            "SELECT d.id, d.webhook_id, d.state, d.due_at, e.event_id, e.kind FROM deliveries d JOIN events e ON e.id = d.event \
             WHERE d.webhook_id = $1 AND d.id < $2 AND ($3 = -1 OR d.state = $3) ORDER BY d.id DESC LIMIT $4",
        )
        .bind(webhook.0)
        .bind(before.unwrap_or(i64::MAX))
        .bind(state.map_or(-1, DeliveryState::number))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.db.read)
        .await?;
        self.with_attempts(&rows).await
    }

    async fn with_attempts(&self, rows: &[AnyRow]) -> Result<Vec<DeliveryRecord>> {
        let mut records = Vec::with_capacity(rows.len());
        for row in rows {
            let id: i64 = row.try_get("id")?;
            let state = DeliveryState::of(row.try_get("state")?);
            let due_at: i64 = row.try_get("due_at")?;
            let attempts = sqlx::query("SELECT * FROM attempts WHERE delivery_id = $1 ORDER BY number")
                .bind(id)
                .fetch_all(&self.db.read)
                .await?;
            records.push(DeliveryRecord {
                id,
                webhook: WebhookId(row.try_get("webhook_id")?),
                event_id: row.try_get("event_id")?,
                kind: row.try_get("kind")?,
                state,
                due_at: (state == DeliveryState::Waiting && due_at != NEVER).then_some(due_at),
                attempts: attempts.iter().map(read_attempt).collect::<Result<_>>()?,
            });
        }
        Ok(records)
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
